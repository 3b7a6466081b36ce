//! Settings to try: the points of a grid, or draws.
//!
//! J. Bergstra, Y. Bengio: Random Search for Hyper-Parameter Optimization, JMLR 13, 2012. Where only a few of the keys
//! matter, n draws try n values of each of these; a grid of n points tries each of its few values again and again.

use std::collections::BTreeSet;

use anyhow::Result;
use rand_chacha::ChaCha8Rng;
use toml::{Table, Value};

use super::range::{LR_FACTOR, Range, significant};
use crate::config::ordered::Ordered;
use crate::streams::{Purpose, below, stream};
use crate::usage;

/// Draws that repeat earlier settings, after which it is believed that no other is left.
const MOST_REPEATS: usize = 1000;

/// Keys, each with a list of values.
pub type Lists = Vec<(String, Vec<Value>)>;

/// One setting.
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

/// Every point of a grid, the first key varying slowest.
pub fn product(lists: &Lists) -> Vec<Candidate> {
    let mut points = vec![Table::new()];
    for (key, values) in lists {
        let with = |point: &Table, value: &Value| {
            let mut point = point.clone();
            point.insert(key.to_owned(), value.clone());
            point
        };
        let longer = |point: &Table| {
            values
                .iter()
                .map(|value| with(point, value))
                .collect::<Vec<_>>()
        };
        points = points.iter().flat_map(longer).collect();
    }
    points.into_iter().map(|keys| Candidate { keys }).collect()
}

/// A random search. Every method and batch size is given the same draws.
pub struct SettingDraw<'s> {
    /// Settings.
    pub samples: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Keys with what their values are drawn from.
    pub ranges: &'s Ordered<Range>,
    /// What the key `lr_factor` multiplies.
    pub own_rate: f64,
}

impl SettingDraw<'_> {
    /// The settings, no two alike. Each comes from a stream of its own, so that with more samples the first ones stay.
    pub fn candidates(&self, lists: &Lists) -> Result<Vec<Candidate>> {
        let mut seen = BTreeSet::new();
        let mut drawn = Vec::with_capacity(self.samples);
        for number in 0..self.samples {
            let mut stream = stream(self.seed, Purpose::Search, number as u64);
            let mut tries = (0..MOST_REPEATS).map(|_| self.one(lists, &mut stream));
            match tries.find(|candidate| seen.insert(candidate.keys.to_string())) {
                Some(candidate) => drawn.push(candidate),
                None => {
                    return Err(usage!(
                        "samples = {}: only {number} different settings could be drawn",
                        self.samples
                    ));
                }
            }
        }
        Ok(drawn)
    }

    fn one(&self, lists: &Lists, stream: &mut ChaCha8Rng) -> Candidate {
        let mut keys = Table::new();
        for (key, values) in lists {
            let index = below(values.len() as u32, stream) as usize;
            keys.extend(values.get(index).map(|value| (key.clone(), value.clone())));
        }
        for (key, range) in self.ranges.iter() {
            let value = range.draw(stream);
            match key {
                LR_FACTOR => keys.insert(
                    "lr".to_owned(),
                    significant(value * self.own_rate, 4).into(),
                ),
                key => keys.insert(key.to_owned(), value.into()),
            };
        }
        Candidate { keys }
    }
}
