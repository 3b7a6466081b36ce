//! Location, spread and shape of a set of values.

use super::moments::{quantile_of_sorted, shape};
use super::sample::Sample;

/// What a sample looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleSummary {
    /// Number of values.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Unbiased standard deviation (divisor n − 1); NaN for one value.
    pub std_dev: f64,
    /// Skewness m₃/m₂^{3/2}; NaN without spread.
    pub skewness: f64,
    /// Excess kurtosis m₄/m₂² − 3; NaN without spread.
    pub excess_kurtosis: f64,
    /// Smallest value.
    pub min: f64,
    /// 25 % quantile.
    pub lower_quartile: f64,
    /// 50 % quantile.
    pub median: f64,
    /// 75 % quantile.
    pub upper_quartile: f64,
    /// Largest value.
    pub max: f64,
}

impl SampleSummary {
    /// Summarizes values; `None` when there are none or one is not finite (see [`Sample::new`]).
    pub fn of(values: &[f64]) -> Option<SampleSummary> {
        Sample::new(values).map(|sample| SampleSummary::of_sample(&sample))
    }

    /// Summarizes a sample that is already sorted.
    pub fn of_sample(sample: &Sample) -> SampleSummary {
        let sorted = sample.sorted();
        let (skewness, excess_kurtosis) = shape(sorted);
        SampleSummary {
            n: sample.n(),
            mean: sample.mean(),
            std_dev: sample.std_dev(),
            skewness,
            excess_kurtosis,
            min: sample.min(),
            lower_quartile: quantile_of_sorted(sorted, 0.25),
            median: quantile_of_sorted(sorted, 0.5),
            upper_quartile: quantile_of_sorted(sorted, 0.75),
            max: sample.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::goldens::{assert_relative, column, named_samples, number};
    use crate::stats::moments::*;

    #[test]
    fn every_sample_is_summarized_as_scipy_does() {
        for (name, values, golden) in named_samples() {
            let summary = SampleSummary::of(&values).unwrap();
            let check = |got: f64, key: &str| {
                let what = format!("{name} {key}");
                assert_relative(got, number(&golden, key), 1e-10, &what);
            };
            check(summary.mean, "mean");
            check(summary.std_dev, "std");
            check(summary.skewness, "skewness");
            check(summary.excess_kurtosis, "excess_kurtosis");
            check(summary.median, "median");
            check(summary.upper_quartile - summary.lower_quartile, "iqr");
            check(mean(&values), "mean");
            check(std_dev(&values), "std");
            check(shape(&values).0, "skewness");
            check(shape(&values).1, "excess_kurtosis");
            let expected = column(&golden, "quantiles");
            for (q, x) in [0.0, 0.01, 0.333, 0.9, 1.0].into_iter().zip(expected) {
                assert_relative(quantile(&values, q), x, 1e-12, &format!("{name} q{q}"));
            }
        }
    }

    #[test]
    fn a_large_mean_costs_no_accuracy() {
        let plain: Vec<f64> = (0..100_000).map(|i| f64::from(i % 7)).collect();
        let shifted: Vec<f64> = plain.iter().map(|x| x + 1e9).collect();
        assert_eq!(mean(&shifted), mean(&plain) + 1e9);
        assert_relative(std_dev(&shifted), std_dev(&plain), 1e-12, "std");
        let difference = shape(&shifted).1 - shape(&plain).1;
        assert!(difference.abs() < 1e-8, "{difference}");
    }

    #[test]
    fn missing_answers_are_nan_or_none() {
        assert_eq!(SampleSummary::of(&[]), None);
        assert_eq!(SampleSummary::of(&[1.0, f64::NAN]), None);
        assert!(mean(&[]).is_nan() && median(&[]).is_nan() && std_dev(&[1.0]).is_nan());
        assert!(mean(&[1.0, f64::NAN]).is_nan() && median(&[1.0, f64::NAN]).is_nan());
        assert!(quantile(&[1.0], 1.1).is_nan() && quantile(&[1.0], f64::NAN).is_nan());
        assert!(shape(&[0.1; 10]).0.is_nan() && shape(&[0.1; 10]).1.is_nan());
        assert!(!mean(&[f64::INFINITY, 1.0]).is_finite());
    }

    #[test]
    fn one_value_is_its_own_quantiles() {
        let summary = SampleSummary::of(&[4.5]).unwrap();
        assert_eq!((summary.min, summary.median, summary.max), (4.5, 4.5, 4.5));
        assert_eq!(summary.lower_quartile, summary.upper_quartile);
        assert!(summary.std_dev.is_nan());
    }
}
