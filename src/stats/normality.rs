//! What the tests of normality share: their result, and quantile-quantile points.

use super::sample::Sample;
use super::special::normal_quantile;

/// A test statistic with its p-value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestResult {
    /// The statistic, as its test defines it.
    pub statistic: f64,
    /// Probability of a statistic at least this extreme if the hypothesis holds.
    pub p_value: f64,
}

/// Points (theoretical, sample) of a normal quantile-quantile plot: Φ⁻¹((i − ½)/n) against the i-th
/// smallest value, in ascending order.
///
/// At most `points` of them, evenly spaced by rank and including both extremes (the middle one
/// alone for a single point). Values are not standardized: a normal sample lies on the line of
/// intercept mean and slope standard deviation.
pub fn normal_qq(sample: &Sample, points: usize) -> Vec<(f64, f64)> {
    let sorted = sample.sorted();
    let (n, points) = (sorted.len(), points.min(sorted.len()));
    let rank = |k: usize| match points {
        1 => (n - 1) / 2,
        // Rounded in whole numbers; 128 bits hold the product of any two lengths.
        _ => {
            ((2 * k as u128 * (n as u128 - 1) + (points as u128 - 1)) / (2 * (points as u128 - 1)))
                as usize
        }
    };
    (0..points)
        .map(rank)
        .map(|i| (normal_quantile((i as f64 + 0.5) / n as f64), sorted[i]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_normal_lie_on_its_line() {
        let n = 1001;
        let values: Vec<f64> = (0..n)
            .map(|i| 2.0 + 3.0 * normal_quantile((f64::from(i) + 0.5) / f64::from(n)))
            .collect();
        let points = normal_qq(&Sample::new(values).unwrap(), 50);
        assert_eq!(points.len(), 50);
        assert!(
            points
                .iter()
                .all(|(x, y)| (2.0 + 3.0 * x - y).abs() < 1e-12)
        );
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn thinning_keeps_the_extremes() {
        let sample = Sample::new([5.0, 1.0, 4.0, 2.0, 3.0]).unwrap();
        let values = |points| -> Vec<f64> {
            normal_qq(&sample, points)
                .into_iter()
                .map(|point| point.1)
                .collect()
        };
        assert_eq!(values(0), Vec::<f64>::new());
        assert_eq!(values(1), [3.0]);
        assert_eq!(values(2), [1.0, 5.0]);
        assert_eq!(values(3), [1.0, 3.0, 5.0]);
        assert_eq!(values(99), [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!((normal_qq(&sample, 2)[0].0 - normal_quantile(0.1)).abs() < 1e-15);
    }
}
