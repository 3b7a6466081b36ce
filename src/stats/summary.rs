//! Location, spread and shape of a set of values.
//!
//! Two passes (mean first, then powers of deviations), each with compensated addition, so that a
//! million values of large mean lose nothing. A NaN among the values makes every result NaN, as in
//! NumPy, and so does an empty slice; [`Summary::of`] answers `None` instead.

use super::sample::Sample;

/// What a sample looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
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

impl Summary {
    /// Summarizes values; `None` when there are none or one is not finite (see [`Sample::new`]).
    pub fn of(values: &[f64]) -> Option<Summary> {
        Sample::new(values).map(|sample| Summary::of_sample(&sample))
    }

    /// Summarizes a sample that is already sorted.
    pub fn of_sample(sample: &Sample) -> Summary {
        let sorted = sample.sorted();
        let (skewness, excess_kurtosis) = shape(sorted);
        Summary {
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

    /// Upper less lower quartile.
    pub fn interquartile_range(&self) -> f64 {
        self.upper_quartile - self.lower_quartile
    }
}

/// Arithmetic mean; NaN when empty.
pub fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let first_pass = compensated_sum(values.iter().copied()) / n;
    first_pass + compensated_sum(values.iter().map(|value| value - first_pass)) / n
}

/// Unbiased standard deviation √(Σ(xᵢ − x̄)²/(n−1)); NaN for fewer than two values.
pub fn std_dev(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let n = values.len() as f64;
    (central_moment(values, mean(values), 2) * n / (n - 1.0)).sqrt()
}

/// Skewness m₃/m₂^{3/2} of the biased central moments mₖ = Σ(xᵢ − x̄)ᵏ/n.
///
/// NaN when m₂ is zero or no larger than rounding of the mean explains.
pub fn skewness(values: &[f64]) -> f64 {
    shape(values).0
}

/// Excess kurtosis m₄/m₂² − 3 of the biased central moments; NaN as for [`skewness`].
pub fn excess_kurtosis(values: &[f64]) -> f64 {
    shape(values).1
}

/// Median: the middle value, or the mean of the middle two; NaN when empty.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Quantile with linear interpolation at position q(n−1) of the sorted values (Hyndman and Fan's
/// type 7, NumPy's default); NaN when empty or unless 0 ≤ q ≤ 1.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile_of_sorted(&sorted, q)
}

/// [`quantile`] of values that are already ascending.
pub(super) fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    if sorted.is_empty() || !(0.0..=1.0).contains(&q) {
        return f64::NAN;
    }
    let last = sorted.len() - 1;
    let position = q * last as f64;
    let below = (position.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let fraction = position - below as f64;
    let (low, high) = (sorted[below], sorted[above]);
    // From the nearer end, so that the result never leaves [low, high].
    if low == high {
        low
    } else if fraction < 0.5 {
        low + (high - low) * fraction
    } else {
        high - (high - low) * (1.0 - fraction)
    }
}

/// Biased central moment Σ(xᵢ − `mean`)ᵏ/n of order k = `order`.
pub(super) fn central_moment(values: &[f64], mean: f64, order: i32) -> f64 {
    let powers = values.iter().map(|value| (value - mean).powi(order));
    compensated_sum(powers) / values.len() as f64
}

fn shape(values: &[f64]) -> (f64, f64) {
    let mean = mean(values);
    let second = central_moment(values, mean, 2);
    // Deviations this small are the rounding error of the values themselves.
    let rounding = (f64::EPSILON * mean).powi(2);
    if second.is_nan() || second <= rounding {
        return (f64::NAN, f64::NAN);
    }
    let third = central_moment(values, mean, 3);
    let fourth = central_moment(values, mean, 4);
    (third / second.powf(1.5), fourth / (second * second) - 3.0)
}

/// Sum with Neumaier's compensation: the error is one rounding, whatever the number of terms.
pub(super) fn compensated_sum(terms: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for term in terms {
        let next = sum + term;
        lost += if sum.abs() >= term.abs() {
            (sum - next) + term
        } else {
            (term - next) + sum
        };
        sum = next;
    }
    // An overflowed sum leaves NaN in the compensation; the sum itself tells more.
    if lost.is_finite() { sum + lost } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::goldens::{assert_relative, column, named_samples, number};

    #[test]
    fn every_sample_is_summarized_as_scipy_does() {
        for (name, values, golden) in named_samples() {
            let summary = Summary::of(&values).unwrap();
            let check = |got: f64, key: &str| {
                let what = format!("{name} {key}");
                assert_relative(got, number(&golden, key), 1e-10, &what);
            };
            check(summary.mean, "mean");
            check(summary.std_dev, "std");
            check(summary.skewness, "skewness");
            check(summary.excess_kurtosis, "excess_kurtosis");
            check(summary.median, "median");
            check(summary.interquartile_range(), "iqr");
            check(mean(&values), "mean");
            check(std_dev(&values), "std");
            check(skewness(&values), "skewness");
            check(excess_kurtosis(&values), "excess_kurtosis");
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
        let difference = excess_kurtosis(&shifted) - excess_kurtosis(&plain);
        assert!(difference.abs() < 1e-8, "{difference}");
    }

    #[test]
    fn missing_answers_are_nan_or_none() {
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[1.0, f64::NAN]), None);
        assert!(mean(&[]).is_nan() && median(&[]).is_nan() && std_dev(&[1.0]).is_nan());
        assert!(mean(&[1.0, f64::NAN]).is_nan() && median(&[1.0, f64::NAN]).is_nan());
        assert!(quantile(&[1.0], 1.1).is_nan() && quantile(&[1.0], f64::NAN).is_nan());
        assert!(skewness(&[0.1; 10]).is_nan() && excess_kurtosis(&[0.1; 10]).is_nan());
        assert!(!mean(&[f64::INFINITY, 1.0]).is_finite());
    }

    #[test]
    fn one_value_is_its_own_quantiles() {
        let summary = Summary::of(&[4.5]).unwrap();
        assert_eq!((summary.min, summary.median, summary.max), (4.5, 4.5, 4.5));
        assert_eq!(summary.interquartile_range(), 0.0);
        assert!(summary.std_dev.is_nan());
    }
}
