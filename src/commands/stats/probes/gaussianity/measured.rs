//! What is measured of a layer whose Gaussianity is asked for.

use anyhow::{Context, Result};

use crate::probe::gaussianity::{Gaussianity, LayerSample};
use crate::stats::{Bins, Histogram, Normal, Sample, TestResult, median};

/// What was measured of one layer.
pub struct LayerGaussianity {
    /// Where the values come from.
    pub read: LayerSample,
    /// All units together.
    pub pooled: Gaussianity,
    /// Each unit.
    pub units: Vec<Gaussianity>,
    /// The values of all units.
    pub sample: Sample,
    /// Their histogram.
    pub histogram: Histogram,
    /// That of each unit, in the same bins.
    pub unit_histograms: Vec<Histogram>,
}

impl LayerGaussianity {
    /// Measures what was read of a layer, in this many bins.
    pub fn of(read: LayerSample, bins: Option<usize>, seed: u64) -> Result<LayerGaussianity> {
        let measure = |values: &[f64], bins: Bins| {
            let (measured, sample) = Gaussianity::of(values, seed)?;
            let histogram = Histogram::new(&sample, bins, Normal::STANDARD)?;
            Some((measured, sample, histogram))
        };
        let place = || {
            format!(
                "layer {} ({}): its values cannot be put in bins",
                read.layer, read.name
            )
        };
        let wanted = Bins {
            count: bins,
            range: None,
        };
        let (pooled, sample, histogram) = measure(&read.pooled(), wanted).with_context(place)?;
        let (mut units, mut unit_histograms) = (Vec::new(), Vec::new());
        for values in &read.units {
            let (unit, _, its) = measure(values, histogram.same_bins()).with_context(place)?;
            units.push(unit);
            unit_histograms.push(its);
        }
        Ok(LayerGaussianity {
            read,
            pooled,
            units,
            sample,
            histogram,
            unit_histograms,
        })
    }

    /// Median over the units.
    pub fn median_of_units(&self, value: fn(&Gaussianity) -> f64) -> f64 {
        median(&self.units.iter().map(value).collect::<Vec<_>>())
    }
}

/// The statistic of a test; NaN without an answer.
pub fn statistic(test: Option<TestResult>) -> f64 {
    test.map_or(f64::NAN, |test| test.statistic)
}

/// The p-value of a test; NaN without an answer.
pub fn p_value(test: Option<TestResult>) -> f64 {
    test.map_or(f64::NAN, |test| test.p_value)
}
