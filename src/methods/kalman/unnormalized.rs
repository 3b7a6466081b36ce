//! Blocks of residual networks that have no normalization: they carry the estimate on.

use anyhow::Result;
use tch::Tensor;

use super::estimate::{Belief, group_moments, grouped};
use crate::nn::{Block, Builder, CarryingLayer, Layer, Pass, Signal, init};

/// A convolution in front of a sum, or an activation behind one. Where nothing is estimated of what it receives, as of
/// the data, it estimates its output from the batch.
pub struct EstimateCarrier {
    layer: CarryingLayer,
    belief: Belief,
}

impl EstimateCarrier {
    /// The layer of `block`.
    pub fn build(block: &Block, belief: Belief, builder: &mut Builder) -> Result<Box<dyn Layer>> {
        let weight = init::he(&builder.direction(), block.op.fan_in());
        let layer = CarryingLayer::build(block, weight, builder)?;
        Ok(Box::new(EstimateCarrier { layer, belief }))
    }
}

impl Layer for EstimateCarrier {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        self.layer.pre_activation(input, pass)
    }

    fn post_activation(&self, pre: Tensor, pass: &Pass) -> Signal {
        let output = self.layer.post_activation(pre, pass);
        if output.estimate.is_some() || !pass.training() {
            return output;
        }
        let size = output.x.size();
        let observed = group_moments(&grouped(&output.x, self.belief.groups(size[0])));
        let estimate = self.belief.of(&observed, &size, pass);
        output.with_estimate(estimate)
    }
}
