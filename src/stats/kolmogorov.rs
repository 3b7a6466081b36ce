//! One-sample Kolmogorov-Smirnov tests (A. N. Kolmogorov, 1933).

use super::special::{normal_cdf, normal_sf};
use super::{Sample, TestResult, kolmogorov_survival};

/// Distance sup|Fₙ(x) − Φ(x)| between ascending values and the standard normal N(0, 1).
///
/// Each tail is computed by itself, so that neither is got by subtraction.
pub(super) fn normal_distance(ascending: &[f64]) -> f64 {
    let count = ascending.len() as f64;
    let ranked = ascending.iter().enumerate();
    ranked.fold(0.0, |largest, (i, value)| {
        let rank = i as f64;
        let lower = normal_cdf(*value) - rank / count;
        let upper = normal_sf(*value) - (count - rank - 1.0) / count;
        largest.max(lower).max(upper)
    })
}

/// Test of the sample coming from the standard normal N(0, 1).
///
/// Any sample will do, down to one value.
pub fn kolmogorov_smirnov_standard(sample: &Sample) -> TestResult {
    let statistic = normal_distance(sample.sorted());
    TestResult {
        statistic,
        p_value: kolmogorov_survival(sample.n(), statistic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::goldens::{assert_relative, named_samples, normal_like, number, section};
    use crate::stats::special::normal_quantile;

    #[test]
    fn every_sample_is_tested_as_scipy_does() {
        for (name, values, golden) in named_samples() {
            let sample = Sample::new(values).unwrap();
            let got = kolmogorov_smirnov_standard(&sample);
            assert_relative(got.statistic, number(&golden, "ks"), 1e-10, &name);
            let expected = number(&golden, "ks_p");
            // SciPy's own error for 140 < n: see the distribution's tests.
            let tolerance = if sample.n() <= 140 {
                1e-7 * expected
            } else {
                1e-6
            };
            assert!(
                (got.p_value - expected).abs() <= tolerance,
                "{name}: {}",
                got.p_value
            );
        }
    }

    #[test]
    fn a_million_values_are_tested() {
        let golden = section("million");
        let values: Vec<f64> = (0..1_000_000).map(|i| normal_like(i, 9)).collect();
        let got = kolmogorov_smirnov_standard(&Sample::new(values).unwrap());
        assert_relative(got.statistic, number(&golden, "ks"), 1e-9, "D");
        assert_relative(got.p_value, number(&golden, "ks_p"), 1e-6, "p");
    }

    #[test]
    fn the_distance_is_the_largest_on_both_sides_of_a_step() {
        // Φ = 0.1, 0.4, 0.7: the last step is the largest.
        let values = [0.1, 0.4, 0.7].map(normal_quantile);
        assert_relative(normal_distance(&values), 0.3, 1e-10, "D");
    }

    #[test]
    fn a_constant_is_as_far_as_its_larger_tail() {
        let got = kolmogorov_smirnov_standard(&Sample::new([0.0; 100]).unwrap());
        assert_eq!(got.statistic, 0.5);
        assert!(got.p_value < 1e-20);
    }
}
