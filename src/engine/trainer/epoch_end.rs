//! The end of an epoch: evaluation, the epoch's row, the saved state.

use std::time::Instant;

use anyhow::Result;

use super::{After, Emit, Trainer};
use crate::engine::evaluate::{Evaluation, evaluate};
use crate::engine::memory;
use crate::event::{EpochRow, EpochSums, Event, Status};
use crate::nn::Pass;

impl Trainer<'_> {
    /// Gathers population statistics with the weights as they are, for methods that ask for it: one
    /// training pass over the training images, in the order and with the augmentation of the epoch to come.
    fn gather_population(&mut self) {
        if !self.network.restart_population() {
            return;
        }
        for index in 0..self.steps_per_epoch() {
            let images = self.feed.batch(self.position.epoch, index).images;
            let pass = Pass::train(self.config.seed, self.position.step + index);
            let _ = tch::no_grad(|| self.network.logits(&images, &pass));
        }
    }

    /// Evaluates, reports the epoch that was just done (or epoch 0) and saves.
    pub(super) fn finish_epoch(&mut self, emit: &mut Emit) -> Result<After> {
        self.gather_population();
        let mut row = self.epoch_row(Status::Running);
        // The loss of a batch is that of the weights before the step: what the last step did shows only here.
        if !row.test_loss.is_finite() || !self.network.parameters.are_finite() {
            row.status = Status::Diverged;
            let layers = Vec::new();
            emit(Event::Epoch { row, layers })?;
            return Ok(After::Stop(Status::Diverged));
        }
        let probe = self.probe.as_ref();
        let layers = probe.map(|probe| probe.measure(&self.network, row.epoch));
        let layers = layers.unwrap_or_default();
        // Epoch 0 is told again by a run that was killed between saving it and calling it the best.
        let is_better = |(error, epoch)| row.test_error < error || epoch == row.epoch;
        let best = self.position.best.is_none_or(is_better);
        if best {
            self.position.best = Some((row.test_error, row.epoch));
        }
        self.position.sums = EpochSums::default();
        self.position.step_in_epoch = 0;
        emit(Event::Epoch { row, layers })?;
        self.save(emit, best)?;
        Ok(After::GoOn)
    }

    /// Records that the loss stopped being finite.
    pub(super) fn diverge(&mut self, emit: &mut Emit) -> Result<After> {
        self.position.epoch += 1;
        let (row, layers) = (self.epoch_row(Status::Diverged), Vec::new());
        emit(Event::Epoch { row, layers })?;
        Ok(After::Stop(Status::Diverged))
    }

    /// Evaluates on the test images, and tells how many seconds that took.
    pub fn evaluate(&self) -> (Evaluation, f64) {
        let started = Instant::now();
        let (images, shape) = (&self.dataset.test, self.dataset.shape);
        let test = evaluate(&self.network, images, shape, &self.normalizer);
        (test, started.elapsed().as_secs_f64())
    }

    fn epoch_row(&self, status: Status) -> EpochRow {
        let (test, eval_s) = self.evaluate();
        let sums = self.position.sums;
        let per = |total: f64, count: u64| match count {
            0 => f64::NAN,
            _ => total / count as f64,
        };
        let last_step = self.position.step.saturating_sub(1);
        let status = match status {
            Status::Running if self.position.epoch == self.config.epochs => Status::Finished,
            other => other,
        };
        EpochRow {
            epoch: self.position.epoch,
            step: self.position.step,
            lr: self.lr(last_step),
            train_loss: per(sums.loss, sums.images),
            train_error: per(sums.wrong as f64, sums.images),
            test_loss: test.loss,
            test_error: test.error(),
            grad_norm: per(sums.squared_grad_norm, sums.steps).sqrt(),
            train_s: sums.train_s,
            eval_s,
            images_per_s: if sums.train_s > 0.0 {
                sums.images as f64 / sums.train_s
            } else {
                f64::NAN
            },
            rss_mb: memory::resident_mb(),
            status,
            test_calibration_error: test.calibration.expected_error(),
            test_brier_score: test.calibration.brier_score(),
        }
    }
}
