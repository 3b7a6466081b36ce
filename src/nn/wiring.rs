//! How a signal goes through a network's blocks: in a chain, and in a residual network along branch and shortcut.

use tch::Tensor;

use super::residual::{Kept, Residual, Shortcut};
use super::{BranchMoments, ChannelMoments, Estimate, Signal, layout};

/// Added to the square of the largest covariance that two variances allow, whose root has no derivative at 0.
const COVARIANCE_EPS: f64 = 1e-24;

/// What the walk needs to know of a block.
#[derive(Debug, Clone, Copy)]
pub struct Station<'n> {
    /// Its part in a residual network.
    pub residual: Option<&'n Residual>,
    /// Whether it takes single numbers: maps are averaged before it.
    pub is_dense: bool,
}

/// What can go through a network's blocks: a signal, or a name that stands for one.
pub trait Flow: Sized {
    /// A second handle to the same.
    fn handle(&self) -> Self;

    /// The average over positions; without positions the same.
    fn averaged(self) -> Self;

    /// c·(shortcut + branch).
    fn sum(shortcut: Shortcut, kept: &Self, branch: &Self, factor: f64) -> Self;
}

impl Flow for Signal {
    fn handle(&self) -> Signal {
        self.shallow_clone()
    }

    fn averaged(self) -> Signal {
        Signal::averaged(self)
    }

    fn sum(shortcut: Shortcut, kept: &Signal, branch: &Signal, factor: f64) -> Signal {
        sum(shortcut, kept, branch, factor)
    }
}

/// Follows a signal through blocks: `run` is given a block's number (from 0) and what it receives, and makes what it hands
/// on, and c of the sum that it may end. `branching` is given each signal that two ways lead on from.
pub fn walk<'n, F: Flow>(
    stations: impl Iterator<Item = Station<'n>>,
    mut signal: F,
    branching: impl Fn(F) -> F,
    mut run: impl FnMut(usize, &F) -> (F, f64),
) -> F {
    let mut stream = None;
    for (index, station) in stations.enumerate() {
        let Some(part) = station.residual else {
            if station.is_dense {
                signal = signal.averaged();
            }
            signal = run(index, &signal).0;
            continue;
        };
        if part.keeps() == Some(Kept::Input) {
            signal = branching(signal);
            stream = Some(signal.handle());
        }
        let on_shortcut = stream.as_ref().filter(|_| part.acts_on_shortcut());
        let (made, factor) = run(index, on_shortcut.unwrap_or(&signal));
        if on_shortcut.is_some() {
            stream = Some(made);
            continue;
        }
        signal = match (part.adds_to(), &stream) {
            (Some(shortcut), Some(kept)) => F::sum(shortcut, kept, &made, factor),
            _ => made,
        };
        if part.keeps() == Some(Kept::Output) {
            signal = branching(signal);
            stream = Some(signal.handle());
        }
    }
    signal
}

/// What it makes of a kept stream. A projection has been applied by its block.
pub fn applied(shortcut: Shortcut, x: Tensor) -> Tensor {
    match shortcut {
        Shortcut::Identity | Shortcut::Projection => x,
        Shortcut::Pad { stride, channels } => {
            layout::subsampled(&x, stride).constant_pad_nd([0, 0, 0, 0, 0, channels])
        }
    }
}

/// The same for a number of each channel: zeros for those appended.
fn applied_to_channels(shortcut: Shortcut, x: &Tensor) -> Tensor {
    match shortcut {
        Shortcut::Identity | Shortcut::Projection => x.shallow_clone(),
        Shortcut::Pad { channels, .. } => x.constant_pad_nd([0, channels]),
    }
}

/// c·(shortcut + branch). Overwrites the branch where that is safe for the backward pass.
///
/// Where methods estimate moments, the two are taken as independent, unless the branch says how it varies with the stream.
pub fn sum(shortcut: Shortcut, kept: &Signal, branch: &Signal, factor: f64) -> Signal {
    // An offset waits where it is one number for the whole sum; that of the stream not where zeros are appended to it.
    let waits = factor == 1.0;
    let summand = |signal: &Signal, waits: bool| match waits && signal.scale == 1.0 {
        true => (signal.x.shallow_clone(), signal.offset),
        false => (signal.value(), 0.0),
    };
    let pads = matches!(shortcut, Shortcut::Pad { .. });
    let (stream, lacks) = summand(kept, waits && !pads);
    let (mut value, lacks_too) = summand(branch, waits);
    let stream = applied(shortcut, stream);
    let is_fixed = value.requires_grad() && value.is_leaf();
    let mut x = if is_fixed {
        value + stream
    } else {
        value.g_add_(&stream)
    };
    if factor != 1.0 {
        x = x.g_mul_scalar_(factor);
    }
    let estimate = match (&kept.estimate, &branch.estimate) {
        (Some(kept), Some(branch)) => sum_of_estimates(shortcut, kept, branch, factor),
        _ => None,
    };
    Signal {
        offset: lacks + lacks_too,
        estimate,
        ..Signal::plain(x)
    }
}

fn sum_of_estimates(
    shortcut: Shortcut,
    kept: &Estimate,
    branch: &Estimate,
    factor: f64,
) -> Option<Estimate> {
    match (kept, branch) {
        (Estimate::Moments(kept), Estimate::Moments(branch)) => Some(Estimate::Moments(
            sum_of_moments(shortcut, kept, branch, None, factor),
        )),
        (Estimate::Moments(kept), Estimate::Branch(branch)) => {
            let BranchMoments {
                moments,
                with_stream,
            } = branch;
            let sum = sum_of_moments(shortcut, kept, moments, with_stream.as_ref(), factor);
            Some(Estimate::Moments(sum))
        }
        (Estimate::Sample(kept), Estimate::Sample(branch)) => {
            let sum = applied(shortcut, kept.shallow_clone()) + branch;
            Some(Estimate::Sample(sum * factor))
        }
        _ => None,
    }
}

/// The branch's covariance with what is kept is bounded by what the two variances allow, |c| ≤ √(v·w): an estimate may
/// leave these bounds, and the variance of a sum is not negative.
fn sum_of_moments(
    shortcut: Shortcut,
    kept: &ChannelMoments,
    branch: &ChannelMoments,
    covariance: Option<&Tensor>,
    factor: f64,
) -> ChannelMoments {
    let variance = applied_to_channels(shortcut, &kept.variance);
    let mut sum = &variance + &branch.variance;
    if let Some(covariance) = covariance {
        let bound = (variance * &branch.variance + COVARIANCE_EPS).sqrt();
        sum += covariance.minimum(&bound).maximum(&bound.neg()) * 2.0;
    }
    ChannelMoments {
        mean: (applied_to_channels(shortcut, &kept.mean) + &branch.mean) * factor,
        variance: sum * (factor * factor),
    }
}
