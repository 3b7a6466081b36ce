//! What is known of the stream at one place.

/// Numbers of the stream at one place, measured or predicted; NaN where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StreamNumbers {
    /// E x².
    pub second_moment: f64,
    /// Over the data of a channel, mean over channels.
    pub variance: f64,
    /// Mean cosine between the streams of two images.
    pub similarity: f64,
    /// Mean over images of ‖∂loss/∂x‖².
    pub gradient: f64,
    /// That over the next place's; NaN at the last place.
    pub gradient_ratio: f64,
    /// Of the map to the last place.
    pub nonlinearity: f64,
}

impl StreamNumbers {
    /// Nothing known.
    pub(super) const UNKNOWN: StreamNumbers = StreamNumbers {
        second_moment: f64::NAN,
        variance: f64::NAN,
        similarity: f64::NAN,
        gradient: f64::NAN,
        gradient_ratio: f64::NAN,
        nonlinearity: f64::NAN,
    };

    /// Mean over channels of their squared means.
    pub fn squared_mean(&self) -> f64 {
        self.second_moment - self.variance
    }
}

/// The stream at one place: in front of a unit, or behind the last one.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamPlace {
    /// Units before it.
    pub units: usize,
    /// The unit that it enters; `end` behind the last one.
    pub name: String,
    /// Channels.
    pub channels: usize,
    /// Images looked at.
    pub images: usize,
    /// What was measured.
    pub measured: StreamNumbers,
    /// What random weights give.
    pub predicted: StreamNumbers,
    /// Correlation of the unit's branch with what it is added to, mean over channels. NaN where one of them is constant,
    /// and behind the last unit.
    pub correlation: f64,
    /// Its standard deviation over channels.
    pub correlation_std: f64,
}
