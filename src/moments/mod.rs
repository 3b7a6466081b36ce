//! Mean, variance and Jacobian factor of activations and pools under a Gaussian input: closed forms where
//! they exist, quadrature elsewhere. No tensors here.
//!
//! Normalization Propagation (Arpit, Zhou, Kota, Govindaraju, 2016, arXiv:1603.01431) rests on these
//! numbers: a pre-activation z ~ N(0, 1) leaves the activation f with mean E f(z) and standard deviation
//! √Var f(z), so (f(z) − E f)/√Var f is standardized again, whatever the batch.

mod activation;
mod closed;
mod gaussian_max;
mod half_normal;
mod notation;
mod pool;
mod quadrature;
mod recurrent;

pub mod gaussian;

#[cfg(test)]
mod goldens;

pub use activation::{Activation, SELU_ALPHA, SELU_SCALE};
pub use gaussian_max::{clark_max, max_moments, max_pool_moments};
pub use half_normal::{extreme_bound_constant, half_normal_top_mean};
pub use pool::{average_pool_gain, average_pool_variance, dropout_gain, dropout_moments};
pub use quadrature::{Rule, gauss_hermite, gauss_legendre, gaussian_expectation, integrate};
pub use recurrent::{CellConstants, GateDeviation, cell_constants};

/// Where the activations of this module have kinks, bend, or become straight lines to double precision;
/// panels of the quadrature end there, so that a bend much narrower than the Gaussian is not stepped over.
const KNOTS: &[f64] = &[-32.0, -8.0, -2.0, 0.0, 2.0, 8.0, 32.0];

/// Moments of y = f(x) and of f′(x) for a Gaussian x.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Moments {
    /// E f(x).
    pub mean: f64,
    /// E f(x)².
    pub second: f64,
    /// E f′(x).
    pub mean_derivative: f64,
    /// E f′(x)².
    pub second_derivative: f64,
    variance: f64,
}

impl Moments {
    /// Keeps the variance beside the second moment, from which it could not be recovered once the mean
    /// is large.
    fn from_parts(mean: f64, variance: f64, mean_derivative: f64, second_derivative: f64) -> Self {
        // A NaN must stay one, which `max` would not let it.
        let variance = if variance < 0.0 { 0.0 } else { variance };
        Moments {
            mean,
            second: variance + mean * mean,
            mean_derivative,
            second_derivative,
            variance,
        }
    }

    /// Var f(x) = E f² − (E f)², never negative.
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// √Var f(x).
    pub fn std(&self) -> f64 {
        self.variance.sqrt()
    }

    /// J = E f′²/Var f: the mean squared singular value of the Jacobian of x ↦ f(Wx)/√Var f for
    /// unit-norm rows of W. 1.4669 for ReLU under N(0, 1). Infinite or NaN when f(x) is constant.
    pub fn jacobian(&self) -> f64 {
        self.second_derivative / self.variance
    }

    /// √J, the factor by which gradients grow per layer: 1.2111738960 for ReLU under N(0, 1), the "1.21"
    /// of Normalization Propagation.
    pub fn jacobian_root(&self) -> f64 {
        self.jacobian().sqrt()
    }

    /// The same after inverted dropout that keeps a value with probability `keep` ∈ (0, 1] and divides
    /// it by `keep`: mean as before, E f² and E f′² divided by `keep`.
    pub fn after_dropout(&self, keep: f64) -> Moments {
        let variance = self.variance + self.second * (1.0 / keep - 1.0);
        let second_derivative = self.second_derivative / keep;
        Self::from_parts(self.mean, variance, self.mean_derivative, second_derivative)
    }
}

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
        expectation(&derivative),
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
        return Moments::from_parts(activation.value(mean), 0.0, slope, slope * slope);
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

/// χ = d/dq E[((f(√q z) − E f)/√Var f)²] at q = 1, the slope of the variance map of standardized layers:
/// below 1 a deviation from unit variance dies out with depth, above 1 it grows. By differentiation under
/// the integral χ = E[z f′(z) (f(z) − E f)]/Var f. Exactly 1 for positively homogeneous f.
pub fn variance_map_slope(activation: Activation) -> f64 {
    variance_map_slope_of(|z| activation.value(z), |z| activation.derivative(z))
}

/// [`variance_map_slope`] of any function.
pub fn variance_map_slope_of(value: impl Fn(f64) -> f64, derivative: impl Fn(f64) -> f64) -> f64 {
    let expectation = |g: &dyn Fn(f64) -> f64| gaussian_expectation(g, 0.0, 1.0, KNOTS);
    let mean = expectation(&value);
    let variance = expectation(&|z| (value(z) - mean).powi(2));
    expectation(&|z| z * derivative(z) * (value(z) - mean)) / variance
}
