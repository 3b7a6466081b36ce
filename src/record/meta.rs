//! `meta.json`: with what, on what and when a run was made.
//!
//! The facts at the top are those of the first start; each start or resumption adds a sitting with what may differ.

use super::files::Disk;
use super::json;
use super::machine::{self, Cpu, Git};
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
    /// The command line as it was given; what is written is reduced to what may be shown to others.
    pub command_line: Vec<String>,
    /// SHA-256 of the dataset in hexadecimal, where the dataset has one.
    pub dataset_sha256: Option<String>,
    /// Every key of the configuration that was off its default, where the version wrote that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<BTreeMap<String, Value>>,
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

    /// Writes the file in one step.
    pub fn write(&self, disk: &dyn Disk, run_dir: &Path) -> Result<()> {
        json::write(disk, &run_dir.join(FILE_NAME), self)
    }
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
mod tests {
    use super::super::files::RealDisk;
    use super::*;
    use crate::event::EpochSums;
    use std::time::{Duration, UNIX_EPOCH};

    fn facts() -> Facts {
        Facts {
            tch: "0.26.0".to_owned(),
            libtorch: "2.13.0".to_owned(),
            threads: 2,
            device: "cpu".to_owned(),
            command_line: vec!["/home/ada/normprop".to_owned(), "/home/ada/x".to_owned()],
            dataset_sha256: Some("ab".repeat(32)),
            settings: None,
        }
    }

    fn position(epoch: u64) -> Position {
        Position {
            epoch,
            step_in_epoch: 0,
            step: epoch * 80,
            sums: EpochSums::default(),
            best: None,
            train_s: 0.0,
        }
    }

    #[test]
    fn a_killed_run_that_is_resumed_has_two_sittings() {
        let folder = tempfile::tempdir().unwrap();
        let noon = UNIX_EPOCH + Duration::from_secs(12 * 3600);
        Meta::start(None, &facts(), &position(0), noon)
            .write(&RealDisk, folder.path())
            .unwrap();
        let earlier = read(folder.path()).unwrap();
        let mut resumed = Meta::start(
            earlier,
            &Facts {
                threads: 4,
                ..facts()
            },
            &position(3),
            noon + Duration::from_secs(60),
        );
        resumed.end(Status::Interrupted, noon + Duration::from_secs(90));
        resumed.write(&RealDisk, folder.path()).unwrap();
        let meta = read(folder.path()).unwrap().unwrap();
        assert_eq!(meta, resumed);
        assert_eq!((meta.facts.threads, meta.sittings.len()), (2, 2));
        assert_eq!(meta.started, "1970-01-01T12:00:00.000Z");
        assert_eq!(meta.ended.as_deref(), Some("1970-01-01T12:01:30.000Z"));
        assert_eq!(meta.last_started(), "1970-01-01T12:01:00.000Z");
        assert_eq!(
            (&meta.sittings[0].ended, meta.sittings[0].status),
            (&None, None)
        );
        let second = &meta.sittings[1];
        assert_eq!((second.epoch, second.step, second.threads), (3, 240, 4));
        assert_eq!(second.status, Some(Status::Interrupted));
    }

    #[test]
    fn no_home_folder_is_written_and_the_documented_keys_are() {
        let folder = tempfile::tempdir().unwrap();
        let meta = Meta::start(None, &facts(), &position(0), UNIX_EPOCH);
        meta.write(&RealDisk, folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join(FILE_NAME)).unwrap();
        assert!(!text.contains("ada"), "{text}");
        assert_eq!(meta.facts.command_line, ["normprop", "~/x"]);
        for key in [
            "schema_version",
            "git",
            "rustc",
            "libtorch",
            "cpu",
            "dataset_sha256",
            "ended",
        ] {
            assert!(
                text.contains(&format!("\"{key}\": ")),
                "{key} is missing in {text}"
            );
        }
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        std::fs::write(folder.path().join(FILE_NAME), "{").unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("meta.json is damaged"), "{error}");
    }

    #[test]
    fn a_number_that_cannot_be_is_blamed_on_its_file_and_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let meta = Meta::start(None, &facts(), &position(0), UNIX_EPOCH);
        meta.write(&RealDisk, folder.path()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let (first, sitting) = ("\n  \"threads\": 2", "\n      \"threads\": 2");
        for (written, key) in [(first, "threads"), (sitting, "sittings[0].threads")] {
            for wrong in ["0", "1000000000", "-1", "\"two\""] {
                let damaged = text.replace(written, &written.replace('2', wrong));
                assert_ne!(damaged, text);
                std::fs::write(&path, damaged).unwrap();
                let error = format!("{:#}", read(folder.path()).unwrap_err());
                assert!(
                    error.contains("meta.json is damaged")
                        && error.contains(wrong.trim_matches('"')),
                    "{error}"
                );
                assert!(
                    error.contains(key) || wrong == "-1" || wrong == "\"two\"",
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn a_newer_layout_is_refused_whatever_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, "{\"schema_version\": 2, \"unheard_of\": 1}").unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("newer normprop (schema version 2, this one knows up to 1)"),
            "{error}"
        );
    }
}
