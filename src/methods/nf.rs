//! Normalizer-free networks: scaled weight standardization and adaptive gradient clipping (Brock, De, Smith,
//! ICLR 2021, arXiv:2101.08692; Brock, De, Smith, Simonyan, ICML 2021, arXiv:2102.06171).
//!
//! For row o with fan-in n, mean μ and biased variance v of its weights:
//! Ŵ_o = g_o (W_o − μ_o)/√max(n·v_o, 10⁻⁴), so a row has length g_o and sums to zero;
//! y = γ_f · f(Ŵ·x + b) with γ_f = 1/√Var f(z), z ~ N(0,1). The mean of f is not subtracted: rows that sum
//! to zero remove it in the next layer.
//!
//! Adaptive gradient clipping (see `nn::adaptive_clip`) leaves the last layer alone. Residual networks: see `residual`.

mod residual;

use std::rc::Rc;

use anyhow::Result;
use tch::Tensor;

use residual::{ALPHA, SKIP_GAIN, ScaledActivation, SkipGain};

use super::{ActsOn, Descriptor, Paper};
use crate::moments::{self, Activation};
use crate::nn::residual::Order;
use crate::nn::statistics::AT_THE_KINK;
use crate::nn::{
    ActivationPool, AdaptiveClip, Block, Builder, Folded, Layer, Pass, Signal, init, plain,
};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// What `nf` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "nf",
    aliases: &["nf-net", "normalizer-free"],
    summary: "normalizer-free: scaled weight standardization, adaptive gradient clipping",
    formula: "y = γ_f·f(g·(W − mean W)/√(n·var W)·x + b),  γ_f = 1/√Var f(z)",
    paper: Paper {
        authors: "Brock, De, Smith, Simonyan",
        title: "High-Performance Large-Scale Image Recognition Without Normalization",
        venue: "ICML 2021, arXiv:2102.06171",
    },
    acts_on: &[ActsOn::Weights, ActsOn::Activation],
    row_scale_invariant: true,
    extra_parameters: "g, b",
    options: &[
        OptionSpec::number("agc", 0.01, 0.0, 1e6)
            .help("λ of adaptive gradient clipping; 0 does not clip"),
        OptionSpec::choice("variance_floor", &["max", "add"])
            .help("√max(n·var, 1e-4) as in the authors' code, or √(n·(var + 1e-6)) as in common PyTorch code"),
        OptionSpec::choice("gamma", &["exact", "sampled"])
            .help("γ_f exact, or as sampled once by the authors"),
        ALPHA,
        SKIP_GAIN,
        OptionSpec::number("last_std", 0.0, 0.0, 10.0)
            .help("standard deviation of the last layer's weights at the start: the authors' is 0.01; 0 takes He's rule"),
    ],
    departures: &[
        "γ_f is exact by default; the authors' sampled constants are up to 0.2 % off (gamma = \"sampled\").",
        "Residual networks of order v2 only: y = shortcut + α·s·branch(γ_f·f(x/β)), with the scaled weight standardization in all convolutions; units of two 3×3 convolutions are ours, as is the division by β before the last activation and before f rather than behind it (the same for ReLU).",
        "The skip gains s are not clipped: from 0, clipping would hardly let them move.",
        "With shortcut A, β² is averaged over channels, those of zeros included (ours).",
        "A row of two weights has no direction left when it is standardized (±1/√2), and a row of one is 0.",
        "Behind a max-pool the variance is no longer 1, as in the authors' stems.",
        "The last layer is a plain linear layer with a bias, not clipped; it starts by He's rule, the authors' with last_std = 0.01.",
        AT_THE_KINK,
    ],
    learning_rate_at_50: 0.05,
    build,
    residual_orders: &[Order::PreActivation],
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    residual::check(block, options)?;
    let std = options.number("last_std");
    if block.last && std > 0.0 {
        return plain::build_from(block, builder.direction() * std, builder);
    }
    if block.last {
        return plain::build(block, builder);
    }
    let output_gain = output_gain(block.activation, options.choice("gamma") == "sampled")?;
    if block.op.is_identity() {
        let layer = ScaledActivation::build(block, options, output_gain, builder)?;
        clip(&[], block, options, builder)?;
        return Ok(layer);
    }
    let outputs = block.op.outputs();
    let weight = init::he(&builder.direction(), block.op.fan_in());
    let layer = NormalizerFree {
        block: block.clone(),
        weight: builder.weight("weight", weight)?,
        gain: builder.gain("gamma", builder.filled(outputs, 1.0))?,
        bias: builder.shift("bias", builder.filled(outputs, 0.0))?,
        floor: if options.choice("variance_floor") == "max" {
            Floor::Max
        } else {
            Floor::Add
        },
        output_gain,
        skip: SkipGain::build(block, options, builder)?,
        activation_pool: ActivationPool::build(block, builder)?,
    };
    clip(&["weight", "gamma", "bias"], block, options, builder)?;
    Ok(Box::new(layer))
}

/// Lets the gradients of these parameters, and of a slope where the activation has one, be clipped.
fn clip(names: &[&str], block: &Block, options: &Options, builder: &mut Builder) -> Result<()> {
    let lambda = options.number("agc");
    if lambda == 0.0 {
        return Ok(());
    }
    let rule = Rc::new(AdaptiveClip { lambda });
    let slope = matches!(block.activation, Activation::Prelu { .. }).then_some("slope");
    for name in names.iter().copied().chain(slope) {
        builder.rule(name, rule.clone())?;
    }
    Ok(())
}

/// Activations whose γ_f the authors sampled (nonlinearities in their published code).
const SAMPLED: &str = "relu, gelu, silu, elu, selu, tanh, sigmoid, softplus";

/// γ_f = 1/√Var f(z).
fn output_gain(activation: Activation, sampled: bool) -> Result<f64> {
    match activation {
        Activation::Identity => Ok(1.0),
        _ if !sampled => Ok(1.0 / moments::moments(activation).std()),
        Activation::Relu => Ok(1.713_958_859_443_664_6),
        Activation::Gelu => Ok(1.701_504_349_708_557_1),
        Activation::Silu => Ok(1.788_129_329_681_396_5),
        Activation::Elu { alpha: 1.0 } => Ok(1.271_600_484_848_022_5),
        Activation::Selu => Ok(1.000_851_511_955_261_2),
        Activation::Tanh => Ok(1.593_911_767_005_920_4),
        Activation::Sigmoid => Ok(4.803_835_391_998_291),
        Activation::Softplus => Ok(1.920_332_312_583_923_3),
        _ => Err(usage!(
            "method.gamma = \"sampled\" has constants for the activations {SAMPLED} only; use gamma = \"exact\""
        )),
    }
}

/// What keeps the division finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Floor {
    /// max(n·v, 10⁻⁴).
    Max,
    /// n·(v + 10⁻⁶).
    Add,
}

/// (W − μ)/√(n·v) row by row, in the shape of `weight`.
fn standardized_rows(weight: &Tensor, floor: Floor) -> Tensor {
    let rows = weight.flatten(1, -1);
    let fan_in = rows.size()[1] as f64;
    let centered = &rows - rows.mean_dim([1].as_slice(), true, None);
    let squares = centered.square();
    let squares = squares.sum_dim_intlist([1].as_slice(), true, None);
    let squares = match floor {
        Floor::Max => squares.clamp_min(1e-4),
        Floor::Add => squares + fan_in * 1e-6,
    };
    (centered * squares.rsqrt()).view(weight.size().as_slice())
}

struct NormalizerFree {
    block: Block,
    weight: Tensor,
    gain: Tensor,
    bias: Tensor,
    floor: Floor,
    output_gain: f64,
    /// What the end of a residual branch is multiplied by.
    skip: Option<SkipGain>,
    activation_pool: ActivationPool,
}

impl NormalizerFree {
    /// What the output is multiplied by, at the end of a residual branch.
    fn factor(&self) -> Option<Tensor> {
        self.skip.as_ref().map(SkipGain::factor)
    }

    /// Weights and bias for an input that is still to be multiplied by `scale`, both times `factor`.
    fn linear(&self, scale: f64, factor: Option<Tensor>) -> (Tensor, Tensor) {
        let rows = standardized_rows(&self.weight, self.floor);
        let (gain, bias) = (&self.gain * scale, self.bias.shallow_clone());
        let (gain, bias) = match factor {
            Some(factor) => (gain * &factor, bias * factor),
            None => (gain, bias),
        };
        (rows * self.block.op.per_row(&gain), bias)
    }
}

impl Layer for NormalizerFree {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let (kernel, bias) = self.linear(input.scale, None);
        self.block.op.apply(&input.x, &kernel, Some(&bias))
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        let active = self.activation_pool.apply(pre);
        let active = match self.factor() {
            Some(factor) => active * factor,
            None => active,
        };
        Signal::scaled(active, self.output_gain)
    }

    /// With the branch's factor in the weights, where it costs no pass over activations.
    fn forward(&self, input: &Signal, _pass: &Pass) -> Signal {
        let (kernel, bias) = self.linear(input.scale, self.factor());
        let pre = self.block.op.apply(&input.x, &kernel, Some(&bias));
        Signal::scaled(self.activation_pool.apply(pre), self.output_gain)
    }

    fn fold(&self) -> Option<Folded> {
        let (kernel, bias) = self.linear(1.0, self.factor());
        Some(Folded {
            scale: self.output_gain,
            ..Folded::plain(kernel, bias, &self.activation_pool)
        })
    }
}

#[cfg(test)]
mod tests;
