//! `meta.json`: with what, on what and when a run was made.
//!
//! The facts at the top are those of the first start; each start or resumption adds a sitting with what may differ.

use super::files::Disk;
use super::json;
use super::machine::{self, Cpu, Git, Gpu};
use super::time::rfc3339;
use crate::event::{Position, Status};
use anyhow::Result;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

/// Name of the file in a run directory.
pub const FILE_NAME: &str = "meta.json";
/// Version of the layout of all files in a run directory.
pub const SCHEMA_VERSION: u32 = 1;
/// More threads than any run is given.
const MOST_THREADS: u64 = 1024;

/// What only the caller knows about a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Version of the tch crate.
    pub tch: String,
    /// Version of libtorch.
    pub libtorch: String,
    /// Threads that compute.
    #[serde(deserialize_with = "thread_count")]
    pub threads: u64,
    /// Device that computes.
    pub device: String,
    /// The GPU, where one computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Gpu>,
    /// The command line as it was given; what is written is reduced to what may be shown to others.
    pub command_line: Vec<String>,
    /// SHA-256 of the dataset in hexadecimal, where the dataset has one.
    pub dataset_sha256: Option<String>,
    /// In what the dataset is not its publisher's, where it is not and the version wrote that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_note: Option<String>,
    /// Every key of the configuration that was off its default, where the version wrote that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<BTreeMap<String, Value>>,
    /// Where the weights come from, where the run started from a checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_from: Option<StartedFrom>,
}

/// The checkpoint that a run started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedFrom {
    /// The file.
    pub file: String,
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
    /// The method that they were trained with, where the file says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Tensors that were taken over.
    pub tensors: u64,
    /// Tensors of the network that did not fit and started fresh, each with the reason.
    pub fresh: Vec<String>,
    /// Tensors of the checkpoint that the network has no place for.
    pub unused: Vec<String>,
}

/// The content of `meta.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Version of the layout of the run directory.
    pub schema_version: u32,
    /// Version of normprop.
    pub normprop: String,
    /// Source tree of the program that started it.
    pub git: Option<Git>,
    /// Version of the compiler, where the build recorded it.
    pub rustc: Option<String>,
    /// What the caller said of it at the first start.
    #[serde(flatten)]
    pub facts: Facts,
    /// The processor.
    pub cpu: Cpu,
    /// First start, UTC.
    pub started: String,
    /// End of the last sitting, UTC; null while the run goes on, and after a sitting that was killed.
    pub ended: Option<String>,
    /// One entry a start or resumption.
    pub sittings: Vec<Sitting>,
}

/// From one start of the program to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sitting {
    /// Start, UTC.
    pub started: String,
    /// End, UTC; null when it has not ended or was killed.
    pub ended: Option<String>,
    /// How it ended.
    pub status: Option<Status>,
    /// Epochs that were done when it started.
    pub epoch: u64,
    /// Steps that were done when it started.
    pub step: u64,
    /// Threads that compute.
    #[serde(deserialize_with = "thread_count")]
    pub threads: u64,
    /// Device that computes.
    pub device: String,
    /// The GPU, where one computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Gpu>,
    /// Source tree of the program.
    pub git: Option<Git>,
    /// Command line, reduced.
    pub command_line: Vec<String>,
}

impl Meta {
    /// The record as a sitting starts: a new one, or the earlier one with a sitting more.
    pub fn start(
        earlier: Option<Meta>,
        facts: &Facts,
        position: &Position,
        now: SystemTime,
    ) -> Meta {
        let git = Git::of_build();
        let command_line = machine::reduce_command_line_here(&facts.command_line);
        let started = rfc3339(now);
        let mut meta = earlier.unwrap_or_else(|| Meta {
            schema_version: SCHEMA_VERSION,
            normprop: env!("CARGO_PKG_VERSION").to_owned(),
            git: git.clone(),
            rustc: option_env!("NORMPROP_RUSTC").map(str::to_owned),
            facts: Facts {
                command_line: command_line.clone(),
                ..facts.clone()
            },
            cpu: Cpu::here(),
            started: started.clone(),
            ended: None,
            sittings: Vec::new(),
        });
        meta.ended = None;
        meta.sittings.push(Sitting {
            started,
            ended: None,
            status: None,
            epoch: position.epoch,
            step: position.step,
            threads: facts.threads,
            device: facts.device.clone(),
            gpu: facts.gpu.clone(),
            git,
            command_line,
        });
        meta
    }

    /// Notes the end of the present sitting.
    pub fn end(&mut self, status: Status, now: SystemTime) {
        let ended = rfc3339(now);
        if let Some(sitting) = self.sittings.last_mut() {
            sitting.ended = Some(ended.clone());
            sitting.status = Some(status);
        }
        self.ended = Some(ended);
    }

    /// When the run was last taken up, as RFC 3339 text in UTC.
    pub fn last_started(&self) -> &str {
        self.sittings
            .last()
            .map_or(&self.started, |sitting| &sitting.started)
    }

    /// The device of the last sitting.
    pub fn last_device(&self) -> &str {
        let last = self.sittings.last();
        last.map_or(&self.facts.device, |sitting| &sitting.device)
    }

    /// What computed, sitting by sitting, the same one after the other told once.
    pub fn hardware(&self) -> Vec<String> {
        let sittings = self.sittings.iter();
        let mut told: Vec<String> = sittings
            .map(|sitting| hardware(&sitting.device, sitting.gpu.as_ref()))
            .collect();
        told.dedup();
        told
    }

    /// Writes the file in one step.
    pub fn write(&self, disk: &dyn Disk, run_dir: &Path) -> Result<()> {
        json::write(disk, &run_dir.join(FILE_NAME), self)
    }
}

/// What computes on a device, by its name where it has one: a GPU's number says nothing of what it is.
pub fn hardware(device: &str, gpu: Option<&Gpu>) -> String {
    let name = gpu.and_then(|gpu| gpu.name.clone());
    let kind = device.split(':').next().unwrap_or_default();
    name.unwrap_or_else(|| kind.to_owned())
}

/// The `meta.json` of a run directory, or `None` when it has none. One of a newer layout is refused, since the other
/// files may then mean something else.
pub fn read(run_dir: &Path) -> Result<Option<Meta>> {
    let (path, repair) = (run_dir.join(FILE_NAME), "repair it or move it away");
    json::read(&path, SCHEMA_VERSION, repair, "folder for runs")
}

/// Reads a number of threads; refuses one that no program of ours wrote.
fn thread_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let threads = u64::deserialize(deserializer)?;
    match threads {
        1..=MOST_THREADS => Ok(threads),
        _ => Err(D::Error::custom(format!(
            "threads is {threads}, which must be from 1 to {MOST_THREADS}"
        ))),
    }
}

#[cfg(test)]
mod tests;
