//! Closed forms of the moments of activations under x ~ N(μ, σ²), σ > 0.
//!
//! Notation: u = μ/σ, φ and Φ the standard normal density and distribution function, M Mills' ratio.
//! Every variance is arranged so that nothing large cancels on either side of u = 0.

use std::f64::consts::PI;

use super::activation::{Activation, KNOTS};
use super::gaussian::{cumulative, density, mills_ratio};
use super::{Moments, gaussian_expectation};

/// Mean and variance of max(x, 0): μΦ(u) + σφ(u) and
/// σ²[(u² + 1)Φ(u) + uφ(u) − (uΦ(u) + φ(u))²].
fn rectified(mean: f64, std: f64) -> (f64, f64) {
    let u = mean / std;
    let (phi, upper, lower) = (density(u), cumulative(u), cumulative(-u));
    let unit_mean = u * upper + phi;
    let unit_variance = if u > 0.0 {
        // With t = E max(−x, 0)/σ, the missing lower half: Var = 1 − E max(−x, 0)²/σ² − 2ut − t².
        let t = phi - u * lower;
        1.0 - ((u * u + 1.0) * lower - u * phi) - 2.0 * u * t - t * t
    } else {
        (u * u + 1.0) * upper + u * phi - unit_mean * unit_mean
    };
    (std * unit_mean.max(0.0), std * std * unit_variance.max(0.0))
}

/// x for x > 0, a·x otherwise: ReLU (a = 0), leaky ReLU, PReLU.
///
/// Var f = a²σ² + 2a(1−a)σ²Φ(u) + (1−a)² Var max(x, 0); formulas 22-24 of Shekhovtsov & Flach's
/// feed-forward propagation rules, E f′² = a² + (1−a²)Φ(u).
pub(super) fn piecewise_linear(slope: f64, mean: f64, std: f64) -> Moments {
    let (positive_mean, positive_variance) = rectified(mean, std);
    let (rest, above) = (1.0 - slope, cumulative(mean / std));
    let variance =
        std * std * (slope * slope + 2.0 * slope * rest * above) + rest * rest * positive_variance;
    Moments::from_parts(
        slope * mean + rest * positive_mean,
        variance,
        slope * slope + (1.0 - slope * slope) * above,
    )
}

/// E[e^{nx}; x < 0] = e^{nμ + n²σ²/2} Φ(−(μ + nσ²)/σ) = φ(u) M(u + nσ): the second form cannot overflow
/// where the first would multiply a huge number by a tiny one.
fn lower_exponential(power: f64, mean: f64, std: f64) -> f64 {
    let (u, shift) = (mean / std, power * std);
    if u + shift > 0.0 {
        density(u) * mills_ratio(u + shift)
    } else {
        (power * mean + 0.5 * shift * shift).exp() * cumulative(-u - shift)
    }
}

/// λx for x > 0, λα(eˣ − 1) otherwise: ELU (λ = 1) and SELU (Klambauer et al., 2017, arXiv:1706.02515,
/// appendix, where the same expectations appear).
///
/// With e₁ = E[eˣ; x<0], e₂ = E[e²ˣ; x<0], p₀ = Φ(−u): E f = λ(E max(x,0) + α(e₁ − p₀)),
/// E f′² = λ²(Φ(u) + α²e₂), and
/// Var f = λ²(Var max(x,0) + α² Var min(eˣ,1) + 2α E max(x,0) (p₀ − e₁)).
pub(super) fn exponential_linear(scale: f64, alpha: f64, mean: f64, std: f64) -> Moments {
    let u = mean / std;
    let (positive_mean, positive_variance) = rectified(mean, std);
    let (above, below) = (cumulative(u), cumulative(-u));
    let lower = |power| lower_exponential(power, mean, std);
    let (first, second) = (lower(1.0), lower(2.0));
    let deficit = below - first;
    let clipped_variance = if u > 0.0 {
        second - 2.0 * first + below - deficit * deficit
    } else {
        second + above - (first + above).powi(2)
    };
    let variance = positive_variance
        + alpha * alpha * clipped_variance.max(0.0)
        + 2.0 * alpha * positive_mean * deficit;
    Moments::from_parts(
        scale * (positive_mean - alpha * deficit),
        scale * scale * variance,
        scale * scale * (above + alpha * alpha * second),
    )
}

/// GELU under N(0, 1): E f = 1/(2√π), E f² = 1/3 + 1/(2√3π), E f′² = 1/3 + 2/(3√3π).
pub(super) fn standard_gelu() -> Moments {
    let mean = 0.5 / PI.sqrt();
    let root = 3.0_f64.sqrt() * PI;
    let second = 1.0 / 3.0 + 0.5 / root;
    let second_derivative = 1.0 / 3.0 + 2.0 / (3.0 * root);
    Moments::from_parts(mean, second - mean * mean, second_derivative)
}

/// GELU under N(μ, σ²): with τ = √(1 + σ²) and w = μ/τ, E f = μΦ(w) + σ²φ(w)/τ. The second moments have no
/// elementary form and are integrated.
pub(super) fn gelu(mean: f64, std: f64) -> Moments {
    let tau = std.hypot(1.0);
    let w = mean / tau;
    let average = mean * cumulative(w) + std * (std / tau) * density(w);
    let f = Activation::Gelu;
    let variance = gaussian_expectation(|x| (f.value(x) - average).powi(2), mean, std, KNOTS);
    let slope_square = gaussian_expectation(|x| f.derivative(x).powi(2), mean, std, KNOTS);
    Moments::from_parts(average, variance, slope_square)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::moments_of;

    fn assert_same(closed: Moments, f: Activation, mean: f64, std: f64) {
        let other = moments_of(|x| f.value(x), |x| f.derivative(x), mean, std);
        let pairs = [
            (closed.mean, other.mean),
            (closed.second, other.second),
            (closed.variance(), other.variance()),
            (closed.second_derivative, other.second_derivative),
        ];
        for (index, (got, want)) in pairs.into_iter().enumerate() {
            // An integral of values of size |f| near a zero mean keeps their rounding.
            let rounding = if index == 0 {
                1e-14 * std.min(1.0)
            } else {
                1e-100
            };
            let allowed = 1e-9 * want.abs() + rounding;
            assert!(
                (got - want).abs() <= allowed,
                "{f} at N({mean}, {std}²), part {index}: {got:e} {want:e}"
            );
        }
    }

    #[test]
    fn closed_forms_match_quadrature_over_means_and_deviations() {
        for mean in [-6.0, -2.0, -0.3, 0.0, 0.1, 1.0, 5.0] {
            for std in [0.01, 0.2, 0.8, 1.0, 1.3, 7.0, 60.0] {
                for slope in [0.0, 0.01, 0.25, 1.0, 1.5, -0.4] {
                    let f = Activation::LeakyRelu { slope };
                    assert_same(piecewise_linear(slope, mean, std), f, mean, std);
                }
                for alpha in [0.0, 0.5, 1.0, 2.0, -0.7] {
                    let f = Activation::Elu { alpha };
                    assert_same(exponential_linear(1.0, alpha, mean, std), f, mean, std);
                }
                let (scale, alpha) = (super::super::SELU_SCALE, super::super::SELU_ALPHA);
                let selu = exponential_linear(scale, alpha, mean, std);
                assert_same(selu, Activation::Selu, mean, std);
                assert_same(gelu(mean, std), Activation::Gelu, mean, std);
            }
        }
        assert_same(standard_gelu(), Activation::Gelu, 0.0, 1.0);
    }

    #[test]
    fn far_tails_and_wide_distributions_stay_finite_and_sensible() {
        for mean in [-1e6, -50.0, 50.0, 1e6] {
            for std in [1e-3, 1.0, 1e3] {
                let relu = piecewise_linear(0.0, mean, std);
                let elu = exponential_linear(1.0, 1.0, mean, std);
                for m in [relu, elu] {
                    assert!(m.mean.is_finite() && m.second >= 0.0 && m.variance() >= 0.0);
                    assert!(m.variance() <= std * std * (1.0 + 1e-9), "{mean} {std}");
                }
            }
        }
        let linear = exponential_linear(1.0, 1.0, 1e6, 1e-3);
        assert!((linear.std() / 1e-3 - 1.0).abs() < 1e-9);
        let flat = exponential_linear(1.0, 1.0, -10.0, 0.5);
        // On the flat side f + 1 = eˣ is log-normal with this variance.
        let log_normal = (-20.0_f64 + 0.25).exp() * 0.25_f64.exp_m1();
        assert!((flat.variance() / log_normal - 1.0).abs() < 1e-9);
    }
}
