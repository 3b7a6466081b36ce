//! Group Normalization (Wu, He, ECCV 2018, arXiv:1803.08494).
//!
//! The C channels are split into G runs of C/G neighbours. For each image and group, over its channels and
//! all positions: μ = mean a, v = mean (a − μ)², y = f(γ (a − μ)/√(v + ε) + β) with one γ and one β a
//! channel. G = 1 is layer normalization, G = C instance normalization.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, BatchSizeOne, Descriptor, Paper};
use crate::nn::affine::Affine;
use crate::nn::block::Block;
use crate::nn::groups::groups;
use crate::nn::normalized::{Normalization, NormalizedLayer};
use crate::nn::{Builder, Layer, Pass};
use crate::options::{OptionKind, OptionSpec, Options};

/// What `group-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "group-norm",
    summary: "group normalization: statistics of one image over groups of channels and positions",
    formula: "y = f(γ·(a − μ_g)/√(v_g + ε) + β),  μ_g, v_g over group g of a = W·x of one image",
    paper: Paper {
        authors: "Wu, He",
        title: "Group Normalization",
        venue: "ECCV 2018, arXiv:1803.08494",
        year: 2018,
    },
    acts_on: ActsOn::PreActivation,
    uses_batch_statistics: false,
    train_equals_eval: true,
    row_scale_invariant: false,
    data_dependent_start: false,
    batch_size_one_conv: BatchSizeOne::Works,
    batch_size_one_fc: BatchSizeOne::Works,
    extra_parameters: "γ, β",
    options: &[
        OptionSpec {
            name: "groups",
            kind: OptionKind::Count {
                default: 0,
                low: 0,
                high: i64::MAX,
            },
            help: "groups; 0 takes, in each layer, the largest divisor of its channels up to 32 that leaves 8 channels a group",
        },
        OptionSpec {
            name: "eps",
            kind: OptionKind::Number {
                default: 1e-5,
                low: 0.0,
                high: 1.0,
            },
            help: "ε, added to the variance",
        },
    ],
    departures: &[
        "The paper uses 32 groups; narrow layers get fewer, so that a group holds 8 channels where that divides them.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let (wanted, eps) = (options.count("groups"), options.number("eps"));
    NormalizedLayer::build(block, builder, |builder| {
        Ok(GroupNorm {
            groups: groups(wanted, block)?,
            affine: Affine::build(block, builder)?,
            eps,
        })
    })
}

struct GroupNorm {
    groups: i64,
    affine: Affine,
    eps: f64,
}

impl Normalization for GroupNorm {
    fn apply(&self, linear: &Tensor, _pass: &Pass) -> Tensor {
        let (gamma, beta) = (Some(&self.affine.gamma), Some(&self.affine.beta));
        linear.group_norm(self.groups, gamma, beta, self.eps, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::walk;
    use crate::nn::block::LinearOp;

    const OP: LinearOp = LinearOp::Conv {
        inputs: 2,
        outputs: 6,
        kernel: 3,
        padding: 1,
    };

    fn outputs(options: &str) -> (Tensor, Tensor) {
        let net = walk::single("group-norm", options, OP);
        let x = walk::gaussian(&[5, 2, 4, 4], 1);
        let linear = OP.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        (linear, walk::pre_activation(&net, &x))
    }

    #[test]
    fn equals_the_formula_with_gains_and_shifts() {
        let net = walk::single("group-norm", "groups = 3", OP);
        let (gamma, beta) = (walk::gaussian(&[6], 7), walk::gaussian(&[6], 8));
        walk::set(&net, "layer.gamma", &gamma);
        walk::set(&net, "layer.beta", &beta);
        let x = walk::gaussian(&[5, 2, 4, 4], 1);
        let linear = OP.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        let grouped = linear.reshape([5, 3, 2 * 16]);
        let mean = grouped.mean_dim([2].as_slice(), true, None);
        let variance = (&grouped - &mean)
            .square()
            .mean_dim([2].as_slice(), true, None);
        let hat = ((grouped - mean) / (variance + 1e-5).sqrt()).reshape([5, 6, 4, 4]);
        let expected = hat * gamma.view([1, 6, 1, 1]) + beta.view([1, 6, 1, 1]);
        assert!(walk::gap(&walk::pre_activation(&net, &x), &expected) < 1e-12);
    }

    #[test]
    fn one_group_is_layer_norm_and_one_channel_a_group_is_instance_norm() {
        let (linear, one) = outputs("groups = 1");
        let layer = linear.layer_norm([6, 4, 4], None::<Tensor>, None::<Tensor>, 1e-5, false);
        assert!(walk::gap(&one, &layer) < 1e-12);
        let (linear, all) = outputs("groups = 6");
        let none = None::<Tensor>;
        let instance =
            linear.instance_norm(none.as_ref(), None, None, None, true, 0.0, 1e-5, false);
        assert!(walk::gap(&all, &instance) < 1e-12);
    }

    #[test]
    fn swapping_channels_across_groups_changes_more_than_their_order() {
        let net = walk::single("group-norm", "groups = 3", OP);
        let x = walk::gaussian(&[5, 2, 4, 4], 1);
        let before = walk::pre_activation(&net, &x);
        let weight = net.parameters.get("layer.weight").unwrap().detach().copy();
        let swapped = |order: [i64; 6]| {
            let order = Tensor::from_slice(&order);
            walk::set(&net, "layer.weight", &weight.index_select(0, &order));
            walk::gap(
                &walk::pre_activation(&net, &x),
                &before.index_select(1, &order),
            )
        };
        assert!(swapped([1, 0, 2, 3, 5, 4]) < 1e-12);
        assert!(swapped([0, 2, 1, 3, 4, 5]) > 0.01);
    }

    #[test]
    fn a_group_count_that_does_not_divide_is_refused() {
        let options = DESCRIPTOR.resolve(&"groups = 4".parse().unwrap()).unwrap();
        let blocks = walk::conv_blocks(crate::moments::Activation::Relu);
        let kind = (tch::Kind::Double, tch::Device::Cpu);
        let built = DESCRIPTOR.network(&options, blocks, 1, kind.0, kind.1);
        let message = built
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            message.contains("6 channels of conv1") && message.contains("1, 2, 3, 6"),
            "{message}"
        );
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        walk::assert_exact_gradients("group-norm", &["groups = 1"]);
    }
}
