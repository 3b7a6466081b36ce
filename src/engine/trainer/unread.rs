//! Steps that were done and whose figures still lie on the device.

use std::time::Instant;

use tch::Tensor;

use crate::event::StepRow;
use crate::nn::layout::values_of_all;
use crate::nn::{Scores, SquaredLength};

/// Steps after which their figures are read at the latest, away from the CPU: to read is to wait for all that was begun.
pub const READ_EVERY: u64 = 64;

/// What is kept of a step until it is read.
pub struct UnreadStep {
    /// `[N, classes]`.
    pub logits: Tensor,
    /// The labels of its images.
    pub answers: Vec<i64>,
    /// Squared length of the gradient.
    pub squared_grad_norm: SquaredLength,
    /// Its learning rate.
    pub lr: f64,
}

/// Steps since the last reading.
pub struct Unread {
    steps: Vec<UnreadStep>,
    /// Steps that will be read together.
    planned: u64,
    begun: Instant,
    /// Parameters, buffers and what the optimizer keeps, as they were before the first of these steps; nothing where it
    /// is read alone.
    pub before: Vec<Tensor>,
}

/// What a step tells.
pub struct StepFigures {
    /// Images of its batch.
    pub images: u64,
    /// Cross-entropy and mistakes.
    pub scores: Scores,
    /// Squared length of the gradient.
    pub squared_grad_norm: f64,
    /// Its learning rate.
    pub lr: f64,
}

impl Unread {
    /// No step, of as many as are planned.
    pub fn planned(steps: u64, before: Vec<Tensor>) -> Unread {
        Unread {
            steps: Vec::new(),
            planned: steps,
            begun: Instant::now(),
            before,
        }
    }

    /// Takes up a step.
    pub fn push(&mut self, step: UnreadStep) {
        self.steps.push(step);
    }

    /// Whether no step is among them.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether all of the steps that were planned are among them.
    pub fn is_full(&self) -> bool {
        self.steps.len() as u64 >= self.planned
    }

    /// Reads the figures of all steps in one go, and the seconds that a step took on average. None is left.
    pub fn read(&mut self) -> (Vec<StepFigures>, f64) {
        let steps = std::mem::take(&mut self.steps);
        let lengths = steps
            .iter()
            .filter_map(|step| match &step.squared_grad_norm {
                SquaredLength::Device(tensor) => Some(tensor),
                SquaredLength::Host(_) => None,
            });
        let wanted: Vec<&Tensor> = steps.iter().map(|s| &s.logits).chain(lengths).collect();
        let mut values = values_of_all(&wanted);
        let mut lengths = values.split_off(steps.len()).into_iter();
        let figures = steps.iter().zip(&values).map(|(step, values)| StepFigures {
            images: step.answers.len() as u64,
            scores: Scores::of_values(values, values.len() / step.answers.len(), &step.answers),
            squared_grad_norm: match step.squared_grad_norm {
                SquaredLength::Host(squared) => squared,
                SquaredLength::Device(_) => lengths.next().map_or(f64::NAN, |length| length[0]),
            },
            lr: step.lr,
        });
        let figures: Vec<StepFigures> = figures.collect();
        let step_s = self.begun.elapsed().as_secs_f64() / figures.len().max(1) as f64;
        (figures, step_s)
    }
}

impl StepFigures {
    /// Whether training goes on behind it.
    pub fn is_finite(&self) -> bool {
        self.scores.loss_sum.is_finite()
    }

    /// Its row, as step number `step`, from 1.
    pub fn row(&self, step: u64) -> StepRow {
        StepRow {
            step,
            loss: self.scores.loss_sum / self.images as f64,
            lr: self.lr,
        }
    }
}
