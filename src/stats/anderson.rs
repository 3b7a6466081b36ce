//! Anderson-Darling test of normality with fitted mean and spread (T. W. Anderson and
//! D. A. Darling, 1954).

use super::moments::compensated_sum;
use super::special::{normal_log_cdf, normal_log_sf};
use super::{Sample, TestResult};

/// A² = −n − (1/n) Σᵢ (2i − 1)(ln Φ(zᵢ) + ln(1 − Φ(z_{n+1−i}))) over standardized ascending zᵢ.
///
/// Logarithms of both tails are computed as such, so that outliers at 50 standard deviations still
/// count. The p-value is that of R. B. D'Agostino and M. A. Stephens (1986, table 4.9) for
/// A²(1 + 0.75/n + 2.25/n²), meant for n ≥ 8; above 13 it is below 10⁻³⁰ and given as 0. `None` for
/// fewer than three values or no spread.
pub fn anderson_darling(sample: &Sample) -> Option<TestResult> {
    let n = sample.n();
    if n < 3 {
        return None;
    }
    let z = sample.standardized()?;
    let count = n as f64;
    // Each term less its share of −n keeps the sum near A² itself, not near a million.
    let ends = z.iter().zip(z.iter().rev()).enumerate();
    let terms = ends.map(|(i, (low, high))| {
        let weight = (2 * i + 1) as f64 / count;
        -weight * (normal_log_cdf(*low) + normal_log_sf(*high)) - 1.0
    });
    let statistic = compensated_sum(terms);
    let adjusted = statistic * (1.0 + 0.75 / count + 2.25 / (count * count));
    Some(TestResult {
        statistic,
        p_value: p_value(adjusted),
    })
}

fn p_value(a: f64) -> f64 {
    let square = a * a;
    if a < 0.2 {
        -(-13.436 + 101.14 * a - 223.73 * square).exp_m1()
    } else if a < 0.34 {
        -(-8.318 + 42.796 * a - 59.938 * square).exp_m1()
    } else if a < 0.6 {
        (0.9177 - 4.279 * a - 1.38 * square).exp()
    } else if a <= 13.0 {
        (1.2937 - 5.709 * a + 0.0186 * square).exp()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::goldens::{assert_relative, named_samples, normal_like, number, section};

    #[test]
    fn every_sample_is_tested_as_scipy_and_statsmodels_do() {
        for (name, values, golden) in named_samples() {
            let got = anderson_darling(&Sample::new(values).unwrap()).unwrap();
            assert_relative(got.statistic, number(&golden, "anderson"), 1e-8, &name);
            assert_relative(got.p_value, number(&golden, "anderson_p"), 1e-6, &name);
        }
    }

    #[test]
    fn a_million_values_are_tested() {
        let golden = section("million");
        let values: Vec<f64> = (0..1_000_000).map(|i| normal_like(i, 9)).collect();
        let got = anderson_darling(&Sample::new(values).unwrap()).unwrap();
        assert_relative(got.statistic, number(&golden, "anderson"), 1e-6, "A²");
        assert_relative(got.p_value, number(&golden, "anderson_p"), 1e-6, "p");
    }

    #[test]
    fn an_extreme_outlier_stays_finite() {
        let mut values: Vec<f64> = (0..5000).map(|i| normal_like(i, 2)).collect();
        values.push(1e4);
        let got = anderson_darling(&Sample::new(values).unwrap()).unwrap();
        assert!(got.statistic > 1000.0 && got.statistic.is_finite());
        assert_eq!(got.p_value, 0.0);
    }

    #[test]
    fn few_or_equal_values_have_no_test() {
        assert_eq!(anderson_darling(&Sample::new([1.0, 2.0]).unwrap()), None);
        assert_eq!(anderson_darling(&Sample::new([1.0; 20]).unwrap()), None);
    }
}
