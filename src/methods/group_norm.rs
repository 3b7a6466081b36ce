//! Group Normalization (Wu, He, ECCV 2018, arXiv:1803.08494).
//!
//! The C channels are split into G runs of C/G neighbors. For each image and group, over its channels and
//! all positions: μ = mean a, v = mean (a − μ)², y = f(γ (a − μ)/√(v + ε) + β) with one γ and one β a
//! channel. G = 1 is layer normalization, G = C instance normalization.

use anyhow::Result;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::groups::{GROUPS, GroupNorm, groups};
use crate::nn::length_reset::{self, PROJECT_EVERY};
use crate::nn::statistics::EPS;
use crate::nn::{Block, Builder, Layer, NormalizedLayer};
use crate::options::Options;

/// What `group-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "group-norm",
    aliases: &["gn"],
    summary: "group normalization: statistics of one image over groups of channels and positions",
    formula: "y = f(γ·(a − μ_g)/√(v_g + ε) + β),  μ_g, v_g over group g of a = W·x of one image",
    paper: Paper {
        authors: "Wu, He",
        title: "Group Normalization",
        venue: "ECCV 2018, arXiv:1803.08494",
    },
    acts_on: &[ActsOn::PreActivation],
    extra_parameters: "γ, β",
    options: &[GROUPS, EPS, PROJECT_EVERY],
    departures: &[
        "The paper uses 32 groups; narrow layers get fewer, so that a group holds 8 channels where that divides them.",
        "project_every is not the method's own: normalize and project (Lyle et al. 2024) with gains and shifts left alone.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        length_reset::register(block, options, builder)?;
        let groups = groups(options.count("groups"), block)?;
        GroupNorm::build(groups, options.number("eps"), block, builder)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::block::LinearOp;
    use tch::Tensor;

    const OP: LinearOp = LinearOp::Conv {
        inputs: 2,
        outputs: 6,
        kernel: 3,
        padding: 1,
        stride: 1,
    };

    fn outputs(options: &str) -> (Tensor, Tensor) {
        let net = conformance::single("group-norm", options, OP);
        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let linear = OP.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        (linear, conformance::pre_activation(&net, &x))
    }

    #[test]
    fn equals_the_formula_with_gains_and_shifts() {
        let net = conformance::single("group-norm", "groups = 3", OP);
        let (gamma, beta) = (
            conformance::gaussian(&[6], 7),
            conformance::gaussian(&[6], 8),
        );
        conformance::set(&net, "layer.gamma", &gamma);
        conformance::set(&net, "layer.beta", &beta);
        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let linear = OP.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        let grouped = linear.reshape([5, 3, 2 * 16]);
        let mean = grouped.mean_dim([2].as_slice(), true, None);
        let variance = (&grouped - &mean)
            .square()
            .mean_dim([2].as_slice(), true, None);
        let hat = ((grouped - mean) / (variance + 1e-5).sqrt()).reshape([5, 6, 4, 4]);
        let expected = hat * gamma.view([1, 6, 1, 1]) + beta.view([1, 6, 1, 1]);
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &expected) < 1e-12);
    }

    #[test]
    fn one_group_is_layer_norm_and_one_channel_a_group_is_instance_norm() {
        let (linear, one) = outputs("groups = 1");
        let layer = linear.layer_norm([6, 4, 4], None::<Tensor>, None::<Tensor>, 1e-5, false);
        assert!(conformance::gap(&one, &layer) < 1e-12);
        let (linear, all) = outputs("groups = 6");
        let none = None::<Tensor>;
        let instance =
            linear.instance_norm(none.as_ref(), None, None, None, true, 0.0, 1e-5, false);
        assert!(conformance::gap(&all, &instance) < 1e-12);
    }

    #[test]
    fn swapping_channels_across_groups_changes_more_than_their_order() {
        let net = conformance::single("group-norm", "groups = 3", OP);
        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let before = conformance::pre_activation(&net, &x);
        let weight = net.parameters.get("layer.weight").unwrap().detach().copy();
        let swapped = |order: [i64; 6]| {
            let order = Tensor::from_slice(&order);
            conformance::set(&net, "layer.weight", &weight.index_select(0, &order));
            conformance::gap(
                &conformance::pre_activation(&net, &x),
                &before.index_select(1, &order),
            )
        };
        assert!(swapped([1, 0, 2, 3, 5, 4]) < 1e-12);
        assert!(swapped([0, 2, 1, 3, 4, 5]) > 0.01);
    }

    #[test]
    fn a_group_count_that_does_not_divide_is_refused() {
        let options = DESCRIPTOR.resolve(&"groups = 4".parse().unwrap()).unwrap();
        let blocks = conformance::conv_blocks(crate::moments::Activation::Relu);
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
        conformance::assert_exact_gradients("group-norm", &["groups = 1"]);
    }
}
