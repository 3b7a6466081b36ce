//! Batch normalization with another measure of spread than the standard deviation.

use std::cell::Cell;

use anyhow::Result;
use tch::Tensor;

use super::affine::Affine;
use super::block::{Block, LinearOp};
use super::builder::Builder;
use super::normalized::Normalization;
use super::pass::Pass;
use super::statistics::{channel_means, channel_stds, values_per_channel};
use crate::moments::{extreme_bound_constant, half_normal_top_mean};

/// What each channel is divided by.
pub trait ChannelScale {
    /// The scale of each channel, `[channels]`, from the distances |a − μ| of shape `[N, channels, ...]`.
    fn of(&self, distances: &Tensor) -> Tensor;
}

/// How a [`BatchScale`] is built.
#[derive(Debug, Clone, Copy)]
pub struct ScaleSettings {
    /// ε, added to the scale.
    pub eps: f64,
    /// ρ, the weight of the newest batch in the running averages.
    pub momentum: f64,
    /// Whether training multiplies what is normalized by noise.
    pub noise: bool,
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
        builder: &mut Builder,
        settings: ScaleSettings,
        spread: S,
    ) -> Result<Self> {
        let channels = block.op.outputs();
        let affine = Affine::build(block, builder)?;
        Ok(BatchScale {
            op: block.op,
            affine,
            running_mean: builder.buffer("running_mean", builder.filled(channels, 0.0))?,
            running_scale: builder.buffer("running_scale", builder.filled(channels, 1.0))?,
            settings,
            spread,
        })
    }

    /// γ (centred)/(scale + ε) + β.
    fn scaled(&self, centred: &Tensor, scale: &Tensor) -> Tensor {
        let factor = &self.affine.gamma / (scale + self.settings.eps);
        self.op
            .per_channel(&self.affine.beta)
            .addcmul(centred, &self.op.per_channel(&factor))
    }
}

impl<S: ChannelScale> Normalization for BatchScale<S> {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        if !pass.training() {
            let centred = linear - self.op.per_channel(&self.running_mean);
            return self.scaled(&centred, &self.running_scale);
        }
        let mean = channel_means(linear);
        let centred = linear - self.op.per_channel(&mean);
        let scale = self.spread.of(&centred.abs());
        tch::no_grad(|| {
            let _ = self
                .running_mean
                .shallow_clone()
                .lerp_(&mean, self.settings.momentum);
            let _ = self
                .running_scale
                .shallow_clone()
                .lerp_(&scale, self.settings.momentum);
        });
        if !self.settings.noise {
            return self.scaled(&centred, &scale);
        }
        let spread = self.op.per_channel(&channel_stds(linear).detach()) * 0.1;
        let noise = (pass.normal(&linear.size(), linear) + 1.0) * spread;
        self.scaled(&(centred * noise), &scale)
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        let factor = &self.affine.gamma / (&self.running_scale + self.settings.eps);
        let shift = &self.affine.beta - &self.running_mean * &factor;
        Some((factor, shift))
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

/// That factor, for the size of the batch.
#[derive(Debug)]
pub struct ExtremeConstant {
    extremes: Extremes,
    /// The last (values, largest, constant): batches rarely change their size.
    known: Cell<(i64, i64, f64)>,
}

impl ExtremeConstant {
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
