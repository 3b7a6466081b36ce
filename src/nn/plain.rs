//! A linear operation with a bias, then activation and pool: the layer without a method.

use anyhow::Result;
use tch::Tensor;

use super::block::Block;
use super::fold::Folded;
use super::init;
use super::layer::{Builder, Layer, Pass, Signal, Tail};

/// y = pool(f(W·x + b)), W started by He's rule, b at 0.
///
/// Also the last layer of methods that leave the logits alone.
pub struct PlainLayer {
    block: Block,
    weight: Tensor,
    bias: Tensor,
    tail: Tail,
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
            tail: Tail::build(block, builder)?,
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
        Signal::plain(self.tail.apply(pre))
    }

    fn fold(&self) -> Option<Folded> {
        Some(Folded::plain(
            self.weight.shallow_clone(),
            self.bias.shallow_clone(),
            &self.tail,
        ))
    }
}
