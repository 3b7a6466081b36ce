//! Batch layer normalization (Ziaee, Çano, 2022, arXiv:2209.08898): a mixture of batch normalization and of normalization
//! over the channels of each position, whose weights follow from the size of the batch.
//!
//! With m images in a batch and d channels: y = f(γ·((1/m − δ)·a_f + (1 − 1/m − δ)·a_b)/√d + β), δ = 10⁻⁴. a_f is a
//! standardized over the channels of its own position, a_b over the batch. With one image next to nothing of a_b is left,
//! with many next to nothing of a_f.

use anyhow::Result;
use tch::Tensor;

use super::BatchSizeOne;
use super::descriptor::{Descriptor, Paper};
use crate::nn::statistics::{
    AVERAGE_MOMENTUM, batch_axes, channel_means, unbiasing, values_per_channel,
};
use crate::nn::{
    Affine, Block, Builder, LargestBatch, Layer, LinearOp, Normalization, NormalizedLayer, Pass,
    RunningMoments,
};
use crate::options::{OptionSpec, Options};

/// δ, what both weights lack.
const LACKING: f64 = 1e-4;

/// What `batch-layer-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "batch-layer-norm",
    aliases: &["bln"],
    summary: "normalization over the channels of a position mixed with batch normalization, by the size of the batch",
    formula: "y = f(γ·((1/m − δ)·a_f + (1 − 1/m − δ)·a_b)/√d + β),  δ = 10⁻⁴, m images a batch, d channels, a_f, a_b standardized W·x",
    paper: Paper {
        authors: "Ziaee, Çano",
        title: "Batch Layer Normalization, A new normalization layer for CNNs and RNN",
        venue: "2022, arXiv:2209.08898",
    },
    row_scale_invariant: false,
    batch_size_one_fc: BatchSizeOne::Degenerates,
    options: &[
        OptionSpec::number("eps", 1e-3, 0.0, 1.0).help("ε, added to both variances"),
        AVERAGE_MOMENTUM,
    ],
    departures: &[
        "a_b averages over images and positions of a channel, as bn; the authors' code takes each position for itself.",
        "Evaluation has running averages in a_b and the image's own numbers in a_f; the authors gather sums over an epoch and search among 16 ways to put them together.",
        "m is the largest batch seen in training.",
        "The running variance is unbiased; where a channel has a single value, whose unbiased variance does not exist, it is 0.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.4,
    build,
    folds: false,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        let (channels, momentum) = (block.op.outputs(), options.number("average_momentum"));
        Ok(BatchLayerNorm {
            op: block.op,
            batch: LargestBatch::build(builder)?,
            running: RunningMoments::build(channels, channels, momentum, builder)?,
            affine: Affine::build(block, builder)?,
            eps: options.number("eps"),
        })
    })
}

struct BatchLayerNorm {
    op: LinearOp,
    /// m.
    batch: LargestBatch,
    running: RunningMoments,
    affine: Affine,
    eps: f64,
}

impl BatchLayerNorm {
    /// a_f.
    fn over_channels(&self, linear: &Tensor) -> Tensor {
        let (variance, mean) = linear.var_mean_dim([1].as_slice(), false, true);
        (linear - mean) * (variance + self.eps).rsqrt()
    }

    /// a_b.
    fn over_batch(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let correction = unbiasing(values_per_channel(linear));
        let (mean, variance) = self.running.of(pass, correction, || {
            let variance = linear.var_dim(batch_axes(linear).as_slice(), false, false);
            (channel_means(linear), variance)
        });
        let factor = (variance + self.eps).rsqrt();
        (linear - self.op.per_channel(&mean)) * self.op.per_channel(&factor)
    }
}

impl Normalization for BatchLayerNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        if pass.training() {
            self.batch.see(linear);
        }
        let one_image = 1.0 / self.batch.images();
        let size = 1.0 / (self.op.outputs() as f64).sqrt();
        let of_channels = (one_image - LACKING) * size;
        let of_batch = (1.0 - one_image - LACKING) * size;
        let mixed = self.over_channels(linear) * of_channels;
        self.affine
            .apply(&(mixed + self.over_batch(linear, pass) * of_batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;

    #[test]
    fn golden_layers_forward_backward_and_averages() {
        for case in [
            "batch_layer_norm_4",
            "batch_layer_norm_1",
            "batch_layer_norm_maps",
        ] {
            conformance::assert_golden_layer("batch-layer-norm", "", Activation::Identity, case);
        }
    }

    #[test]
    fn a_large_batch_is_batch_normalization_divided_by_the_root_of_the_channels() {
        let op = LinearOp::Dense {
            inputs: 5,
            outputs: 9,
        };
        let x = conformance::gaussian(&[4000, 5], 1);
        let of = |method: &str, options: &str| {
            conformance::pre_activation(&conformance::single(method, options, op), &x)
        };
        let own = of("batch-layer-norm", "");
        let bn = of("bn", "eps = 1e-3") / 3.0;
        assert!(conformance::gap(&own, &bn) < 1e-3);
        assert!(conformance::gap(&own, &bn) > 1e-5);
    }

    #[test]
    fn a_smaller_last_batch_is_mixed_as_the_others() {
        let op = LinearOp::Dense {
            inputs: 5,
            outputs: 9,
        };
        let net = conformance::single("batch-layer-norm", "", op);
        let x = conformance::gaussian(&[6, 5], 1);
        let images = || {
            let seen = net.parameters.get("layer.images").unwrap();
            seen.double_value(&[0])
        };
        let _ = conformance::pre_activation(&net, &x);
        assert_eq!(images(), 6.0);
        let _ = conformance::pre_activation(&net, &x.narrow(0, 0, 2));
        assert_eq!(images(), 6.0);
    }
}
