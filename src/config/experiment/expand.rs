//! From an experiment to its runs. Pure: the same experiment always gives the same runs in the same order.

use std::collections::BTreeMap;

use anyhow::Result;
use toml::{Table, Value};

use super::{Experiment, MethodEntry};
use crate::config::check::{self, Fault};
use crate::config::source::refuse_at;
use crate::config::sweep::Candidate;
use crate::config::{RunConfig, overrides};
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
        for &seed in &self.seeds {
            self.for_each_cell(|entry, batch_size| {
                let found = chosen(&entry.label, batch_size);
                let rates = match &found {
                    Some(keys) if keys.contains_key("lr") => vec![None],
                    _ => self.rates(entry, batch_size)?,
                };
                for rate in rates {
                    let mut table = self.table(entry, batch_size, rate, seed);
                    put_all(&mut table, found.as_ref())?;
                    runs.push(self.planned(entry, batch_size, table, false)?);
                }
                Ok(())
            })?;
        }
        refuse_twins(&runs)?;
        Ok(runs)
    }

    /// The runs of the sweep, each with what it tries; empty without a sweep.
    pub fn expand_sweep(&self) -> Result<Vec<(PlannedRun, Candidate)>> {
        let Some(sweep) = &self.sweep else {
            return Ok(Vec::new());
        };
        let mut runs = Vec::new();
        for &seed in &sweep.seeds {
            self.for_each_cell(|entry, batch_size| {
                let own = self.table(
                    entry,
                    batch_size,
                    self.rates(entry, batch_size)?.first().copied().flatten(),
                    seed,
                );
                let own_rate = self
                    .planned(entry, batch_size, own.clone(), false)?
                    .config
                    .lr;
                let candidates = sweep
                    .candidates(own_rate)
                    .map_err(|error| self.source.refuse("sweep.samples", error))?;
                for candidate in candidates {
                    let mut table = own.clone();
                    put_all(&mut table, Some(&sweep.set))?;
                    put_all(&mut table, Some(&candidate.keys))?;
                    table.insert("name".into(), format!("{}-sweep", self.name).into());
                    table.insert("holdout".into(), sweep.holdout.into());
                    runs.push((self.planned(entry, batch_size, table, true)?, candidate));
                }
                Ok(())
            })?;
        }
        let planned: Vec<PlannedRun> = runs.iter().map(|(run, _)| run.clone()).collect();
        refuse_twins(&planned)?;
        Ok(runs)
    }

    fn for_each_cell(
        &self,
        mut visit: impl FnMut(&MethodEntry, usize) -> Result<()>,
    ) -> Result<()> {
        let mut sizes = self.batch_sizes.clone();
        for own in self
            .methods
            .iter()
            .filter_map(|entry| entry.batch_sizes.as_ref())
            .flatten()
        {
            if !sizes.contains(own) {
                sizes.push(*own);
            }
        }
        for batch_size in sizes {
            for entry in &self.methods {
                let own = entry.batch_sizes.as_ref().unwrap_or(&self.batch_sizes);
                if own.contains(&batch_size) {
                    visit(entry, batch_size)?;
                }
            }
        }
        Ok(())
    }

    /// The learning rates of a cell; one `None` stands for the base's or the method's default.
    fn rates(&self, entry: &MethodEntry, batch_size: usize) -> Result<Vec<Option<f64>>> {
        let rates = entry.rates_at(batch_size, &self.lrs).map_err(|error| {
            let place = self.source.place_of_first(&self.paths(entry, "lr", false));
            refuse_at(&place, error)
        })?;
        Ok(if rates.is_empty() {
            vec![None]
        } else {
            rates.into_iter().map(Some).collect()
        })
    }

    fn table(&self, entry: &MethodEntry, batch_size: usize, rate: Option<f64>, seed: u64) -> Table {
        let mut table = self.base.clone();
        table.extend(entry.set.clone());
        let mut method = entry.options.clone();
        method.insert("name".into(), entry.name.clone().into());
        table.insert("method".into(), Value::Table(method));
        table.insert("batch_size".into(), Value::Integer(batch_size as i64));
        table.insert("seed".into(), Value::Integer(seed as i64));
        if let Some(rate) = rate {
            table.insert("lr".into(), Value::Float(rate));
        }
        table
    }

    fn planned(
        &self,
        entry: &MethodEntry,
        batch_size: usize,
        table: Table,
        swept: bool,
    ) -> Result<PlannedRun> {
        let checked =
            RunConfig::build(table).and_then(|config| check::images(&config).map(|()| config));
        let config = checked.map_err(|Fault { key, what }| {
            let place = self.source.place_of_first(&self.paths(entry, &key, swept));
            let label = &entry.label;
            refuse_at(
                &place,
                format!("method `{label}` at batch size {batch_size}: {what}"),
            )
        })?;
        Ok(PlannedRun {
            label: entry.label.clone(),
            config,
        })
    }

    /// Where in the file a key of a run may come from, what counts most first.
    fn paths(&self, entry: &MethodEntry, key: &str, swept: bool) -> Vec<String> {
        let index = self.methods.iter().position(|other| other == entry);
        let entry = format!("methods.{}", index.unwrap_or(0));
        let own = |key: &str| format!("{entry}.{key}");
        let mut paths = Vec::new();
        if swept {
            let tables = ["grid", "range", "set"];
            paths.extend(tables.map(|table| format!("sweep.{table}.{key}")));
        }
        match key {
            "lr" => paths.extend([own("lr"), own("lrs"), "rates_from".into(), "lrs".into()]),
            "batch_size" => paths.extend([own("batch_sizes"), "batch_sizes".into()]),
            "seed" => paths.push("seeds".into()),
            "holdout" if swept => {
                paths.extend(
                    ["validation_subset", "validation_fraction"].map(|key| format!("sweep.{key}")),
                );
            }
            _ => paths.push(own(&format!("set.{key}"))),
        }
        if let Some(option) = key.strip_prefix("method.") {
            // An entry may be a name alone, which has a line but no keys.
            paths.extend([own(option), entry.clone()]);
        }
        paths.push(key.to_owned());
        paths
    }
}

fn put_all(table: &mut Table, keys: Option<&Table>) -> Result<()> {
    for (key, value) in keys.into_iter().flatten() {
        overrides::put(table, key, value.clone())?;
    }
    Ok(())
}

/// Two runs with the same configuration would share a run directory.
fn refuse_twins(runs: &[PlannedRun]) -> Result<()> {
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
