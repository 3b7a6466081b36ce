//! The runs of a comparison with the state in which each was found, and the plan as a table.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};

use super::launch::Job;
use super::state::{State, TableLoss, inspect};
use crate::config::RunConfig;
use crate::config::experiment::PlannedRun;
use crate::engine::device::{cores, threads_wanted};
use crate::errln;
use crate::record::RunRecord;
use crate::run_key::{Grouped, RunKey, grouped};
use crate::text::Table;
use crate::text::numbers::{counted, duration};

/// A run of the plan: what, where, how far.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanEntry {
    /// What tables call it.
    pub key: RunKey,
    /// What is run.
    pub config: RunConfig,
    /// The run directory.
    pub run_dir: PathBuf,
    /// How far it is.
    pub state: State,
    /// What is wrong with its directory, where that cannot be read or is of another run: it is then left alone.
    pub problem: Option<String>,
    /// What its directory held when it was last looked at; layers and percentiles only where they are to be reported.
    pub record: Arc<RunRecord>,
    /// What a table of a finished run lost, which is to be computed again.
    pub loss: Option<TableLoss>,
    /// Whether it is a run of a sweep, of which only errors are reported.
    pub of_sweep: bool,
    /// Seconds it will still take, where that was estimated.
    pub remaining_s: f64,
    /// Epochs after which a sweep judges it, where that is before the end.
    pub until_epoch: Option<u64>,
}

impl PlanEntry {
    /// The name of the run directory.
    pub fn directory_name(&self) -> String {
        let name = self.run_dir.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Looks at the run directory. One in which something is wrong is named and counts as not over, so that it stops
    /// no other run.
    pub fn look(&mut self) {
        let inspected = inspect(&self.run_dir, &self.config);
        self.problem = inspected.as_ref().err().map(|error| format!("{error:#}"));
        if let Some(problem) = &self.problem {
            errln!("normprop: {}: {problem}", self.key);
        }
        let (state, mut record, loss) =
            inspected.unwrap_or((State::Unfinished, RunRecord::default(), None));
        if self.of_sweep || !state.is_over() {
            (record.layers, record.percentiles) = (Vec::new(), Vec::new());
        }
        (self.state, self.record, self.loss) = (state, Arc::new(record), loss);
    }

    /// Epochs that are done.
    pub fn epochs_done(&self) -> u64 {
        match self.state {
            State::New => 0,
            _ => self.record.epoch(),
        }
    }

    /// Epochs that it is to be trained for now.
    pub fn goal(&self) -> u64 {
        self.until_epoch.unwrap_or(self.config.epochs)
    }

    /// Whether there is nothing left to do, at least for now.
    pub fn is_done(&self) -> bool {
        match self.state {
            State::Unfinished => self
                .until_epoch
                .is_some_and(|until| self.epochs_done() >= until),
            state => state.is_over(),
        }
    }

    /// Whether it can and is to be trained on.
    pub fn is_left(&self) -> bool {
        !self.is_done() && self.problem.is_none()
    }

    /// The run as something to launch.
    pub fn job(&self) -> Result<Job> {
        Ok(Job {
            title: self.key.to_string(),
            run_dir: self.run_dir.clone(),
            config: self.config.to_toml()?,
            threads: threads_wanted(&self.config),
            device: Some(self.config.device.clone()).filter(|device| !device.is_empty()),
            epochs: self.config.epochs,
            estimate_s: Some(self.remaining_s).filter(|seconds| seconds.is_finite()),
            until_epoch: self.until_epoch,
        })
    }
}

/// Threads of a run: those asked for, else the cores shared out.
pub fn threads(config: &RunConfig, parallel: usize) -> usize {
    threads_wanted(config).unwrap_or_else(|| share(cores(), parallel))
}

/// The cores that each of `parallel` runs gets.
pub fn share(cores: usize, parallel: usize) -> usize {
    (cores / parallel.max(1)).max(1)
}

/// Looks up what is there of each run of a comparison, or of its sweep; with `overwrite` nothing counts.
pub fn look_up(
    runs: Vec<PlannedRun>,
    runs_dir: &Path,
    overwrite: bool,
    of_sweep: bool,
) -> Result<Vec<PlanEntry>> {
    let mut unrecorded = BTreeSet::new();
    let entry = |run: PlannedRun| {
        let found = run.config.locate(&runs_dir.join(&run.config.name))?;
        let mut entry = PlanEntry {
            key: run.config.key(&run.label),
            run_dir: found.path,
            config: run.config,
            state: State::New,
            problem: None,
            record: Arc::default(),
            loss: None,
            of_sweep,
            remaining_s: f64::NAN,
            until_epoch: None,
        };
        if !overwrite {
            entry.config = found.config;
            unrecorded.extend(found.unrecorded);
            entry.look();
        }
        Ok(entry)
    };
    let entries = runs.into_iter().map(entry).collect();
    if !unrecorded.is_empty() {
        let unrecorded: Vec<String> = unrecorded.into_iter().collect();
        errln!(
            "normprop: runs that are there were made without {}; --overwrite starts them over",
            unrecorded.join(", ")
        );
    }
    entries
}

/// Seconds that all runs together will still take, shared among `parallel` at a time.
pub fn remaining_s(plan: &[PlanEntry], parallel: usize) -> f64 {
    let left = plan.iter().filter(|entry| entry.is_left());
    let sum: f64 = left.clone().map(|entry| entry.remaining_s).sum();
    sum / parallel.clamp(1, left.count().max(1)) as f64
}

/// The plan as a table: a row for each method, batch size and learning rate.
pub fn table(plan: &[PlanEntry]) -> Table {
    fn left<'g>((_, runs): &'g Grouped<PlanEntry>) -> impl Iterator<Item = &'g &'g PlanEntry> {
        runs.iter().filter(|entry| !entry.is_done())
    }
    let over = |group: &Grouped<PlanEntry>| group.1.len() - left(group).count();
    let is_begun = |entry: &&&PlanEntry| entry.state == State::Unfinished;
    let begun = |group: &Grouped<PlanEntry>| left(group).filter(is_begun).count();
    let left_s = |group: &Grouped<PlanEntry>| left(group).map(|entry| entry.remaining_s).sum();
    Table::of(&grouped(plan, |entry| &entry.key.group))
        .left("method", |(key, _): &Grouped<PlanEntry>| key.label.clone())
        .right("batch size", |(key, _)| key.batch_size.to_string())
        .right("lr", |(key, _)| key.lr.to_string())
        .right("runs", |(_, runs)| runs.len().to_string())
        .right("over", |group| over(group).to_string())
        .right("begun", |group| begun(group).to_string())
        .right("time left", |group| duration(left_s(group)))
        .build()
}

/// The plan in one sentence.
pub fn sentence(plan: &[PlanEntry], parallel: usize) -> String {
    let over = plan.iter().filter(|entry| entry.is_done()).count();
    let runs = counted(plan.len() as u64, "run");
    if over == plan.len() {
        return format!("{runs}, all over");
    }
    format!(
        "{runs}, {over} of them over; about {} with {parallel} at a time",
        duration(remaining_s(plan, parallel))
    )
}

/// The plan for `--dry-run --json`.
pub fn document(plan: &[PlanEntry], parallel: usize) -> Result<Value> {
    let run = |entry: &PlanEntry| {
        let mut run = serde_json::to_value(&entry.key)?;
        run["run_dir"] = json!(entry.run_dir);
        run["state"] = json!(entry.state);
        run["epochs_done"] = match entry.state {
            State::Diverged => json!(0),
            _ => json!(entry.epochs_done()),
        };
        run["epochs"] = json!(entry.config.epochs);
        run["remaining_s"] = json!(entry.remaining_s);
        run["until_epoch"] = json!(entry.until_epoch);
        Ok(run)
    };
    let runs = plan.iter().map(run).collect::<Result<Vec<Value>>>()?;
    Ok(json!({ "jobs": parallel, "remaining_s": remaining_s(plan, parallel), "runs": runs }))
}
