//! Batch group normalization (Zhou and others, 2020, arXiv:2012.02782): statistics of groups of an image's numbers, taken
//! over the batch.
//!
//! The C·H·W numbers of an image stand in one row, channel after channel, which is cut into G groups. Mean and biased
//! variance of a group are taken over its numbers in all images of the batch; γ and β are one a channel. Few groups have
//! many values, many groups have statistics of their own. Evaluation takes running averages, G of them.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::BatchSizeOne;
use super::descriptor::{Descriptor, Paper};
use crate::nn::groups::{by_group, groups};
use crate::nn::statistics::{AVERAGE_MOMENTUM, EPS};
use crate::nn::{
    Affine, Block, Builder, Layer, Normalization, NormalizedLayer, Pass, RunningMoments,
};
use crate::options::{OptionSpec, Options};

/// What `batch-group-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "batch-group-norm",
    aliases: &["bgn"],
    summary: "mean and variance of groups of neighboring channels and positions, over the batch",
    formula: "y = f(γ·(a − μ_g)/√(v_g + ε) + β),  g one of G parts of an image's numbers, over the batch, a = W·x",
    paper: Paper {
        authors: "Zhou et al.",
        title: "Batch Group Normalization",
        venue: "2020, arXiv:2012.02782",
    },
    row_scale_invariant: false,
    // A group has the values of several channels or positions.
    batch_size_one_fc: BatchSizeOne::Degenerates,
    options: &[
        OptionSpec::count("groups", 0, 0, 65_536)
            .help("G; in each layer the largest number up to it that divides C·H·W; 0 takes groups of whole channels, as many as group-norm"),
        EPS,
        AVERAGE_MOMENTUM,
    ],
    departures: &[
        "In which order an image's numbers stand is from memory of the paper: channel after channel, row after row.",
        "The paper searches for the number of groups; the default is that of group-norm here.",
        "Where G does not divide an image's numbers, the largest smaller number that does is taken (ours).",
        "Running averages of mean and biased variance, as those of bn but for the correction; the paper's rule was not readable.",
        "With as many groups as units, a fully connected layer has nothing left of a single image.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        let groups = match options.count("groups") {
            0 => groups(0, block)?,
            wanted => wanted,
        };
        let momentum = options.number("average_momentum");
        Ok(BatchGroupNorm {
            groups,
            channels: block.op.outputs(),
            running: RunningMoments::build(groups, groups, momentum, builder)?,
            affine: Affine::build(block, builder)?,
            eps: options.number("eps"),
        })
    })
}

struct BatchGroupNorm {
    /// G.
    groups: i64,
    channels: i64,
    running: RunningMoments,
    affine: Affine,
    eps: f64,
}

/// The largest number up to `wanted` that divides `values`.
fn fitting(wanted: i64, values: i64) -> i64 {
    let mut smaller = (1..=wanted.min(values)).rev();
    smaller.find(|groups| values % groups == 0).unwrap_or(1)
}

impl Normalization for BatchGroupNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let groups = fitting(self.groups, linear.size()[1..].iter().product());
        let grouped = by_group(linear, groups);
        let axes = [0, 2].as_slice();
        let (mean, variance) = self.running.first(groups).of(pass, 1.0, || {
            let mean = grouped.mean_dim(axes, false, None::<Kind>);
            (mean, grouped.var_dim(axes, false, false))
        });
        let each = |vector: &Tensor| vector.view([1, -1, 1]);
        let hat = (&grouped - each(&mean)) * each(&(variance + self.eps).rsqrt());
        self.affine.apply(&hat.reshape(linear.size()))
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        if self.channels % self.groups != 0 {
            return None;
        }
        let (mean, variance) = self.running.averages();
        let each = |vector: &Tensor| {
            vector.repeat_interleave_self_int(self.channels / self.groups, 0, None)
        };
        let factor = &self.affine.gamma * each(&(variance + self.eps).rsqrt());
        Some(self.affine.centered_map(&each(mean), factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::{LinearOp, Signal};

    const OP: LinearOp = LinearOp::Conv {
        inputs: 2,
        outputs: 4,
        kernel: 3,
        padding: 1,
        stride: 1,
    };

    #[test]
    fn golden_layers_forward_backward_and_averages() {
        for groups in [1, 2, 4, 8] {
            let (options, case) = (
                format!("groups = {groups}"),
                format!("batch_group_norm_{groups}"),
            );
            let activation = Activation::Identity;
            conformance::assert_golden_layer("batch-group-norm", &options, activation, &case);
        }
        let units = "batch_group_norm_units";
        let activation = Activation::Identity;
        conformance::assert_golden_layer("batch-group-norm", "groups = 1", activation, units);
    }

    #[test]
    fn a_group_for_each_channel_is_batch_normalization_and_one_for_an_image_layer_normalization() {
        let of = |method: &str, options: &str, images: i64| {
            let x = conformance::gaussian(&[images, 2, 4, 4], 1);
            conformance::pre_activation(&conformance::single(method, options, OP), &x)
        };
        let own = |groups: &str, images: i64| of("batch-group-norm", groups, images);
        assert!(conformance::gap(&own("groups = 4", 5), &of("bn", "", 5)) < 1e-12);
        assert!(conformance::gap(&own("groups = 1", 1), &of("layer-norm", "", 1)) < 1e-12);
        assert!(
            conformance::gap(&own("groups = 2", 1), &of("group-norm", "groups = 2", 1)) < 1e-12
        );
    }

    #[test]
    fn a_number_that_does_not_divide_is_taken_smaller() {
        assert_eq!(fitting(8, 64), 8);
        assert_eq!(fitting(7, 64), 4);
        assert_eq!(fitting(100, 64), 64);
        assert_eq!(fitting(1, 7), 1);
        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let net = |groups: &str| conformance::single("batch-group-norm", groups, OP);
        let (seven, four) = (net("groups = 7"), net("groups = 4"));
        let outputs = [&seven, &four].map(|net| conformance::pre_activation(net, &x));
        assert!(conformance::gap(&outputs[0], &outputs[1]) < 1e-15);
        // Its averages move, and evaluation takes them.
        let evaluated = [&seven, &four].map(|net| {
            let layer = &net.blocks[0].layer;
            layer.pre_activation(&Signal::plain(x.copy()), &Pass::eval())
        });
        assert!(conformance::gap(&evaluated[0], &evaluated[1]) < 1e-15);
        assert!(conformance::gap(&evaluated[0], &outputs[0]) > 1e-2);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("batch-group-norm", &["groups = 3", "groups = 100"]);
    }
}
