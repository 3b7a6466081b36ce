//! The activation that reads a residual network's stream.

use std::cell::RefCell;

use anyhow::Result;
use tch::Tensor;

use super::residual::Skip;
use super::slopes::Halves;
use super::tracking::{VARIANCE_EPS, behind_entry};
use crate::moments::{Activation, gaussian_expectation};
use crate::nn::{ActivationPool, Block, Builder, Estimate, Folded, Layer, Pass, Signal, native};

/// By how much a sum of offsets may differ from the number that it stands for.
const ROUNDING: f64 = 1e-12;

/// An activation that reads the stream: y = (f((x − μ)/β) − m)/s. μ is 0 unless moments are tracked.
pub struct StreamActivation {
    activation_pool: ActivationPool,
    std: f64,
    is_tracked: bool,
    /// E f′(z) of a fixed f, where the branch behind is followed with its covariance; of PReLU it is (1 + a)/2.
    mean_slope: Option<f64>,
    /// What is known of the output, on its way from a pass's first half to its second.
    tracked: RefCell<Option<Estimate>>,
    mean_after: f64,
    std_after: f64,
    halves: Halves,
}

impl StreamActivation {
    /// The layer of an identity block.
    pub fn build(block: &Block, skip: &Skip, builder: &mut Builder) -> Result<Box<dyn Layer>> {
        let (mean_after, std_after) = skip.constants(block.activation)?;
        Ok(Box::new(StreamActivation {
            activation_pool: ActivationPool::build(block, builder)?,
            std: skip.stream_std(),
            is_tracked: skip.tracking.is_some(),
            mean_slope: skip
                .starts_tracked_branch()
                .then(|| gaussian_expectation(|z| block.activation.derivative(z), 0.0, 1.0, &[])),
            tracked: RefCell::new(None),
            mean_after,
            std_after,
            halves: Halves::of(1),
        }))
    }

    /// What is known of the output where the branch behind it is followed.
    fn estimate(&self, input: &Signal) -> Option<Estimate> {
        let mean_slope = self.mean_slope?;
        let Some(Estimate::Moments(stream)) = &input.estimate else {
            return None;
        };
        let slope = match &self.activation_pool.slope {
            None => Tensor::from(mean_slope / self.std_after),
            Some(slope) => (slope * 0.5 + 0.5) / self.halves.constants(slope).1,
        };
        Some(Estimate::Branch(behind_entry(stream, &slope)))
    }

    /// Whether f(x/β) = f(x)/β, so that β can wait.
    fn is_homogeneous(&self) -> bool {
        matches!(
            self.activation_pool.activation,
            Activation::Relu | Activation::LeakyRelu { .. }
        )
    }
}

/// A vector with one number a channel, shaped so that it acts on maps.
fn by_channel(vector: &Tensor) -> Tensor {
    vector.view([1, -1, 1, 1])
}

impl Layer for StreamActivation {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        self.tracked.replace(self.estimate(input));
        match &input.estimate {
            Some(Estimate::Moments(stream)) if self.is_tracked => {
                let centered = input.value() - by_channel(&stream.mean);
                centered * by_channel(&(&stream.variance + VARIANCE_EPS).rsqrt())
            }
            _ if self.std == 1.0 => input.value(),
            _ => input.value() / self.std,
        }
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        let active = self.activation_pool.apply_to_shared(&pre);
        let made = match &self.activation_pool.slope {
            None => Signal::plain((active - self.mean_after) / self.std_after),
            Some(slope) => {
                let (mean, std) = self.halves.constants(slope);
                Signal::plain((active - by_channel(&mean)) / by_channel(&std))
            }
        };
        Signal {
            estimate: self.tracked.take(),
            ..made
        }
    }

    fn forward(&self, input: &Signal, pass: &Pass) -> Signal {
        if self.is_tracked || !self.is_homogeneous() {
            return self.post_activation(self.pre_activation(input, pass), pass);
        }
        let mean = self.mean_after * self.std;
        let standardized = match self.activation_pool.activation {
            // max(x, 0) − m = max(x − m, −m), and x − m is what arrives: see `Skip::taken_off`.
            Activation::Relu if input.scale == 1.0 && (input.offset - mean).abs() < ROUNDING => {
                native::at_least(&input.x, -mean)
            }
            Activation::Relu => native::at_least(&(input.value() - mean), -mean),
            _ => self.activation_pool.apply_to_shared(&input.value()) - mean,
        };
        Signal::scaled(standardized, 1.0 / (self.std * self.std_after))
    }

    fn fold(&self) -> Option<Folded> {
        if self.is_tracked || !self.is_homogeneous() {
            return None;
        }
        Some(Folded {
            offset: -self.mean_after * self.std,
            scale: 1.0 / (self.std * self.std_after),
            ..Folded::activation(&self.activation_pool)
        })
    }
}
