//! A linear operation, then activation and pool: the layer without a method.

use anyhow::Result;
use tch::Tensor;

use super::{Block, Builder, Layer, Reparametrization, ReparametrizedLayer, init};

/// Weights as they are trained, started by He's rule.
struct PlainWeight {
    weight: Tensor,
    /// c of the sum that the block ends, where it ends a residual unit.
    sum_factor: f64,
}

impl Reparametrization for PlainWeight {
    fn kernel(&self) -> Tensor {
        self.weight.shallow_clone()
    }

    fn sum_factor(&self) -> f64 {
        self.sum_factor
    }
}

impl PlainWeight {
    /// Registers a weight that starts at `initial`.
    fn build(initial: Tensor, sum_factor: f64, builder: &mut Builder) -> Result<PlainWeight> {
        let weight = builder.weight("weight", initial)?;
        Ok(PlainWeight { weight, sum_factor })
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
        PlainWeight::build(weight, 1.0, builder)
    })
}

/// As [`build`], with c = `sum_factor` in the sum c·(shortcut + branch) of a residual unit.
pub fn build_with_sum_factor(
    block: &Block,
    sum_factor: f64,
    builder: &mut Builder,
) -> Result<Box<dyn Layer>> {
    ReparametrizedLayer::build(block, builder, |builder| {
        let initial = init::he(&builder.direction(), block.op.fan_in());
        PlainWeight::build(initial, sum_factor, builder)
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
        PlainWeight::build(weight, 1.0, builder)
    })
}
