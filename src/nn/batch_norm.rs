//! Batch statistics with gain, shift and population statistics: what `bn` and its relatives are made of.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::statistics::update_average;
use super::{Affine, Block, Builder, LinearOp, Normalization, Pass};
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
    /// Images whose statistics are taken together in training (ghost batches); 0 for the whole batch.
    pub ghost: i64,
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
            ghost: 0,
        }
    }
}

/// γ (a − μ)/√(v + ε) + β over images and positions of a channel; at evaluation μ and v are averages of the
/// batches' mean and unbiased variance.
///
/// The averages are r ← (1 − ρ) r + ρ·new. A plain average over t batches is the same with ρ = 1/t.
///
/// With ghost batches (Hoffer, Hubara, Soudry, NIPS 2017, arXiv:1705.08741) a training batch is normalized slice by slice,
/// and the average of the slices' statistics enters the running ones.
#[derive(Debug)]
pub struct BatchNorm {
    op: LinearOp,
    affine: Option<Affine>,
    running_mean: Tensor,
    running_var: Tensor,
    /// Batches in the plain average, a count.
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
            op: block.op,
            affine,
            running_mean: builder.buffer("running_mean", builder.filled(channels, 0.0))?,
            running_var: builder.buffer("running_var", builder.filled(channels, 1.0))?,
            batches: match settings.population {
                Population::Running => None,
                _ => Some(builder.count("batches", 0.0)?),
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

impl BatchNorm {
    /// Evaluation's mean and variance, `[channels]`.
    pub fn averages(&self) -> (&Tensor, &Tensor) {
        (&self.running_mean, &self.running_var)
    }

    /// By the statistics of `linear`, which enter `averages` with weight `share`, or where there is none by `averages`.
    fn normalized(
        &self,
        linear: &Tensor,
        averages: (&Tensor, &Tensor),
        share: Option<f64>,
    ) -> Tensor {
        linear.batch_norm(
            self.affine.as_ref().map(|affine| &affine.gamma),
            self.affine.as_ref().map(|affine| &affine.beta),
            Some(averages.0),
            Some(averages.1),
            share.is_some(),
            share.unwrap_or(0.0),
            self.settings.eps,
            true,
        )
    }

    /// Slice by slice.
    fn by_slices(&self, linear: &Tensor, share: f64) -> Tensor {
        let sizes = ghost_slices(linear.size()[0], self.settings.ghost, self.op.is_dense());
        let (mean, variance) = self.averages();
        let (mut means, mut variances) = (Vec::new(), Vec::new());
        let outputs = linear
            .split_with_sizes(sizes.as_slice(), 0)
            .into_iter()
            .map(|slice| {
                let own = (mean.zeros_like(), variance.zeros_like());
                let output = self.normalized(&slice, (&own.0, &own.1), Some(1.0));
                means.push(own.0);
                variances.push(own.1);
                output
            });
        let outputs: Vec<Tensor> = outputs.collect();
        let average =
            |all: &[Tensor]| Tensor::stack(all, 0).mean_dim([0].as_slice(), false, None::<Kind>);
        update_average(mean, &average(&means), share);
        update_average(variance, &average(&variances), share);
        Tensor::cat(&outputs, 0)
    }
}

/// Images in each slice of so many. What is left over is a smaller slice; where a single image has no statistics, in fully
/// connected layers, one that is left over joins the slice before it.
fn ghost_slices(images: i64, ghost: i64, is_dense: bool) -> Vec<i64> {
    let mut sizes = vec![ghost; (images / ghost) as usize];
    match (images % ghost, sizes.last_mut()) {
        (0, _) => {}
        (1, Some(last)) if is_dense => *last += 1,
        (rest, _) => sizes.push(rest),
    }
    sizes
}

impl Normalization for BatchNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let share = pass.training().then(|| self.share_of_newest());
        match share {
            Some(share) if self.settings.ghost > 0 => self.by_slices(linear, share),
            share => self.normalized(linear, self.averages(), share),
        }
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

#[cfg(test)]
mod tests {
    use super::ghost_slices;

    #[test]
    fn slices_hold_every_image_once() {
        assert_eq!(ghost_slices(6, 2, false), [2, 2, 2]);
        assert_eq!(ghost_slices(7, 2, false), [2, 2, 2, 1]);
        assert_eq!(ghost_slices(7, 2, true), [2, 2, 3]);
        assert_eq!(ghost_slices(8, 3, true), [3, 3, 2]);
        assert_eq!(ghost_slices(2, 50, true), [2]);
        assert_eq!(ghost_slices(1, 50, false), [1]);
    }
}
