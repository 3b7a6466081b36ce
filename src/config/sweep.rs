//! The sweep that chooses learning rates (or any key) on a part of the training set held out for it.
//!
//! Settings come from a grid or are drawn ([`range`]); all are trained to the end, or the better ones only
//! ([`halving`]).

mod candidate;
mod check;
mod describe;
pub mod halving;
pub mod range;

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use toml::{Table, Value};

use super::axes::Seeds;
use super::ordered::{self, Ordered};
use super::{RunConfig, schema};
pub use candidate::Candidate;
use halving::Halving;
use range::Range;

/// The schema of a sweep.
pub static SWEEP_SCHEMA: LazyLock<Json> = LazyLock::new(schema::of::<Sweep>);

/// Settings that are tried for each method and batch size. The test set plays no part in the choice.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sweep {
    /// Learning rates to try.
    #[schemars(length(min = 1, max = 1000), extend("uniqueItems" = true), inner(range(min = 1e-30, max = 1e30)))]
    pub lrs: Vec<f64>,
    /// Factors of each method's own learning rate to try.
    #[schemars(length(min = 1, max = 1000), extend("uniqueItems" = true), inner(range(min = 1e-30, max = 1e30)))]
    pub lr_factors: Vec<f64>,
    /// Other keys (such as `momentum` or `method.center_rows`), each with the list of values to try.
    #[serde(deserialize_with = "ordered::read")]
    #[schemars(with = "std::collections::BTreeMap<String, Vec<serde_json::Value>>", skip_serializing_if = "Vec::is_empty", extend("additionalProperties" = { "type": "array", "minItems": 1, "maxItems": 1000 }))]
    pub grid: Ordered<Vec<Value>>,
    /// Try every point of the lists, or draw some.
    pub search: SearchStrategy,
    /// With `search = "random"`: how many settings are drawn, the same for each method and batch size.
    #[schemars(range(min = 1, max = 10_000))]
    pub samples: Option<usize>,
    /// With `search = "random"`: seed of the draws; 0 without it. With more samples, the first ones stay.
    #[schemars(range(max = 9_223_372_036_854_775_807_u64))]
    pub draw_seed: Option<u64>,
    /// With `search = "random"`: keys (`lr`, `lr_factor`, which multiplies each method's own rate, `momentum`,
    /// `method.momentum`, …), each with the range that its values are drawn from.
    #[serde(deserialize_with = "ordered::read")]
    #[schemars(with = "std::collections::BTreeMap<String, Range>")]
    pub range: Ordered<Range>,
    /// Train all settings a little, and only the better ones longer.
    pub halving: Option<Halving>,
    /// Seeds of each setting, or how many; errors are averaged over them.
    pub seeds: Seeds,
    /// Fraction of the training images to hold out and judge by; 0.1 where neither this nor `validation_subset` is given.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub validation_fraction: Option<f64>,
    /// Number of training images to hold out and judge by.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub validation_subset: Option<usize>,
    /// Keys of `[run]` that the sweep's runs change, such as fewer epochs; these, too, may differ by batch size.
    #[schemars(with = "RunConfig", transform = schema::take_epochs_by_batch_size)]
    pub set: Table,
    /// End when the settings are chosen.
    pub only: bool,
}

/// Where settings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SearchStrategy {
    /// Every point of the lists.
    #[default]
    Grid,
    /// Draws from ranges and lists.
    Random,
}

/// Writes keys in tables of `grid` and `range` (`method.center_rows = [...]`) as dotted ones.
pub fn dot_keys(sweep: &mut Value) {
    let dotted = |(key, value): (String, Value)| match value {
        Value::Table(options) if key == "method" => {
            let dotted = |(name, value)| (format!("method.{name}"), value);
            options.into_iter().map(dotted).collect()
        }
        value => Table::from_iter([(key, value)]),
    };
    for name in ["grid", "range"] {
        if let Some(Value::Table(keys)) = sweep.get_mut(name) {
            *keys = std::mem::take(keys).into_iter().flat_map(dotted).collect();
        }
    }
}

impl Sweep {
    /// What is held out of the training set: a fraction, or from 1 on a number of images.
    pub fn holdout(&self) -> f64 {
        let images = self.validation_subset.map(|images| images as f64);
        images.or(self.validation_fraction).unwrap_or(0.1)
    }

    /// Where that stands.
    pub fn holdout_path(&self) -> &'static str {
        match self.validation_subset {
            Some(_) => "sweep.validation_subset",
            None => "sweep.validation_fraction",
        }
    }

    /// Where the values of a key stand that it tries.
    pub fn path_of(&self, key: &str) -> String {
        match key {
            "lr" if !self.lrs.is_empty() => "sweep.lrs".to_owned(),
            "lr" if !self.lr_factors.is_empty() => "sweep.lr_factors".to_owned(),
            key if ordered::has(&self.grid, key) => format!("sweep.grid.{key}"),
            key => format!("sweep.range.{key}"),
        }
    }

    /// Whether it tries learning rates that do not follow from the methods' own.
    pub fn has_own_rates(&self) -> bool {
        !self.lrs.is_empty() || ordered::has(&self.range, "lr")
    }

    /// Keys with numbers whose product is the number of [`Sweep::candidates`].
    pub fn setting_factors(&self) -> Vec<(String, u64)> {
        if self.search == SearchStrategy::Random {
            return vec![("sweep.samples".to_owned(), self.samples.unwrap_or(0) as u64)];
        }
        let lists = [("lrs", &self.lrs), ("lr_factors", &self.lr_factors)];
        let rates = lists.into_iter().filter(|(_, rates)| !rates.is_empty());
        let rates = rates.map(|(key, rates)| (format!("sweep.{key}"), rates.len() as u64));
        let in_grid = self.grid.iter();
        let in_grid =
            in_grid.map(|(key, values)| (format!("sweep.grid.{key}"), values.len() as u64));
        rates.chain(in_grid).collect()
    }
}

#[cfg(test)]
mod tests;
