//! The constants behind a slope that is trained.

use tch::Tensor;

use crate::moments::{self, Activation};

/// First and second moments of the positive and of the negative part of M, the largest of k independent N(0,1)
/// values: what a trained slope's constants are made of. k is 1 without a pool, or with `pool` = `plain`.
pub struct Halves {
    positive: (f64, f64),
    negative: (f64, f64),
}

impl Halves {
    /// Of the largest of so many.
    pub fn of(positions: usize) -> Halves {
        let positive = moments::max_pool_moments(Activation::Relu, positions);
        let whole = moments::max_pool_moments(Activation::Identity, positions);
        Halves {
            positive: (positive.mean, positive.second),
            negative: (whole.mean - positive.mean, whole.second - positive.second),
        }
    }

    /// m and s of max f(zᵢ) for PReLU's trained slopes a: m = E M⁺ + a·E M⁻, s² = E M⁺² + a²·E M⁻² − m², which is
    /// (1−a)/√(2π) and (1+a²)/2 − m² for k = 1. Differentiable. For k > 1 it holds where a ≥ 0, that is, where f
    /// never falls.
    pub fn constants(&self, slope: &Tensor) -> (Tensor, Tensor) {
        let mean: Tensor = slope * self.negative.0 + self.positive.0;
        let second: Tensor = slope.square() * self.negative.1 + self.positive.1;
        let std = (second - mean.square()).sqrt();
        (mean, std)
    }
}
