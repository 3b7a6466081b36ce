//! Moments of activations under a Gaussian input, and of any function by quadrature.

use super::activation::{Activation, KNOTS, SELU_ALPHA, SELU_SCALE};
use super::{Moments, closed, gaussian_expectation};

/// Moments of any function of x ~ N(`mean`, `std`²) by adaptive quadrature, to about 1e-13; `std` = 0 is
/// the point mass at `mean`, and the sign of `std` does not matter.
pub fn moments_of(
    value: impl Fn(f64) -> f64,
    derivative: impl Fn(f64) -> f64,
    mean: f64,
    std: f64,
) -> Moments {
    let expectation = |g: &dyn Fn(f64) -> f64| gaussian_expectation(g, mean, std.abs(), KNOTS);
    let average = expectation(&value);
    Moments::from_parts(
        average,
        expectation(&|x| (value(x) - average).powi(2)),
        expectation(&|x| derivative(x).powi(2)),
    )
}

/// Moments of `activation` under z ~ N(0, 1).
pub fn moments(activation: Activation) -> Moments {
    match activation {
        Activation::Gelu => closed::standard_gelu(),
        _ => moments_at(activation, 0.0, 1.0),
    }
}

/// Moments of `activation` under x ~ N(`mean`, `std`²); `std` = 0 is the point mass at `mean`, and the
/// sign of `std` does not matter. Closed forms for the piecewise linear and the exponential linear
/// activations, quadrature for the rest.
pub fn moments_at(activation: Activation, mean: f64, std: f64) -> Moments {
    let std = std.abs();
    if std == 0.0 {
        let slope = activation.derivative(mean);
        return Moments::from_parts(activation.value(mean), 0.0, slope * slope);
    }
    match activation {
        Activation::Relu => closed::piecewise_linear(0.0, mean, std),
        Activation::LeakyRelu { slope } | Activation::Prelu { slope } => {
            closed::piecewise_linear(slope, mean, std)
        }
        Activation::Identity => closed::piecewise_linear(1.0, mean, std),
        Activation::Elu { alpha } => closed::exponential_linear(1.0, alpha, mean, std),
        Activation::Selu => closed::exponential_linear(SELU_SCALE, SELU_ALPHA, mean, std),
        Activation::Gelu => closed::gelu(mean, std),
        Activation::Silu | Activation::Tanh | Activation::Sigmoid | Activation::Softplus => {
            let value = |x| activation.value(x);
            moments_of(value, |x| activation.derivative(x), mean, std)
        }
    }
}
