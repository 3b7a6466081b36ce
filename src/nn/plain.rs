//! A linear operation, then activation and pool: the layer without a method.

use anyhow::Result;
use tch::Tensor;

use super::{Block, Builder, Layer, Reparametrization, ReparametrizedLayer, init};

/// Weights as they are trained, started by He's rule.
struct PlainWeight(Tensor);

impl Reparametrization for PlainWeight {
    fn kernel(&self) -> Tensor {
        self.0.shallow_clone()
    }
}

/// The layer y = pool(f(W·x + b)) of `block`, W started by He's rule, b at 0.
///
/// Also the last layer of methods that leave the logits alone.
pub fn build(block: &Block, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let weight = init::he(&builder.direction(), block.op.fan_in());
    build_from(block, weight, builder)
}

/// The same with W started at `weight`.
pub fn build_from(block: &Block, weight: Tensor, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    ReparametrizedLayer::build(block, builder, |builder| {
        Ok(PlainWeight(builder.weight("weight", weight)?))
    })
}

/// What methods that normalize pre-activations make of a block where they do not: the logits as above, an activation
/// alone, and before the sum of a residual unit y = W·x with W started at `weight`.
pub fn build_unnormalized(
    block: &Block,
    weight: Tensor,
    builder: &mut Builder,
) -> Result<Box<dyn Layer>> {
    if block.last {
        return build(block, builder);
    }
    ReparametrizedLayer::without_bias(block, builder, |builder| {
        Ok(PlainWeight(builder.weight("weight", weight)?))
    })
}
