//! From an experiment to its runs. Pure: the same experiment always gives the same runs in the same order.

use std::collections::BTreeMap;

use anyhow::{Error, Result};
use toml::Table;

use super::definition::Experiment;
use super::draft::Draft;
use super::method_entry::MethodEntry;
use crate::config::RunConfig;
use crate::config::by_batch_size;
use crate::config::sweep::Candidate;
use crate::error::KeyFault;
use crate::usage;

/// What a sweep chose for a method (by label) and batch size: keys with their values, or nothing yet.
pub type Chosen<'c> = dyn Fn(&str, usize) -> Option<Table> + 'c;

/// One run of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRun {
    /// The method's label.
    pub label: String,
    /// What is run.
    pub config: RunConfig,
}

/// A method at a batch size.
type Cell<'e> = (&'e MethodEntry, usize);

/// A learning rate and where it stands; none stands for the method's default.
type Rate = Option<(f64, String)>;

impl Experiment {
    /// The runs: seed by seed, so that early results compare all methods, then batch size, method, learning rate.
    ///
    /// `chosen` gives what a sweep found; where it gives nothing, the experiment's own values stand. None with a sweep
    /// that is all there is to run.
    pub fn expand(&self, chosen: &Chosen) -> Result<Vec<PlannedRun>> {
        let mut runs = Vec::new();
        if self.is_only_a_sweep() {
            return Ok(runs);
        }
        let cells = self.cells();
        for seed in self.seeds.list() {
            for &cell in &cells {
                let (entry, batch_size) = cell;
                let found = chosen(&entry.label, batch_size).unwrap_or_default();
                let rates = match found.contains_key("lr") {
                    true => vec![None],
                    false => self.rates(cell)?,
                };
                for rate in rates {
                    let mut draft = self.draft(cell, rate, seed)?;
                    draft.put_all("", &found, "sweep")?;
                    runs.push(self.planned(cell, draft)?);
                }
            }
        }
        refuse_twins(runs.iter())?;
        Ok(runs)
    }

    /// The runs of the sweep, each with what it tries; empty without a sweep.
    pub fn expand_sweep(&self) -> Result<Vec<(PlannedRun, Candidate)>> {
        let Some(sweep) = &self.sweep else {
            return Ok(Vec::new());
        };
        let mut runs = Vec::new();
        let cells = self.cells();
        for seed in sweep.seeds.list() {
            for &cell in &cells {
                let first = self.rates(cell)?.into_iter().next().flatten();
                let own = self.draft(cell, first, seed)?;
                let own_rate = self.planned(cell, own.clone())?.config.lr;
                let candidates = sweep.candidates(own_rate);
                for candidate in candidates.map_err(|fault| self.source.refuse(fault))? {
                    let mut draft = own.clone();
                    draft.put_all("", &self.at(&sweep.set, cell.1, "sweep.set")?, "sweep.set")?;
                    for (key, value) in &candidate.keys {
                        draft.put(key, value.clone(), sweep.path_of(key))?;
                    }
                    draft.put("name", format!("{}-sweep", self.name), "name")?;
                    draft.put("holdout", sweep.holdout(), sweep.holdout_path())?;
                    runs.push((self.planned(cell, draft)?, candidate));
                }
            }
        }
        refuse_twins(runs.iter().map(|(run, _)| run))?;
        Ok(runs)
    }

    /// The runs of the sweep, and those after it as far as they can be told before it has chosen.
    pub fn foreseen(&self) -> Result<Vec<PlannedRun>> {
        let sweep = self.expand_sweep()?.into_iter().map(|(run, _)| run);
        Ok(sweep.chain(self.expand(&|_, _| None)?).collect())
    }

    /// The error of what a method's network refuses, with its place in the file.
    pub fn refuse_method(&self, label: &str, what: &str) -> Error {
        let entry = self.methods.iter().find(|entry| entry.label == label);
        let path = entry.map_or("methods", |entry| entry.path.as_str());
        let fault = KeyFault::new(path, format!("method `{label}`: {what}"));
        self.source.refuse(fault)
    }

    /// Batch size by batch size: those of the experiment, then those that only single methods have.
    fn cells(&self) -> Vec<Cell<'_>> {
        let mut sizes = self.batch_sizes.clone();
        for size in self.methods.iter().flat_map(|entry| self.sizes_of(entry)) {
            if !sizes.contains(size) {
                sizes.push(*size);
            }
        }
        let mut cells = Vec::new();
        for size in sizes {
            let entries = self.methods.iter().map(|entry| (entry, size));
            cells.extend(entries.filter(|(entry, size)| self.sizes_of(entry).contains(size)));
        }
        cells
    }

    fn sizes_of<'e>(&'e self, entry: &'e MethodEntry) -> &'e [usize] {
        entry.batch_sizes.as_deref().unwrap_or(&self.batch_sizes)
    }

    /// The learning rates of a cell.
    fn rates(&self, (entry, batch_size): Cell) -> Result<Vec<Rate>> {
        let own = entry.lr.as_ref();
        let own = own.map(|rate| (rate, format!("{}.lr", entry.path)));
        let shared = self.shared_lr.as_ref();
        let shared = shared.map(|rate| (rate, "run.lr".to_owned()));
        let Some((rate, path)) = own.or(shared) else {
            let listed = self.lrs.iter().enumerate();
            let listed = listed.map(|(index, rate)| Some((*rate, format!("lrs.{index}"))));
            return Ok(match self.lrs.is_empty() {
                true => vec![None],
                false => listed.collect(),
            });
        };
        if let Some(rate) = rate.at(batch_size) {
            return Ok(vec![Some((rate, path))]);
        }
        let missing = format!(
            "method `{}` has no learning rate for batch size {batch_size}, only for {}",
            entry.label,
            rate.batch_sizes()
        );
        Err(self.source.refuse(match &self.rates_from {
            Some(table) if !self.source.holds(&path) => {
                KeyFault::new("rates_from", format!("{table}: {missing}"))
            }
            _ => KeyFault::new(path, missing),
        }))
    }

    /// The keys of a table that stands at `path`, as they are at one batch size.
    fn at(&self, keys: &Table, batch_size: usize, path: &str) -> Result<Table> {
        by_batch_size::at(keys, batch_size, path).map_err(|fault| self.source.refuse(fault))
    }

    fn draft(&self, (entry, batch_size): Cell, rate: Rate, seed: u64) -> Result<Draft> {
        let path = &entry.path;
        let mut draft = Draft::default();
        draft.put_all("", &self.at(&self.run, batch_size, "run")?, "run")?;
        draft.put("name", self.name.clone(), "name")?;
        draft.put_all("", &entry.set, &format!("{path}.set"))?;
        draft.put("method.name", entry.name.clone(), path)?;
        draft.put_all("method", &entry.options, path)?;
        let sizes = match entry.batch_sizes {
            Some(_) => format!("{path}.batch_sizes"),
            None => self.batch_sizes_path().to_owned(),
        };
        draft.put("batch_size", batch_size as i64, sizes)?;
        draft.put("seed", seed as i64, "seeds")?;
        if let Some((rate, path)) = rate {
            draft.put("lr", rate, path)?;
        }
        Ok(draft)
    }

    fn planned(&self, (entry, batch_size): Cell, draft: Draft) -> Result<PlannedRun> {
        let label = entry.label.clone();
        let config = draft.build().map_err(|KeyFault { key, what }| {
            let what = format!("method `{label}` at batch size {batch_size}: {what}");
            self.source.refuse(KeyFault { key, what })
        })?;
        Ok(PlannedRun { label, config })
    }
}

/// Two runs with the same configuration would share a run directory.
fn refuse_twins<'r>(runs: impl Iterator<Item = &'r PlannedRun>) -> Result<()> {
    let mut seen = BTreeMap::new();
    for PlannedRun { label, config } in runs {
        let name = config.run_name()?;
        if let Some(other) = seen.insert(name, label) {
            return Err(usage!(
                "methods `{other}` and `{label}` ask for the same run (batch size {}, lr {}, seed {}): remove one of them",
                config.batch_size,
                config.lr,
                config.seed
            ));
        }
    }
    Ok(())
}
