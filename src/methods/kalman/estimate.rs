//! Predictions, observations and their mixture.

use tch::{Kind, Tensor};

use crate::nn::{ChannelMoments, Estimate, Pass};

/// Draws for a fully connected layer's prediction, in place of the positions of an image.
const DRAWS: i64 = 256;

/// How the next layer is told of a signal's distribution.
#[derive(Debug, Clone, Copy)]
pub struct Belief {
    /// By moments rather than by draws.
    pub analytic: bool,
    /// Images that share statistics and prediction; 0 takes all.
    pub group_size: i64,
}

impl Belief {
    /// Groups in a batch of `images`.
    pub fn groups(&self, images: i64) -> i64 {
        if self.group_size > 0 && images % self.group_size == 0 {
            images / self.group_size
        } else {
            1
        }
    }

    /// N(μ, v) of a signal of this size, where `moments` are `[groups, channels]`.
    pub fn of(&self, moments: &ChannelMoments, size: &[i64], pass: &Pass) -> Estimate {
        if self.analytic {
            return Estimate::Moments(moments.shallow_clone());
        }
        let (groups, channels) = (moments.mean.size()[0], moments.mean.size()[1]);
        let positions = &size[2..];
        let draws = if positions.is_empty() { DRAWS } else { 1 };
        let shape = [&[groups, draws, channels], positions].concat();
        let spread = [&[groups, 1, channels], vec![1; positions.len()].as_slice()].concat();
        let std = moments.variance.clamp_min(1e-12).sqrt();
        let noise = pass.normal(&shape, &moments.mean) * std.view(spread.as_slice())
            + moments.mean.view(spread.as_slice());
        let flat = [&[groups * draws, channels], positions].concat();
        Estimate::Sample(noise.reshape(flat))
    }
}

/// p for groups of `images`: 0.9 up to 2, 0.05 from 64, linear in the logarithm between.
pub fn automatic_gain(images: i64) -> f64 {
    let place = ((images as f64).log2() - 1.0) / 5.0;
    0.9 + (0.05 - 0.9) * place.clamp(0.0, 1.0)
}

/// `[N, C, ...]` as `[groups, N/groups, C, ...]`.
pub fn grouped(x: &Tensor, groups: i64) -> Tensor {
    let size = x.size();
    x.reshape([&[groups, size[0] / groups], &size[1..]].concat())
}

/// Mean and biased variance of each channel of each group, `[groups, channels]`.
pub fn group_moments(grouped: &Tensor) -> ChannelMoments {
    let axes = (1..grouped.dim() as i64).filter(|&axis| axis != 2);
    let axes: Vec<i64> = axes.collect();
    ChannelMoments {
        mean: grouped.mean_dim(axes.as_slice(), false, None::<Kind>),
        variance: grouped.var_dim(axes.as_slice(), false, false),
    }
}

/// The mixture of a prediction with weight p and an observation with weight 1 − p.
pub fn mixture(p: f64, predicted: &ChannelMoments, observed: &ChannelMoments) -> ChannelMoments {
    let between = (&observed.mean - &predicted.mean).square() * (p * (1.0 - p));
    ChannelMoments {
        mean: &predicted.mean * p + &observed.mean * (1.0 - p),
        variance: &predicted.variance * p + &observed.variance * (1.0 - p) + between,
    }
}
