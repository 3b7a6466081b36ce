//! Batch normalization with another measure of spread than the standard deviation.

use std::cell::Cell;

use anyhow::Result;
use tch::Tensor;

use super::statistics::{channel_means, channel_stds, update_average, values_per_channel};
use super::{Affine, Block, Builder, LinearOp, Normalization, Pass};
use crate::moments::{extreme_bound_constant, half_normal_top_mean};
use crate::options::{OptionSpec, Options};

/// What each channel is divided by.
pub trait ChannelScale {
    /// The scale of each channel, `[channels]`, from the distances |a − μ| of shape `[N, channels, ...]`.
    fn of(&self, distances: &Tensor) -> Tensor;
}

/// ε of a [`BatchScale`].
pub const SCALE_EPS: OptionSpec =
    OptionSpec::number("eps", 1e-5, 0.0, 1.0).help("ε, added to the scale");

/// Noise of a [`BatchScale`].
pub const NOISE: OptionSpec = OptionSpec::flag("noise", false)
    .help("in training, multiply what is normalized by 0.1·σ·N(1, 1), as the authors' code can; evaluation does not, and is of another scale");

#[derive(Debug, Clone, Copy)]
struct ScaleSettings {
    /// ε, added to the scale.
    eps: f64,
    /// ρ, the weight of the newest batch in the running averages.
    momentum: f64,
    /// Whether training multiplies what is normalized by noise.
    noise: bool,
}

impl ScaleSettings {
    /// By the options [`SCALE_EPS`], [`AVERAGE_MOMENTUM`](super::statistics::AVERAGE_MOMENTUM) and [`NOISE`].
    fn of(options: &Options) -> ScaleSettings {
        ScaleSettings {
            eps: options.number("eps"),
            momentum: options.number("average_momentum"),
            noise: options.flag("noise"),
        }
    }
}

/// γ (a − μ)/(s + ε) + β with μ the mean and s the [`ChannelScale`] of each channel over images and positions. At
/// evaluation both are running averages, r ← (1 − ρ) r + ρ·new, started at 0 and 1.
///
/// The noise is a factor 0.1·σ·z for each number, z ~ N(1, 1), σ the standard deviation of a in its channel, without
/// gradient: (a − μ)/(s + ε) is multiplied by it, then come γ and β.
#[derive(Debug)]
pub struct BatchScale<S> {
    op: LinearOp,
    affine: Affine,
    running_mean: Tensor,
    running_scale: Tensor,
    settings: ScaleSettings,
    spread: S,
}

impl<S: ChannelScale> BatchScale<S> {
    /// Registers gain, shift and running averages.
    pub fn build(
        block: &Block,
        options: &Options,
        builder: &mut Builder,
        spread: S,
    ) -> Result<Self> {
        let channels = block.op.outputs();
        let affine = Affine::build(block, builder)?;
        Ok(BatchScale {
            op: block.op,
            affine,
            running_mean: builder.buffer("running_mean", builder.filled(channels, 0.0))?,
            running_scale: builder.buffer("running_scale", builder.filled(channels, 1.0))?,
            settings: ScaleSettings::of(options),
            spread,
        })
    }

    /// γ (centered)/(scale + ε) + β.
    fn scaled(&self, centered: &Tensor, scale: &Tensor) -> Tensor {
        let factor = &self.affine.gamma / (scale + self.settings.eps);
        self.op
            .per_channel(&self.affine.beta)
            .addcmul(centered, &self.op.per_channel(&factor))
    }
}

impl<S: ChannelScale> Normalization for BatchScale<S> {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        if !pass.training() {
            let centered = linear - self.op.per_channel(&self.running_mean);
            return self.scaled(&centered, &self.running_scale);
        }
        let mean = channel_means(linear);
        let centered = linear - self.op.per_channel(&mean);
        let scale = self.spread.of(&centered.abs());
        update_average(&self.running_mean, &mean, self.settings.momentum);
        update_average(&self.running_scale, &scale, self.settings.momentum);
        if !self.settings.noise {
            return self.scaled(&centered, &scale);
        }
        let spread = self.op.per_channel(&channel_stds(linear).detach()) * 0.1;
        let noise = (pass.normal(&linear.size(), linear) + 1.0) * spread;
        self.scaled(&(centered * noise), &scale)
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        let factor = &self.affine.gamma / (&self.running_scale + self.settings.eps);
        Some(self.affine.centered_map(&self.running_mean, factor))
    }
}

/// Which factor turns the mean of the largest |a − μ| into a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extremes {
    /// The authors' C(n).
    Bound,
    /// 1/E[mean of the k largest |z|], exact for Gaussians.
    Exact,
    /// 1.
    Bare,
}

impl Extremes {
    /// By the option `constant`.
    fn of(options: &Options) -> Extremes {
        match options.choice("constant") {
            "exact" => Extremes::Exact,
            "none" => Extremes::Bare,
            _ => Extremes::Bound,
        }
    }
}

/// That factor, for the size of the batch.
#[derive(Debug)]
pub struct ExtremeConstant {
    extremes: Extremes,
    /// The last (values, largest, constant): batches rarely change their size.
    known: Cell<(i64, i64, f64)>,
}

impl ExtremeConstant {
    /// The factor that the option `constant` asks for: `hoffer`, `exact` or `none`.
    pub fn of_options(options: &Options) -> ExtremeConstant {
        ExtremeConstant::new(Extremes::of(options))
    }

    /// The factor of this kind.
    pub fn new(extremes: Extremes) -> ExtremeConstant {
        ExtremeConstant {
            extremes,
            known: Cell::new((0, 0, 0.0)),
        }
    }

    /// For the `top` largest among the values of a channel in `distances`.
    pub fn of(&self, distances: &Tensor, top: i64) -> f64 {
        let values = values_per_channel(distances);
        let (known_values, known_top, known) = self.known.get();
        if (known_values, known_top) == (values, top) {
            return known;
        }
        let (count, largest) = (values.max(1) as u64, top.max(1) as u64);
        let constant = match self.extremes {
            Extremes::Bound => extreme_bound_constant(count),
            Extremes::Exact => 1.0 / half_normal_top_mean(count, largest),
            Extremes::Bare => 1.0,
        };
        self.known.set((values, top, constant));
        constant
    }
}
