//! The moments that a layer's constants are made of.

/// Moments of y = f(x) and of f′(x) for a Gaussian x.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Moments {
    /// E f(x).
    pub mean: f64,
    /// E f(x)².
    pub second: f64,
    /// E f′(x)².
    pub second_derivative: f64,
    variance: f64,
}

impl Moments {
    /// Keeps the variance beside the second moment, from which it could not be recovered once the mean
    /// is large.
    pub(super) fn from_parts(mean: f64, variance: f64, second_derivative: f64) -> Self {
        // A NaN must stay one, which `max` would not let it.
        let variance = if variance < 0.0 { 0.0 } else { variance };
        Moments {
            mean,
            second: variance + mean * mean,
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
}
