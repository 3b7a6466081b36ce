//! Successive halving: every setting is trained a little, and only the better ones longer.
//!
//! K. Jamieson, A. Talwalkar: Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016,
//! arXiv:1502.07943. The measure of effort is an epoch. The learning-rate schedule is that of the whole training, so a
//! setting that goes on is continued, not begun again, and its last result is that of an uninterrupted training; with
//! a schedule that falls late, early errors say the less.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::KeyFault;

/// When settings are judged, and how many go on.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Halving {
    /// Epochs after which settings are judged for the first time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub first_epochs: u64,
    /// One setting in so many goes on, to be judged again after so many times the epochs.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub factor: u64,
}

impl Default for Halving {
    fn default() -> Self {
        Halving {
            first_epochs: 1,
            factor: 3,
        }
    }
}

impl Halving {
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
    pub fn check(&self, epochs: u64) -> Result<(), KeyFault> {
        let Halving {
            first_epochs,
            factor,
        } = self;
        let what = format!(
            "first_epochs = {first_epochs} and factor = {factor} leave no setting out before the end: a training of \
             {epochs} epochs is shorter than {first_epochs} × {factor}"
        );
        let has_rungs = !self.rungs(epochs).is_empty();
        KeyFault::unless(has_rungs, "sweep.halving.first_epochs", what)
    }
}
