//! What no single key of a sweep has wrong.

use toml::{Table, Value};

use super::range::{LR_FACTOR, Range};
use super::{SearchStrategy, Sweep};
use crate::config::axes::LearningRate;
use crate::config::ordered::has;
use crate::config::{RunConfig, by_batch_size, check, limits, schema};
use crate::error::KeyFault;

/// Keys that have a place of their own.
const DECIDED_ELSEWHERE: [&str; 6] = ["lr", "batch_size", "seed", "name", "method", "holdout"];

impl Sweep {
    /// Checks the whole. Faults name keys from the top of the experiment.
    pub fn check(&self) -> Result<(), KeyFault> {
        self.check_search()?;
        self.check_rates()?;
        KeyFault::unless(
            self.validation_fraction.is_none() || self.validation_subset.is_none(),
            "sweep.validation_subset",
            "give `validation_fraction` or `validation_subset`, not both",
        )?;
        for key in self.set.keys() {
            check_free(key, &format!("sweep.set.{key}"))?;
        }
        by_batch_size::check(&self.set, "sweep.set")?;
        for (key, values) in &self.grid {
            self.check_list(key, values)?;
        }
        for (key, range) in &self.range {
            check_range(key, range, &format!("sweep.range.{key}"))?;
        }
        self.candidates(1.0).map(drop)
    }

    fn check_search(&self) -> Result<(), KeyFault> {
        let is_random = self.search == SearchStrategy::Random;
        for (key, is_given) in [
            ("samples", self.samples.is_some()),
            ("draw_seed", self.draw_seed.is_some()),
            ("range", !self.range.is_empty()),
        ] {
            let what =
                format!("`{key}` needs search = \"random\": a grid tries every one of its points");
            KeyFault::unless(is_random || !is_given, format!("sweep.{key}"), what)?;
        }
        let what = "a random search needs `samples`, the number of settings to draw";
        KeyFault::unless(!is_random || self.samples.is_some(), "sweep.search", what)
    }

    /// Learning rates come from one key; without any there must be others to try.
    fn check_rates(&self) -> Result<(), KeyFault> {
        let rates = [
            ("lrs", !self.lrs.is_empty()),
            ("lr_factors", !self.lr_factors.is_empty()),
            ("range.lr", has(&self.range, "lr")),
            ("range.lr_factor", has(&self.range, LR_FACTOR)),
        ];
        let given = rates.iter().filter(|rate| rate.1).map(|rate| rate.0);
        let given: Vec<&str> = given.collect();
        if let [first, second, ..] = given[..] {
            let both = format!("give `{first}` or `{second}`, not both");
            return Err(KeyFault::new(format!("sweep.{second}"), both));
        }
        let tries_nothing = given.is_empty() && self.grid.is_empty() && self.range.is_empty();
        let what =
            "a sweep needs `lrs`, `lr_factors` or a `grid`, or with search = \"random\" a `range`";
        KeyFault::unless(!tries_nothing, "sweep", what)
    }

    /// Checks one key of the grid.
    fn check_list(&self, key: &str, values: &[Value]) -> Result<(), KeyFault> {
        let path = format!("sweep.grid.{key}");
        check_free(key, &path)?;
        let twice = format!("`{key}` stands in `grid` and in `range`: remove one of them");
        KeyFault::unless(!has(&self.range, key), &path, twice)?;
        let shared =
            "`epochs` is what `halving` shares out: it cannot be tried, but may stand in `set`";
        KeyFault::unless(key != "epochs" || self.halving.is_none(), path, shared)?;
        let mut values = values.iter().filter(|_| !is_option(key));
        values.try_for_each(|value| check_one(key, value, "sweep.grid"))
    }
}

/// Refuses a range of a key that takes no fractions, or whose ends the key does not take.
fn check_range(key: &str, range: &Range, path: &str) -> Result<(), KeyFault> {
    range.check(path)?;
    let Range { low, high, .. } = *range;
    if matches!(key, "lr" | LR_FACTOR) {
        let rates = schema::of::<LearningRate>();
        return [("low", low), ("high", high)]
            .into_iter()
            .try_for_each(|(name, end)| {
                limits::check(&Value::Float(end), &rates, &format!("{path}.{name}"))
            });
    }
    check_free(key, path)?;
    // An option of a method is for the method to judge.
    if is_option(key) {
        return Ok(());
    }
    for (name, end) in [("low", low), ("high", high)] {
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
    let built = RunConfig::build(&alone(key, &Value::Float(high)));
    built
        .map_err(|fault| KeyFault::new(path, fault.what))
        .map(drop)
}

fn is_option(key: &str) -> bool {
    key.starts_with("method.")
}

/// Checks one key of a run with one value.
fn check_one(key: &str, value: &Value, path: &str) -> Result<(), KeyFault> {
    check::read(&alone(key, value), path).map(drop)
}

fn alone(key: &str, value: &Value) -> Table {
    Table::from_iter([(key.to_owned(), value.clone())])
}

/// Refuses keys that the sweep itself decides.
fn check_free(key: &str, path: &str) -> Result<(), KeyFault> {
    let what = format!("`{key}` cannot be set here: it has a place of its own");
    KeyFault::unless(!DECIDED_ELSEWHERE.contains(&key), path, what)
}
