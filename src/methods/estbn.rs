//! Estimated batch statistics (Qiao, Wang, Liu, Shen, Yuille, 2019, arXiv:1903.10520): batch normalization that divides by
//! its running averages in training too, so that a batch may hold one image.
//!
//! With running μ and v of a channel and speed s, each training batch: v_B = mean (a − μ)² around the old μ, then
//! μ ← (1 − s)·μ + s·mean a, v ← (1 − s)·v + s·v_B, and y = f(γ·(a − μ)/√(v + ε) + β) with the new ones. No gradient flows
//! through them. With `channel_norm` a group normalization follows: batch-channel normalization for small batches.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::descriptor::{Descriptor, Paper};
use super::{ActsOn, BatchSizeOne};
use crate::nn::channel_norm::ChannelNorm;
use crate::nn::groups::GROUPS;
use crate::nn::statistics::{EPS, batch_axes, channel_means, update_average};
use crate::nn::{Affine, Block, Builder, Layer, LinearOp, Normalization, NormalizedLayer, Pass};
use crate::options::{OptionSpec, Options};

/// What `estbn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "estbn",
    aliases: &["estimated-batch-norm"],
    summary: "batch normalization by running averages in training too, without gradient through them",
    formula: "y = f(γ·(a − μ)/√(v + ε) + β),  μ, v running averages that hold the batch already, a = W·x",
    paper: Paper {
        authors: "Qiao, Wang, Liu, Shen, Yuille",
        title: "Micro-Batch Training with Batch-Channel Normalization and Weight Standardization",
        venue: "2019, arXiv:1903.10520",
    },
    acts_on: &[ActsOn::PreActivation],
    uses_batch_statistics: true,
    train_equals_eval: false,
    exact_gradient: false,
    batch_size_one_conv: BatchSizeOne::Degenerates,
    batch_size_one_fc: BatchSizeOne::Degenerates,
    extra_parameters: "γ, β",
    options: &[
        OptionSpec::number("moving_speed", 0.1, 0.0, 1.0)
            .help("s, the weight of the newest batch in the running averages"),
        OptionSpec::flag("channel_norm", false)
            .help("group normalization behind it: batch-channel normalization for small batches"),
        GROUPS.help("groups of channel_norm; 0 chooses as group-norm does"),
        EPS,
    ],
    departures: &[
        "The authors' code has no default for s (it starts at 0, where nothing is averaged): 0.1 is ours.",
        "In the paper it is the first half of batch-channel normalization, which is channel_norm = true, in networks with standardized weights.",
        "Degenerates at one image only in that training moves the averages that evaluation takes.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.1,
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        let (channels, eps) = (block.op.outputs(), options.number("eps"));
        let groups = options.count("groups");
        Ok(EstimatedNorm {
            op: block.op,
            affine: Affine::build(block, builder)?,
            running_mean: builder.buffer("running_mean", builder.filled(channels, 0.0))?,
            running_var: builder.buffer("running_var", builder.filled(channels, 1.0))?,
            channels: match options.flag("channel_norm") {
                true => Some(ChannelNorm::build(groups, eps, block, builder)?),
                false => None,
            },
            speed: options.number("moving_speed"),
            eps,
        })
    })
}

struct EstimatedNorm {
    op: LinearOp,
    affine: Affine,
    running_mean: Tensor,
    running_var: Tensor,
    channels: Option<ChannelNorm>,
    speed: f64,
    eps: f64,
}

impl EstimatedNorm {
    /// Takes a batch into the averages.
    fn track(&self, linear: &Tensor) {
        let linear = linear.detach();
        let off = &linear - self.op.per_channel(&self.running_mean);
        let spread = off
            .square()
            .mean_dim(batch_axes(&linear).as_slice(), false, None::<Kind>);
        update_average(&self.running_mean, &channel_means(&linear), self.speed);
        update_average(&self.running_var, &spread, self.speed);
    }

    /// Factor and shift of each channel.
    fn map(&self) -> (Tensor, Tensor) {
        let factor = &self.affine.gamma * (&self.running_var + self.eps).rsqrt();
        self.affine.centered_map(&self.running_mean, factor)
    }
}

impl Normalization for EstimatedNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        if pass.training() {
            self.track(linear);
        }
        let (factor, shift) = self.map();
        let (factor, shift) = (self.op.per_channel(&factor), self.op.per_channel(&shift));
        let normalized = shift.addcmul(linear, &factor);
        match &self.channels {
            Some(channels) => channels.apply(&normalized),
            None => normalized,
        }
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        self.channels.is_none().then(|| self.map())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;

    #[test]
    fn golden_layers_forward_backward_and_averages() {
        let check = conformance::assert_golden_layer;
        check("estbn", "", Activation::Identity, "estbn");
        let options = "channel_norm = true\ngroups = 2";
        check("estbn", options, Activation::Identity, "estbn_channels");
    }

    #[test]
    fn with_speed_one_and_a_mean_of_zero_it_is_batch_normalization() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 3,
        };
        let net = conformance::single("estbn", "moving_speed = 1.0", op);
        let x = conformance::gaussian(&[20, 7], 1);
        let x = &x - x.mean_dim([0].as_slice(), true, None::<Kind>);
        let linear = x.matmul(&net.parameters.get("layer.weight").unwrap().tr());
        let none = None::<Tensor>;
        let normalized = linear.batch_norm(none.as_ref(), None, None, None, true, 0.1, 1e-5, false);
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &normalized) < 1e-12);
    }
}
