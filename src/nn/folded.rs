//! What a block computes in evaluation, as one plain linear operation.

use tch::Tensor;

use super::{ActivationPool, LinearOp};

/// A block in evaluation: y = (pool(f(W·x + b)) + offset)·scale, or without the linear operation.
#[derive(Debug)]
pub struct Folded {
    /// W, of the block's weight shape, and b, `[outputs]`; nothing where f receives what the block does.
    pub linear: Option<(Tensor, Tensor)>,
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
            linear: Some((weight, bias)),
            ..Folded::activation(activation_pool)
        }
    }

    /// Activation and pool alone.
    pub fn activation(activation_pool: &ActivationPool) -> Folded {
        Folded {
            linear: None,
            activation_pool: activation_pool.shallow_clone(),
            offset: 0.0,
            scale: 1.0,
        }
    }

    /// A block whose linear operation has no bias, or which has none, followed by a ↦ factor·a + shift, channel by
    /// channel.
    pub fn affine(
        op: &LinearOp,
        weight: Option<&Tensor>,
        map: (Tensor, Tensor),
        activation_pool: &ActivationPool,
    ) -> Folded {
        let (factor, shift) = map;
        let weight = weight.map_or_else(
            || factor.shallow_clone(),
            |weight| weight * op.per_row(&factor),
        );
        Folded::plain(weight, shift, activation_pool)
    }
}
