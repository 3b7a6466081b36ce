//! The sweep that chooses learning rates (or any key) on a part of the training set held out for it.
//!
//! Settings come from a grid or are drawn ([`random`]); all are trained to the end, or the better ones only
//! ([`halving`]).

mod describe;
pub mod halving;
pub mod random;

use anyhow::Result;
use toml::{Table, Value};

use super::RunConfig;
use super::experiment::Reader;
use crate::error::did_you_mean;
use halving::Halving;
use random::Random;

const KEYS: &[&str] = &[
    "lrs",
    "lr_factors",
    "grid",
    "seeds",
    "validation_fraction",
    "validation_subset",
    "set",
    "search",
    "samples",
    "draw_seed",
    "range",
    "halving",
    "only",
];
const DEFAULT_FRACTION: f64 = 0.1;

/// Settings that are tried for each method and batch size. The test set plays no part in the choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// Learning rates to try; empty when they are given otherwise, or when only other keys are tried.
    pub lrs: Vec<f64>,
    /// Factors of the method's own learning rate to try.
    pub lr_factors: Vec<f64>,
    /// Other keys (dotted, as in `method.center_rows`) with the values to try.
    pub grid: Vec<(String, Vec<Value>)>,
    /// With `search = "random"`: how settings are drawn; else every point of the grid is tried.
    pub random: Option<Random>,
    /// With `halving`: when settings are dropped; else each is trained to the end.
    pub halving: Option<Halving>,
    /// Seeds of each setting.
    pub seeds: Vec<u64>,
    /// What is held out of the training set: a fraction, or from 1 on a number of images.
    pub holdout: f64,
    /// Keys that the sweep's runs change, such as fewer epochs.
    pub set: Table,
    /// Whether the experiment is over when its settings are chosen.
    pub only: bool,
}

/// One setting: a point of the grid, or a draw.
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
        let sweep = Sweep {
            lrs: reader.rates(given, "lrs", "sweep.lrs")?.unwrap_or_default(),
            lr_factors: reader
                .rates(given, "lr_factors", "sweep.lr_factors")?
                .unwrap_or_default(),
            grid: grid(given, reader)?,
            random: Random::read(given, reader)?,
            halving: Halving::read(given, reader)?,
            seeds: reader
                .seeds(given, "seeds", "sweep.seeds")?
                .unwrap_or_else(|| vec![0]),
            holdout: holdout(given, reader)?,
            set: set(given, reader)?,
            only: reader
                .flag_at(given, "only", "sweep.only")?
                .unwrap_or(false),
        };
        sweep.check(reader)?;
        Ok(Some(sweep))
    }

    /// Refuses what no single key has wrong.
    fn check(&self, reader: &Reader) -> Result<()> {
        let ranges = self.random.iter().flat_map(|random| &random.ranges);
        let ranges: Vec<&str> = ranges.map(|(key, _)| key.as_str()).collect();
        let rates = [
            ("lrs", !self.lrs.is_empty()),
            ("lr_factors", !self.lr_factors.is_empty()),
            ("range.lr", ranges.contains(&"lr")),
            ("range.lr_factor", ranges.contains(&random::LR_FACTOR)),
        ];
        let given: Vec<&str> = rates
            .iter()
            .filter(|rate| rate.1)
            .map(|rate| rate.0)
            .collect();
        if let [first, second, ..] = given[..] {
            let both = format!("give `{first}` or `{second}`, not both");
            return Err(reader.refuse(&format!("sweep.{second}"), both));
        }
        if given.is_empty() && self.grid.is_empty() && ranges.is_empty() {
            return Err(reader.refuse(
                "sweep",
                "a sweep needs `lrs`, `lr_factors` or a `grid`, or with search = \"random\" a `range`",
            ));
        }
        for (key, _) in &self.grid {
            let path = format!("sweep.grid.{key}");
            if ranges.contains(&key.as_str()) {
                let twice = format!("`{key}` stands in `grid` and in `range`: remove one of them");
                return Err(reader.refuse(&path, twice));
            }
            if key == "epochs" && self.halving.is_some() {
                return Err(reader.refuse(
                    &path,
                    "`epochs` is what `halving` shares out: it cannot be tried, but may stand in `set`",
                ));
            }
        }
        let drawn = self.candidates(1.0);
        drawn.map_err(|error| reader.refuse("sweep.samples", error))?;
        Ok(())
    }

    /// Whether it tries learning rates that do not follow from the methods' own.
    pub fn has_own_rates(&self) -> bool {
        let mut ranges = self.random.iter().flat_map(|random| &random.ranges);
        !self.lrs.is_empty() || ranges.any(|(key, _)| key == "lr")
    }

    /// Every setting for a method whose own learning rate is `own_rate`: the points of the grid, the first key
    /// varying slowest, or the draws. Fails where fewer can be drawn than are asked for.
    pub fn candidates(&self, own_rate: f64) -> Result<Vec<Candidate>> {
        let lists = self.lists(own_rate);
        match &self.random {
            Some(random) => random.draw(&lists, own_rate),
            None => Ok(product(&lists)),
        }
    }

    /// The keys with a list of values; the learning rate comes first.
    fn lists(&self, own_rate: f64) -> Vec<(String, Vec<Value>)> {
        let of_own = self
            .lr_factors
            .iter()
            .map(|factor| rounded(factor * own_rate));
        let rates: Vec<Value> = self
            .lrs
            .iter()
            .copied()
            .chain(of_own)
            .map(Value::from)
            .collect();
        let rates = Some(("lr".to_owned(), rates)).filter(|(_, rates)| !rates.is_empty());
        rates.into_iter().chain(self.grid.iter().cloned()).collect()
    }
}

fn product(lists: &[(String, Vec<Value>)]) -> Vec<Candidate> {
    let mut points = vec![Table::new()];
    for (key, values) in lists {
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

/// Three significant digits: a factor of a learning rate stays readable in the name of a run.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.2e}").parse().unwrap_or(rate)
}

/// The keys that the sweep's runs change.
fn set(given: &Table, reader: &Reader) -> Result<Table> {
    let set = reader.table(given, "set", "sweep.set")?.cloned();
    let set = set.unwrap_or_default();
    for (key, value) in &set {
        let path = format!("sweep.set.{key}");
        check_free(key, &path, reader)?;
        reader.check_run_key(key, &path, value)?;
    }
    Ok(set)
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
        let first = check_known(&key, &path, reader)?;
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

/// Refuses a key that no run has; returns its part before the first dot.
fn check_known<'k>(key: &'k str, path: &str, reader: &Reader) -> Result<&'k str> {
    let first = key.split('.').next().unwrap_or(key);
    let known = RunConfig::known_keys();
    if !known.iter().any(|name| name == first) {
        let hint = did_you_mean(first, known.iter().map(String::as_str));
        return Err(reader.refuse(path, format!("unknown key `{first}`; {hint}")));
    }
    Ok(first)
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

#[cfg(test)]
mod tests;
