//! Batch-channel normalization of Qiao, Wang, Liu, Shen, Yuille (2019, arXiv:1903.10520): batch normalization with γ and
//! β, then group normalization with a gain and a shift for each group. Not the method of Khaled, Li, Ning and He (2023),
//! which has the same three letters.

use anyhow::Result;
use tch::Tensor;

use super::descriptor::{Descriptor, Paper};
use crate::nn::channel_norm::ChannelNorm;
use crate::nn::groups::GROUPS;
use crate::nn::statistics::{AVERAGE_MOMENTUM, EPS};
use crate::nn::{
    BatchNorm, BatchNormSettings, Block, Builder, Layer, Normalization, NormalizedLayer, Pass,
    Population,
};
use crate::options::Options;

/// What `bcn-qiao` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "bcn-qiao",
    aliases: &["batch-channel-norm-qiao"],
    summary: "batch-channel normalization of Qiao et al.: batch normalization, then group normalization (shares three letters with the method of Khaled et al., and nothing else)",
    formula: "y = f(w_g·GN(γ·(a − μ_B)/√(v_B + ε) + β) + b_g),  a = W·x",
    paper: Paper {
        authors: "Qiao, Wang, Liu, Shen, Yuille",
        title: "Micro-Batch Training with Batch-Channel Normalization and Weight Standardization",
        venue: "2019, arXiv:1903.10520",
    },
    extra_parameters: "γ, β, w and b a group",
    options: &[GROUPS, EPS, AVERAGE_MOMENTUM],
    departures: &[
        "The form for batches of enough images; that for a few is estbn with channel_norm = true.",
        "The paper's networks have standardized weights too; here weights are as they are trained.",
        "Narrow layers have fewer than 32 groups, so that a group holds 8 channels where that divides them.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.1,
    build,
    folds: false,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let settings = BatchNormSettings::of(options, Population::Running);
    NormalizedLayer::build(block, builder, |builder| {
        Ok(BatchChannelNorm {
            batch: BatchNorm::build(block, builder, settings)?,
            channels: ChannelNorm::build(options.count("groups"), settings.eps, block, builder)?,
        })
    })
}

struct BatchChannelNorm {
    batch: BatchNorm,
    channels: ChannelNorm,
}

impl Normalization for BatchChannelNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        self.channels.apply(&self.batch.apply(linear, pass))
    }
}

#[cfg(test)]
mod tests {
    use crate::methods::conformance;
    use crate::moments::Activation;

    #[test]
    fn golden_layer_forward_and_backward() {
        let check = conformance::assert_golden_layer;
        check("bcn-qiao", "groups = 2", Activation::Identity, "bcn_qiao");
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("bcn-qiao", &["groups = 1"]);
    }
}
