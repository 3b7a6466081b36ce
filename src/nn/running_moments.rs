//! Running averages of means and variances, whatever they are taken over.

use anyhow::Result;
use tch::Tensor;

use super::statistics::update_average;
use super::{Builder, Pass};

/// Means μ and variances v. In training those of the batch, which enter averages r ← (1 − ρ)·r + ρ·new; in evaluation the
/// averages, started at 0 and 1.
#[derive(Debug)]
pub struct RunningMoments {
    mean: Tensor,
    variance: Tensor,
    momentum: f64,
}

impl RunningMoments {
    /// Registers averages of so many means and variances, with ρ = `momentum`.
    pub fn build(
        means: i64,
        variances: i64,
        momentum: f64,
        builder: &mut Builder,
    ) -> Result<RunningMoments> {
        Ok(RunningMoments {
            mean: builder.buffer("running_mean", builder.filled(means, 0.0))?,
            variance: builder.buffer("running_var", builder.filled(variances, 1.0))?,
            momentum,
        })
    }

    /// The first `count` of them.
    pub fn first(&self, count: i64) -> RunningMoments {
        RunningMoments {
            mean: self.mean.narrow(0, 0, count),
            variance: self.variance.narrow(0, 0, count),
            momentum: self.momentum,
        }
    }

    /// The averages.
    pub fn averages(&self) -> (&Tensor, &Tensor) {
        (&self.mean, &self.variance)
    }

    /// μ and v: what `batch` finds, whose variance enters the average times `correction`, or the averages.
    pub fn of(
        &self,
        pass: &Pass,
        correction: f64,
        batch: impl FnOnce() -> (Tensor, Tensor),
    ) -> (Tensor, Tensor) {
        if !pass.training() {
            return (self.mean.shallow_clone(), self.variance.shallow_clone());
        }
        let (mean, variance) = batch();
        update_average(&self.mean, &mean.detach(), self.momentum);
        let corrected = variance.detach() * correction;
        update_average(&self.variance, &corrected, self.momentum);
        (mean, variance)
    }
}
