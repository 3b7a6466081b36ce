//! Instance Normalization (Ulyanov, Vedaldi, Lempitsky, 2016, arXiv:1607.08022).
//!
//! For each image and channel over its positions: μ = mean a, v = mean (a − μ)²,
//! y = f(γ (a − μ)/√(v + ε) + β). A unit of a fully connected layer has one position, so it is refused there.
//! The mean of a channel over an image is lost, which is why the last layer must not have it: the average
//! over positions would be β whatever the image.

use anyhow::Result;

use super::{ActsOn, BatchSizeOne, Descriptor, Paper};
use crate::nn::residual::Part;
use crate::nn::statistics::EPS;
use crate::nn::{ActivationLayer, Block, Builder, GroupNorm, Layer, NormalizedLayer};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// What `instance-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "instance-norm",
    aliases: &["in"],
    summary: "instance normalization: statistics of one channel of one image over positions",
    formula: "y = f(γ·(a − μ)/√(v + ε) + β),  μ, v over the positions of a = W·x",
    paper: Paper {
        authors: "Ulyanov, Vedaldi, Lempitsky",
        title: "Instance Normalization: The Missing Ingredient for Fast Stylization",
        venue: "2016, arXiv:1607.08022",
    },
    acts_on: &[ActsOn::PreActivation],
    row_scale_invariant: true,
    batch_size_one_fc: BatchSizeOne::Unsupported,
    extra_parameters: "γ, β",
    options: &[
        OptionSpec::flag("affine", true)
            .help("gain and shift; common frameworks have none by default"),
        EPS,
    ],
    departures: &[
        "In residual networks of order v2 the head is an activation alone (ours): normalized, it would lose each channel's mean right before the average over positions.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.1,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if block.op.is_dense() && !block.last {
        return Err(usage!(
            "instance-norm averages over positions, and {} is fully connected: it has none; methods that serve \
             it without a batch: layer-norm, group-norm, normprop",
            block.name
        ));
    }
    if block.residual.is_some_and(|place| place.part == Part::Head) {
        return ActivationLayer::build(block, builder);
    }
    NormalizedLayer::build(block, builder, |builder| {
        // Groups of one channel are the same statistic.
        let (channels, eps) = (block.op.outputs(), options.number("eps"));
        if options.flag("affine") {
            GroupNorm::build(channels, eps, block, builder)
        } else {
            Ok(GroupNorm::bare(channels, eps))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::block::LinearOp;
    use crate::nn::node::Node;
    use tch::{Device, Kind, Tensor};

    const OP: LinearOp = LinearOp::Conv {
        inputs: 3,
        outputs: 3,
        kernel: 1,
        padding: 0,
        stride: 1,
    };

    /// A network that normalizes its input as it is.
    fn bare(options: &str) -> crate::nn::network::Network {
        let net = conformance::single("instance-norm", options, OP);
        conformance::set(
            &net,
            "layer.weight",
            &Tensor::eye(3, (Kind::Double, Device::Cpu)),
        );
        net
    }

    #[test]
    fn equals_torchs_instance_norm() {
        let net = bare("");
        let (gamma, beta) = (
            conformance::gaussian(&[3], 7),
            conformance::gaussian(&[3], 8),
        );
        conformance::set(&net, "layer.gamma", &gamma);
        conformance::set(&net, "layer.beta", &beta);
        let x = conformance::gaussian(&[5, 3, 4, 4], 1);
        let torch = x.instance_norm(
            Some(&gamma),
            Some(&beta),
            None,
            None,
            true,
            0.0,
            1e-5,
            false,
        );
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &torch) < 1e-12);
    }

    #[test]
    fn scale_and_shift_of_a_channel_of_an_image_do_not_matter() {
        let net = bare("eps = 0.0\naffine = false");
        assert!(net.parameters.get("layer.gamma").is_none());
        let x = conformance::gaussian(&[5, 3, 4, 4], 1);
        let moved = &x * conformance::gaussian(&[5, 3, 1, 1], 2).exp()
            + conformance::gaussian(&[5, 3, 1, 1], 3);
        let y = conformance::pre_activation(&net, &x);
        assert!(conformance::gap(&y, &conformance::pre_activation(&net, &moved)) < 1e-10);
    }

    #[test]
    fn the_average_over_positions_is_beta() {
        let net = bare("");
        let beta = conformance::gaussian(&[3], 8);
        conformance::set(&net, "layer.beta", &beta);
        let y = conformance::pre_activation(&net, &conformance::gaussian(&[5, 3, 4, 4], 1));
        let averages = y.mean_dim([2, 3].as_slice(), false, None);
        assert!(conformance::gap(&averages, &beta.view([1, 3]).expand([5, 3], false)) < 1e-12);
    }

    #[test]
    fn a_fully_connected_hidden_layer_is_refused_with_what_would_work() {
        let options = DESCRIPTOR.resolve(&toml::Table::new()).unwrap();
        let build = |node: &Node, builder: &mut Builder| {
            super::build(node.block().unwrap(), &options, builder)
        };
        let blocks =
            crate::nn::networks::perceptron(12, 4, &[16], crate::moments::Activation::Relu);
        let built =
            crate::nn::network::Network::build(blocks, &build, 3, Kind::Double, Device::Cpu);
        let message = built
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            message.contains("layer1") && message.contains("layer-norm"),
            "{message}"
        );
    }

    #[test]
    fn the_last_layer_is_plain() {
        let net = conformance::conv_network("instance-norm", "", 3);
        assert!(net.parameters.get("logits.bias").is_some());
        assert!(net.parameters.get("logits.gamma").is_none());
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("instance-norm", &["affine = false"]);
    }
}
