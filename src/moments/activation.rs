//! Activation functions as functions of one f64: values and derivatives.

use super::gaussian::{cumulative, density};

/// λ of SELU (Klambauer, Unterthiner, Mayr, Hochreiter, 2017, arXiv:1706.02515).
pub const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

/// α of SELU (same source): with λ it makes mean 0, variance 1 a fixed point.
pub const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

/// Where the activations have kinks, bend, or become straight lines to double precision;
/// panels of the quadrature end there, so that a bend much narrower than the Gaussian is not stepped over.
pub(super) const KNOTS: &[f64] = &[-32.0, -8.0, -2.0, 0.0, 2.0, 8.0, 32.0];

/// An activation function by its name in the field; what depends on tensors lives elsewhere.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x for x > 0, slope · x otherwise, with a fixed slope.
    LeakyRelu {
        /// Slope on the negative side.
        slope: f64,
    },
    /// Leaky ReLU whose slope is learned (He, Zhang, Ren, Sun, 2015, arXiv:1502.01852).
    Prelu {
        /// Slope on the negative side before the first step.
        slope: f64,
    },
    /// x for x > 0, α(eˣ − 1) otherwise (Clevert, Unterthiner, Hochreiter, 2015, arXiv:1511.07289).
    Elu {
        /// Minus the limit at −∞.
        alpha: f64,
    },
    /// λ · ELU with α = 1.6733, λ = 1.0507 (Klambauer et al., 2017, arXiv:1706.02515).
    Selu,
    /// x Φ(x), the exact form (Hendrycks, Gimpel, 2016, arXiv:1606.08415).
    Gelu,
    /// x σ(x), also called swish (Elfwing, Uchibe, Doya, 2017, arXiv:1702.03118).
    Silu,
    /// Hyperbolic tangent.
    Tanh,
    /// σ(x) = 1/(1 + e⁻ˣ).
    Sigmoid,
    /// ln(1 + eˣ).
    Softplus,
    /// x.
    Identity,
}

/// σ(x) = 1/(1 + e⁻ˣ), without overflow.
fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

impl Activation {
    /// f(x).
    pub fn value(self, x: f64) -> f64 {
        match self {
            Activation::Relu => x.max(0.0),
            Activation::LeakyRelu { slope } | Activation::Prelu { slope } => {
                if x > 0.0 {
                    x
                } else {
                    slope * x
                }
            }
            Activation::Elu { alpha } => exponential_linear(alpha, x),
            Activation::Selu => SELU_SCALE * exponential_linear(SELU_ALPHA, x),
            Activation::Gelu => x * cumulative(x),
            Activation::Silu => x * logistic(x),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => logistic(x),
            Activation::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Activation::Identity => x,
        }
    }

    /// f′(x); at a kink the derivative from the left, as PyTorch's backward passes take it.
    pub fn derivative(self, x: f64) -> f64 {
        match self {
            Activation::Relu => f64::from(x > 0.0),
            Activation::LeakyRelu { slope } | Activation::Prelu { slope } => {
                if x > 0.0 {
                    1.0
                } else {
                    slope
                }
            }
            Activation::Elu { alpha } => exponential_linear_derivative(alpha, x),
            Activation::Selu => SELU_SCALE * exponential_linear_derivative(SELU_ALPHA, x),
            Activation::Gelu => cumulative(x) + x * density(x),
            Activation::Silu => logistic(x) * (1.0 + x * logistic(-x)),
            Activation::Tanh => 4.0 * logistic(2.0 * x) * logistic(-2.0 * x),
            Activation::Sigmoid => logistic(x) * logistic(-x),
            Activation::Softplus => logistic(x),
            Activation::Identity => 1.0,
        }
    }

    /// Whether f(c·x) = c·f(x) for c > 0.
    pub fn is_homogeneous(self) -> bool {
        matches!(
            self,
            Activation::Relu
                | Activation::LeakyRelu { .. }
                | Activation::Prelu { .. }
                | Activation::Identity
        )
    }

    /// Whether f never decreases; then pooling by maximum before or after f gives the same.
    pub fn is_monotone(self) -> bool {
        match self {
            Activation::LeakyRelu { slope } | Activation::Prelu { slope } => slope >= 0.0,
            Activation::Elu { alpha } => alpha >= 0.0,
            Activation::Gelu | Activation::Silu => false,
            Activation::Relu
            | Activation::Selu
            | Activation::Tanh
            | Activation::Sigmoid
            | Activation::Softplus
            | Activation::Identity => true,
        }
    }
}

fn exponential_linear(alpha: f64, x: f64) -> f64 {
    if x > 0.0 { x } else { alpha * x.exp_m1() }
}

fn exponential_linear_derivative(alpha: f64, x: f64) -> f64 {
    if x > 0.0 { 1.0 } else { alpha * x.exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Activation> {
        Activation::ALL.to_vec()
    }

    #[test]
    fn derivatives_match_finite_differences() {
        let step = 1e-5;
        for activation in all() {
            for x in [-9.0, -3.3, -1.2, -0.4, -1e-3, 1e-3, 0.6, 1.7, 5.0, 12.0] {
                let rise = activation.value(x + step) - activation.value(x - step);
                let slope = rise / (2.0 * step);
                let exact = activation.derivative(x);
                assert!(
                    (slope - exact).abs() < 2e-9,
                    "{activation} at {x}: {slope} {exact}"
                );
            }
        }
    }

    #[test]
    fn values_at_known_points_and_derivatives_at_kinks() {
        // SELU of row 1 of the golden input (PyTorch 2.13.0, float64).
        for (x, y) in [(1.0, 1.050700987), (2.0, 2.101401975), (-1.0, -1.111330738)] {
            assert!((Activation::Selu.value(x) - y).abs() < 1e-9);
        }
        assert!((Activation::Softplus.value(0.0) - std::f64::consts::LN_2).abs() < 1e-15);
        assert!((Activation::Silu.value(1.0) - 0.7310585786300049).abs() < 1e-15);
        assert!((Activation::Gelu.value(1.0) - 0.8413447460685429).abs() < 1e-15);
        assert_eq!(Activation::Relu.derivative(0.0), 0.0);
        assert_eq!(Activation::LeakyRelu { slope: 0.2 }.derivative(0.0), 0.2);
        assert_eq!(Activation::Elu { alpha: 0.5 }.derivative(0.0), 0.5);
    }

    #[test]
    fn extreme_arguments_stay_finite() {
        for activation in all() {
            for x in [-1e4, -745.0, 745.0, 1e4] {
                assert!(activation.value(x).is_finite(), "{activation} at {x}");
                assert!(activation.derivative(x).is_finite(), "{activation} at {x}");
            }
        }
    }

    #[test]
    fn monotone_means_never_falling_on_a_grid() {
        let extra = [
            Activation::LeakyRelu { slope: -0.5 },
            Activation::Elu { alpha: -0.5 },
            Activation::Prelu { slope: 2.0 },
        ];
        for activation in all().into_iter().chain(extra) {
            let grid = (-600..600).map(|i| activation.value(f64::from(i) * 0.01));
            let values: Vec<f64> = grid.collect();
            let falls = values.windows(2).any(|pair| pair[1] < pair[0] - 1e-15);
            assert_eq!(activation.is_monotone(), !falls, "{activation}");
            let scales =
                |x: f64| (activation.value(3.0 * x) - 3.0 * activation.value(x)).abs() < 1e-12;
            let all_scale = (-600..600).all(|i| scales(f64::from(i) * 0.01));
            assert_eq!(activation.is_homogeneous(), all_scale, "{activation}");
        }
    }
}
