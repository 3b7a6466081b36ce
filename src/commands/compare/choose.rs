//! What a sweep chose: for each method and batch size the setting of the lowest error on held-out images.

use std::collections::BTreeMap;

use anyhow::Result;
use toml::Table;

use super::plan::Entry;
use super::state::State;
use crate::config::sweep::Candidate;
use crate::record::read_summary;
use crate::report::comparison::rows::SweepRow;
use crate::stats::{mean, std_dev};

/// The keys chosen, by label and batch size, and what was tried.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    keys: BTreeMap<(String, usize), Table>,
    /// One row for each setting.
    pub rows: Vec<SweepRow>,
    /// The runs it was chosen from.
    pub tried: Vec<Entry>,
}

impl Choice {
    /// The keys for a method and batch size; `None` where nothing was tried.
    pub fn keys(&self, label: &str, batch_size: usize) -> Option<Table> {
        self.keys.get(&(label.to_owned(), batch_size)).cloned()
    }
}

/// Reads the sweep's runs, each with what it tried, and chooses.
pub fn choose(plan: &[Entry], candidates: &[Candidate]) -> Result<Choice> {
    let mut cells: BTreeMap<(String, usize), Vec<Tried>> = BTreeMap::new();
    let mut order = Vec::new();
    for (entry, candidate) in plan.iter().zip(candidates) {
        let cell = (entry.label.clone(), entry.config.batch_size);
        if !order.contains(&cell) {
            order.push(cell.clone());
        }
        let tried = cells.entry(cell).or_default();
        if !tried.iter().any(|one| one.candidate == *candidate) {
            tried.push(Tried::new(entry, candidate));
        }
        if let Some(one) = tried.iter_mut().find(|one| one.candidate == *candidate) {
            one.add(entry)?;
        }
    }
    let mut choice = Choice {
        tried: plan.to_vec(),
        ..Choice::default()
    };
    for cell in order {
        let Some(tried) = cells.get(&cell) else {
            continue;
        };
        let best = tried.iter().min_by(|one, other| {
            one.rank()
                .total_cmp(&other.rank())
                .then(one.lr.total_cmp(&other.lr))
        });
        let Some(best) = best else { continue };
        choice.rows.extend(
            tried
                .iter()
                .map(|one| one.row(&cell, std::ptr::eq(one, best), tried)),
        );
        choice.keys.insert(cell, best.candidate.keys.clone());
    }
    Ok(choice)
}

/// A setting with its runs' errors.
struct Tried {
    candidate: Candidate,
    method: String,
    lr: f64,
    errors: Vec<f64>,
    diverged: u64,
}

impl Tried {
    fn new(entry: &Entry, candidate: &Candidate) -> Tried {
        Tried {
            candidate: candidate.clone(),
            method: entry.config.method.name.clone(),
            lr: entry.config.lr,
            errors: Vec::new(),
            diverged: 0,
        }
    }

    fn add(&mut self, entry: &Entry) -> Result<()> {
        match (entry.state, read_summary(&entry.run_dir)?) {
            (State::Diverged, _) => self.diverged += 1,
            (_, Some(summary)) => self.errors.push(summary.test_error),
            (_, None) => {}
        }
        Ok(())
    }

    /// Lower is better; a setting with which a run diverged comes behind every other.
    fn rank(&self) -> f64 {
        let error = mean(&self.errors);
        let error = if error.is_finite() { error } else { 1.0 };
        error + 2.0 * self.diverged as f64
    }

    fn row(&self, cell: &(String, usize), chosen: bool, all: &[Tried]) -> SweepRow {
        let several = all.iter().any(|other| other.lr != self.lr);
        let smallest = all.iter().all(|other| self.lr <= other.lr);
        let largest = all.iter().all(|other| self.lr >= other.lr);
        SweepRow {
            method: self.method.clone(),
            batch_size: cell.1 as u64,
            lr: self.lr,
            settings: self.candidate.settings(),
            n: self.errors.len() as u64,
            n_diverged: self.diverged,
            validation_error_mean: mean(&self.errors),
            validation_error_std: std_dev(&self.errors),
            chosen,
            at_edge: chosen && several && (smallest || largest),
            label: cell.0.clone(),
        }
    }
}
