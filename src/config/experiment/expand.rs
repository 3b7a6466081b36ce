//! From an experiment to its runs. Pure: the same experiment always gives the same runs in the same order.

use std::collections::BTreeMap;

use anyhow::Result;
use toml::Table;

use super::definition::Experiment;
use super::draft::Draft;
use super::method_entry::MethodEntry;
use crate::config::RunConfig;
use crate::config::sweep::Candidate;
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
struct Cell<'e> {
    entry: &'e MethodEntry,
    /// Where the entry stands in the file.
    path: String,
    batch_size: usize,
}

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
            for cell in &cells {
                let found = chosen(&cell.entry.label, cell.batch_size).unwrap_or_default();
                let rates = match found.contains_key("lr") {
                    true => vec![None],
                    false => self.rates(cell)?,
                };
                for rate in rates {
                    let mut draft = self.draft(cell, rate, seed)?;
                    draft.put_all(&found, "sweep")?;
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
            for cell in &cells {
                let first = self.rates(cell)?.into_iter().next().flatten();
                let own = self.draft(cell, first, seed)?;
                let own_rate = self.planned(cell, own.clone())?.config.lr;
                let candidates = sweep
                    .candidates(own_rate)
                    .map_err(|error| self.source.refuse("sweep.samples", error))?;
                for candidate in candidates {
                    let mut draft = own.clone();
                    draft.put_all(&sweep.set, "sweep.set")?;
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

    /// Batch size by batch size: those of the experiment, then those that only single methods have.
    fn cells(&self) -> Vec<Cell<'_>> {
        let mut sizes = self.batch_sizes.clone();
        for own in self
            .methods
            .iter()
            .flat_map(|entry| entry.batch_sizes.iter().flatten())
        {
            if !sizes.contains(own) {
                sizes.push(*own);
            }
        }
        let mut cells = Vec::new();
        for batch_size in sizes {
            for (index, entry) in self.methods.iter().enumerate() {
                let own = entry.batch_sizes.as_ref().unwrap_or(&self.batch_sizes);
                if own.contains(&batch_size) {
                    let path = format!("methods.{index}");
                    cells.push(Cell {
                        entry,
                        path,
                        batch_size,
                    });
                }
            }
        }
        cells
    }

    /// The learning rates of a cell.
    fn rates(&self, cell: &Cell) -> Result<Vec<Rate>> {
        let own = cell
            .entry
            .lr
            .as_ref()
            .map(|rate| (rate, format!("{}.lr", cell.path)));
        let own = own.or(self
            .shared_lr
            .as_ref()
            .map(|rate| (rate, "run.lr".to_owned())));
        if let Some((rate, path)) = own {
            let size = cell.batch_size;
            return match rate.at(size) {
                Some(rate) => Ok(vec![Some((rate, path))]),
                None => {
                    let missing = format!(
                        "method `{}` has no learning rate for batch size {size}, only for {}",
                        cell.entry.label,
                        rate.batch_sizes()
                    );
                    let recorded = self.rates_from.as_ref();
                    let table = recorded.filter(|_| !self.source.holds(&path));
                    Err(match table {
                        Some(table) => self
                            .source
                            .refuse("rates_from", format!("{table}: {missing}")),
                        None => self.source.refuse(&path, missing),
                    })
                }
            };
        }
        if self.lrs.is_empty() {
            return Ok(vec![None]);
        }
        let rates = self.lrs.iter().enumerate();
        Ok(rates
            .map(|(index, rate)| Some((*rate, format!("lrs.{index}"))))
            .collect())
    }

    fn draft(&self, cell: &Cell, rate: Rate, seed: u64) -> Result<Draft> {
        let Cell {
            entry,
            path,
            batch_size,
        } = cell;
        let mut draft = Draft::default();
        draft.put_all(&self.run, "run")?;
        draft.put("name", self.name.clone(), "name")?;
        draft.put_all(&entry.set, &format!("{path}.set"))?;
        draft.put("method.name", entry.name.clone(), path.clone())?;
        for (key, value) in &entry.options {
            draft.put(
                &format!("method.{key}"),
                value.clone(),
                format!("{path}.{key}"),
            )?;
        }
        let sizes = match entry.batch_sizes {
            Some(_) => format!("{path}.batch_sizes"),
            None => self.batch_sizes_path().to_owned(),
        };
        draft.put("batch_size", *batch_size as i64, sizes)?;
        draft.put("seed", seed as i64, "seeds")?;
        if let Some((rate, path)) = rate {
            draft.put("lr", rate, path)?;
        }
        Ok(draft)
    }

    fn planned(&self, cell: &Cell, draft: Draft) -> Result<PlannedRun> {
        let label = cell.entry.label.clone();
        let size = cell.batch_size;
        let config = draft.build().map_err(|fault| {
            let what = format!("method `{label}` at batch size {size}: {}", fault.what);
            self.source.refuse(&fault.key, what)
        })?;
        Ok(PlannedRun { label, config })
    }
}

/// Two runs with the same configuration would share a run directory.
fn refuse_twins<'r>(runs: impl Iterator<Item = &'r PlannedRun>) -> Result<()> {
    let mut seen = BTreeMap::new();
    for run in runs {
        let name = run.config.run_name()?;
        if let Some(other) = seen.insert(name, &run.label) {
            return Err(usage!(
                "methods `{other}` and `{}` ask for the same run (batch size {}, lr {}, seed {}): remove one of them",
                run.label,
                run.config.batch_size,
                run.config.lr,
                run.config.seed
            ));
        }
    }
    Ok(())
}
