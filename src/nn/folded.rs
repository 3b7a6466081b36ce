//! What a block computes in evaluation, as one plain linear operation.

use tch::Tensor;

use super::{ActivationPool, LinearOp};

/// A block in evaluation: y = (pool(f(W·x + b)) + offset)·scale.
#[derive(Debug)]
pub struct Folded {
    /// W, of the block's weight shape.
    pub weight: Tensor,
    /// b, `[outputs]`.
    pub bias: Tensor,
    /// f and the pool.
    pub activation_pool: ActivationPool,
    /// Added behind the pool.
    pub offset: f64,
    /// Multiplies the sum.
    pub scale: f64,
}

impl Folded {
    /// A block with nothing behind the pool.
    pub fn plain(weight: Tensor, bias: Tensor, activation_pool: &ActivationPool) -> Folded {
        Folded {
            weight,
            bias,
            activation_pool: activation_pool.shallow_clone(),
            offset: 0.0,
            scale: 1.0,
        }
    }

    /// A block whose linear operation has no bias and is followed by a ↦ factor·a + shift, channel by channel.
    pub fn affine(
        op: &LinearOp,
        weight: &Tensor,
        map: (Tensor, Tensor),
        activation_pool: &ActivationPool,
    ) -> Folded {
        let (factor, shift) = map;
        Folded::plain(weight * op.per_row(&factor), shift, activation_pool)
    }
}
