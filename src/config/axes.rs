//! Values that stand for several runs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seeds, or how many of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a list of whole numbers, or how many")]
pub enum Seeds {
    /// So many: 0, 1, 2, …
    Count(#[schemars(range(min = 1, max = 100_000))] u64),
    /// These.
    List(
        #[schemars(
            length(min = 1, max = 100_000),
            inner(range(max = 9_223_372_036_854_775_807_u64)),
            extend("uniqueItems" = true)
        )]
        Vec<u64>,
    ),
}

impl Default for Seeds {
    fn default() -> Seeds {
        Seeds::Count(1)
    }
}

impl Seeds {
    /// How many they are.
    pub fn count(&self) -> u64 {
        match self {
            Seeds::Count(count) => *count,
            Seeds::List(seeds) => seeds.len() as u64,
        }
    }

    /// Each seed.
    pub fn list(&self) -> Vec<u64> {
        match self {
            Seeds::Count(count) => (0..*count).collect(),
            Seeds::List(seeds) => seeds.clone(),
        }
    }
}

/// A learning rate, or one for each batch size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a positive number, or one for each batch size, as in { 1 = 0.002, 50 = 0.02 }"
)]
pub enum LearningRate {
    /// At every batch size.
    Same(#[schemars(range(min = 1e-30, max = 1e30))] f64),
    /// By batch size.
    ByBatchSize(
        #[schemars(extend("additionalProperties" = { "type": "number", "minimum": 1e-30, "maximum": 1e30 }))]
         BTreeMap<String, f64>,
    ),
}

impl LearningRate {
    /// The rate at a batch size; `None` where it has none.
    pub fn at(&self, batch_size: usize) -> Option<f64> {
        match self {
            LearningRate::Same(rate) => Some(*rate),
            LearningRate::ByBatchSize(rates) => rates.get(&batch_size.to_string()).copied(),
        }
    }

    /// A key that is no batch size.
    pub fn wrong_key(&self) -> Option<&str> {
        let LearningRate::ByBatchSize(rates) = self else {
            return None;
        };
        let is_size = |key: &str| key.parse::<usize>().is_ok_and(|size| size > 0);
        rates.keys().map(String::as_str).find(|key| !is_size(key))
    }

    /// The batch sizes that it has rates for.
    pub fn batch_sizes(&self) -> String {
        match self {
            LearningRate::Same(_) => "all".to_owned(),
            LearningRate::ByBatchSize(rates) => {
                let mut sizes: Vec<usize> =
                    rates.keys().filter_map(|key| key.parse().ok()).collect();
                sizes.sort_unstable();
                let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
                sizes.join(", ")
            }
        }
    }
}
