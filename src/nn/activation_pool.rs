//! The usual end of a block: activation, then pool.

use anyhow::Result;
use tch::Tensor;

use super::{Block, Builder, MaxPool};
use crate::moments::Activation;

/// Activation, then pool.
#[derive(Debug)]
pub struct ActivationPool {
    /// The activation.
    pub activation: Activation,
    /// PReLU's slope, `[channels]`.
    pub slope: Option<Tensor>,
    /// The pool.
    pub pool: Option<MaxPool>,
}

impl ActivationPool {
    /// The end of `block`, with a slope parameter `slope` for PReLU.
    pub fn build(block: &Block, builder: &mut Builder) -> Result<ActivationPool> {
        ActivationPool::build_for(block, block.op.outputs(), builder)
    }

    /// The same for a method that gives the activation another number of channels than the block's outputs.
    pub fn build_for(
        block: &Block,
        channels: i64,
        builder: &mut Builder,
    ) -> Result<ActivationPool> {
        let slope = match block.activation {
            Activation::Prelu { slope } => {
                Some(builder.activation("slope", builder.filled(channels, slope))?)
            }
            _ => None,
        };
        Ok(ActivationPool {
            activation: block.activation,
            slope,
            pool: block.pool,
        })
    }

    /// The same, with a handle to the same slope.
    pub fn shallow_clone(&self) -> ActivationPool {
        ActivationPool {
            activation: self.activation,
            slope: self.slope.as_ref().map(Tensor::shallow_clone),
            pool: self.pool,
        }
    }

    /// pool(f(pre)). Overwrites `pre` where that is safe for the backward pass.
    pub fn apply(&self, pre: Tensor) -> Tensor {
        self.pooled(self.activate(pre))
    }

    /// The same for a tensor that others use too: leaves it as it is.
    pub fn apply_to_shared(&self, pre: &Tensor) -> Tensor {
        self.pooled(match self.activation {
            Activation::Relu => pre.relu(),
            Activation::Tanh => pre.tanh(),
            Activation::Sigmoid => pre.sigmoid(),
            _ => self.activate(pre.shallow_clone()),
        })
    }

    fn pooled(&self, active: Tensor) -> Tensor {
        match &self.pool {
            None => active,
            Some(pool) => pool.apply(&active),
        }
    }

    /// f(pre).
    pub fn activate(&self, mut pre: Tensor) -> Tensor {
        match self.activation {
            Activation::Identity => pre,
            Activation::Relu => pre.relu_(),
            Activation::LeakyRelu { slope } => leaky(&pre, slope),
            Activation::Prelu { slope } => match &self.slope {
                Some(slope) => pre.prelu(&slope.to_kind(pre.kind())),
                None => leaky(&pre, slope),
            },
            Activation::Elu { alpha } => {
                let negative = pre.clamp_max(0.0).expm1() * alpha;
                pre.clamp_min(0.0) + negative
            }
            Activation::Selu => pre.selu(),
            Activation::Gelu => pre.gelu("none"),
            Activation::Silu => pre.silu(),
            Activation::Tanh => pre.tanh_(),
            Activation::Sigmoid => pre.sigmoid_(),
            Activation::Softplus => pre.softplus(),
        }
    }
}

/// x for x > 0, slope·x otherwise, for any slope: the larger of the two is that only up to slope 1.
fn leaky(pre: &Tensor, slope: f64) -> Tensor {
    pre.prelu(&Tensor::full([1], slope, (pre.kind(), pre.device())))
}

#[cfg(test)]
mod tests;
