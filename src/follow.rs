//! Tells another process how far training is: one JSON object a line on stdout, a few times a second.

use std::io::Write;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::event::{Event, Observer};

/// Least time between two lines.
const EVERY_S: f64 = 0.2;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RunProgress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// The epoch that is going on, from 1.
    pub epoch: u64,
    /// Epochs in all.
    pub epochs: u64,
    /// Training error of the epoch so far (a fraction).
    pub train_error: f64,
}

/// Writes a [`RunProgress`] line now and then.
pub struct Follow {
    on: bool,
    epochs: u64,
    steps: u64,
    told: Option<Instant>,
}

impl Follow {
    /// An observer that writes to stdout, or (with `on` false) says nothing.
    pub fn new(on: bool) -> Follow {
        Follow {
            on,
            epochs: 0,
            steps: 0,
            told: None,
        }
    }
}

impl Observer for Follow {
    fn on(&mut self, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::Started {
                epochs,
                steps_per_epoch,
                ..
            } => {
                self.epochs = *epochs;
                self.steps = epochs * steps_per_epoch;
            }
            Event::Step {
                row, epoch, sums, ..
            } if self.on => {
                let due = |told: Instant| told.elapsed().as_secs_f64() >= EVERY_S;
                if self.told.is_none_or(due) {
                    self.told = Some(Instant::now());
                    let progress = RunProgress {
                        step: row.step,
                        steps: self.steps,
                        epoch: *epoch,
                        epochs: self.epochs,
                        train_error: sums.wrong as f64 / sums.images.max(1) as f64,
                    };
                    let line = serde_json::to_string(&progress)?;
                    let mut stdout = std::io::stdout().lock();
                    // When the reader is gone, training goes on: what counts is the run directory.
                    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
                }
            }
            _ => {}
        }
        Ok(())
    }
}
