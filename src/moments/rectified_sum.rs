//! Moments behind a residual unit that rectifies its sum.
//!
//! x₀ = (f(z) − m)/s with f = ReLU, z ~ N(0,1), and unit k hands on x_k = (f(u_k) − m_k)/s_k with
//! u_k = (x_{k−1} + g)/√2, g ~ N(0,1) independent of x_{k−1}: m_k = E f(u_k), s_k² = Var f(u_k). A sum of something
//! rectified and something Gaussian is not Gaussian, so that m and s of N(0,1) do not hold; the numbers here do. That
//! branch and stream are independent and the branch's end Gaussian holds for random weights.

use std::f64::consts::SQRT_2;
use std::num::NonZeroUsize;
use std::sync::LazyLock;

use gauss_quad::GaussLegendre;

use super::gaussian::{cumulative, density};
use super::{Activation, moments};

/// Points on [0, REACH], where u's density is followed.
const POINTS: NonZeroUsize = NonZeroUsize::new(240).unwrap();
/// Beyond it the density is below 1e-13.
const REACH: f64 = 24.0;
/// Units after which the numbers change by less than 2e-5 a unit.
const UNITS: usize = 64;

/// m_k and s_k, k from 1.
static CONSTANTS: LazyLock<Vec<(f64, f64)>> = LazyLock::new(constants);

/// (m_k, s_k) behind `sums` units in a row; those of a rectified Gaussian behind none.
pub fn rectified_sum(sums: usize) -> (f64, f64) {
    let plain = moments(Activation::Relu);
    match sums.min(UNITS) {
        0 => (plain.mean, plain.std()),
        sums => CONSTANTS[sums - 1],
    }
}

/// Follows the density of u_k on the positive half line; f maps the other half to one point.
fn constants() -> Vec<(f64, f64)> {
    let rule = GaussLegendre::new(POINTS);
    let half = REACH / 2.0;
    let pairs = rule.as_node_weight_pairs().iter();
    let grid: Vec<(f64, f64)> = pairs
        .map(|&(node, weight)| ((node + 1.0) * half, weight * half))
        .collect();
    let mut densities: Vec<f64> = grid.iter().map(|&(u, _)| density(u)).collect();
    let (mut mean, mut std) = rectified_sum(0);
    let mut at_zero = 0.5;
    (0..UNITS)
        .map(|_| {
            // x is −mean/std with probability `at_zero`, else (w − mean)/std with w from the density so far.
            let mass = |x: f64, u: f64| SQRT_2 * density(SQRT_2 * u - x);
            let next: Vec<f64> = grid
                .iter()
                .map(|&(u, _)| {
                    let spread = grid.iter().zip(&densities);
                    let spread =
                        spread.map(|(&(w, weight), d)| weight * d * mass((w - mean) / std, u));
                    at_zero * mass(-mean / std, u) + spread.sum::<f64>()
                })
                .collect();
            let below = |x: f64| cumulative(-x);
            let spread = grid.iter().zip(&densities);
            at_zero = at_zero * below(-mean / std)
                + spread
                    .map(|(&(w, weight), d)| weight * d * below((w - mean) / std))
                    .sum::<f64>();
            densities = next;
            let moment = |power: i32| -> f64 {
                let values = grid.iter().zip(&densities);
                values
                    .map(|(&(u, weight), d)| weight * d * u.powi(power))
                    .sum()
            };
            mean = moment(1);
            std = (moment(2) - mean * mean).sqrt();
            (mean, std)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, StandardNormal};
    use tch::{Kind, Tensor};

    use crate::streams::{Purpose, stream};

    fn standard_normal(shape: &[i64], source: &mut rand_chacha::ChaCha8Rng) -> Tensor {
        let values: Vec<f64> = (0..shape[0])
            .map(|_| StandardNormal.sample(source))
            .collect();
        Tensor::from_slice(&values)
    }

    /// The first by Simpson's rule on 20,000 points over the distribution of x₀.
    #[test]
    fn the_first_unit_has_the_constants_of_the_integral() {
        let (mean, std) = rectified_sum(1);
        assert!((mean - 0.39130608440832276).abs() < 1e-12, "{mean}");
        assert!((std - 0.6521297028676414).abs() < 1e-12, "{std}");
    }

    #[test]
    fn constants_are_those_of_draws_that_go_through_the_units() {
        let mut source = stream(1, Purpose::Probe, 0);
        let count = 400_000;
        let mut normal = || standard_normal(&[count], &mut source);
        let (m, s) = rectified_sum(0);
        let mut x = (normal().relu() - m) / s;
        for sums in 1..=12 {
            let active = ((x + normal()) / SQRT_2).relu();
            let (mean, std) = rectified_sum(sums);
            let gap = (active.mean(Kind::Double).double_value(&[]) - mean).abs();
            assert!(gap < 5.0 / (count as f64).sqrt(), "{sums}: {gap}");
            let gap = (active.std(false).double_value(&[]) - std).abs();
            assert!(gap < 10.0 / (count as f64).sqrt(), "{sums}: {gap}");
            x = (active - mean) / std;
        }
    }

    #[test]
    fn constants_converge() {
        assert_eq!(rectified_sum(500), rectified_sum(UNITS));
        let (last, before) = (rectified_sum(UNITS), rectified_sum(UNITS - 1));
        assert!((last.0 - before.0).abs() < 2e-5 && (last.1 - before.1).abs() < 2e-5);
    }
}
