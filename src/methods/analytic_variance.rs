//! Normalization by analytic variance propagation (Shekhovtsov, Flach, CVWW 2018, arXiv:1803.10560), and the
//! noise of its follow-up (Stochastic Normalizations as Bayesian Learning, ACCV 2018, arXiv:1811.00639).
//!
//! Mean μ and variance v of each channel are not measured but propagated. Those of the data, (μ₀, v₀) of each
//! channel or feature, are taken once, before training. A linear operation gives μ'_o = Σ W_o μ, v'_o = Σ W_o² v (sums over inputs and kernel); the normalized
//! a' = γ(a − μ')/√(v' + ε) + β has moments (β, γ²), and those of pool(f(a')) are what the next layer receives.
//! All are functions of the parameters, so gradients flow through them, and no batch enters.
//!
//! One convolution does it all: γ/√(v' + ε) goes into the weights, β − γμ'/√(v' + ε) into the bias.
//!
//! With `noise`, training adds what batch normalization's statistics of n images would: for each channel
//! and batch a factor s and a shift t, a' = γ(s(a − μ')/√(v' + ε) + t) + β, t ~ N(0, 1/n) and s² = n/χ²₍ₙ₋₁₎, or
//! s ~ N(1, 1/(2n)); none at evaluation.

mod data;

use anyhow::Result;
use tch::{Kind, Tensor};

use data::{DataMoments, PropagatingLayer};

use super::{ActsOn, Descriptor, Paper};
use crate::nn::{
    ActivationPool, Affine, Block, Builder, ChannelMoments, Estimate, Layer, Linear, Pass, Signal,
    init, plain,
};
use crate::options::{OptionSpec, Options};

/// What `analytic-variance` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "analytic-variance",
    aliases: &["avp"],
    summary: "analytic variance propagation: statistics computed from the parameters, layer by layer",
    formula: "y = f(γ·(W·x − μ')/√(v' + ε) + β),  μ' = W·M, v' = W²·V,  (M, V) moments of f(N(β, γ²)) below",
    paper: Paper {
        authors: "Shekhovtsov, Flach",
        title: "Normalization of Neural Networks using Analytic Variance Propagation",
        venue: "CVWW 2018, arXiv:1803.10560",
    },
    acts_on: &[ActsOn::PreActivation],
    row_scale_invariant: true,
    data_dependent_start: true,
    extra_parameters: "γ, β",
    options: &[
        OptionSpec::number("eps", 1e-8, 0.0, 1.0).help("ε, added to the variance"),
        OptionSpec::flag("detach", false).help("treat μ' and v' as constants in the backward pass"),
        OptionSpec::choice("noise", &["none", "chi", "gaussian"]).help(
            "training noise of the stochastic follow-up: none, s from χ², or s from a Gaussian",
        ),
        OptionSpec::count("noise_images", 32, 2, 4096)
            .help("n, the batch size whose noise is imitated"),
    ],
    departures: &[
        "Exact Gaussian moments; the authors' approximations for sigmoid and maximum were not readable.",
        "Whether the paper differentiates through μ' and v' is not known to us: we do, detach = true does not.",
        "Input moments are those of one batch of training images, as the data normalization makes them, not of all of them.",
        "Padding is ignored.",
        "Positions of a pool are taken as independent, and their maximum is taken before the activation.",
        "The follow-up learns its noise; here it has the fixed size that n images would give.",
        "In residual networks the moments of branch and shortcut are added as those of independent signals (ours): in trained networks the two correlate, and the variance is taken too small. What is not normalized carries the moments through its weights or its activation.",
        "The last layer is a plain linear layer with a bias.",
    ],
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if block.last {
        return plain::build(block, builder);
    }
    let weight = init::he(&builder.direction(), block.op.fan_in());
    if !block.is_normalized() {
        return PropagatingLayer::build(block, weight, builder);
    }
    let data = DataMoments::build(block, builder)?;
    Ok(Box::new(AnalyticVariance {
        linear: Linear::build(block, weight, builder)?,
        data,
        affine: Affine::build(block, builder)?,
        eps: options.number("eps"),
        detach: options.flag("detach"),
        noise: match options.choice("noise") {
            "none" => None,
            "chi" => Some(Noise::Chi),
            _ => Some(Noise::Gaussian),
        },
        images: options.count("noise_images"),
        activation_pool: ActivationPool::build(block, builder)?,
    }))
}

/// The distribution of the factor s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noise {
    Chi,
    Gaussian,
}

impl Noise {
    /// s and t for every channel, as the statistics of n images would make them.
    fn draw(self, images: i64, channels: i64, pass: &Pass, like: &Tensor) -> (Tensor, Tensor) {
        let n = images as f64;
        let factor = match self {
            Noise::Chi => {
                let squares = pass.normal(&[images - 1, channels], like).square();
                let sums = squares.sum_dim_intlist([0].as_slice(), false, None::<Kind>);
                (sums.reciprocal() * n).sqrt()
            }
            Noise::Gaussian => pass.normal(&[channels], like) / (2.0 * n).sqrt() + 1.0,
        };
        (factor, pass.normal(&[channels], like) / n.sqrt())
    }
}

struct AnalyticVariance {
    linear: Linear,
    data: DataMoments,
    affine: Affine,
    eps: f64,
    detach: bool,
    noise: Option<Noise>,
    images: i64,
    activation_pool: ActivationPool,
}

impl AnalyticVariance {
    /// μ' and √(v' + ε) for what the layer receives.
    fn statistics(&self, input: &Signal) -> (Tensor, Tensor) {
        let moments = self.data.of(input, &self.affine.gamma);
        let output = moments.through_linear(self.linear.op(), self.linear.weight());
        let (mean, std) = (output.mean, (output.variance + self.eps).sqrt());
        if self.detach {
            (mean.detach(), std.detach())
        } else {
            (mean, std)
        }
    }
}

impl Layer for AnalyticVariance {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        let op = self.linear.op();
        let (mean, std) = self.statistics(input);
        let Affine { gamma, beta, .. } = &self.affine;
        let exact = std.reciprocal();
        let (factor, shift) = match self.noise.filter(|_| pass.training()) {
            None => (exact, Tensor::zeros_like(&mean)),
            Some(noise) => {
                let (spread, offset) = noise.draw(self.images, op.outputs(), pass, &mean);
                (exact * spread, offset)
            }
        };
        let rows = gamma * &factor;
        let kernel = match self.linear.weight() {
            Some(weight) => weight * op.per_row(&rows),
            None => rows,
        };
        let bias = (shift - mean * &factor) * gamma + beta;
        op.apply(&input.value(), &kernel, Some(&bias))
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        let Affine { gamma, beta, .. } = &self.affine;
        let normalized = ChannelMoments {
            mean: beta.shallow_clone(),
            variance: gamma.square(),
        };
        let estimate = Estimate::Moments(normalized.through_activation_pool(&self.activation_pool));
        Signal::plain(self.activation_pool.apply(pre)).with_estimate(estimate)
    }

    fn initialize(&self, input: &Signal) {
        self.data.initialize(input);
    }
}

#[cfg(test)]
mod tests;
