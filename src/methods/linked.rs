//! Linked neurons (Riera Molina, Pujol Vila, 2017, arXiv:1712.02609).
//!
//! Every pre-activation z feeds an activation f and its mirror image: y = [f(z), f(−z)] along the channels, so
//! that for every input at least one of the two passes a gradient. Nothing is normalized. With ReLU (which
//! makes it CReLU) y₁ − y₂ = z, y₁ + y₂ = |z| and ‖y‖ = ‖z‖. PReLU has separate slopes for the two halves.
//!
//! The next layer receives twice the channels; He's rule on that doubled fan-in keeps the variance with ReLU.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::{ActivationPool, Block, Builder, Layer, Pass, Signal, Widening, init, plain};
use crate::options::{OptionSpec, Options};

/// What `linked` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "linked",
    aliases: &["linked-neurons", "crelu"],
    summary: "linked neurons: each pre-activation feeds an activation and its mirror image",
    formula: "y = [f(z), f(−z)],  z = W·x + b",
    paper: Paper {
        authors: "Riera Molina, Pujol Vila",
        title: "Solving Internal Covariate Shift in Deep Learning with Linked Neurons",
        venue: "2017, arXiv:1712.02609",
    },
    acts_on: &[ActsOn::Activation],
    extra_parameters: "b",
    options: &[OptionSpec::flag("fair_width", false).help(
        "hidden layers 1/√2 as wide, so that there are about as many weights as without the link",
    )],
    departures: &[
        "He initialization on the doubled fan-in instead of Glorot's: it keeps the variance with ReLU.",
        "fair_width narrows the linked network; the paper widens the unlinked one by √2 instead.",
        "Any activation may be linked; the paper links ReLU, SELU, PReLU and Swish (silu).",
        "In residual networks the stream keeps its channels (ours): activations are linked in front of the convolutions of a branch and at the head; the stem's and those behind a sum are not.",
        "The last layer is a plain linear layer with a bias, on the doubled channels.",
    ],
    build,
    widening: |options| Widening {
        channels_per_output: 2,
        width: if options.flag("fair_width") {
            std::f64::consts::FRAC_1_SQRT_2
        } else {
            1.0
        },
    },
    ..Descriptor::ORDINARY
};

fn build(block: &Block, _options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if !block.may_widen() {
        return plain::build(block, builder);
    }
    let outputs = block.op.outputs();
    let linear = match block.op.is_identity() {
        true => None,
        false => {
            let weight = init::he(&builder.direction(), block.op.fan_in());
            Some((
                builder.weight("weight", weight)?,
                builder.shift("bias", builder.filled(outputs, 0.0))?,
            ))
        }
    };
    Ok(Box::new(Linked {
        block: block.clone(),
        linear,
        activation_pool: ActivationPool::build_for(block, 2 * outputs, builder)?,
    }))
}

struct Linked {
    block: Block,
    /// W and b, where the block has weights.
    linear: Option<(Tensor, Tensor)>,
    activation_pool: ActivationPool,
}

impl Layer for Linked {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let x = input.value();
        match &self.linear {
            Some((weight, bias)) => self.block.op.apply(&x, weight, Some(bias)),
            None => x,
        }
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.activation_pool.apply(Tensor::cat(&[&pre, &-&pre], 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;
    use tch::Kind;

    /// Pre-activation of the second block (which has no pool) and the two halves behind it.
    fn halves(activation: Activation) -> (Tensor, Tensor, Tensor) {
        let net = conformance::conv_with("linked", "", activation, 3);
        let pass = Pass::eval();
        let first = net.blocks[0]
            .layer
            .forward(&net.input(&conformance::gaussian(&[9, 2, 8, 8], 2)), &pass);
        let layer = &net.blocks[1].layer;
        let pre = layer.pre_activation(&first, &pass).detach();
        let parts = layer.post_activation(pre.copy(), &pass).value().chunk(2, 1);
        (pre, parts[0].detach(), parts[1].detach())
    }

    #[test]
    fn linked_relu_keeps_length_sum_and_difference() {
        let (pre, positive, negative) = halves(Activation::Relu);
        assert_eq!(&positive - &negative, pre);
        assert_eq!(&positive + &negative, pre.abs());
        assert_eq!(
            Tensor::cat(&[&positive, &negative], 1),
            Tensor::cat(&[pre.relu(), (-&pre).relu()], 1)
        );
        let lengths = Tensor::cat(&[&positive, &negative], 1)
            .square()
            .sum(Kind::Double);
        assert!(conformance::gap(&lengths, &pre.square().sum(Kind::Double)) < 1e-9);
    }

    #[test]
    fn one_of_the_pair_always_passes_the_gradient_on() {
        let net = conformance::conv_network("linked", "", 3);
        let pre = conformance::gaussian(&[4, 5, 3, 3], 1).set_requires_grad(true);
        let parts = net.blocks[1]
            .layer
            .post_activation(pre.shallow_clone(), &Pass::eval())
            .value()
            .chunk(2, 1);
        let slope = |part: &Tensor| {
            Tensor::run_backward(&[part.sum(Kind::Double)], &[&pre], true, false).remove(0)
        };
        let squares = slope(&parts[0]).square() + slope(&parts[1]).square();
        assert_eq!(squares, pre.detach().ones_like());
    }

    #[test]
    fn other_activations_are_mirrored_too_and_prelu_has_slopes_for_both_halves() {
        for activation in [Activation::Selu, Activation::Silu] {
            let (pre, positive, negative) = halves(activation);
            let activation_pool = ActivationPool {
                activation,
                slope: None,
                pool: None,
            };
            assert!(conformance::gap(&positive, &activation_pool.activate(pre.copy())) < 1e-15);
            assert!(conformance::gap(&negative, &activation_pool.activate(-&pre)) < 1e-15);
        }
        let net = conformance::conv_with("linked", "", Activation::Prelu { slope: 0.25 }, 3);
        assert_eq!(net.parameters.get("conv2.slope").unwrap().size(), [10]);
        let (relative, at) =
            conformance::gradient_gap(&net, &conformance::gaussian(&[9, 2, 8, 8], 2));
        assert!(relative < 1e-6, "{at}");
    }

    #[test]
    fn the_next_layer_receives_twice_the_channels_and_fair_width_makes_up_for_it() {
        let count = |options: &str, name: &str| {
            conformance::conv_network("linked", options, 3)
                .parameters
                .get(name)
                .unwrap()
                .size()
        };
        assert_eq!(count("", "conv2.weight"), [5, 12, 1, 1]);
        assert_eq!(count("", "logits.weight"), [3, 10, 1, 1]);
        // 6/√2 ≈ 4 and 5/√2 ≈ 4 outputs.
        assert_eq!(count("fair_width = true", "conv1.weight"), [4, 2, 3, 3]);
        assert_eq!(count("fair_width = true", "conv2.weight"), [4, 8, 1, 1]);
        assert_eq!(count("fair_width = true", "logits.weight"), [3, 8, 1, 1]);
    }
}
