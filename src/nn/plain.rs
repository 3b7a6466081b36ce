//! A linear operation with a bias, then activation and pool: the layer without a method.

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
    ReparametrizedLayer::build(block, builder, |builder| {
        let weight = init::he(&builder.direction(), block.op.fan_in());
        Ok(PlainWeight(builder.weight("weight", weight)?))
    })
}
