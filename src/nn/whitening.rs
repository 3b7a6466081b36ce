//! Whitening of neighboring channels: what decorrelated batch normalization and its iterative form share.
//!
//! The channels are split into blocks of d. With μ the mean of each channel over images and positions, X the centered
//! values of a block, one row a channel and m columns, Σ = X·Xᵀ/m + ε·I and D a root of Σ⁻¹: y = γ·(D·(a − μ)) + β.
//! Evaluation takes running averages of μ and of D itself.
//!
//! Σ and D are made in float64: in directions of little variance D is large, and what float32 loses there would be seen.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::statistics::{channel_means, update_average};
use super::{Affine, Block, Builder, LinearOp, Normalization, Pass};
use crate::options::{OptionSpec, Options};

/// d.
pub const BLOCK: OptionSpec = OptionSpec::count("block", 16, 1, 4096)
    .help("channels that are whitened together; halved until it divides the layer's channels");

/// ε.
pub const WHITENING_EPS: OptionSpec = OptionSpec::number("eps", 1e-5, 1e-12, 1.0)
    .help("ε, added to the variances of the covariance matrix");

/// How D comes from Σ.
pub trait InverseRoot {
    /// D of each Σ, both `[blocks, d, d]` in float64.
    fn of(&self, covariance: &Tensor) -> Tensor;
}

/// The normalization of this file.
#[derive(Debug)]
pub struct Whitening<R> {
    op: LinearOp,
    blocks: i64,
    size: i64,
    affine: Affine,
    running_mean: Tensor,
    /// `[blocks, d, d]`.
    running_whitening: Tensor,
    root: R,
    eps: f64,
    momentum: f64,
}

/// d for so many channels.
fn block_size(wanted: i64, channels: i64) -> i64 {
    let mut size = wanted.min(channels).max(1);
    while channels % size != 0 {
        size /= 2;
    }
    size
}

/// I, `[blocks, d, d]`.
fn identities(blocks: i64, size: i64, like: &Tensor) -> Tensor {
    let one = Tensor::eye(size, (like.kind(), like.device()));
    one.expand([blocks, size, size], false).contiguous()
}

impl<R: InverseRoot> Whitening<R> {
    /// By the options [`BLOCK`], [`WHITENING_EPS`] and [`AVERAGE_MOMENTUM`](super::statistics::AVERAGE_MOMENTUM).
    pub fn build(
        root: R,
        block: &Block,
        options: &Options,
        builder: &mut Builder,
    ) -> Result<Whitening<R>> {
        let channels = block.op.outputs();
        let size = block_size(options.count("block"), channels);
        let blocks = channels / size;
        let zeros = builder.filled(channels, 0.0);
        let identities = identities(blocks, size, &zeros);
        Ok(Whitening {
            op: block.op,
            blocks,
            size,
            affine: Affine::build(block, builder)?,
            running_mean: builder.buffer("running_mean", zeros)?,
            running_whitening: builder.buffer("running_whitening", identities)?,
            root,
            eps: options.number("eps"),
            momentum: options.number("average_momentum"),
        })
    }

    /// Σ of values `[blocks, d, m]`, in float64.
    fn covariance(&self, values: &Tensor) -> Tensor {
        let wide = values.to_kind(Kind::Double);
        let count = wide.size()[2] as f64;
        let ridge = identities(self.blocks, self.size, &wide) * self.eps;
        ridge + wide.bmm(&wide.transpose(1, 2)) / count
    }
}

impl<R: InverseRoot> Normalization for Whitening<R> {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let mean = match pass.training() {
            true => channel_means(linear),
            false => self.running_mean.shallow_clone(),
        };
        let by_channel = (linear - self.op.per_channel(&mean)).transpose(0, 1);
        let values = by_channel.reshape([self.blocks, self.size, -1]);
        let whitening = match pass.training() {
            true => {
                let found = self.root.of(&self.covariance(&values));
                let found = found.to_kind(linear.kind());
                update_average(&self.running_mean, &mean.detach(), self.momentum);
                update_average(&self.running_whitening, &found.detach(), self.momentum);
                found
            }
            false => self.running_whitening.shallow_clone(),
        };
        let white = whitening.bmm(&values).reshape(by_channel.size());
        self.affine.apply(&white.transpose(0, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::block_size;

    #[test]
    fn blocks_are_halved_until_they_divide_the_channels() {
        for (wanted, channels, expected) in
            [(16, 48, 16), (16, 40, 8), (16, 6, 6), (4, 6, 2), (16, 1, 1)]
        {
            assert_eq!(
                block_size(wanted, channels),
                expected,
                "{wanted} {channels}"
            );
        }
    }
}
