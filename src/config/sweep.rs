//! The sweep that chooses learning rates (or any key) on a part of the training set held out for it.
//!
//! Settings come from a grid or are drawn ([`range`]); all are trained to the end, or the better ones only
//! ([`halving`]).

mod candidate;
mod check;
mod describe;
pub mod halving;
pub mod range;

use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::RunConfig;
use super::axes::Seeds;
use super::ordered::Ordered;
pub use candidate::Candidate;
use candidate::Lists;
use halving::Halving;
use range::Range;

/// Settings that are tried for each method and batch size. The test set plays no part in the choice.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sweep {
    /// Learning rates to try.
    #[schemars(length(min = 1), extend("uniqueItems" = true, "items" = { "type": "number", "exclusiveMinimum": 0 }))]
    pub lrs: Vec<f64>,
    /// Factors of each method's own learning rate to try.
    #[schemars(length(min = 1), extend("uniqueItems" = true, "items" = { "type": "number", "exclusiveMinimum": 0 }))]
    pub lr_factors: Vec<f64>,
    /// Other keys (such as `momentum` or `method.center_rows`), each with the list of values to try.
    #[schemars(with = "std::collections::BTreeMap<String, Vec<serde_json::Value>>", extend("additionalProperties" = { "type": "array", "minItems": 1 }))]
    pub grid: Ordered<Vec<Value>>,
    /// Try every point of the lists, or draw some.
    pub search: SearchStrategy,
    /// With `search = "random"`: how many settings are drawn, the same for each method and batch size.
    #[schemars(range(min = 1, max = 10_000))]
    pub samples: Option<usize>,
    /// With `search = "random"`: seed of the draws; 0 without it. With more samples, the first ones stay.
    pub draw_seed: Option<u64>,
    /// With `search = "random"`: keys (`lr`, `lr_factor`, which multiplies each method's own rate, `momentum`,
    /// `method.momentum`, …), each with the range that its values are drawn from.
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
    #[schemars(range(min = 1))]
    pub validation_subset: Option<usize>,
    /// Keys of `[run]` that the sweep's runs change, such as fewer epochs.
    #[schemars(with = "RunConfig")]
    pub set: Table,
    /// End when the settings are chosen.
    pub only: bool,
}

/// Where settings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SearchStrategy {
    /// Every point of the lists.
    Grid,
    /// Draws from ranges and lists.
    Random,
}

impl Default for Sweep {
    fn default() -> Self {
        Sweep {
            lrs: Vec::new(),
            lr_factors: Vec::new(),
            grid: Ordered::new(),
            search: SearchStrategy::Grid,
            samples: None,
            draw_seed: None,
            range: Ordered::new(),
            halving: None,
            seeds: Seeds::Count(1),
            validation_fraction: None,
            validation_subset: None,
            set: Table::new(),
            only: false,
        }
    }
}

/// Writes keys in tables of `grid` and `range` (`method.center_rows = [...]`) as dotted ones.
pub fn dot_keys(sweep: &mut Value) {
    for name in ["grid", "range"] {
        let Some(Value::Table(keys)) = sweep.get_mut(name) else {
            continue;
        };
        let mut dotted = Table::new();
        for (key, value) in std::mem::take(keys) {
            match value {
                Value::Table(options) if key == "method" => dotted.extend(
                    options
                        .into_iter()
                        .map(|(name, value)| (format!("{key}.{name}"), value)),
                ),
                value => {
                    dotted.insert(key, value);
                }
            }
        }
        *keys = dotted;
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
            key if self.grid.has(key) => format!("sweep.grid.{key}"),
            key => format!("sweep.range.{key}"),
        }
    }

    /// Whether it tries learning rates that do not follow from the methods' own.
    pub fn has_own_rates(&self) -> bool {
        !self.lrs.is_empty() || self.range.has("lr")
    }

    /// Every setting for a method whose own learning rate is `own_rate`: the points of the grid, the first key
    /// varying slowest, or the draws. Fails where fewer can be drawn than are asked for.
    pub fn candidates(&self, own_rate: f64) -> Result<Vec<Candidate>> {
        let lists = self.lists(own_rate);
        match self.search {
            SearchStrategy::Grid => Ok(candidate::product(&lists)),
            SearchStrategy::Random => {
                let draw = candidate::SettingDraw {
                    samples: self.samples.unwrap_or(0),
                    seed: self.draw_seed.unwrap_or(0),
                    ranges: &self.range,
                    own_rate,
                };
                draw.candidates(&lists)
            }
        }
    }

    /// The keys with a list of values; the learning rate comes first.
    fn lists(&self, own_rate: f64) -> Lists {
        let factors = self.lr_factors.iter();
        let of_own = factors.map(|factor| range::significant(factor * own_rate, 3));
        let rates: Vec<Value> = self
            .lrs
            .iter()
            .copied()
            .chain(of_own)
            .map(Value::from)
            .collect();
        let rates = Some(("lr".to_owned(), rates)).filter(|(_, rates)| !rates.is_empty());
        let others = self
            .grid
            .iter()
            .map(|(key, values)| (key.to_owned(), values.clone()));
        rates.into_iter().chain(others).collect()
    }
}

#[cfg(test)]
mod tests;
