//! A linear operation with a bias, then activation and pool: the layer without a method.

use anyhow::Result;
use tch::Tensor;

use super::activation_pool::ActivationPool;
use super::block::Block;
use super::builder::Builder;
use super::folded::Folded;
use super::init;
use super::layer::Layer;
use super::pass::Pass;
use super::signal::Signal;

/// y = pool(f(W·x + b)), W started by He's rule, b at 0.
///
/// Also the last layer of methods that leave the logits alone.
pub struct PlainLayer {
    block: Block,
    weight: Tensor,
    bias: Tensor,
    activation_pool: ActivationPool,
}

impl PlainLayer {
    /// Builds it for `block`, with parameters `weight` and `bias`.
    pub fn build(block: &Block, builder: &mut Builder) -> Result<PlainLayer> {
        let weight = init::he(&builder.direction(), block.op.fan_in());
        let bias = builder.filled(block.op.outputs(), 0.0);
        Ok(PlainLayer {
            block: block.clone(),
            weight: builder.weight("weight", weight)?,
            bias: builder.shift("bias", bias)?,
            activation_pool: ActivationPool::build(block, builder)?,
        })
    }
}

impl Layer for PlainLayer {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        self.block
            .op
            .apply_narrow(&input.value(), &self.weight, Some(&self.bias))
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.activation_pool.apply(pre))
    }

    fn fold(&self) -> Option<Folded> {
        Some(Folded::plain(
            self.weight.shallow_clone(),
            self.bias.shallow_clone(),
            &self.activation_pool,
        ))
    }
}
