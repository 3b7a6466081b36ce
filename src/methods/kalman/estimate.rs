//! Predictions, observations and their mixture.

use tch::{Kind, Tensor};

use crate::nn::propagation::ChannelMoments;

/// p for groups of `images`: 0.9 up to 2, 0.05 from 64, linear in the logarithm between.
pub fn automatic_gain(images: i64) -> f64 {
    let place = ((images as f64).log2() - 1.0) / 5.0;
    0.9 + (0.05 - 0.9) * place.clamp(0.0, 1.0)
}

/// `[N, C, ...]` as `[groups, N/groups, C, ...]`.
pub fn grouped(x: &Tensor, groups: i64) -> Tensor {
    let size = x.size();
    let shape: Vec<i64> = [groups, size[0] / groups]
        .iter()
        .chain(&size[1..])
        .copied()
        .collect();
    x.reshape(shape)
}

/// Mean and biased variance of each channel of each group, `[groups, channels]`.
pub fn group_moments(grouped: &Tensor) -> ChannelMoments {
    let axes: Vec<i64> = (1..grouped.dim() as i64)
        .filter(|&axis| axis != 2)
        .collect();
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
