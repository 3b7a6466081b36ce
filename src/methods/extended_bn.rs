//! Extended batch normalization (Luo, Zhan, Wang, Gao, 2020, arXiv:2003.05569): a mean for each channel, and one
//! variance for all of them, which has many values also in a small batch.
//!
//! y = f(γ·(a − μ_c)/√(s² + ε) + β), μ_c over the images and positions of a channel, s² over all channels too.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::descriptor::{Descriptor, Paper};
use crate::nn::statistics::{AVERAGE_MOMENTUM, EPS, channel_means};
use crate::nn::{
    Affine, Block, Builder, Layer, LinearOp, Normalization, NormalizedLayer, Pass, RunningMoments,
};
use crate::options::{OptionSpec, Options};

/// What `extended-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "extended-bn",
    aliases: &["ebn", "extended-batch-norm"],
    summary: "batch normalization with one variance for all channels of a layer",
    formula: "y = f(γ·(a − μ_c)/√(s² + ε) + β),  μ_c of a channel, s² of the whole layer, over the batch, a = W·x",
    paper: Paper {
        authors: "Luo, Zhan, Wang, Gao",
        title: "Extended Batch Normalization",
        venue: "2020, arXiv:2003.05569",
    },
    row_scale_invariant: false,
    options: &[
        OptionSpec::choice("center", &["channel", "layer"]).help(
            "what s² is the mean squared distance from: each channel's mean, or that of the layer",
        ),
        EPS,
        AVERAGE_MOMENTUM,
    ],
    departures: &[
        "Only the paper's beginning was readable: whether s² is taken around the means of channels or that of the layer is not said there; the former is ours.",
        "Running averages of mean and biased variance, as those of bn but for the correction (ours).",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.1,
    build,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        let (channels, momentum) = (block.op.outputs(), options.number("average_momentum"));
        Ok(ExtendedNorm {
            op: block.op,
            running: RunningMoments::build(channels, 1, momentum, builder)?,
            affine: Affine::build(block, builder)?,
            around_layer: options.choice("center") == "layer",
            eps: options.number("eps"),
        })
    })
}

struct ExtendedNorm {
    op: LinearOp,
    running: RunningMoments,
    affine: Affine,
    around_layer: bool,
    eps: f64,
}

impl ExtendedNorm {
    /// μ_c and s² of a batch.
    fn moments(&self, linear: &Tensor) -> (Tensor, Tensor) {
        let mean = channel_means(linear);
        let spread = match self.around_layer {
            true => linear.var(false),
            false => (linear - self.op.per_channel(&mean))
                .square()
                .mean(None::<Kind>),
        };
        (mean, spread.view([1]))
    }
}

impl Normalization for ExtendedNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let (mean, variance) = self.running.of(pass, 1.0, || self.moments(linear));
        let centered = linear - self.op.per_channel(&mean);
        self.affine
            .apply(&(centered * (variance + self.eps).rsqrt()))
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        let (mean, variance) = self.running.averages();
        let factor = &self.affine.gamma * (variance + self.eps).rsqrt();
        Some(self.affine.centered_map(mean, factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;

    #[test]
    fn golden_layers_forward_backward_and_averages() {
        let around_layer = "center = \"layer\"";
        for (options, case) in [
            ("", "extended_bn"),
            (around_layer, "extended_bn_layer"),
            ("", "extended_bn_units"),
        ] {
            conformance::assert_golden_layer("extended-bn", options, Activation::Identity, case);
        }
    }

    #[test]
    fn its_variance_is_the_mean_of_the_channels_variances() {
        let op = LinearOp::Dense {
            inputs: 5,
            outputs: 7,
        };
        let net = conformance::single("extended-bn", "eps = 0.0", op);
        let x = conformance::gaussian(&[20, 5], 1);
        let y = conformance::pre_activation(&net, &x);
        let variances = y.var_dim([0].as_slice(), false, false);
        assert!((variances.mean(Kind::Double).double_value(&[]) - 1.0).abs() < 1e-12);
        assert!((&variances - 1.0).abs().max().double_value(&[]) > 0.1);
        let one = LinearOp::Dense {
            inputs: 5,
            outputs: 1,
        };
        let of =
            |method: &str| conformance::pre_activation(&conformance::single(method, "", one), &x);
        assert!(conformance::gap(&of("extended-bn"), &of("bn")) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("extended-bn", &["center = \"layer\""]);
    }
}
