//! Dynamic Tanh (Zhu, Chen, He, LeCun, Liu, CVPR 2025, arXiv:2503.10622).
//!
//! y = f(γ·tanh(α·a) + β), a = W·x, in the place of a normalization: α is one trained number a layer, γ and β one a
//! channel. Nothing is averaged.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::squashed::{ALPHA_START, Squashed};
use crate::nn::{Block, Builder, Layer, NormalizedLayer};
use crate::options::Options;

/// What `dyt` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "dyt",
    aliases: &["dynamic-tanh"],
    summary: "dynamic tanh: a hyperbolic tangent with a trained scale in the place of a normalization",
    formula: "y = f(γ·tanh(α·a) + β),  a = W·x",
    paper: Paper {
        authors: "Zhu, Chen, He, LeCun, Liu",
        title: "Transformers without Normalization",
        venue: "CVPR 2025, arXiv:2503.10622",
    },
    acts_on: &[ActsOn::PreActivation],
    extra_parameters: "α, γ, β",
    options: &[ALPHA_START],
    departures: &[
        "Made for Transformers, in the place of layer normalization; networks of convolutions with batch normalization are not what it is for.",
        "With the authors' α = 0.5 signals fade from layer to layer where no skip connection carries them; see alpha_start.",
        "α is free of weight decay (ours).",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        Squashed::build(Tensor::tanh, options.number("alpha_start"), block, builder)
    })
}

#[cfg(test)]
mod tests {
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::block::LinearOp;

    #[test]
    fn golden_layer_forward_and_backward() {
        conformance::assert_golden_layer("dyt", "", Activation::Identity, "dyt");
    }

    #[test]
    fn small_numbers_pass_and_large_ones_are_bounded_by_the_gain() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 5,
        };
        let net = conformance::single("dyt", "alpha_start = 2.0", op);
        let x = conformance::gaussian(&[9, 7], 1);
        let linear = x.matmul(&net.parameters.get("layer.weight").unwrap().tr());
        let small = conformance::pre_activation(&net, &(&x * 1e-6)) / 1e-6;
        assert!(conformance::gap(&small, &(&linear * 2.0)) < 1e-9);
        let large = conformance::pre_activation(&net, &(&x * 1e6));
        assert!(conformance::gap(&large, &linear.sign()) < 1e-12);
    }
}
