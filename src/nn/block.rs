//! A block as data: a linear operation, the activation and pool behind it, and its place in the network.

use tch::Tensor;

use super::layout;
use super::residual::Residual;
use crate::moments::Activation;

/// Name of every network's last block.
pub const LAST: &str = "logits";

/// A linear operation with weights of shape `[outputs, inputs, kernel, kernel]` or `[outputs, inputs]`, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinearOp {
    /// Two-dimensional convolution, square kernel, zero padding.
    Conv {
        /// Input channels.
        inputs: i64,
        /// Output channels.
        outputs: i64,
        /// Kernel side.
        kernel: i64,
        /// Zeros added on every side.
        padding: i64,
        /// Step between positions.
        stride: i64,
    },
    /// Matrix product on `[images, inputs]`.
    Dense {
        /// Input units.
        inputs: i64,
        /// Output units.
        outputs: i64,
    },
    /// Hands on what it receives: a block of normalization and activation alone. Folded for evaluation it has weights
    /// `[channels]`, a factor for each channel.
    Identity {
        /// Channels.
        channels: i64,
    },
}

impl LinearOp {
    /// Output channels or units.
    pub fn outputs(&self) -> i64 {
        match *self {
            LinearOp::Conv { outputs, .. } | LinearOp::Dense { outputs, .. } => outputs,
            LinearOp::Identity { channels } => channels,
        }
    }

    /// Input channels or units.
    pub fn inputs(&self) -> i64 {
        match *self {
            LinearOp::Conv { inputs, .. } | LinearOp::Dense { inputs, .. } => inputs,
            LinearOp::Identity { channels } => channels,
        }
    }

    /// The same operation between other numbers of channels or units; an identity has as many outputs as inputs.
    pub fn resized(self, inputs: i64, outputs: i64) -> LinearOp {
        match self {
            LinearOp::Conv {
                kernel,
                padding,
                stride,
                ..
            } => LinearOp::Conv {
                inputs,
                outputs,
                kernel,
                padding,
                stride,
            },
            LinearOp::Dense { .. } => LinearOp::Dense { inputs, outputs },
            LinearOp::Identity { .. } => LinearOp::Identity { channels: inputs },
        }
    }

    /// Numbers in a weight row: inputs that one output sees.
    pub fn fan_in(&self) -> i64 {
        match *self {
            LinearOp::Conv { inputs, kernel, .. } => inputs * kernel * kernel,
            LinearOp::Dense { inputs, .. } => inputs,
            LinearOp::Identity { .. } => 1,
        }
    }

    /// Shape of the weight.
    pub fn weight_shape(&self) -> Vec<i64> {
        match *self {
            LinearOp::Conv {
                inputs,
                outputs,
                kernel,
                ..
            } => vec![outputs, inputs, kernel, kernel],
            LinearOp::Dense { inputs, outputs } => vec![outputs, inputs],
            LinearOp::Identity { channels } => vec![channels],
        }
    }

    /// Whether inputs are single numbers rather than maps.
    pub fn is_dense(&self) -> bool {
        matches!(self, LinearOp::Dense { .. })
    }

    /// Whether it has no weights.
    pub fn is_identity(&self) -> bool {
        matches!(self, LinearOp::Identity { .. })
    }

    /// Whether it sees zeros that no input sent.
    pub fn pads(&self) -> bool {
        matches!(self, LinearOp::Conv { padding, .. } if *padding > 0)
    }

    /// W·x + bias, computed in the element type of `x` and returned in that of the weight: where these differ, in
    /// mixed precision, what a method does with the result is done in the wider one.
    pub fn apply(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        self.apply_narrow(x, weight, bias).to_kind(weight.kind())
    }

    /// The same, returned in the element type of `x`: for what follows that loses nothing by it.
    pub fn apply_narrow(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let (weight, bias) = (
            weight.to_kind(x.kind()),
            bias.map(|bias| bias.to_kind(x.kind())),
        );
        match *self {
            LinearOp::Conv {
                inputs,
                kernel,
                padding,
                stride,
                ..
            } => {
                let skips = kernel == 1 && stride > 1 && inputs < FEW_CHANNELS;
                let kept = skips.then(|| layout::subsampled(x, stride));
                let (stride, padding) = ([if skips { 1 } else { stride }; 2], [padding; 2]);
                let x = kept.as_ref().unwrap_or(x);
                x.conv2d(&weight, bias.as_ref(), stride, padding, [1, 1], 1)
            }
            LinearOp::Dense { .. } => x.linear(&weight, bias.as_ref()),
            LinearOp::Identity { .. } => match bias {
                Some(bias) => self
                    .per_channel(&bias)
                    .addcmul(x, &self.per_channel(&weight)),
                None => x * self.per_channel(&weight),
            },
        }
    }

    /// A vector with one number an output, shaped so that it multiplies weights row by row.
    pub fn per_row(&self, vector: &Tensor) -> Tensor {
        match self {
            LinearOp::Conv { .. } => vector.view([-1, 1, 1, 1]),
            LinearOp::Dense { .. } => vector.view([-1, 1]),
            LinearOp::Identity { .. } => vector.view([-1]),
        }
    }

    /// A vector with one number an output, shaped so that it acts on the operation's output.
    pub fn per_channel(&self, vector: &Tensor) -> Tensor {
        match self {
            LinearOp::Conv { .. } | LinearOp::Identity { .. } => vector.view([1, -1, 1, 1]),
            LinearOp::Dense { .. } => vector.view([1, -1]),
        }
    }
}

/// Below so many channels oneDNN, with which libtorch 2.13 convolves on a CPU with AVX2 alone, writes past the end of its
/// memory in the backward pass of a convolution by single pixels that skips some. Without those that it skips, none is
/// left to be skipped.
const FEW_CHANNELS: i64 = 8;

/// A square pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool {
    /// Side of the window.
    pub window: i64,
    /// Step between windows.
    pub stride: i64,
    /// Padding with −∞.
    pub padding: i64,
}

impl MaxPool {
    /// The largest value in each window.
    pub fn apply(&self, x: &Tensor) -> Tensor {
        let (window, stride, padding) = (self.window, self.stride, self.padding);
        x.max_pool2d(
            [window, window],
            [stride, stride],
            [padding, padding],
            [1, 1],
            false,
        )
    }

    /// Side of what comes out of a map with this side.
    pub fn pooled(&self, side: i64) -> i64 {
        (side + 2 * self.padding - self.window) / self.stride + 1
    }

    /// Positions in a window.
    pub fn positions(&self) -> usize {
        (self.window * self.window) as usize
    }
}

/// A block: what the network says to a method that builds its layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Unique name, used in parameter names and tables.
    pub name: String,
    /// The linear operation.
    pub op: LinearOp,
    /// The activation; the last block has [`Activation::Identity`].
    pub activation: Activation,
    /// The pool behind the activation.
    pub pool: Option<MaxPool>,
    /// Whether it sees the data.
    pub first: bool,
    /// Whether it makes the logits.
    pub last: bool,
    /// Its part in a residual network.
    pub residual: Option<Residual>,
}

impl Block {
    /// Whether a method that normalizes pre-activations does so here: not the logits, and not where a sum follows.
    pub fn is_normalized(&self) -> bool {
        !self.last && self.residual.is_none_or(|part| part.has_norm())
    }

    /// Whether an activation belongs into it: not the logits, and not where a sum follows.
    pub fn is_activated(&self) -> bool {
        !self.last && self.residual.is_none_or(|part| part.is_activated())
    }

    /// Whether a method may hand on more channels than the operation has outputs: not the logits, and not onto a stream.
    pub fn may_widen(&self) -> bool {
        !self.last && self.residual.is_none_or(|part| part.may_widen())
    }
}

#[cfg(test)]
mod tests;
