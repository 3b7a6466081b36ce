//! Successive halving: every setting is trained a little, and only the better ones longer.
//!
//! K. Jamieson, A. Talwalkar: Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016,
//! arXiv:1502.07943. The measure of effort is an epoch. The learning-rate schedule is that of the whole training, so a
//! setting that goes on is continued, not begun anew, and its last result is that of an uninterrupted training; with
//! a schedule that falls late, early errors say the less.

use anyhow::Result;
use toml::{Table, Value};

use crate::config::experiment::Reader;

const KEYS: &[&str] = &["first_epochs", "factor"];
const DEFAULT_FACTOR: u64 = 3;

/// When settings are judged, and how many go on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Halving {
    /// Epochs after which settings are judged for the first time.
    pub first_epochs: u64,
    /// One setting in so many goes on, to be judged again after so many times the epochs.
    pub factor: u64,
}

impl Halving {
    /// Reads the table `sweep.halving`.
    pub fn read(sweep: &Table, reader: &Reader) -> Result<Option<Halving>> {
        let path = "sweep.halving";
        let Some(given) = reader.table(sweep, "halving", path)? else {
            return Ok(None);
        };
        reader.known(given, path, KEYS)?;
        let first_epochs = "sweep.halving.first_epochs";
        let first_epochs = reader.positive(given, "first_epochs", first_epochs)?;
        Ok(Some(Halving {
            first_epochs: first_epochs.map_or(1, |epochs| epochs as u64),
            factor: factor(given, reader)?,
        }))
    }

    /// The epochs before the end of a training of `epochs` after which settings are judged: `first_epochs`, then
    /// `factor` times as many each time, as long as the end is at least `factor` times as far.
    pub fn rungs(&self, epochs: u64) -> Vec<u64> {
        let longer = |rung: &u64| rung.checked_mul(self.factor);
        std::iter::successors(Some(self.first_epochs), longer)
            .take_while(|rung| longer(rung).is_some_and(|next| next <= epochs))
            .collect()
    }

    /// How many of `settings` go on.
    pub fn kept(&self, settings: usize) -> usize {
        let kept = settings as u64 / self.factor;
        (kept as usize).max(1)
    }

    /// Refuses a training so short that every setting would be trained to its end.
    pub fn check(&self, epochs: u64, reader: &Reader) -> Result<()> {
        if self.rungs(epochs).is_empty() {
            return Err(reader.refuse(
                "sweep.halving.first_epochs",
                format!(
                    "first_epochs = {} and factor = {} leave no setting out before the end: a training of {epochs} \
                     epochs is shorter than {} × {}",
                    self.first_epochs, self.factor, self.first_epochs, self.factor
                ),
            ));
        }
        Ok(())
    }
}

fn factor(given: &Table, reader: &Reader) -> Result<u64> {
    let Some(value) = given.get("factor") else {
        return Ok(DEFAULT_FACTOR);
    };
    match value {
        Value::Integer(factor @ 2..) => Ok(factor.unsigned_abs()),
        _ => Err(reader.refuse(
            "sweep.halving.factor",
            format!("factor = {value}: expected a whole number of at least 2"),
        )),
    }
}
