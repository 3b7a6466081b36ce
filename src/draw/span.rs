//! The part of a scale that an axis shows.

use super::AxisScale;
use crate::stats::range;

/// The part of a scale that an axis shows, in scale positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) scale: AxisScale,
    /// The lowest of the values that are compared.
    pub(super) lowest: Option<f64>,
}

impl Span {
    /// From one position to another.
    pub(super) fn new(low: f64, high: f64, scale: AxisScale) -> Span {
        Span {
            low,
            high,
            scale,
            lowest: None,
        }
    }

    /// The same, these being the values that are compared.
    pub fn comparing(self, values: impl Iterator<Item = f64>) -> Span {
        let (lowest, _) = range(values.filter_map(|value| self.scale.position(value)));
        Span {
            lowest: Some(lowest).filter(|lowest| lowest.is_finite()),
            ..self
        }
    }

    /// The values at both ends.
    pub fn values(&self) -> (f64, f64) {
        (self.scale.value(self.low), self.scale.value(self.high))
    }

    /// Where `value` lies between the ends (0 and 1); outside of them it is beyond [0, 1].
    pub fn fraction(&self, value: f64) -> Option<f64> {
        Some((self.scale.position(value)? - self.low) / (self.high - self.low))
    }

    /// Its length as a share of another's.
    pub fn share_of(&self, other: &Span) -> f64 {
        (self.high - self.low) / (other.high - other.low)
    }

    /// The span that holds both.
    pub fn union(self, other: Span) -> Span {
        Span {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            scale: self.scale,
            lowest: match (self.lowest, other.lowest) {
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            },
        }
    }
}
