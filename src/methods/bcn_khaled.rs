//! Batch-channel normalization of Khaled, Li, Ning, He (2023, arXiv:2312.00596): a mixture of batch and layer
//! normalization with a weight ι for each channel that is trained. Not the method of Qiao and others (2019), which has the
//! same three letters.
//!
//! y = f(γ·(ι·BN(a) + (1 − ι)·LN(a)) + β), both without γ and β of their own, LN over all channels and positions of an
//! image. Evaluation takes running averages in the batch's half.

use anyhow::Result;
use tch::Tensor;

use super::descriptor::{Descriptor, Paper};
use crate::nn::groups::group_norm;
use crate::nn::statistics::{AVERAGE_MOMENTUM, EPS};
use crate::nn::{
    Affine, BatchNorm, BatchNormSettings, Block, Builder, Layer, LinearOp, Normalization,
    NormalizedLayer, Pass, Population,
};
use crate::options::{OptionSpec, Options};

/// What `bcn-khaled` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "bcn-khaled",
    aliases: &["batch-channel-norm-khaled"],
    summary: "batch-channel normalization of Khaled et al.: a trained mixture of batch and layer normalization (shares three letters with the method of Qiao et al., and nothing else)",
    formula: "y = f(γ·(ι·BN(a) + (1 − ι)·LN(a)) + β),  a = W·x",
    paper: Paper {
        authors: "Khaled, Li, Ning, He",
        title: "BCN: Batch Channel Normalization for Image Classification",
        venue: "2023, arXiv:2312.00596",
    },
    // Only while ι is 1.
    row_scale_invariant: false,
    row_scale_options: "iota_start = 0.5",
    extra_parameters: "ι, γ, β",
    options: &[
        OptionSpec::number("iota_start", 1.0, 0.0, 1.0)
            .help("what ι starts at; with 1 it starts as batch normalization"),
        EPS,
        AVERAGE_MOMENTUM,
    ],
    departures: &[
        "The running variance is unbiased, as in bn; the authors' code corrects it by the number of images that are evaluated together, so that an image's result depends on the others.",
        "ι is free of weight decay (ours). Nothing keeps it between 0 and 1, as in the authors' code.",
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
        let start = builder.filled(block.op.outputs(), options.number("iota_start"));
        Ok(MixedNorm {
            op: block.op,
            batch: BatchNorm::bare(block, builder, settings)?,
            iota: builder.gain("iota", start)?,
            affine: Affine::build(block, builder)?,
            eps: settings.eps,
        })
    })
}

struct MixedNorm {
    op: LinearOp,
    batch: BatchNorm,
    /// ι, `[outputs]`.
    iota: Tensor,
    affine: Affine,
    eps: f64,
}

impl Normalization for MixedNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let by_batch = self.batch.apply(linear, pass);
        let by_image = group_norm(linear, 1, None, self.eps);
        let share = self.op.per_channel(&self.iota);
        let mixed = by_batch * &share + by_image * (1.0 - share);
        self.affine.apply(&mixed)
    }
}

#[cfg(test)]
mod tests {
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::LinearOp;

    #[test]
    fn golden_layer_forward_backward_and_averages() {
        let check = conformance::assert_golden_layer;
        check("bcn-khaled", "", Activation::Identity, "bcn_khaled");
    }

    #[test]
    fn its_ends_are_batch_and_layer_normalization() {
        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 3,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let of = |method: &str, options: &str| {
            conformance::pre_activation(&conformance::single(method, options, op), &x)
        };
        let ends = [
            ("iota_start = 1.0", "bn"),
            ("iota_start = 0.0", "layer-norm"),
        ];
        for (options, other) in ends {
            let gap = conformance::gap(&of("bcn-khaled", options), &of(other, ""));
            assert!(gap < 1e-12, "{other}: {gap}");
        }
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("bcn-khaled", &["iota_start = 0.5"]);
    }
}
