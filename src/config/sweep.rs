//! The sweep that chooses learning rates (or any key) on a part of the training set held out for it.

use anyhow::Result;
use toml::{Table, Value};

use super::RunConfig;
use super::experiment::Reader;
use crate::error::did_you_mean;

const KEYS: &[&str] = &[
    "lrs",
    "lr_factors",
    "grid",
    "seeds",
    "validation_fraction",
    "validation_subset",
    "set",
    "only",
];
const DEFAULT_FRACTION: f64 = 0.1;

/// A grid of settings, tried for each method and batch size. The test set plays no part in the choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// Learning rates to try; empty with `lr_factors`, or when only the grid is tried.
    pub lrs: Vec<f64>,
    /// Factors of the method's own learning rate to try.
    pub lr_factors: Vec<f64>,
    /// Other keys (dotted, as in `method.center_rows`) with the values to try.
    pub grid: Vec<(String, Vec<Value>)>,
    /// Seeds of each setting.
    pub seeds: Vec<u64>,
    /// What is held out of the training set: a fraction, or from 1 on a number of images.
    pub holdout: f64,
    /// Keys that the sweep's runs change, such as fewer epochs.
    pub set: Table,
    /// Whether the experiment is over when its settings are chosen.
    pub only: bool,
}

/// One point of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The keys it sets.
    pub keys: Table,
}

impl Candidate {
    /// The keys beside the learning rate, as `key=value` separated by blanks.
    pub fn settings(&self) -> String {
        let others = self.keys.iter().filter(|(key, _)| *key != "lr");
        let texts: Vec<String> = others
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        texts.join(" ")
    }
}

impl Sweep {
    /// Reads the table `[sweep]` of an experiment.
    pub fn read(table: &Table, reader: &Reader) -> Result<Option<Sweep>> {
        let Some(given) = reader.table(table, "sweep", "sweep")? else {
            return Ok(None);
        };
        reader.known(given, "sweep", KEYS)?;
        let lrs = reader.rates(given, "lrs", "sweep.lrs")?.unwrap_or_default();
        let lr_factors = reader
            .rates(given, "lr_factors", "sweep.lr_factors")?
            .unwrap_or_default();
        if !lrs.is_empty() && !lr_factors.is_empty() {
            return Err(reader.refuse("sweep.lr_factors", "give `lrs` or `lr_factors`, not both"));
        }
        let grid = grid(given, reader)?;
        if lrs.is_empty() && lr_factors.is_empty() && grid.is_empty() {
            return Err(reader.refuse("sweep", "a sweep needs `lrs`, `lr_factors` or a `grid`"));
        }
        let set = reader
            .table(given, "set", "sweep.set")?
            .cloned()
            .unwrap_or_default();
        for (key, value) in &set {
            check_free(key, &format!("sweep.set.{key}"), reader)?;
            reader.check_run_key(key, &format!("sweep.set.{key}"), value)?;
        }
        let seeds = reader
            .seeds(given, "seeds", "sweep.seeds")?
            .unwrap_or_else(|| vec![0]);
        let holdout = holdout(given, reader)?;
        Ok(Some(Sweep {
            lrs,
            lr_factors,
            grid,
            seeds,
            holdout,
            set,
            only: reader
                .flag_at(given, "only", "sweep.only")?
                .unwrap_or(false),
        }))
    }

    /// Every point of the grid for a method whose own learning rate is `own_rate`; the first key varies slowest.
    pub fn candidates(&self, own_rate: f64) -> Vec<Candidate> {
        let rates: Vec<Value> = if self.lrs.is_empty() {
            self.lr_factors
                .iter()
                .map(|factor| rounded(factor * own_rate).into())
                .collect()
        } else {
            self.lrs.iter().map(|rate| (*rate).into()).collect()
        };
        let mut points = vec![Table::new()];
        let axes = std::iter::once(("lr", &rates)).filter(|(_, values)| !values.is_empty());
        for (key, values) in
            axes.chain(self.grid.iter().map(|(key, values)| (key.as_str(), values)))
        {
            let with = |point: &Table, value: &Value| {
                let mut point = point.clone();
                point.insert(key.to_owned(), value.clone());
                point
            };
            points = points
                .iter()
                .flat_map(|point| values.iter().map(move |value| with(point, value)))
                .collect();
        }
        points.into_iter().map(|keys| Candidate { keys }).collect()
    }
}

/// Three significant digits: a factor of a learning rate stays readable in the name of a run.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.2e}").parse().unwrap_or(rate)
}

fn holdout(given: &Table, reader: &Reader) -> Result<f64> {
    let fraction = reader.fraction_at(given, "validation_fraction", "sweep.validation_fraction")?;
    let subset = reader.positive(given, "validation_subset", "sweep.validation_subset")?;
    match (fraction, subset) {
        (Some(_), Some(_)) => Err(reader.refuse(
            "sweep.validation_subset",
            "give `validation_fraction` or `validation_subset`, not both",
        )),
        (_, Some(images)) => Ok(images as f64),
        (fraction, None) => Ok(fraction.unwrap_or(DEFAULT_FRACTION)),
    }
}

fn grid(given: &Table, reader: &Reader) -> Result<Vec<(String, Vec<Value>)>> {
    let Some(table) = reader.table(given, "grid", "sweep.grid")? else {
        return Ok(Vec::new());
    };
    let mut grid = Vec::with_capacity(table.len());
    for (key, value) in flattened(table) {
        let path = format!("sweep.grid.{key}");
        check_free(&key, &path, reader)?;
        let first = key.split('.').next().unwrap_or(&key);
        let known = RunConfig::known_keys();
        if !known.iter().any(|name| name == first) {
            let hint = did_you_mean(first, known.iter().map(String::as_str));
            return Err(reader.refuse(&path, format!("unknown key `{first}`; {hint}")));
        }
        let Some(values) = value.as_array().filter(|values| !values.is_empty()) else {
            return Err(reader.refuse(
                &path,
                format!("{key} = {value}: expected a list of values to try"),
            ));
        };
        if first == key {
            values
                .iter()
                .try_for_each(|value| reader.check_run_key(&key, &path, value))?;
        }
        grid.push((key, values.clone()));
    }
    Ok(grid)
}

/// The entries of a table; those of a table in it (`method.center_rows = [...]`) with a dotted key.
fn flattened(table: &Table) -> Vec<(String, Value)> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                entries.extend(
                    inner
                        .iter()
                        .map(|(name, value)| (format!("{key}.{name}"), value.clone())),
                );
            }
            value => entries.push((key.clone(), value.clone())),
        }
    }
    entries
}

/// Keys that the sweep itself decides.
fn check_free(key: &str, path: &str, reader: &Reader) -> Result<()> {
    if matches!(
        key,
        "lr" | "batch_size" | "seed" | "name" | "method" | "holdout"
    ) {
        return Err(reader.refuse(
            path,
            format!("`{key}` cannot be set here: it has a place of its own"),
        ));
    }
    Ok(())
}
