//! A gain and a shift for each channel, what most normalizations end with.

use anyhow::Result;
use tch::Tensor;

use super::{Block, Builder, LinearOp};

/// x ↦ γ·x + β, one γ and one β a channel (or unit).
#[derive(Debug)]
pub struct Affine {
    op: LinearOp,
    /// γ, `[outputs]`.
    pub gamma: Tensor,
    /// β, `[outputs]`, started at 0.
    pub beta: Tensor,
}

impl Affine {
    /// Registers `gamma`, started at 1, and `beta` for `block`.
    pub fn build(block: &Block, builder: &mut Builder) -> Result<Affine> {
        Affine::started(block, 1.0, builder)
    }

    /// The same with `gamma` started at this number.
    pub fn started(block: &Block, gamma: f64, builder: &mut Builder) -> Result<Affine> {
        let channels = block.op.outputs();
        Ok(Affine {
            op: block.op,
            gamma: builder.gain("gamma", builder.filled(channels, gamma))?,
            beta: builder.shift("beta", builder.filled(channels, 0.0))?,
        })
    }

    /// factor·(x − mean) + β as a factor and a shift of each channel.
    pub fn centered_map(&self, mean: &Tensor, factor: Tensor) -> (Tensor, Tensor) {
        let shift = &self.beta - mean * &factor;
        (factor, shift)
    }

    /// γ·x + β for x of shape `[N, outputs, ...]`.
    pub fn apply(&self, x: &Tensor) -> Tensor {
        let (gamma, beta) = (
            self.op.per_channel(&self.gamma),
            self.op.per_channel(&self.beta),
        );
        beta.addcmul(x, &gamma)
    }
}
