//! One training step: a batch, forward and backward pass, the update.

use std::time::Instant;

use super::Trainer;
use super::feed::StepBatch;
use super::unread::UnreadStep;
use crate::engine::device;
use crate::engine::schedule::learning_rate;
use crate::event::Position;
use crate::nn::scores::cross_entropy;
use crate::nn::{Pass, backward};

/// Seconds of one training step, by phase. They leave nothing out but the reading of the clock and, away from the CPU,
/// the copy of the state that is kept at the first of the steps that are read together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StepTimes {
    /// Until images and labels are there as tensors.
    pub data_s: f64,
    /// The network, the loss and what is recorded of it.
    pub forward_s: f64,
    /// The gradients.
    pub backward_s: f64,
    /// The optimizer, and what methods do after its step.
    pub update_s: f64,
}

impl Trainer<'_> {
    /// The images and labels of the next step.
    pub(super) fn next_batch(&mut self) -> StepBatch {
        let Position {
            epoch,
            step_in_epoch,
            ..
        } = self.position;
        self.feed.batch(epoch, step_in_epoch)
    }

    /// The learning rate of optimizer step `step`.
    pub(super) fn lr(&self, step: u64) -> f64 {
        learning_rate(&self.config, step, self.steps_per_epoch())
    }

    /// One optimizer step, and where its time went; what it tells waits for a reading, `longest` steps ahead at most.
    /// Where it is `timed`, the device is waited for in front of each reading of the clock.
    pub(super) fn step(&mut self, longest: u64, timed: bool) -> StepTimes {
        self.begin_step(longest);
        let (step, times) = self.compute_step(timed);
        self.unread.push(step);
        times
    }

    /// Computes a step, whoever reads it.
    pub(super) fn compute_step(&mut self, timed: bool) -> (UnreadStep, StepTimes) {
        let device = self.network.parameters.device;
        let now = || {
            if timed {
                device::wait(device);
            }
            Instant::now()
        };
        let started = now();
        let StepBatch {
            images,
            labels,
            answers,
        } = self.next_batch();
        let loaded = now();

        let pass = Pass::train(self.config.seed, self.position.step);
        let logits = self.network.logits(&images, &pass);
        let loss = cross_entropy(&logits, &labels);
        let computed = now();
        let gradients = backward::gradients(&loss, &self.network.parameters, &pass);
        let differentiated = now();

        let lr = self.lr(self.position.step);
        let parameters = &self.network.parameters;
        let squared_grad_norm = self.optimizer.step(parameters, &gradients, lr);
        self.network.after_step();
        let updated = now();

        self.position.step += 1;
        self.position.step_in_epoch += 1;
        let step = UnreadStep {
            logits: logits.detach(),
            answers,
            squared_grad_norm,
            lr,
        };
        let times = StepTimes {
            data_s: (loaded - started).as_secs_f64(),
            forward_s: (computed - loaded).as_secs_f64(),
            backward_s: (differentiated - computed).as_secs_f64(),
            update_s: (updated - differentiated).as_secs_f64(),
        };
        (step, times)
    }
}
