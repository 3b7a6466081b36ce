//! What flows from block to block.

use tch::{Kind, Tensor};

use super::propagation::ChannelMoments;
use super::{ActivationPool, LinearOp};

/// What a method believes of a signal without looking at it. A method reads only what its own layers wrote.
#[derive(Debug)]
pub enum Estimate {
    /// Mean and variance of each channel.
    Moments(ChannelMoments),
    /// Draws from the signal's estimated distribution, shaped like the signal.
    Sample(Tensor),
    /// Those of a signal within a residual branch.
    Branch(BranchMoments),
}

/// Moments of a signal within a residual branch, and how it varies together with the stream that the branch reads.
#[derive(Debug)]
pub struct BranchMoments {
    /// Of the signal itself.
    pub moments: ChannelMoments,
    /// Covariances with the stream: `[channels]`, each with the stream's channel of the same number at the same place;
    /// behind a convolution `[channels, channels of the stream, kernel, kernel]`, each with those under the kernel.
    /// Nothing where they are taken as 0.
    pub with_stream: Option<Tensor>,
}

impl BranchMoments {
    fn shallow_clone(&self) -> BranchMoments {
        BranchMoments {
            moments: self.moments.shallow_clone(),
            with_stream: self.with_stream.as_ref().map(Tensor::shallow_clone),
        }
    }
}

impl Estimate {
    fn shallow_clone(&self) -> Estimate {
        match self {
            Estimate::Moments(moments) => Estimate::Moments(moments.shallow_clone()),
            Estimate::Sample(sample) => Estimate::Sample(sample.shallow_clone()),
            Estimate::Branch(branch) => Estimate::Branch(branch.shallow_clone()),
        }
    }

    /// Behind a linear operation with these weights, or without any; covariances with a stream are not followed.
    pub fn through_linear(&self, op: &LinearOp, weight: Option<&Tensor>) -> Estimate {
        match (self, weight) {
            (
                Estimate::Moments(moments) | Estimate::Branch(BranchMoments { moments, .. }),
                weight,
            ) => Estimate::Moments(moments.through_linear(op, weight)),
            (Estimate::Sample(sample), Some(weight)) => {
                Estimate::Sample(op.apply(sample, weight, None))
            }
            (Estimate::Sample(sample), None) => Estimate::Sample(sample.shallow_clone()),
        }
    }

    /// Behind activation and pool; the same.
    pub fn through_activation_pool(&self, activation_pool: &ActivationPool) -> Estimate {
        match self {
            Estimate::Moments(moments) | Estimate::Branch(BranchMoments { moments, .. }) => {
                Estimate::Moments(moments.through_activation_pool(activation_pool))
            }
            Estimate::Sample(sample) => Estimate::Sample(activation_pool.apply_to_shared(sample)),
        }
    }
}

/// What flows from block to block: (x + `offset`)·`scale`.
///
/// Numbers that are the same everywhere cost a pass over all activations when they are worked in, and nothing when what
/// follows takes them in; so they travel beside the tensor.
#[derive(Debug)]
pub struct Signal {
    /// The tensor.
    pub x: Tensor,
    /// What is still to be added to it: what the stream of a residual network lacks.
    pub offset: f64,
    /// What the sum is still to be multiplied by.
    pub scale: f64,
    /// What the method that made it estimates of its value; nothing on data.
    pub estimate: Option<Estimate>,
}

impl Signal {
    /// A tensor as it is.
    pub fn plain(x: Tensor) -> Signal {
        Signal::scaled(x, 1.0)
    }

    /// A tensor and its pending factor.
    pub fn scaled(x: Tensor, scale: f64) -> Signal {
        Signal {
            x,
            offset: 0.0,
            scale,
            estimate: None,
        }
    }

    /// The same signal with an estimate of its value.
    pub fn with_estimate(self, estimate: Estimate) -> Signal {
        Signal {
            estimate: Some(estimate),
            ..self
        }
    }

    /// A second handle to the same tensors.
    pub fn shallow_clone(&self) -> Signal {
        Signal {
            x: self.x.shallow_clone(),
            estimate: self.estimate.as_ref().map(Estimate::shallow_clone),
            ..*self
        }
    }

    /// The average over positions; without positions the same signal, with its estimate.
    pub fn averaged(self) -> Signal {
        if self.x.dim() != 4 {
            return self;
        }
        Signal {
            x: self.x.mean_dim([2, 3].as_slice(), false, None::<Kind>),
            estimate: None,
            ..self
        }
    }

    /// x + offset.
    fn shifted(&self) -> Tensor {
        if self.offset == 0.0 {
            self.x.shallow_clone()
        } else {
            &self.x + self.offset
        }
    }

    /// The value, worked out.
    pub fn value(&self) -> Tensor {
        if self.scale == 1.0 {
            self.shifted()
        } else {
            self.shifted() * self.scale
        }
    }
}
