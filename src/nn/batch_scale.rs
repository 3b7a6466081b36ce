//! Batch normalization with another measure of spread than the standard deviation.

use std::cell::Cell;

use anyhow::Result;
use tch::Tensor;

use super::affine::Affine;
use super::block::{Block, LinearOp};
use super::layer::{Builder, Pass};
use super::normalized::Normalization;
use super::statistics::{channel_means, values_per_channel};
use crate::moments::{extreme_bound_constant, half_normal_top_mean};

/// A measure of spread.
pub trait Spread {
    /// The scale of each channel, `[channels]`, from the distances |a − μ| of shape `[N, channels, ...]`.
    fn of(&self, distances: &Tensor) -> Tensor;
}

/// γ (a − μ)/(s + ε) + β with μ the mean and s a [`Spread`] of each channel over images and positions. At
/// evaluation both are running averages, r ← (1 − ρ) r + ρ·new, started at 0 and 1.
#[derive(Debug)]
pub struct BatchScale<S> {
    op: LinearOp,
    affine: Affine,
    running_mean: Tensor,
    running_scale: Tensor,
    eps: f64,
    momentum: f64,
    spread: S,
}

impl<S: Spread> BatchScale<S> {
    /// Registers gain, shift and running averages; ε is `eps` and ρ is `momentum`.
    pub fn build(
        block: &Block,
        builder: &mut Builder,
        eps: f64,
        momentum: f64,
        spread: S,
    ) -> Result<Self> {
        let channels = block.op.outputs();
        let affine = Affine::build(block, builder)?;
        let (zeros, ones) = (builder.filled(channels, 0.0), builder.filled(channels, 1.0));
        Ok(BatchScale {
            op: block.op,
            affine,
            running_mean: builder.buffer("running_mean", zeros)?,
            running_scale: builder.buffer("running_scale", ones)?,
            eps,
            momentum,
            spread,
        })
    }

    /// γ (centred)/(scale + ε) + β.
    fn scaled(&self, centred: &Tensor, scale: &Tensor) -> Tensor {
        let factor = &self.affine.gamma / (scale + self.eps);
        self.op
            .per_channel(&self.affine.beta)
            .addcmul(centred, &self.op.per_channel(&factor))
    }
}

impl<S: Spread> Normalization for BatchScale<S> {
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
                .lerp_(&mean, self.momentum);
            let _ = self
                .running_scale
                .shallow_clone()
                .lerp_(&scale, self.momentum);
        });
        self.scaled(&centred, &scale)
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        let factor = &self.affine.gamma / (&self.running_scale + self.eps);
        let shift = &self.affine.beta - &self.running_mean * &factor;
        Some((factor, shift))
    }
}

/// The factor that turns the mean of the largest |a − μ| into a scale.
#[derive(Debug)]
pub struct ExtremeConstant {
    exact: bool,
    /// The last (values, largest, constant): batches rarely change their size.
    known: Cell<(i64, i64, f64)>,
}

impl ExtremeConstant {
    /// The authors' constant C(n), or the exact one for Gaussians, 1/E[mean of the k largest |z|].
    pub fn new(exact: bool) -> ExtremeConstant {
        ExtremeConstant {
            exact,
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
        let constant = if self.exact {
            1.0 / half_normal_top_mean(count, largest)
        } else {
            extreme_bound_constant(count)
        };
        self.known.set((values, top, constant));
        constant
    }
}
