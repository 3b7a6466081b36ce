//! One training step: a batch, forward and backward pass, the update.

use std::time::Instant;

use super::Trainer;
use super::feed::StepBatch;
use crate::engine::schedule::learning_rate;
use crate::event::{Position, StepRow};
use crate::nn::scores::{Scores, cross_entropy};
use crate::nn::{Pass, backward};

/// Seconds of one training step, by phase. They leave nothing out but the reading of the clock.
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

    /// One optimizer step.
    pub(super) fn step(&mut self) -> StepRow {
        self.step_in_phases().0
    }

    /// One optimizer step, and where its time went.
    pub(super) fn step_in_phases(&mut self) -> (StepRow, StepTimes) {
        let started = Instant::now();
        let StepBatch {
            images,
            labels,
            answers,
        } = self.next_batch();
        let count = answers.len();
        let loaded = Instant::now();

        let pass = Pass::train(self.config.seed, self.position.step);
        let logits = self.network.logits(&images, &pass);
        let loss = cross_entropy(&logits, &labels);
        let scores = Scores::of(&logits, &answers);
        let computed = Instant::now();
        let gradients = backward::gradients(&loss, &self.network.parameters, &pass);
        let differentiated = Instant::now();

        let lr = self.lr(self.position.step);
        let parameters = &self.network.parameters;
        let squared_grad_norm = self.optimizer.step(parameters, &gradients, lr).value();
        self.network.after_step();
        let updated = Instant::now();

        let train_s = (updated - started).as_secs_f64();
        let sums = &mut self.position.sums;
        sums.images += count as u64;
        sums.steps += 1;
        sums.loss += scores.loss_sum;
        sums.wrong += scores.wrong;
        sums.squared_grad_norm += squared_grad_norm;
        sums.train_s += train_s;
        self.position.train_s += train_s;
        self.position.step += 1;
        self.position.step_in_epoch += 1;
        let row = StepRow {
            step: self.position.step,
            loss: scores.loss_sum / count as f64,
            lr,
        };
        let times = StepTimes {
            data_s: (loaded - started).as_secs_f64(),
            forward_s: (computed - loaded).as_secs_f64(),
            backward_s: (differentiated - computed).as_secs_f64(),
            update_s: (updated - differentiated).as_secs_f64(),
        };
        (row, times)
    }
}
