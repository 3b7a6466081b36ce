//! Derf (Chen, Lu, Zhu, Sun, Liu, 2025, arXiv:2512.10938): the error function in the place of a normalization.
//!
//! y = f(γ·erf(α·a + s) + β), a = W·x: α and s are one trained number a layer each, γ and β one a channel.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::squashed::{ALPHA_START, Squashed};
use crate::nn::{Block, Builder, Layer, NormalizedLayer};
use crate::options::Options;

/// What `derf` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "derf",
    aliases: &["dynamic-erf"],
    summary: "an error function with trained scale and shift in the place of a normalization",
    formula: "y = f(γ·erf(α·a + s) + β),  a = W·x",
    paper: Paper {
        authors: "Chen, Lu, Zhu, Sun, Liu",
        title: "Stronger Normalization-Free Transformers",
        venue: "2025, arXiv:2512.10938",
    },
    acts_on: &[ActsOn::PreActivation],
    extra_parameters: "α, s, γ, β",
    options: &[ALPHA_START],
    departures: &[
        "Made for Transformers, in the place of layer normalization; networks of convolutions with batch normalization are not what it is for.",
        "With the authors' α = 0.5 signals fade from layer to layer where no skip connection carries them; see alpha_start.",
        "α and s are free of weight decay (ours).",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        Squashed::build(Tensor::erf, options.number("alpha_start"), block, builder)?
            .shifted(builder)
    })
}

#[cfg(test)]
mod tests {
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::parameters::Role;

    #[test]
    fn golden_layer_forward_and_backward() {
        conformance::assert_golden_layer("derf", "", Activation::Identity, "derf");
    }

    #[test]
    fn scale_and_shift_are_one_number_a_layer() {
        let net = conformance::conv_network("derf", "", 3);
        for (name, role) in [("conv1.alpha", Role::Gain), ("conv1.shift", Role::Shift)] {
            let found = net.parameters.iter().find(|entry| entry.name == name);
            let found = found.map(|entry| (entry.tensor.numel(), entry.role));
            assert_eq!(found, Some((1, role)), "{name}");
        }
    }
}
