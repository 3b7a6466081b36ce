//! A sample made ready for statistics: finite, sorted, with its mean and spread.

use super::moments::{central_moment, mean};

/// Finite values in ascending order, with the mean and the standard deviation of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    sorted: Vec<f64>,
    mean: f64,
    std_dev: f64,
}

impl Sample {
    /// Sorts the values and computes their mean and spread.
    ///
    /// `None` when there are no values, when one of them is NaN or infinite, or when they are so
    /// large (around 10¹⁵⁰) that their squares overflow.
    pub fn new(values: impl Into<Vec<f64>>) -> Option<Sample> {
        let mut sorted: Vec<f64> = values.into();
        if sorted.is_empty() || sorted.iter().any(|value| !value.is_finite()) {
            return None;
        }
        sorted.sort_unstable_by(f64::total_cmp);
        let mean = mean(&sorted);
        let n = sorted.len() as f64;
        let variance = central_moment(&sorted, mean, 2) * n / (n - 1.0);
        let overflowed = !mean.is_finite() || variance.is_infinite();
        (!overflowed).then(|| Sample {
            std_dev: if sorted.first() == sorted.last() && sorted.len() > 1 {
                0.0
            } else {
                variance.sqrt()
            },
            mean,
            sorted,
        })
    }

    /// The values, ascending; never empty.
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// Number of values, at least 1.
    pub fn n(&self) -> usize {
        self.sorted.len()
    }

    /// Arithmetic mean x̄ = Σxᵢ/n.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Unbiased standard deviation √(Σ(xᵢ − x̄)²/(n−1)); exactly 0 when all values are equal, NaN
    /// for one value.
    pub fn std_dev(&self) -> f64 {
        self.std_dev
    }

    /// The smallest value.
    pub fn min(&self) -> f64 {
        self.sorted.first().copied().unwrap_or(f64::NAN)
    }

    /// The largest value.
    pub fn max(&self) -> f64 {
        self.sorted.last().copied().unwrap_or(f64::NAN)
    }

    /// The values as (xᵢ − x̄)/s, ascending; `None` when the spread s is zero or undefined.
    pub fn standardized(&self) -> Option<Vec<f64>> {
        let standardized = |value: &f64| (value - self.mean) / self.std_dev;
        (self.std_dev > 0.0).then(|| self.sorted.iter().map(standardized).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_sorted_and_described() {
        let sample = Sample::new([3.0, -1.0, 2.0, 0.0]).unwrap();
        assert_eq!(sample.sorted(), [-1.0, 0.0, 2.0, 3.0]);
        assert_eq!((sample.n(), sample.min(), sample.max()), (4, -1.0, 3.0));
        assert_eq!(sample.mean(), 1.0);
        assert!((sample.std_dev() - (10.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        let standardized = sample.standardized().unwrap();
        assert!((standardized[0] + 2.0 / sample.std_dev()).abs() < 1e-15);
    }

    #[test]
    fn empty_and_non_finite_values_are_refused() {
        assert_eq!(Sample::new([]), None);
        assert_eq!(Sample::new([1.0, f64::NAN]), None);
        assert_eq!(Sample::new([1.0, f64::NEG_INFINITY]), None);
        assert_eq!(Sample::new([1e200, -1e200]), None);
    }

    #[test]
    fn constant_and_single_values_have_no_standard_form() {
        let constant = Sample::new(vec![0.1; 1000]).unwrap();
        assert_eq!(constant.std_dev(), 0.0);
        assert_eq!(constant.standardized(), None);
        let single = Sample::new([2.5]).unwrap();
        assert!(single.std_dev().is_nan());
        assert_eq!(single.standardized(), None);
    }
}
