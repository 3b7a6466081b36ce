//! Batchless normalization (Berger, Uc Cetina, 2022, arXiv:2212.14729): mean and deviation of each channel are learned by
//! gradient, not averaged.
//!
//! y = f(γ·(a − μ)·e^(−q) + β), a = W·x. μ and q, the logarithm of the deviation, take no part in the gradient of the loss;
//! each layer adds mean_c q + mean (a − μ)²·e^(−2q)/2 to it, over all channels, images and positions: the negative
//! logarithm of the likelihood of a under N(μ, e^(2q)), whose gradient goes to μ and q only. The sum that is shown is the
//! loss alone. Training and evaluation compute the same function, with any number of images.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{ActsOn, Descriptor, Paper};
use crate::nn::statistics::{batch_axes, channel_means, channel_stds};
use crate::nn::{Affine, Block, Builder, Layer, LinearOp, Normalization, NormalizedLayer, Pass};
use crate::options::{OptionSpec, Options};

/// Smallest deviation at the start: that of a channel that is always the same.
const SMALLEST_STD: f64 = 1e-6;

/// What `batchless` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "batchless",
    aliases: &["batchless-norm"],
    summary: "mean and deviation of each channel learned by gradient, as parameters of a normal distribution",
    formula: "y = f(γ·(a − μ)·e^(−q) + β),  μ, q by the gradient of mean q + mean (a − μ)²·e^(−2q)/2, a = W·x",
    paper: Paper {
        authors: "Berger, Uc Cetina",
        title: "Batchless Normalization: How to Normalize Activations Across Instances with Minimal Memory Requirements",
        venue: "2022, arXiv:2212.14729",
    },
    acts_on: &[ActsOn::PreActivation],
    data_dependent_start: true,
    exact_gradient: false,
    extra_parameters: "μ, q, γ, β",
    options: &[
        OptionSpec::number("statistics_lr_factor", 0.0, 0.0, 1e6)
            .help("the learning rate of μ and q as a multiple of the run's; 0 takes the layer's number of channels, which makes each channel's step what it would be alone"),
    ],
    departures: &[
        "It stands in front of the activation, as the other normalizations here; in the authors' example behind it.",
        "μ and q start from the run's start batch, there from a pass over 1,000 images.",
        "μ and q learn faster by the number of channels: the added term is a mean over channels, which makes no difference to Adam, and to gradient descent that of a layer's width.",
        "μ and q are free of weight decay (ours).",
        "Of the authors' three ways to write the deviation, the logarithm.",
        "The last layer is a plain linear layer with a bias.",
    ],
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        let channels = block.op.outputs();
        let factor = match options.number("statistics_lr_factor") {
            0.0 => channels as f64,
            factor => factor,
        };
        let norm = Batchless {
            op: block.op,
            mean: builder.shift("mean", builder.filled(channels, 0.0))?,
            log_std: builder.gain("log_std", builder.filled(channels, 0.0))?,
            affine: Affine::build(block, builder)?,
        };
        for name in ["mean", "log_std"] {
            builder.rate_factor(name, factor)?;
        }
        Ok(norm)
    })
}

struct Batchless {
    op: LinearOp,
    /// μ, `[outputs]`.
    mean: Tensor,
    /// q, `[outputs]`.
    log_std: Tensor,
    affine: Affine,
}

impl Batchless {
    /// Factor and shift of each channel, with μ and q as numbers.
    fn map(&self) -> (Tensor, Tensor) {
        let factor = &self.affine.gamma * (-self.log_std.detach()).exp();
        self.affine.centered_map(&self.mean.detach(), factor)
    }

    /// The gradients at μ and q of the term that the layer adds to the loss.
    fn likelihood_gradients(&self, linear: &Tensor) -> [Tensor; 2] {
        let channels = self.op.outputs() as f64;
        let inverse = (-&self.log_std).exp();
        let each = |vector: &Tensor| self.op.per_channel(vector);
        let off = (linear.detach() - each(&self.mean)) * each(&inverse);
        let squares = off.square();
        let squares = squares.mean_dim(batch_axes(&off).as_slice(), false, None::<Kind>);
        let by_mean = channel_means(&off) * inverse / -channels;
        [by_mean, (1.0 - squares) / channels]
    }

    /// Hands them to the backward pass.
    fn learn(&self, linear: &Tensor, pass: &Pass) {
        let gradients = tch::no_grad(|| self.likelihood_gradients(linear));
        let vjp = move |_: Vec<Tensor>| gradients.iter().map(Tensor::shallow_clone).collect();
        let [] = pass.custom_parameter_backward([], &[&self.mean, &self.log_std], Box::new(vjp));
    }
}

impl Normalization for Batchless {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        if pass.training() {
            self.learn(linear, pass);
        }
        let (factor, shift) = self.map();
        let (factor, shift) = (self.op.per_channel(&factor), self.op.per_channel(&shift));
        shift.addcmul(linear, &factor)
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        Some(self.map())
    }

    fn initialize(&self, linear: &Tensor) {
        let log_std = channel_stds(linear).clamp_min(SMALLEST_STD).log();
        self.mean.shallow_clone().copy_(&channel_means(linear));
        self.log_std.shallow_clone().copy_(&log_std);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::backward;

    const OP: LinearOp = LinearOp::Dense {
        inputs: 7,
        outputs: 3,
    };

    #[test]
    fn golden_layer_with_the_gradients_of_its_likelihood() {
        let identity = Activation::Identity;
        conformance::assert_golden_layer("batchless", "", identity, "batchless");
    }

    #[test]
    fn from_the_start_batch_every_channel_has_mean_zero_and_variance_one() {
        let net = conformance::single("batchless", "", OP);
        let x = conformance::gaussian(&[40, 7], 1) * 3.0 + 1.0;
        net.initialize(&x);
        let y = conformance::pre_activation(&net, &x);
        let (mean, std) = (channel_means(&y), channel_stds(&y));
        assert!(conformance::gap(&mean, &mean.zeros_like()) < 1e-12);
        assert!(conformance::gap(&std, &std.ones_like()) < 1e-12);
        // There the likelihood is largest.
        let pass = Pass::train(0, 0);
        let loss = net.logits(&x, &pass).sum(Kind::Double) * 0.0;
        let found = backward::gradients(&loss, &net.parameters, &pass);
        assert!(
            found
                .iter()
                .all(|g| g.abs().max().double_value(&[]) < 1e-12)
        );
    }

    #[test]
    fn descent_takes_mean_and_deviation_to_those_of_the_channel() {
        let net = conformance::single("batchless", "", OP);
        let x = conformance::gaussian(&[40, 7], 1) * 1.5 + 1.0;
        for _ in 0..1500 {
            let pass = Pass::train(0, 0);
            let loss = net.logits(&x, &pass).sum(Kind::Double) * 0.0;
            let found = backward::gradients(&loss, &net.parameters, &pass);
            for (entry, gradient) in net.parameters.trainable().zip(found) {
                let step = gradient * (0.1 * entry.rate_factor);
                let _ = tch::no_grad(|| entry.tensor.shallow_clone().g_sub_(&step));
            }
        }
        let y = conformance::pre_activation(&net, &x).detach();
        let (mean, std) = (channel_means(&y), channel_stds(&y));
        assert!(mean.abs().max().double_value(&[]) < 1e-3, "{mean:?}");
        assert!(conformance::gap(&std, &std.ones_like()) < 1e-3, "{std:?}");
    }

    #[test]
    fn statistics_learn_as_fast_as_told() {
        for (options, expected) in [("", 16.0), ("statistics_lr_factor = 2.5", 2.5)] {
            let net = conformance::dense_network("batchless", options, 3);
            for entry in net.parameters.iter().filter(|e| e.layer() == "layer1") {
                let of_statistics = [".mean", ".log_std"]
                    .iter()
                    .any(|end| entry.name.ends_with(end));
                let factor = if of_statistics { expected } else { 1.0 };
                assert_eq!(entry.rate_factor, factor, "{}", entry.name);
            }
        }
    }
}
