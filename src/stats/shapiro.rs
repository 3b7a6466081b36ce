//! Shapiro-Wilk test of normality (S. S. Shapiro and M. B. Wilk, 1965) by P. Royston's
//! approximation (Applied Statistics 44, 1995, algorithm AS R94).

use super::moments::compensated_sum;
use super::special::{normal_quantile, normal_sf};
use super::{Sample, TestResult};

/// Largest sample the approximation was made for.
pub const SHAPIRO_MAX_N: usize = 5000;

/// Corrections of the two outermost weights: polynomials in 1/√n, constant term first.
const OUTERMOST: [f64; 6] = [0.0, 0.221157, -0.147981, -2.07119, 4.434685, -2.706056];
const SECOND: [f64; 6] = [0.0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633];
/// Mean and ln of the spread of the transformed 1 − W: in n up to 11, in ln n beyond.
const SMALL_MEAN: [f64; 4] = [0.544, -0.39978, 0.025054, -6.714e-4];
const SMALL_LN_SPREAD: [f64; 4] = [1.3822, -0.77857, 0.062767, -0.0020322];
const LARGE_MEAN: [f64; 4] = [-1.5861, -0.31082, -0.083751, 0.0038915];
const LARGE_LN_SPREAD: [f64; 3] = [-0.4803, -0.082676, 0.0030302];

/// W = (Σ aᵢx₍ᵢ₎)² / Σ(xᵢ − x̄)², near 1 for a normal sample, and its p-value (small W is evidence
/// against normality).
///
/// `None` for fewer than 3 or more than [`SHAPIRO_MAX_N`] values, or without spread. Thin a larger
/// sample first, or use [`super::anderson_darling`].
pub fn shapiro_wilk(sample: &Sample) -> Option<TestResult> {
    let n = sample.n();
    if !(3..=SHAPIRO_MAX_N).contains(&n) {
        return None;
    }
    let shortfall = shortfall(&sample.standardized()?);
    let statistic = 1.0 - shortfall;
    let p_value = match n {
        3 => {
            let exact =
                6.0 / std::f64::consts::PI * (statistic.sqrt().asin() - 0.75_f64.sqrt().asin());
            exact.clamp(0.0, 1.0)
        }
        _ => p_value(shortfall, n as f64),
    };
    Some(TestResult { statistic, p_value })
}

/// 1 − W, formed without subtracting W from 1.
fn shortfall(ascending: &[f64]) -> f64 {
    let half = half_weights(ascending.len());
    let n = ascending.len();
    let weight = |i: usize| match i.cmp(&(n - 1 - i)) {
        std::cmp::Ordering::Less => -half[i],
        std::cmp::Ordering::Equal => 0.0,
        std::cmp::Ordering::Greater => half[n - 1 - i],
    };
    let weight_square = compensated_sum((0..n).map(|i| weight(i).powi(2)));
    let value_square = compensated_sum(ascending.iter().map(|x| x * x));
    let product = compensated_sum(ascending.iter().enumerate().map(|(i, x)| weight(i) * x));
    let scale = (weight_square * value_square).sqrt();
    ((scale - product) * (scale + product) / (scale * scale)).max(0.0)
}

/// Weights of the upper half of the order statistics, outermost first, all positive.
///
/// They follow the normal scores mᵢ = Φ⁻¹((i − 3/8)/(n + 1/4)), the outermost one (two from n = 6)
/// corrected by polynomials, the rest scaled to keep Σa² = 1.
fn half_weights(n: usize) -> Vec<f64> {
    if n == 3 {
        return vec![std::f64::consts::FRAC_1_SQRT_2];
    }
    let scores: Vec<f64> = (1..=n / 2)
        .map(|i| -normal_quantile((i as f64 - 0.375) / (n as f64 + 0.25)))
        .collect();
    let square_sum = 2.0 * compensated_sum(scores.iter().map(|score| score * score));
    let root = (n as f64).sqrt().recip();
    let corrected = if n > 5 { 2 } else { 1 };
    let corrections = scores.iter().zip(&[OUTERMOST, SECOND][..corrected]);
    let mut weights: Vec<f64> = corrections
        .map(|(score, correction)| score / square_sum.sqrt() + polynomial(correction, root))
        .collect();
    let square = |values: &[f64]| 2.0 * values.iter().map(|v| v * v).sum::<f64>();
    let score_rest = square_sum - square(&scores[..corrected]);
    let factor = (score_rest / (1.0 - square(&weights))).sqrt();
    weights.extend(scores[corrected..].iter().map(|score| score / factor));
    weights
}

/// Upper normal tail of the transformed 1 − W, for n ≥ 4.
fn p_value(shortfall: f64, n: f64) -> f64 {
    let ln_shortfall = shortfall.ln();
    if n > 11.0 {
        let (mean, ln_spread) = (&LARGE_MEAN, &LARGE_LN_SPREAD);
        let x = n.ln();
        return normal_sf((ln_shortfall - polynomial(mean, x)) / polynomial(ln_spread, x).exp());
    }
    let limit = 0.459 * n - 2.273;
    if ln_shortfall >= limit {
        return 0.0;
    }
    let transformed = -(limit - ln_shortfall).ln();
    let (mean, ln_spread) = (&SMALL_MEAN, &SMALL_LN_SPREAD);
    normal_sf((transformed - polynomial(mean, n)) / polynomial(ln_spread, n).exp())
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    let highest_first = coefficients.iter().rev();
    highest_first.fold(0.0, |value, coefficient| value * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::goldens::{assert_relative, column, named_samples, number, rows};

    #[test]
    fn every_sample_is_tested_as_scipy_does() {
        let mut seen = 0;
        for (name, values, golden) in named_samples() {
            let Some(got) = shapiro_wilk(&Sample::new(values).unwrap()) else {
                continue;
            };
            assert_relative(got.statistic, number(&golden, "shapiro"), 1e-8, &name);
            assert_relative(got.p_value, number(&golden, "shapiro_p"), 1e-6, &name);
            seen += 1;
        }
        assert!(seen >= 6);
    }

    #[test]
    fn small_samples_agree_with_scipy() {
        for row in rows("shapiro_small") {
            let values = column(&row, "values");
            let what = format!("n = {}", values.len());
            let got = shapiro_wilk(&Sample::new(values).unwrap()).unwrap();
            assert_relative(got.statistic, number(&row, "w"), 1e-8, &what);
            assert_relative(got.p_value, number(&row, "p"), 1e-6, &what);
        }
    }

    #[test]
    fn the_weights_have_unit_length() {
        for n in [3, 4, 5, 6, 11, 12, 100, 5000] {
            let square: f64 = half_weights(n).iter().map(|a| 2.0 * a * a).sum();
            assert_relative(square, 1.0, 1e-12, &format!("n = {n}"));
        }
    }

    #[test]
    fn sizes_outside_the_range_and_equal_values_have_no_test() {
        let ramp = |n: usize| Sample::new((0..n).map(|i| i as f64).collect::<Vec<_>>()).unwrap();
        assert_eq!(shapiro_wilk(&ramp(2)), None);
        assert_eq!(shapiro_wilk(&ramp(SHAPIRO_MAX_N + 1)), None);
        assert!(shapiro_wilk(&ramp(SHAPIRO_MAX_N)).is_some());
        assert_eq!(shapiro_wilk(&Sample::new([7.0; 10]).unwrap()), None);
    }
}
