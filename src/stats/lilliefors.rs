//! Kolmogorov-Smirnov distance from the fitted normal (H. W. Lilliefors, 1967).

use super::kolmogorov::normal_distance;
use super::{Sample, TestResult};

/// Above this p-value the formula of Dallal and Wilkinson no longer holds.
const FORMULA_MAX_P: f64 = 0.1;

/// Up to this [`modified_statistic`] the table decides whatever the formula says.
const TABLE_DECIDES_UP_TO: f64 = 0.66;

/// Fewest values that have a p-value.
const FEWEST_WITH_P: usize = 6;

/// P(Z ≥ z) > 0.1 at the z of [`knot`], from six million simulated samples of size 100
/// (scripts/goldens/lilliefors_table.py); z is [`modified_statistic`].
const LILLIEFORS_TABLE: [f64; 30] = [
    1.0, 0.9999, 0.9997, 0.9987, 0.9963, 0.9913, 0.9825, 0.9681, 0.9473, 0.9192, 0.8840, 0.8420,
    0.7942, 0.7419, 0.6864, 0.6294, 0.5720, 0.5154, 0.4606, 0.4084, 0.3596, 0.3146, 0.2734, 0.2359,
    0.2023, 0.1724, 0.1461, 0.1231, 0.1031, 0.0859,
];

/// Place `i` of the table, z = 0.26, 0.28, …
fn knot(i: usize) -> f64 {
    (26 + 2 * i) as f64 / 100.0
}

/// Test of normality with mean and spread taken from the sample (divisor n − 1).
///
/// The p-value is an approximation, within 4 % of simulated ones where 0.005 ≤ p and n ≥ 10 (8 %
/// at 0.001; 0.03 in all for fewer values); for fewer than six values it is NaN, because the approximation
/// is up to 0.06 off there. Up to 0.1 it is the formula of G. E. Dallal and
/// L. Wilkinson (1986), which holds for 5 ≤ n ≤ 100; a larger n is mapped to the statistic that is as
/// unlikely at n = 100, because their own extension by a power of n is wrong by a factor of two at
/// a million values. Above 0.1 it is interpolated in a simulated table. `None` for fewer than four
/// values or no spread.
pub fn lilliefors(sample: &Sample) -> Option<TestResult> {
    if sample.n() < 4 {
        return None;
    }
    let statistic = normal_distance(&sample.standardized()?);
    let p_value = match sample.n() {
        ..FEWEST_WITH_P => f64::NAN,
        n => p_value(statistic, n as f64),
    };
    Some(TestResult { statistic, p_value })
}

fn p_value(statistic: f64, n: f64) -> f64 {
    let z = modified_statistic(statistic, n);
    let formula = if n <= 100.0 {
        dallal_wilkinson(statistic, n)
    } else {
        dallal_wilkinson(z / modified_statistic(1.0, 100.0), 100.0)
    };
    // The formula's parabola turns over far below the smallest possible statistic's z; there the
    // table decides as well.
    if formula <= FORMULA_MAX_P && z > TABLE_DECIDES_UP_TO {
        formula
    } else {
        interpolate(z).max(FORMULA_MAX_P)
    }
}

/// M. A. Stephens' (1974) D(√n − 0.01 + 0.85/√n), whose distribution hardly depends on n up to
/// 100; beyond, less the drift 0.012(1 − 10/√n) that simulations to n = 10⁴ show at all quantiles.
fn modified_statistic(d: f64, n: f64) -> f64 {
    let root = n.sqrt();
    let drift = if n > 100.0 {
        0.012 * (1.0 - 10.0 / root)
    } else {
        0.0
    };
    d * (root - 0.01 + 0.85 / root) - drift
}

/// The formula of Dallal and Wilkinson (The American Statistician 40, 1986) for p ≤ 0.1, n ≤ 100.
fn dallal_wilkinson(d: f64, n: f64) -> f64 {
    let shifted = n + 2.78019;
    (-7.01256 * d * d * shifted + 2.99587 * d * shifted.sqrt() - 0.122119
        + 0.974598 / n.sqrt()
        + 1.67997 / n)
        .exp()
}

fn interpolate(z: f64) -> f64 {
    let last = LILLIEFORS_TABLE.len() - 1;
    let above = (0..=last).take_while(|&i| knot(i) <= z).count();
    let (low, high) = (above.saturating_sub(1), above.min(last));
    let (p_low, p_high) = (LILLIEFORS_TABLE[low], LILLIEFORS_TABLE[high]);
    if high > low {
        p_low + (p_high - p_low) * (z - knot(low)) / (knot(high) - knot(low))
    } else {
        p_low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::goldens::{assert_relative, named_samples, normal_like, number, rows};

    #[test]
    fn every_sample_has_the_statistic_of_statsmodels() {
        for (name, values, golden) in named_samples() {
            let got = lilliefors(&Sample::new(values).unwrap()).unwrap();
            assert_relative(got.statistic, number(&golden, "lilliefors"), 1e-9, &name);
        }
    }

    #[test]
    fn small_p_values_are_those_of_the_published_formula() {
        let mut seen = 0;
        for row in rows("lilliefors_approx") {
            let (d, n) = (number(&row, "d"), number(&row, "n"));
            assert_relative(p_value(d, n), number(&row, "p"), 1e-9, &format!("{d} {n}"));
            seen += 1;
        }
        assert!(seen >= 6);
    }

    #[test]
    fn other_p_values_are_near_the_simulated_table_of_statsmodels() {
        for row in rows("lilliefors_table") {
            let (d, n, p) = (number(&row, "d"), number(&row, "n"), number(&row, "p"));
            let tolerance = if n < 10.0 { 0.03 } else { 0.001 + 0.04 * p };
            let got = p_value(d, n);
            assert!(
                (got - p).abs() < tolerance,
                "d = {d}, n = {n}: {got} against {p}"
            );
        }
    }

    #[test]
    fn p_values_hold_at_ten_thousand_values() {
        // Simulated quantiles of D(√n − 0.01 + 0.85/√n): scripts/goldens/lilliefors_table.py.
        let n = 10_000.0_f64;
        let scale = n.sqrt() - 0.01 + 0.85 / n.sqrt();
        for (z, p) in [
            (0.4629, 0.9),
            (0.6167, 0.5),
            (0.8347, 0.1),
            (0.9078, 0.05),
            (1.0559, 0.01),
        ] {
            let got = p_value(z / scale, n);
            assert!((got / p - 1.0).abs() < 0.05, "z = {z}: {got} against {p}");
        }
    }

    #[test]
    fn p_values_of_six_and_eight_values_are_the_simulated_ones() {
        // Upper quantiles of the statistic of 400,000 samples each.
        let simulated = [
            (6.0, [0.16383, 0.19860, 0.21876, 0.24963, 0.32341, 0.37100]),
            (8.0, [0.14341, 0.17739, 0.19462, 0.22092, 0.28796, 0.33298]),
        ];
        for (n, statistics) in simulated {
            for (d, p) in statistics
                .into_iter()
                .zip([0.9, 0.65, 0.5, 0.3, 0.05, 0.01])
            {
                let got = p_value(d, n);
                assert!(
                    (got - p).abs() < 0.02,
                    "n = {n}, d = {d}: {got} against {p}"
                );
            }
        }
    }

    #[test]
    fn p_values_fall_with_the_statistic() {
        for n in [4.0, 30.0, 100.0, 101.0, 1e6_f64] {
            let p: Vec<f64> = (0..200)
                .map(|i| p_value(f64::from(i) * 0.02 / n.sqrt(), n))
                .collect();
            assert!(
                p.windows(2).all(|pair| pair[1] <= pair[0]),
                "n = {n}: {p:?}"
            );
            assert_eq!((p[0], p[199] < 1e-3), (1.0, true));
        }
    }

    #[test]
    fn normal_values_pass_and_few_or_equal_ones_have_no_test() {
        let values: Vec<f64> = (0..20_000).map(|i| 3.0 + 2.0 * normal_like(i, 4)).collect();
        assert!(lilliefors(&Sample::new(values).unwrap()).unwrap().p_value > 0.05);
        assert_eq!(lilliefors(&Sample::new([1.0, 2.0, 3.0]).unwrap()), None);
        for n in [4, 5, 6] {
            let few: Vec<f64> = (0..n).map(|i| normal_like(i, 4)).collect();
            let test = lilliefors(&Sample::new(few).unwrap()).unwrap();
            assert_eq!((test.statistic > 0.0, test.p_value.is_nan()), (true, n < 6));
        }
        assert_eq!(lilliefors(&Sample::new([1.0; 50]).unwrap()), None);
    }
}
