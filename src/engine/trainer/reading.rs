//! When the figures of steps are read, and what follows from them.
//!
//! On the CPU every step is read at once. Elsewhere the host would wait for the device each time, so that steps are read
//! together: 64 of them, or those up to the first at which something is recorded or shown, an epoch ends or a signal
//! comes. Then a loss that is not finite is found late. All that was done behind it is undone: the state before the first
//! of these steps is put back, and the steps up to that one are done again. So the training ends as it would where every
//! step is read.

use tch::{Device, Tensor};

use super::Trainer;
use super::unread::{READ_EVERY, Unread};
use crate::event::{EpochSums, StepRow};

/// Steps that were read.
pub struct ReadSteps {
    /// Each step's row, and the epoch's sums behind it. After a loss that is not finite there is none.
    pub rows: Vec<(StepRow, EpochSums)>,
}

impl ReadSteps {
    /// Whether the last loss is not finite.
    pub fn diverged(&self) -> bool {
        self.rows
            .last()
            .is_some_and(|(row, _)| !row.loss.is_finite())
    }
}

impl Trainer<'_> {
    /// Gets ready for a step: where the one before was read, this one begins what is read next, `longest` steps at most.
    pub(super) fn begin_step(&mut self, longest: u64) {
        if !self.unread.is_empty() {
            return;
        }
        // Its memory is free for what is kept now.
        self.unread.before.clear();
        let planned = self.steps_to_reading().min(longest);
        let before = match planned {
            1 => Vec::new(),
            _ => self.state().map(|tensor| tensor.detach().copy()).collect(),
        };
        self.unread = Unread::planned(planned, before);
    }

    /// Steps from here until figures are needed.
    fn steps_to_reading(&self) -> u64 {
        if self.network.parameters.device == Device::Cpu {
            return 1;
        }
        let until = |every: u64| match every {
            0 => READ_EVERY,
            every => every - self.position.step % every,
        };
        let in_epoch = self.steps_per_epoch() - self.position.step_in_epoch;
        let recorded = [self.config.record_steps, self.config.record_percentiles].map(until);
        recorded
            .into_iter()
            .fold(READ_EVERY.min(in_epoch), u64::min)
    }

    /// Every tensor that a step changes.
    fn state(&self) -> impl Iterator<Item = &Tensor> {
        let parameters = &self.network.parameters;
        let own = parameters.iter().map(|entry| &entry.tensor);
        own.chain(self.optimizer.state(parameters).map(|(_, tensor)| tensor))
    }

    /// Reads the steps since the last reading, counts them in, and goes back to the first whose loss is not finite.
    pub(super) fn read_steps(&mut self) -> ReadSteps {
        let (figures, step_s) = self.unread.read();
        let first = self.position.step - figures.len() as u64;
        let diverged = figures.iter().position(|figures| !figures.is_finite());
        let counted = diverged.map_or(figures.len(), |index| index + 1);
        if counted < figures.len() {
            self.redo(figures.len() as u64, counted as u64);
        }
        let mut rows = Vec::with_capacity(counted);
        for (step, figures) in (first + 1..).zip(&figures[..counted]) {
            let sums = &mut self.position.sums;
            sums.images += figures.images;
            sums.steps += 1;
            sums.loss += figures.scores.loss_sum;
            sums.wrong += figures.scores.wrong;
            sums.squared_grad_norm += figures.squared_grad_norm;
            sums.train_s += step_s;
            self.position.train_s += step_s;
            rows.push((figures.row(step), self.position.sums));
        }
        ReadSteps { rows }
    }

    /// Undoes the last `done` steps, which were read together, and does the first `again` of them again.
    fn redo(&mut self, done: u64, again: u64) {
        let before = std::mem::take(&mut self.unread.before);
        tch::no_grad(|| {
            for (tensor, before) in self.state().zip(&before) {
                tensor.shallow_clone().copy_(before);
            }
        });
        self.position.step -= done;
        self.position.step_in_epoch -= done;
        self.optimizer.steps = self.position.step;
        for _ in 0..again {
            self.compute_step(false);
        }
    }
}
