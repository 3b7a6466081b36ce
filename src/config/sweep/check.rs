//! What no single key of a sweep has wrong.

use toml::{Table, Value};

use super::range::{LR_FACTOR, Range};
use super::{SearchStrategy, Sweep};
use crate::config::RunConfig;
use crate::config::check;
use crate::error::KeyFault;

/// Keys that have a place of their own.
const DECIDED_ELSEWHERE: [&str; 6] = ["lr", "batch_size", "seed", "name", "method", "holdout"];

impl Sweep {
    /// Checks the whole. Faults name keys from the top of the experiment.
    pub fn check(&self) -> Result<(), KeyFault> {
        self.check_search()?;
        self.check_rates()?;
        if self.validation_fraction.is_some() && self.validation_subset.is_some() {
            let both = "give `validation_fraction` or `validation_subset`, not both";
            return Err(KeyFault::new("sweep.validation_subset", both));
        }
        for key in self.set.keys() {
            check_free(key, &format!("sweep.set.{key}"))?;
        }
        check::read(&self.set, "sweep.set")?;
        self.check_grid()?;
        for (key, range) in self.range.iter() {
            check_range(key, range, &format!("sweep.range.{key}"))?;
        }
        let drawn = self.candidates(1.0);
        drawn.map_err(|error| KeyFault::new("sweep.samples", error))?;
        Ok(())
    }

    fn check_search(&self) -> Result<(), KeyFault> {
        let random = [
            ("samples", self.samples.is_some()),
            ("draw_seed", self.draw_seed.is_some()),
            ("range", !self.range.is_empty()),
        ];
        match (self.search, random.iter().find(|(_, given)| *given)) {
            (SearchStrategy::Grid, Some((key, _))) => Err(KeyFault::new(
                format!("sweep.{key}"),
                format!("`{key}` needs search = \"random\": a grid tries every one of its points"),
            )),
            (SearchStrategy::Random, _) if self.samples.is_none() => Err(KeyFault::new(
                "sweep.search",
                "a random search needs `samples`, the number of settings to draw",
            )),
            _ => Ok(()),
        }
    }

    /// Learning rates come from one key; without any there must be others to try.
    fn check_rates(&self) -> Result<(), KeyFault> {
        let rates = [
            ("lrs", !self.lrs.is_empty()),
            ("lr_factors", !self.lr_factors.is_empty()),
            ("range.lr", self.range.has("lr")),
            ("range.lr_factor", self.range.has(LR_FACTOR)),
        ];
        let given = rates.iter().filter(|rate| rate.1).map(|rate| rate.0);
        let given: Vec<&str> = given.collect();
        if let [first, second, ..] = given[..] {
            let both = format!("give `{first}` or `{second}`, not both");
            return Err(KeyFault::new(format!("sweep.{second}"), both));
        }
        if given.is_empty() && self.grid.is_empty() && self.range.is_empty() {
            return Err(KeyFault::new(
                "sweep",
                "a sweep needs `lrs`, `lr_factors` or a `grid`, or with search = \"random\" a `range`",
            ));
        }
        Ok(())
    }

    fn check_grid(&self) -> Result<(), KeyFault> {
        for (key, values) in self.grid.iter() {
            let path = format!("sweep.grid.{key}");
            check_free(key, &path)?;
            if self.range.has(key) {
                let twice = format!("`{key}` stands in `grid` and in `range`: remove one of them");
                return Err(KeyFault::new(path, twice));
            }
            if key == "epochs" && self.halving.is_some() {
                return Err(KeyFault::new(
                    path,
                    "`epochs` is what `halving` shares out: it cannot be tried, but may stand in `set`",
                ));
            }
            if !is_option(key) {
                values
                    .iter()
                    .try_for_each(|value| check_one(key, value, "sweep.grid"))?;
            }
        }
        Ok(())
    }
}

/// Refuses a range of a key that takes no fractions, or whose ends the key does not take.
fn check_range(key: &str, range: &Range, path: &str) -> Result<(), KeyFault> {
    if let Some((end, what)) = range.fault() {
        return Err(KeyFault::new(format!("{path}.{end}"), what));
    }
    if matches!(key, "lr" | LR_FACTOR) {
        let what = format!("low = {}: expected a positive number", range.low);
        return match range.low > 0.0 {
            true => Ok(()),
            false => Err(KeyFault::new(format!("{path}.low"), what)),
        };
    }
    check_free(key, path)?;
    // An option of a method is for the method to judge.
    if is_option(key) {
        return Ok(());
    }
    for (name, end) in [("low", range.low), ("high", range.high)] {
        check_one(key, &Value::Float(end), "sweep.range").map_err(|fault| {
            if fault.what.contains("whole number") {
                let what = format!("`{key}` takes no fractional number, so it has no range: list its values in `grid`");
                return KeyFault::new(path, what);
            }
            match fault.what.starts_with("unknown key") {
                true => fault,
                false => KeyFault::new(format!("{path}.{name}"), fault.what),
            }
        })?;
    }
    let alone = Table::from_iter([(key.to_owned(), Value::Float(range.high))]);
    RunConfig::build(&alone).map_err(|fault| KeyFault::new(path, fault.what))?;
    Ok(())
}

fn is_option(key: &str) -> bool {
    key.starts_with("method.")
}

/// Checks one key of a run with one value.
fn check_one(key: &str, value: &Value, path: &str) -> Result<(), KeyFault> {
    let alone = Table::from_iter([(key.to_owned(), value.clone())]);
    check::read(&alone, path).map(|_| ())
}

/// Keys that the sweep itself decides.
fn check_free(key: &str, path: &str) -> Result<(), KeyFault> {
    if DECIDED_ELSEWHERE.contains(&key) {
        let what = format!("`{key}` cannot be set here: it has a place of its own");
        return Err(KeyFault::new(path, what));
    }
    Ok(())
}
