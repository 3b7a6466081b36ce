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
//! **What costs nothing.** With ReLU, max(a, 0) − m = max(a − m, −m): −m goes into the block's own bias, and the
//! activation clamps at −m instead of at 0. 1/s travels beside the signal into the weights of the next operation. Zeros
//! around an image then stand for the mean. In residual networks of order v2, what enters a unit arrives without m·β in
//! the same way: see [`Skip::taken_off`](residual::Skip::taken_off). What is
//! left is work on weights: one pass for γ/(c·s)·W, one back, and one for the step with the reset of rows to unit
//! length. `forward` does that for ReLU and the identity with `constraint` = `project`; another constraint records the
//! division, another activation takes the textbook formula of `pre_activation` and `post_activation`. Tests hold the two
//! equal.

mod constraint;
mod layer;
mod noise;
mod recurrent;
mod residual;
mod slopes;
mod stream;
mod tracking;
mod two_slopes;

use anyhow::Result;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::residual::Order;
use crate::nn::statistics::AT_THE_KINK;
use crate::nn::{Block, Builder, Layer, NetworkKind};
use crate::options::{OptionSpec, Options};
use layer::NormProp;
use residual::Skip;
use stream::StreamActivation;

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
        residual::OPTIONS[0],
        residual::OPTIONS[1],
        residual::OPTIONS[2],
        residual::OPTIONS[3],
        residual::OPTIONS[4],
    ],
    defaults_by_network: &[(
        NetworkKind::Residual(Order::PostActivation),
        "residual",
        "v1-sqrt2",
    )],
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
        "Residual networks are not in the paper. alpha-beta, tracked and v1-sqrt2 are ours, made from its argument; naive is its formula as it stands, and fails with depth. jacobian_scale does not apply there: γ starts at branch_gain, last_gain, and 1 elsewhere.",
        "Residual networks: zeros around a map stand for the mean, but an output at the border sees fewer numbers: its variance is lower than 1.",
        "Residual networks with shortcut A: appended channels of zeros have variance 0, β is that of the average channel, and with v1-sqrt2 m* and s* do not hold in them.",
        "Residual networks: tracked with tracking = \"gains\" takes a branch's last γ and β at their word, and branch and stream as uncorrelated; in trained networks they correlate. \"analytic\" takes units of the branch's middle as independent Gaussians, keeps the covariance to first order and within what the two variances allow, and leaves the border out.",
        AT_THE_KINK,
    ],
    build,
    row_scale_options: "constraint = \"reparametrize\"",
    recurrent: Some(recurrent::RECURRENT),
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let skip = Skip::of(block, options)?;
    match skip.filter(|_| block.op.is_identity()) {
        Some(skip) => StreamActivation::build(block, &skip, builder),
        None => NormProp::build(block, options, skip, builder),
    }
}

#[cfg(test)]
mod formula_tests;
#[cfg(test)]
mod moment_tests;
#[cfg(test)]
mod residual_tests;
#[cfg(test)]
mod tracking_tests;
