//! Where the propagation begins: moments of the data; and blocks that only pass moments on.

use anyhow::Result;
use tch::Tensor;

use crate::nn::statistics::{channel_means, channel_stds};
use crate::nn::{Block, Builder, CarryingLayer, ChannelMoments, Estimate, Layer, Pass, Signal};

/// (μ₀, v₀) of each channel of the data, in the block that sees it; nothing in others.
pub struct DataMoments {
    channels: i64,
    moments: Option<ChannelMoments>,
}

impl DataMoments {
    /// Those of `block`.
    pub fn build(block: &Block, builder: &mut Builder) -> Result<DataMoments> {
        let channels = block.op.inputs();
        let moments = match block.first {
            true => Some(ChannelMoments {
                mean: builder.buffer("input_mean", builder.filled(channels, 0.0))?,
                variance: builder.buffer("input_var", builder.filled(channels, 1.0))?,
            }),
            false => None,
        };
        Ok(DataMoments { channels, moments })
    }

    /// The moments of what a block receives: as estimated, or the data's, or mean 0 and variance 1 in the element type
    /// of `like`.
    pub fn of(&self, input: &Signal, like: &Tensor) -> ChannelMoments {
        match (&input.estimate, &self.moments) {
            (Some(Estimate::Moments(moments)), _) => moments.shallow_clone(),
            (_, Some(data)) => data.shallow_clone(),
            _ => ChannelMoments::standard(self.channels, like),
        }
    }

    /// Takes them from a batch of training images, where the block sees the data.
    pub fn initialize(&self, input: &Signal) {
        let Some(data) = &self.moments else { return };
        let x = input.value();
        data.mean.shallow_clone().copy_(&channel_means(&x));
        data.variance
            .shallow_clone()
            .copy_(&channel_stds(&x).square());
    }
}

/// A block of a residual network without a normalization: its moments are those that its weights and activation make.
pub struct PropagatingLayer {
    layer: CarryingLayer,
    data: DataMoments,
}

impl PropagatingLayer {
    /// The layer of `block`, W started at `weight`.
    pub fn build(block: &Block, weight: Tensor, builder: &mut Builder) -> Result<Box<dyn Layer>> {
        Ok(Box::new(PropagatingLayer {
            data: DataMoments::build(block, builder)?,
            layer: CarryingLayer::build(block, weight, builder)?,
        }))
    }
}

impl Layer for PropagatingLayer {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        let moments = self.data.of(input, &input.x);
        let known = input.shallow_clone();
        self.layer
            .pre_activation(&known.with_estimate(Estimate::Moments(moments)), pass)
    }

    fn post_activation(&self, pre: Tensor, pass: &Pass) -> Signal {
        self.layer.post_activation(pre, pass)
    }

    fn initialize(&self, input: &Signal) {
        self.data.initialize(input);
    }
}
