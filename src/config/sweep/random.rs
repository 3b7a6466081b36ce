//! Random search: settings are drawn from ranges and lists.
//!
//! J. Bergstra, Y. Bengio: Random Search for Hyper-Parameter Optimization, JMLR 13, 2012. Where only a few of the keys
//! matter, n draws try n values of each of these; a grid of n points tries each of its few values again and again.

use std::collections::BTreeSet;

use anyhow::Result;
use rand_chacha::ChaCha8Rng;
use toml::{Table, Value};

use super::{Candidate, check_free, check_known};
use crate::config::RunConfig;
use crate::config::experiment::{Reader, number};
use crate::error::did_you_mean;
use crate::streams::{Purpose, below, stream, uniform};
use crate::usage;

/// The range whose draws multiply the method's own learning rate.
pub const LR_FACTOR: &str = "lr_factor";
const SEARCHES: [&str; 2] = ["grid", "random"];
/// Keys of `[sweep]` that only a random search has.
const OWN_KEYS: [&str; 3] = ["samples", "draw_seed", "range"];
const RANGE_KEYS: &[&str] = &["low", "high", "scale"];
const SCALES: [&str; 2] = ["log", "linear"];
const MOST_SAMPLES: usize = 10_000;
/// Draws that repeat earlier settings, after which it is believed that no other is left.
const MOST_REPEATS: usize = 1000;

/// How settings are drawn. Every method and batch size is given the same draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Random {
    /// Settings.
    pub samples: usize,
    /// Seed of the draws.
    pub draw_seed: u64,
    /// Keys (dotted, as in `method.momentum`) with what their values are drawn from.
    pub ranges: Vec<(String, Range)>,
}

/// Numbers from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Smallest value.
    pub low: f64,
    /// Largest value.
    pub high: f64,
    /// Which numbers are equally likely.
    pub scale: Scale,
}

/// What is drawn evenly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// The logarithm: each factor of 10 is as likely as every other.
    Log,
    /// The number itself.
    Linear,
}

impl Random {
    /// Reads the keys of a random search from the table `[sweep]`; `None` with another search.
    pub fn read(sweep: &Table, reader: &Reader) -> Result<Option<Random>> {
        if !is_random(sweep, reader)? {
            return Ok(None);
        }
        let Some(samples) = reader.positive(sweep, "samples", "sweep.samples")? else {
            return Err(reader.refuse(
                "sweep.search",
                "a random search needs `samples`, the number of settings to draw",
            ));
        };
        if samples > MOST_SAMPLES {
            return Err(reader.refuse(
                "sweep.samples",
                format!("samples = {samples}: expected at most {MOST_SAMPLES}"),
            ));
        }
        Ok(Some(Random {
            samples,
            draw_seed: draw_seed(sweep, reader)?,
            ranges: ranges(sweep, reader)?,
        }))
    }

    /// The settings, no two alike. Each comes from a stream of its own, so that with more samples the first ones stay.
    pub fn draw(&self, lists: &[(String, Vec<Value>)], own_rate: f64) -> Result<Vec<Candidate>> {
        let mut seen = BTreeSet::new();
        let mut drawn = Vec::with_capacity(self.samples);
        for number in 0..self.samples {
            let mut stream = stream(self.draw_seed, Purpose::Search, number as u64);
            let mut tries = (0..MOST_REPEATS).map(|_| self.one(lists, own_rate, &mut stream));
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

    fn one(
        &self,
        lists: &[(String, Vec<Value>)],
        own_rate: f64,
        stream: &mut ChaCha8Rng,
    ) -> Candidate {
        let mut keys = Table::new();
        for (key, values) in lists {
            let index = below(values.len() as u32, stream) as usize;
            keys.extend(values.get(index).map(|value| (key.clone(), value.clone())));
        }
        for (key, range) in &self.ranges {
            let value = range.draw(stream);
            match key.as_str() {
                LR_FACTOR => keys.insert("lr".to_owned(), rounded(value * own_rate).into()),
                key => keys.insert(key.to_owned(), value.into()),
            };
        }
        Candidate { keys }
    }
}

impl Range {
    /// A number from the range, with four significant digits.
    pub fn draw(&self, stream: &mut ChaCha8Rng) -> f64 {
        let part = uniform(stream);
        let value = match self.scale {
            Scale::Log => (self.low.ln() + part * (self.high.ln() - self.low.ln())).exp(),
            Scale::Linear => self.low + part * (self.high - self.low),
        };
        // Rounding must not lead out of the range.
        rounded(value).clamp(self.low, self.high)
    }

    fn read(key: &str, value: &Value, path: &str, reader: &Reader) -> Result<Range> {
        let Value::Table(given) = value else {
            return Err(reader.refuse(
                path,
                format!("{key} = {value}: expected a range such as {{ low = 0.001, high = 0.3 }}"),
            ));
        };
        reader.known(given, path, RANGE_KEYS)?;
        let range = Range {
            low: end(given, "low", path, reader)?,
            high: end(given, "high", path, reader)?,
            scale: scale(given, path, reader)?,
        };
        let place = format!("{path}.low");
        if range.low >= range.high {
            let ends = format!("low = {} is not below high = {}", range.low, range.high);
            return Err(reader.refuse(&place, ends));
        }
        if range.low <= 0.0 && range.scale == Scale::Log {
            return Err(reader.refuse(
                &place,
                format!(
                    "low = {}: a range with scale = \"log\", the default, begins above 0; scale = \"linear\" need not",
                    range.low
                ),
            ));
        }
        if !(range.high - range.low).is_finite() {
            return Err(reader.refuse(path, "the range is too wide to draw from"));
        }
        range.check(key, path, reader)?;
        Ok(range)
    }

    /// Refuses a range of a key that takes no fractions, or whose ends the key does not take.
    fn check(&self, key: &str, path: &str, reader: &Reader) -> Result<()> {
        let ends = [("low", self.low), ("high", self.high)];
        if matches!(key, "lr" | LR_FACTOR) {
            return match self.low > 0.0 {
                true => Ok(()),
                false => Err(reader.refuse(
                    &format!("{path}.low"),
                    format!("low = {}: expected a positive number", self.low),
                )),
            };
        }
        check_free(key, path, reader)?;
        if check_known(key, path, reader)? != key {
            // An option of a method, which only the method can judge.
            return Ok(());
        }
        let fractional = reader.check_run_key(key, path, &Value::Float(self.low));
        if fractional.is_err() {
            return Err(reader.refuse(
                path,
                format!("`{key}` takes no fractional number, so it has no range: list its values in `grid`"),
            ));
        }
        for (name, end) in ends {
            let alone = Table::from_iter([(key.to_owned(), Value::Float(end))]);
            RunConfig::from_table(alone)
                .map_err(|error| reader.refuse(&format!("{path}.{name}"), error))?;
        }
        Ok(())
    }
}

/// Four significant digits: they read well in the name of a run and lose nothing that a search could tell.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

fn is_random(sweep: &Table, reader: &Reader) -> Result<bool> {
    let random = match sweep.get("search") {
        None => false,
        Some(Value::String(name)) if SEARCHES.contains(&name.as_str()) => name == "random",
        Some(Value::String(name)) if name == "halving" => {
            return Err(reader.refuse(
                "sweep.search",
                "search = \"halving\": halving goes with either search; give search = \"random\" (or \"grid\") \
                 and beside it halving = { first_epochs = 1, factor = 3 }",
            ));
        }
        Some(other) => {
            let hint = did_you_mean(other.as_str().unwrap_or_default(), SEARCHES);
            return Err(reader.refuse("sweep.search", format!("search = {other}; {hint}")));
        }
    };
    match OWN_KEYS.iter().find(|key| sweep.contains_key(**key)) {
        Some(key) if !random => Err(reader.refuse(
            &format!("sweep.{key}"),
            format!("`{key}` needs search = \"random\": a grid tries every one of its points"),
        )),
        _ => Ok(random),
    }
}

fn draw_seed(sweep: &Table, reader: &Reader) -> Result<u64> {
    match sweep.get("draw_seed") {
        None => Ok(0),
        Some(Value::Integer(seed @ 0..)) => Ok(seed.unsigned_abs()),
        Some(other) => Err(reader.refuse(
            "sweep.draw_seed",
            format!("draw_seed = {other}: expected a whole number of at least 0"),
        )),
    }
}

fn ranges(sweep: &Table, reader: &Reader) -> Result<Vec<(String, Range)>> {
    let mut ranges = Vec::new();
    for (key, value) in reader
        .table(sweep, "range", "sweep.range")?
        .into_iter()
        .flatten()
    {
        let mut add = |key: String, value: &Value| -> Result<()> {
            let range = Range::read(&key, value, &format!("sweep.range.{key}"), reader)?;
            ranges.push((key, range));
            Ok(())
        };
        match value {
            Value::Table(options) if key == "method" => options
                .iter()
                .try_for_each(|(name, value)| add(format!("{key}.{name}"), value))?,
            value => add(key.clone(), value)?,
        }
    }
    Ok(ranges)
}

fn end(given: &Table, key: &str, path: &str, reader: &Reader) -> Result<f64> {
    let Some(value) = given.get(key) else {
        return Err(reader.refuse(path, format!("`{key}` is missing in the range")));
    };
    let finite = number(value).filter(|end| end.is_finite());
    finite.ok_or_else(|| {
        reader.refuse(
            &format!("{path}.{key}"),
            format!("{key} = {value}: expected a number"),
        )
    })
}

fn scale(given: &Table, path: &str, reader: &Reader) -> Result<Scale> {
    match given.get("scale") {
        None => Ok(Scale::Log),
        Some(Value::String(name)) if name == "log" => Ok(Scale::Log),
        Some(Value::String(name)) if name == "linear" => Ok(Scale::Linear),
        Some(other) => {
            let hint = did_you_mean(other.as_str().unwrap_or_default(), SCALES);
            Err(reader.refuse(&format!("{path}.scale"), format!("scale = {other}; {hint}")))
        }
    }
}
