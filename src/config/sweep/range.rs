//! Numbers that settings are drawn from.

use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::KeyFault;
use crate::streams::uniform;

/// The range whose draws multiply the method's own learning rate.
pub const LR_FACTOR: &str = "lr_factor";

/// Numbers from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a range such as { low = 0.001, high = 0.3 }"
)]
pub struct Range {
    /// Smallest value.
    #[schemars(range(min = -1e30, max = 1e30))]
    pub low: f64,
    /// Largest value.
    #[schemars(range(min = -1e30, max = 1e30))]
    pub high: f64,
    /// Which numbers are equally likely.
    #[serde(default)]
    pub scale: Scale,
}

/// What is drawn evenly.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// The logarithm: each factor of 10 is as likely as every other.
    #[default]
    Log,
    /// The number itself.
    Linear,
}

impl Range {
    /// A number from the range, with four significant digits: they read well in the name of a run and lose nothing
    /// that a search could tell.
    pub fn draw(&self, stream: &mut ChaCha8Rng) -> f64 {
        let part = uniform(stream);
        let value = match self.scale {
            Scale::Log => (self.low.ln() + part * (self.high.ln() - self.low.ln())).exp(),
            Scale::Linear => self.low + part * (self.high - self.low),
        };
        // Rounding must not lead out of the range.
        significant(value, 4).clamp(self.low, self.high)
    }

    /// Refuses a range, which stands at `path`, that cannot be drawn from.
    pub fn check(&self, path: &str) -> Result<(), KeyFault> {
        let Range { low, high, scale } = *self;
        let at_low = format!("{path}.low");
        let empty = format!("low = {low} is not below high = {high}");
        KeyFault::unless(low < high, &at_low, empty)?;
        let why = "a range with scale = \"log\", the default, begins above 0; scale = \"linear\" need not";
        let has_logarithm = low > 0.0 || scale == Scale::Linear;
        KeyFault::unless(has_logarithm, at_low, format!("low = {low}: {why}"))
    }
}

/// A number rounded to so many significant digits.
pub fn significant(value: f64, digits: usize) -> f64 {
    let places = digits - 1;
    format!("{value:.places$e}").parse().unwrap_or(value)
}
