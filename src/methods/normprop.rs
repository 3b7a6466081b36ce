//! Normalization Propagation (Arpit, Zhou, Kota, Govindaraju, ICML 2016, arXiv:1603.01431).
//!
//! If the inputs of a layer have zero mean, unit variance and little correlation, and its weight rows have
//! length 1, then its pre-activations are close to N(0,1); the mean m and standard deviation s of f(z),
//! z ~ N(0,1), are then known numbers, and subtracting and dividing by them hands the next layer inputs of
//! zero mean and unit variance again. No batch enters.
//!
//! For row o:  a_o = γ_o·⟨W_o, x⟩/(c·‖W_o‖) + β_o,  y_o = (pool(f(a_o)) − m)/s.
//! ReLU: m = 1/√(2π) ≈ 0.39894, s = √(1/2 − 1/(2π)) ≈ 0.58382. The last layer has unit rows, γ and β,
//! and nothing behind them (the paper's treatment of it is not known to us).
//!
//! **1.21.** With unit rows the layer's Jacobian has mean squared singular value J = E f'(z)²/s², 1.4669 for
//! ReLU. `jacobian_scale` = `init` starts γ at 1/√J = 1/1.2112; `fixed` divides by c = √J and starts γ at 1;
//! `none` leaves it. Unit Jacobian and unit forward variance exclude each other: with the factor the
//! pre-activations shrink with depth, without it gradients grow.
//!
//! **What costs nothing.** With ReLU, (pool(f(a)) − m)/s needs no pass over activations: −m and 1/s travel beside the
//! signal into the next linear operation, 1/s into its weights and −m times the sum of each row into its bias. Only
//! where that operation pads with zeros, which stand for the mean, is m subtracted, behind a pool in place. (Clamping
//! at −m with −m in the own bias would serve too, but the backward pass of a clamp keeps a copy of its input.) What is
//! left is work on weights: one pass for γ/(c·s)·W, one back, and one for the step with the reset of rows to unit
//! length. `forward` does that for ReLU and the identity with `constraint` = `project`; another constraint records the
//! division, another activation takes the textbook formula of `pre_activation` and `post_activation`. Tests hold the two
//! equal.

mod constraint;
mod noise;
mod recurrent;

use std::rc::Rc;

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper, Recurrent};
use crate::moments::{self, Activation};
use crate::nn::rows::{self, DeferredAffine, ScaledRows};
use crate::nn::statistics::AT_THE_KINK;
use crate::nn::{ActivationPool, Block, Builder, Folded, Layer, Pass, Signal, Update, UpdateRule};
use crate::options::{OptionSpec, Options};
use constraint::Constraint;
use noise::StatisticsNoise;

/// What `normprop` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "normprop",
    aliases: &["normalization-propagation"],
    summary: "normalization propagation: unit weight rows, and outputs standardized by the known moments of a rectified Gaussian",
    formula: "y = (f(γ·W·x/(c·‖W‖) + β) − m)/s,  m = E f(z), s² = Var f(z)",
    paper: Paper {
        authors: "Arpit, Zhou, Kota, Govindaraju",
        title: "Normalization Propagation: A Parametric Technique for Removing Internal Covariate Shift in Deep Networks",
        venue: "ICML 2016, arXiv:1603.01431",
    },
    acts_on: &[ActsOn::Weights, ActsOn::Activation],
    row_scale_invariant: true,
    extra_parameters: "γ, β",
    options: &[
        OptionSpec::choice("jacobian_scale", &["init", "fixed", "none"])
            .help("where √J = 1.2112 goes: γ starts at 1/√J, the denominator holds √J, or nowhere"),
        OptionSpec::choice("constraint", &["project", "reparametrize", "both"])
            .help("rows reset to unit length after each step, or the division by their length differentiated through, or both"),
        OptionSpec::flag("center_rows", false)
            .help("remove each weight row's mean before the division (beyond the paper)"),
        OptionSpec::choice("pool", &["plain", "moments"])
            .help("constants of f alone (the authors' code), or of f and the max-pool together"),
        noise::OPTION,
        OptionSpec::choice("gate_variance", &["quadrature", "sum"])
            .help("LSTM: a gate's standard deviation from γₓ and γₕ, √(γₓ² + γₕ²) or γₓ + γₕ (the paper has both)"),
        OptionSpec::number("gate_gain", 2.0, 1e-3, 100.0)
            .help("LSTM: where γₓ and γₕ start"),
        OptionSpec::number("cell_gain", 1.0, 1e-3, 100.0)
            .help("LSTM: where γ_c starts"),
    ],
    departures: &[
        "The defaults jacobian_scale = \"init\" and constraint = \"project\" are ours; \"fixed\" with \"both\" is close to the authors' code.",
        "How the paper treats the last layer is not known to us: here unit rows with γ = 1 and β = 0, no Jacobian factor, no moments.",
        "LSTM: the paper's two formulas for a gate's variance disagree; quadrature is right for independent input and state. Its gains are 2, 2, 1 for characters and 0.5 for images. jacobian_scale, pool and noise_values do not apply. All biases start at 0.",
        "jacobian_scale = \"fixed\" divides by √J = 1.211174 for ReLU, where the authors' code has the literal 1.21.",
        "When the paper renormalizes rows is not known to us. constraint = \"project\" does so after each step and has no division in the graph; the authors' code divides in the graph too, as \"both\" does.",
        "PReLU: m and s follow the trained slope, and gradients flow through them into it.",
        "1e-12 is added to a row's squared length.",
        "PReLU with pool = \"moments\": m and s hold for slopes ≥ 0 only, where the activation never falls.",
        "With pool = \"moments\" the positions of a pool are taken as independent; real neighbors are not.",
        "noise_values is not the paper's: with it training differs from evaluation. The last layer has none.",
        AT_THE_KINK,
    ],
    build,
    row_scale_options: "constraint = \"reparametrize\"",
    recurrent: Some(Recurrent {
        build: recurrent::build,
        learning_rate_at_50: 0.05,
    }),
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let rate = moments::moments(block.activation).jacobian_root();
    let (divisor, gain) = match options.choice("jacobian_scale") {
        _ if block.last => (1.0, 1.0),
        "init" => (1.0, 1.0 / rate),
        "fixed" => (rate, 1.0),
        _ => (1.0, 1.0),
    };
    let positions = match block.pool {
        Some(pool) if options.choice("pool") == "moments" => pool.positions(),
        _ => 1,
    };
    let output = moments::max_pool_moments(block.activation, positions);
    let center_rows = options.flag("center_rows");
    let outputs = block.op.outputs();
    let weight = rows::unit(&builder.direction(), center_rows);
    let (gamma, beta) = (builder.filled(outputs, gain), builder.filled(outputs, 0.0));
    let constraint = Constraint::of(options);
    let weight = builder.weight("weight", weight)?;
    if constraint != Constraint::Reparametrize {
        builder.rule("weight", Rc::new(KeepUnit { center_rows }))?;
    }
    let (gamma, beta) = (builder.gain("gamma", gamma)?, builder.shift("beta", beta)?);
    Ok(Box::new(NormProp {
        block: block.clone(),
        rows: Rc::new(ScaledRows::new(&weight, &gamma, &beta)),
        weight,
        gamma,
        beta,
        divisor,
        constraint,
        center_rows,
        mean: output.mean,
        std: output.std(),
        halves: Halves::of(positions),
        noise: if block.last {
            None
        } else {
            StatisticsNoise::of(options)?
        },
        activation_pool: ActivationPool::build(block, builder)?,
    }))
}

/// Resets rows to unit length after each step of the optimizer.
#[derive(Debug)]
struct KeepUnit {
    center_rows: bool,
}

impl UpdateRule for KeepUnit {
    fn update(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        velocity: &Tensor,
        update: &Update,
    ) -> f64 {
        rows::step_and_make_unit(update, parameter, gradient, velocity, self.center_rows)
    }
}

struct NormProp {
    block: Block,
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    /// The same three, as the kernels take them.
    rows: Rc<ScaledRows>,
    divisor: f64,
    constraint: Constraint,
    center_rows: bool,
    mean: f64,
    std: f64,
    halves: Halves,
    noise: Option<StatisticsNoise>,
    activation_pool: ActivationPool,
}

impl NormProp {
    /// W/‖W‖.
    fn unit_rows(&self) -> Tensor {
        match self.constraint {
            Constraint::Project => self.weight.shallow_clone(),
            Constraint::Reparametrize | Constraint::Both => {
                rows::unit(&self.weight, self.center_rows)
            }
        }
    }

    /// γ and β, as training's noise changes them.
    fn gain_and_shift(&self, pass: &Pass) -> (Tensor, Tensor) {
        match &self.noise {
            Some(noise) if pass.training() => noise.disturbed(&self.gamma, &self.beta, pass),
            _ => (self.gamma.shallow_clone(), self.beta.shallow_clone()),
        }
    }

    /// γ/c·W/‖W‖: the weights of the textbook formula.
    fn kernel(&self, gamma: &Tensor) -> Tensor {
        self.unit_rows() * self.block.op.per_row(&(gamma / self.divisor))
    }

    /// The weights and bias that the linear operation gets to act on (x + offset)·scale when it sees x.
    fn fused(&self, offset: f64, scale: f64, pass: &Pass) -> (Tensor, Tensor) {
        let factor = scale / self.divisor;
        let deferred = DeferredAffine { factor, offset };
        let is_disturbed = self.noise.is_some() && pass.training();
        if is_disturbed || self.constraint != Constraint::Project {
            let (gamma, beta) = self.gain_and_shift(pass);
            return rows::scaled(&self.unit_rows(), &gamma, &beta, deferred);
        }
        let (kernel, bias) = self.rows.compute(deferred);
        if !pass.training() {
            return (kernel, bias);
        }
        let rows = Rc::clone(&self.rows);
        let vjp = move |found: Vec<Tensor>| {
            let Ok([by_kernel, by_bias]) = <[Tensor; 2]>::try_from(found) else {
                return Vec::new();
            };
            let (by_weight, by_gamma) = rows.vjp(by_kernel, &by_bias, deferred);
            vec![by_weight, by_gamma, by_bias]
        };
        let parameters = [&self.weight, &self.gamma, &self.beta];
        let [kernel, bias] =
            pass.custom_parameter_backward([kernel, bias], &parameters, Box::new(vjp));
        (kernel, bias)
    }
}

/// First and second moments of the positive and of the negative part of M, the largest of k independent N(0,1)
/// values: what a trained slope's constants are made of. k is 1 without a pool, or with `pool` = `plain`.
struct Halves {
    positive: (f64, f64),
    negative: (f64, f64),
}

impl Halves {
    fn of(positions: usize) -> Halves {
        let positive = moments::max_pool_moments(Activation::Relu, positions);
        let whole = moments::max_pool_moments(Activation::Identity, positions);
        Halves {
            positive: (positive.mean, positive.second),
            negative: (whole.mean - positive.mean, whole.second - positive.second),
        }
    }

    /// m and s of max f(zᵢ) for PReLU's trained slopes a: m = E M⁺ + a·E M⁻, s² = E M⁺² + a²·E M⁻² − m², which is
    /// (1−a)/√(2π) and (1+a²)/2 − m² for k = 1. Differentiable. For k > 1 it holds where a ≥ 0, that is, where f
    /// never falls.
    fn constants(&self, slope: &Tensor) -> (Tensor, Tensor) {
        let mean: Tensor = slope * self.negative.0 + self.positive.0;
        let second: Tensor = slope.square() * self.negative.1 + self.positive.1;
        let std = (second - mean.square()).sqrt();
        (mean, std)
    }
}

impl Layer for NormProp {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        let (gamma, beta) = self.gain_and_shift(pass);
        self.block
            .op
            .apply(&input.value(), &self.kernel(&gamma), Some(&beta))
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        let output = self.activation_pool.apply(pre);
        let Some(slope) = &self.activation_pool.slope else {
            return Signal::plain((output - self.mean) / self.std);
        };
        let (mean, std) = self.halves.constants(slope);
        let (mean, std) = (
            self.block.op.per_channel(&mean),
            self.block.op.per_channel(&std),
        );
        Signal::plain((output - mean) / std)
    }

    fn fold(&self) -> Option<Folded> {
        // A trained slope has constants of its own for each channel.
        if self.activation_pool.slope.is_some() {
            return None;
        }
        Some(Folded {
            offset: -self.mean,
            scale: 1.0 / self.std,
            ..Folded::plain(
                self.kernel(&self.gamma),
                self.beta.shallow_clone(),
                &self.activation_pool,
            )
        })
    }

    fn forward(&self, input: &Signal, pass: &Pass) -> Signal {
        let is_relu = match self.block.activation {
            Activation::Relu => true,
            Activation::Identity => false,
            _ => return self.post_activation(self.pre_activation(input, pass), pass),
        };
        // Zeros around an image stand for the mean: what is padded must have it as 0.
        let (x, offset) = if self.block.op.pads() {
            (input.shifted(), 0.0)
        } else {
            (input.x.shallow_clone(), input.offset)
        };
        let (kernel, bias) = self.fused(offset, input.scale, pass);
        let mut x = self.block.op.apply_narrow(&x, &kernel, Some(&bias));
        if is_relu {
            x = x.relu_();
        }
        let mut offset = -self.mean;
        if let Some(pool) = &self.activation_pool.pool {
            // A pool needs only its input for the backward pass, so that its smaller result can be changed in place.
            x = pool.apply(&x).g_add_scalar_(offset);
            offset = 0.0;
        }
        Signal {
            offset,
            ..Signal::scaled(x, 1.0 / self.std)
        }
    }
}

#[cfg(test)]
mod formula_tests;
#[cfg(test)]
mod moment_tests;
