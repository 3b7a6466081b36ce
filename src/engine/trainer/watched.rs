//! Training without recording: step by step, for a look at a step or its time.

use std::time::Instant;

use anyhow::Result;
use tch::Tensor;

use super::Trainer;
use super::feed::StepBatch;
use super::step::StepTimes;
use crate::engine::libtorch::Arithmetic;
use crate::nn::network::Network;
use crate::probe::images::ProbeImages;

/// A step that is about to be done, as shown to `watch`.
pub struct NextStep<'t> {
    /// The network before the step.
    pub network: &'t Network,
    /// The step's images.
    pub images: &'t Tensor,
    /// Their labels.
    pub labels: &'t Tensor,
    /// Optimizer steps done.
    pub step: u64,
    /// The step's learning rate.
    pub lr: f64,
}

impl Trainer<'_> {
    /// Trains `steps` steps from where it stands, without evaluating, recording or saving, and before every
    /// `every`-th of them shows it to `watch`. Stops early at the end of the training, or at a loss that is not
    /// finite. Returns the steps done in all.
    pub fn train_watched(
        &mut self,
        steps: u64,
        every: u64,
        watch: &mut dyn FnMut(&NextStep) -> Result<()>,
    ) -> Result<u64> {
        if self.position.step == 0 {
            self.initialize()?;
        }
        let every = every.max(1);
        for done in 0..steps {
            if self.position.step_in_epoch == self.steps_per_epoch() {
                self.position.epoch += 1;
                self.position.step_in_epoch = 0;
            }
            if self.position.epoch >= self.config.epochs {
                break;
            }
            if done.is_multiple_of(every) {
                let StepBatch { images, labels, .. } = self.next_batch();
                let step = self.position.step;
                let lr = self.lr(step);
                watch(&NextStep {
                    network: &self.network,
                    images: &images,
                    labels: &labels,
                    step,
                    lr,
                })?;
            }
            self.step(every - done % every, false);
            let is_last = done + 1 == steps;
            if (is_last || self.unread.is_full()) && self.read_steps().diverged() {
                break;
            }
        }
        Ok(self.position.step)
    }

    /// The first test images, as many as a training step has.
    pub fn evaluation_images(&self) -> Tensor {
        let (test, shape) = (&self.dataset.test, self.dataset.shape);
        let places = 0..self.config.batch_size.min(test.len());
        let normalize = |bytes: &[u8]| self.normalizer.evaluation(bytes);
        ProbeImages::at(places, test, shape, normalize).tensor(&self.network)
    }

    /// Lets libtorch compute as this run asks: what is the whole process's may be another trainer's just now.
    pub fn take_turn(&self) {
        Arithmetic::of(&self.config).set();
    }

    /// Trains one step from where it stands and tells where its time went: no evaluation, no record, and after the
    /// last step of an epoch the next one's first, for ever. Call [`Trainer::initialize`] before the first.
    pub fn timed_step(&mut self) -> StepTimes {
        if self.position.step_in_epoch == self.steps_per_epoch() {
            self.position.epoch += 1;
            self.position.step_in_epoch = 0;
        }
        let mut times = self.step(u64::MAX, true);
        if self.unread.is_full() {
            let started = Instant::now();
            drop(self.unread.read());
            times.forward_s += started.elapsed().as_secs_f64();
        }
        times
    }
}
