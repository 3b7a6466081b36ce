//! Settings to try: the points of a grid, or draws.
//!
//! J. Bergstra, Y. Bengio: Random Search for Hyper-Parameter Optimization, JMLR 13, 2012. Where only a few of the keys
//! matter, n draws try n values of each of these; a grid of n points tries each of its few values again and again.

use std::collections::BTreeSet;

use rand_chacha::ChaCha8Rng;
use toml::{Table, Value};

use super::range::{LR_FACTOR, significant};
use super::{SearchStrategy, Sweep};
use crate::config::ordered::Ordered;
use crate::error::KeyFault;
use crate::streams::{Purpose, below, stream};

/// Draws that repeat earlier settings, after which it is believed that no other is left.
const MOST_REPEATS: usize = 1000;

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

impl Sweep {
    /// Every setting for a method whose own learning rate is `own_rate`: the points of the grid, the first key
    /// varying slowest, or the draws. Fails where fewer can be drawn than are asked for.
    pub fn candidates(&self, own_rate: f64) -> Result<Vec<Candidate>, KeyFault> {
        let lists = self.lists(own_rate);
        match self.search {
            SearchStrategy::Grid => Ok(product(&lists)),
            SearchStrategy::Random => self.draws(&lists, own_rate),
        }
    }

    /// The keys with a list of values; the learning rate comes first.
    fn lists(&self, own_rate: f64) -> Ordered<Vec<Value>> {
        let factors = self.lr_factors.iter();
        let of_own = factors.map(|factor| significant(factor * own_rate, 3));
        let rates = self.lrs.iter().copied().chain(of_own);
        let rates: Vec<Value> = rates.map(Value::from).collect();
        let rates = Some(("lr".to_owned(), rates)).filter(|(_, rates)| !rates.is_empty());
        rates.into_iter().chain(self.grid.clone()).collect()
    }

    /// A random search: no two settings alike, and for every method and batch size the same draws. Each setting comes
    /// from a stream of its own, so that with more samples the first ones stay.
    fn draws(
        &self,
        lists: &Ordered<Vec<Value>>,
        own_rate: f64,
    ) -> Result<Vec<Candidate>, KeyFault> {
        let samples = self.samples.unwrap_or(0);
        let mut seen = BTreeSet::new();
        let mut draw = |number: usize| {
            let seed = self.draw_seed.unwrap_or(0);
            let mut stream = stream(seed, Purpose::Search, number as u64);
            let mut tries = (0..MOST_REPEATS).map(|_| self.draw(lists, own_rate, &mut stream));
            let new = tries.find(|candidate| seen.insert(candidate.keys.to_string()));
            new.ok_or_else(|| {
                let what =
                    format!("samples = {samples}: only {number} different settings could be drawn");
                KeyFault::new("sweep.samples", what)
            })
        };
        (0..samples).map(&mut draw).collect()
    }

    fn draw(
        &self,
        lists: &Ordered<Vec<Value>>,
        own_rate: f64,
        stream: &mut ChaCha8Rng,
    ) -> Candidate {
        let mut keys = Table::new();
        for (key, values) in lists {
            let index = below(values.len() as u32, stream) as usize;
            keys.extend(values.get(index).map(|value| (key.clone(), value.clone())));
        }
        for (key, range) in &self.range {
            let value = range.draw(stream);
            match key.as_str() {
                LR_FACTOR => keys.insert("lr".into(), significant(value * own_rate, 4).into()),
                key => keys.insert(key.into(), value.into()),
            };
        }
        Candidate { keys }
    }
}

/// Every point of a grid, the first key varying slowest.
fn product(lists: &Ordered<Vec<Value>>) -> Vec<Candidate> {
    let mut points = vec![Table::new()];
    for (key, values) in lists {
        let longer = |point: Table| {
            let with = move |value: &Value| {
                let mut point = point.clone();
                point.insert(key.clone(), value.clone());
                point
            };
            values.iter().map(with)
        };
        points = points.into_iter().flat_map(longer).collect();
    }
    points.into_iter().map(|keys| Candidate { keys }).collect()
}
