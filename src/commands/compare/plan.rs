//! The runs of a comparison with what is there of them already, and the plan as a table.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use super::launch::Job;
use super::state::{State, inspect};
use crate::config::RunConfig;
use crate::config::experiment::PlannedRun;
use crate::engine::device::cores;
use crate::text::numbers::duration;
use crate::text::{Align, Table};

/// One run: what, where, how far.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The method's label.
    pub label: String,
    /// What is run.
    pub config: RunConfig,
    /// The run directory.
    pub run_dir: PathBuf,
    /// What is there already.
    pub state: State,
    /// Seconds it will still take, where that was estimated.
    pub remaining_s: f64,
    /// Epochs after which a sweep judges it, where that is before the end.
    pub until_epoch: Option<u64>,
}

impl Entry {
    /// The run in a few words.
    pub fn title(&self) -> String {
        let config = &self.config;
        format!(
            "{}, batch size {}, lr {}, seed {}",
            self.label, config.batch_size, config.lr, config.seed
        )
    }

    /// Epochs that it is to be trained for now.
    pub fn goal(&self) -> u64 {
        self.until_epoch.unwrap_or(self.config.epochs)
    }

    /// Whether there is nothing left to do, at least for now.
    pub fn is_done(&self) -> bool {
        match self.state {
            State::Unfinished(epochs) => self.until_epoch.is_some_and(|until| epochs >= until),
            state => state.is_over(),
        }
    }

    /// The run as something to launch.
    pub fn job(&self) -> Result<Job> {
        Ok(Job {
            title: self.title(),
            run_dir: self.run_dir.clone(),
            config: self.config.to_toml()?,
            threads: threads_wanted(&self.config),
            device: self.config.device.clone(),
            epochs: self.config.epochs,
            estimate_s: Some(self.remaining_s).filter(|seconds| seconds.is_finite()),
            until_epoch: self.until_epoch,
        })
    }

    /// Whether the estimate of one holds for the other.
    pub fn costs_like(&self, other: &Entry) -> bool {
        self.label == other.label && self.config.batch_size == other.config.batch_size
    }
}

/// Threads of a run: those asked for, else the cores shared out.
pub fn threads(config: &RunConfig, parallel: usize) -> usize {
    threads_wanted(config).unwrap_or_else(|| share(cores(), parallel))
}

/// Threads that a run has wherever it is run; single images gain nothing from a second one.
fn threads_wanted(config: &RunConfig) -> Option<usize> {
    match config.threads {
        0 if config.batch_size == 1 => Some(1),
        0 => None,
        asked => Some(asked),
    }
}

/// The cores that each of `parallel` runs gets.
pub fn share(cores: usize, parallel: usize) -> usize {
    (cores / parallel.max(1)).max(1)
}

/// Looks up what is there of each run; with `overwrite` nothing counts.
pub fn look_up(runs: Vec<PlannedRun>, runs_dir: &Path, overwrite: bool) -> Result<Vec<Entry>> {
    let entry = |run: PlannedRun| {
        let run_dir = runs_dir.join(&run.config.name).join(run.config.run_name()?);
        let state = if overwrite {
            State::New
        } else {
            inspect(&run_dir, &run.config)?
        };
        Ok(Entry {
            label: run.label,
            config: run.config,
            run_dir,
            state,
            remaining_s: f64::NAN,
            until_epoch: None,
        })
    };
    runs.into_iter().map(entry).collect()
}

/// Seconds that all runs together will still take, shared among `parallel` at a time.
pub fn remaining_s(plan: &[Entry], parallel: usize) -> f64 {
    let left = plan.iter().filter(|entry| !entry.is_done());
    let sum: f64 = left.clone().map(|entry| entry.remaining_s).sum();
    sum / parallel.clamp(1, left.count().max(1)) as f64
}

/// The plan as a table: a row for each method, batch size and learning rate.
pub fn table(plan: &[Entry]) -> Table {
    let mut table = Table::new([
        ("method", Align::Left),
        ("batch size", Align::Right),
        ("lr", Align::Right),
        ("runs", Align::Right),
        ("over", Align::Right),
        ("begun", Align::Right),
        ("time left", Align::Right),
    ]);
    let mut seen: Vec<&Entry> = Vec::new();
    for first in plan {
        let same = |entry: &&Entry| entry.costs_like(first) && entry.config.lr == first.config.lr;
        if seen.iter().any(same) {
            continue;
        }
        seen.push(first);
        let group: Vec<&Entry> = plan.iter().filter(same).collect();
        let count = |holds: fn(&Entry) -> bool| group.iter().filter(|entry| holds(entry)).count();
        let left: f64 = group
            .iter()
            .filter(|entry| !entry.is_done())
            .map(|entry| entry.remaining_s)
            .sum();
        table.push([
            first.label.clone(),
            first.config.batch_size.to_string(),
            first.config.lr.to_string(),
            group.len().to_string(),
            count(Entry::is_done).to_string(),
            count(|entry| matches!(entry.state, State::Unfinished(_)) && !entry.is_done())
                .to_string(),
            duration(left),
        ]);
    }
    table
}

/// The plan in one sentence.
pub fn sentence(plan: &[Entry], parallel: usize) -> String {
    let over = plan.iter().filter(|entry| entry.is_done()).count();
    let runs = if plan.len() == 1 {
        "1 run".to_owned()
    } else {
        format!("{} runs", plan.len())
    };
    if over == plan.len() {
        return format!("{runs}, all over");
    }
    format!(
        "{runs}, {over} of them over; about {} with {parallel} at a time",
        duration(remaining_s(plan, parallel))
    )
}

/// The plan for `--dry-run --json`.
pub fn document(plan: &[Entry], parallel: usize) -> Value {
    let run = |entry: &Entry| {
        let (state, epochs) = match entry.state {
            State::New => ("new", 0),
            State::Unfinished(epochs) => ("unfinished", epochs),
            State::Finished(_) => ("finished", entry.config.epochs),
            State::Diverged => ("diverged", 0),
        };
        json!({
            "method": entry.config.method.name, "label": entry.label, "batch_size": entry.config.batch_size,
            "lr": entry.config.lr, "seed": entry.config.seed, "run_dir": entry.run_dir, "state": state,
            "epochs_done": epochs, "epochs": entry.config.epochs, "remaining_s": entry.remaining_s,
            "until_epoch": entry.until_epoch,
        })
    };
    json!({
        "jobs": parallel, "remaining_s": remaining_s(plan, parallel),
        "runs": plan.iter().map(run).collect::<Vec<Value>>(),
    })
}
