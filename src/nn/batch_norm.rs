//! Batch statistics with gain, shift and population statistics: what `bn` and its relatives are made of.

use anyhow::Result;
use tch::Tensor;

use super::{Affine, Block, Builder, Normalization, Pass};
use crate::options::Options;

/// Where the mean and variance of evaluation come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Population {
    /// Exponential averages over the training batches.
    Running,
    /// The plain average over all training batches since the start.
    Cumulative,
    /// The plain average over one pass through the training images with the weights as they are at
    /// evaluation: the rule of Ioffe and Szegedy.
    Precise,
}

/// The constants of a [`BatchNorm`].
#[derive(Debug, Clone, Copy)]
pub struct BatchNormSettings {
    /// ε, added to the variance.
    pub eps: f64,
    /// ρ, the weight of the newest batch in exponential averages.
    pub momentum: f64,
    /// Where evaluation's statistics come from.
    pub population: Population,
    /// What γ starts at.
    pub gamma: f64,
}

impl BatchNormSettings {
    /// By the options [`EPS`](super::statistics::EPS) and [`AVERAGE_MOMENTUM`](super::statistics::AVERAGE_MOMENTUM);
    /// γ starts at 1.
    pub fn of(options: &Options, population: Population) -> BatchNormSettings {
        BatchNormSettings {
            eps: options.number("eps"),
            momentum: options.number("average_momentum"),
            population,
            gamma: 1.0,
        }
    }
}

/// γ (a − μ)/√(v + ε) + β over images and positions of a channel; at evaluation μ and v are averages of the
/// batches' mean and unbiased variance.
///
/// The averages are r ← (1 − ρ) r + ρ·new. A plain average over t batches is the same with ρ = 1/t.
#[derive(Debug)]
pub struct BatchNorm {
    affine: Option<Affine>,
    running_mean: Tensor,
    running_var: Tensor,
    /// Batches in the plain average, `[1]`.
    batches: Option<Tensor>,
    settings: BatchNormSettings,
}

impl BatchNorm {
    /// Registers gain, shift, averages and, for plain averages, the count of batches.
    pub fn build(
        block: &Block,
        builder: &mut Builder,
        settings: BatchNormSettings,
    ) -> Result<BatchNorm> {
        let affine = Affine::started(block, settings.gamma, builder)?;
        BatchNorm::with(Some(affine), block, builder, settings)
    }

    /// Without gain and shift.
    pub fn bare(
        block: &Block,
        builder: &mut Builder,
        settings: BatchNormSettings,
    ) -> Result<BatchNorm> {
        BatchNorm::with(None, block, builder, settings)
    }

    fn with(
        affine: Option<Affine>,
        block: &Block,
        builder: &mut Builder,
        settings: BatchNormSettings,
    ) -> Result<BatchNorm> {
        let channels = block.op.outputs();
        Ok(BatchNorm {
            affine,
            running_mean: builder.buffer("running_mean", builder.filled(channels, 0.0))?,
            running_var: builder.buffer("running_var", builder.filled(channels, 1.0))?,
            batches: match settings.population {
                Population::Running => None,
                _ => Some(builder.buffer("batches", builder.filled(1, 0.0))?),
            },
            settings,
        })
    }

    /// The weight of a training batch in the averages; counts it.
    fn share_of_newest(&self) -> f64 {
        match &self.batches {
            None => self.settings.momentum,
            Some(batches) => {
                let count = batches.double_value(&[0]) + 1.0;
                let _ = batches.shallow_clone().fill_(count);
                1.0 / count
            }
        }
    }
}

impl Normalization for BatchNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let share = if pass.training() {
            self.share_of_newest()
        } else {
            0.0
        };
        linear.batch_norm(
            self.affine.as_ref().map(|affine| &affine.gamma),
            self.affine.as_ref().map(|affine| &affine.beta),
            Some(&self.running_mean),
            Some(&self.running_var),
            pass.training(),
            share,
            self.settings.eps,
            true,
        )
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        let factor = (&self.running_var + self.settings.eps).rsqrt();
        Some(match &self.affine {
            Some(affine) => affine.centered_map(&self.running_mean, &affine.gamma * factor),
            None => {
                let shift = &self.running_mean * &factor;
                (factor, -shift)
            }
        })
    }

    /// libtorch's batch norm sums in float32, also what it is given in bfloat16.
    fn takes_narrow(&self) -> bool {
        true
    }

    fn restart_population(&self) -> bool {
        match &self.batches {
            Some(batches) if self.settings.population == Population::Precise => {
                let _ = batches.shallow_clone().zero_();
                true
            }
            _ => false,
        }
    }
}
