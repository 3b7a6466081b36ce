//! What a sweep tried and chose: settings with their errors on held-out images, and the order among them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use anyhow::{Result, bail};
use toml::Table;

use super::plan::PlanEntry;
use crate::config::sweep::Candidate;
use crate::event::Status;
use crate::report::comparison::rows::SweepRow;
use crate::run_key::GroupKey;
use crate::stats::{mean, std_dev};

/// The keys chosen, by label and batch size, and what was tried.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    keys: BTreeMap<(String, usize), Table>,
    /// One row for each setting.
    pub rows: Vec<SweepRow>,
    /// The runs it was chosen from.
    pub tried: Vec<PlanEntry>,
}

impl Choice {
    /// The keys for a method and batch size; `None` where nothing was tried.
    pub fn keys(&self, label: &str, batch_size: usize) -> Option<Table> {
        self.keys.get(&(label.to_owned(), batch_size)).cloned()
    }

    /// Adds what was tried for a method and batch size, and which of it was chosen.
    pub fn add(&mut self, label: &str, batch_size: usize, tried: &[Tried], chosen: usize) {
        for (place, one) in tried.iter().enumerate() {
            self.rows.push(one.row(place == chosen, tried));
        }
        if let Some(one) = tried.get(chosen) {
            let cell = (label.to_owned(), batch_size);
            self.keys.insert(cell, one.candidate.keys.clone());
        }
    }
}

/// A setting with its runs, one for each seed, and how they did when they were last judged.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The setting.
    pub candidate: Candidate,
    /// Places of its runs in the plan.
    pub runs: Vec<usize>,
    group: GroupKey,
    /// How often it was judged.
    rung: u64,
    /// Epochs before the last judgment.
    epochs: u64,
    errors: Vec<f64>,
    diverged: u64,
}

impl Tried {
    /// A setting whose runs are like `entry`; none of them is in it yet.
    pub fn new(entry: &PlanEntry, candidate: &Candidate) -> Tried {
        Tried {
            candidate: candidate.clone(),
            runs: Vec::new(),
            group: entry.key.group.clone(),
            rung: 0,
            epochs: 0,
            errors: Vec::new(),
            diverged: 0,
        }
    }

    /// Judges it by its runs' errors after the epoch they were to be trained to.
    pub fn judge(&mut self, plan: &[PlanEntry]) -> Result<()> {
        (self.errors, self.diverged) = (Vec::new(), 0);
        self.rung += 1;
        for entry in self.runs.iter().filter_map(|run| plan.get(*run)) {
            self.epochs = entry.goal();
            match error_after(entry)? {
                Some(error) => self.errors.push(error),
                None => self.diverged += 1,
            }
        }
        Ok(())
    }

    /// Whether none of its runs can be trained further.
    pub fn all_diverged(&self) -> bool {
        self.errors.is_empty()
    }

    /// The better one first: the lower mean error, one with which a run diverged behind every other, and among equals
    /// the smaller learning rate.
    pub fn compare(&self, other: &Tried) -> Ordering {
        let by_error = self.rank().total_cmp(&other.rank());
        by_error.then(self.group.lr.total_cmp(&other.group.lr))
    }

    fn rank(&self) -> f64 {
        let error = mean(&self.errors);
        let error = if error.is_finite() { error } else { 1.0 };
        error + 2.0 * self.diverged as f64
    }

    fn row(&self, chosen: bool, all: &[Tried]) -> SweepRow {
        let several = all.iter().any(|other| other.group.lr != self.group.lr);
        let smallest = all.iter().all(|other| self.group.lr <= other.group.lr);
        let largest = all.iter().all(|other| self.group.lr >= other.group.lr);
        SweepRow {
            group: self.group.clone(),
            settings: self.candidate.settings(),
            n: self.errors.len() as u64,
            n_diverged: self.diverged,
            validation_error_mean: mean(&self.errors),
            validation_error_std: std_dev(&self.errors),
            chosen,
            at_edge: chosen && several && (smallest || largest),
            rung: Some(self.rung),
            epochs: Some(self.epochs),
        }
    }
}

/// A run's error on held-out images after the epoch it was to be trained to, `None` where it diverged before.
///
/// Only that epoch's row counts, even when the run has gone on since: so the same is said at any later time.
fn error_after(entry: &PlanEntry) -> Result<Option<f64>> {
    let rows = &entry.record.epochs;
    let row = rows.iter().find(|row| row.epoch == entry.goal());
    match (row, rows.last()) {
        (Some(row), _) if row.status != Status::Diverged => Ok(Some(row.test_error)),
        (_, Some(last)) if last.status == Status::Diverged => Ok(None),
        _ => bail!(
            "{} has not got to epoch {}, after which the sweep judges it; the same command continues it",
            entry.run_dir.display(),
            entry.goal()
        ),
    }
}
