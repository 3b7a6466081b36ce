//! Shows events: a bar on a terminal, one line an epoch elsewhere. Always on stderr.

use std::time::Instant;

use indicatif::ProgressBar;

use crate::bar;
use crate::event::{EpochRow, EpochSums, Event, Observer, Status};
use crate::text::numbers::{duration, error_rate};

/// Trainings shorter than this get no estimate line.
const WORTH_A_LINE_S: f64 = 30.0;
/// Least time between two updates of the bar's message, which costs more than a small step.
const REFRESH_S: f64 = 0.1;

/// The display of one run.
pub struct TrainingDisplay {
    bar: ProgressBar,
    lines: bool,
    verbose: bool,
    epochs: u64,
    last_test_error: f64,
    refreshed: Instant,
}

impl TrainingDisplay {
    /// A display for stderr: nothing when quiet, a bar on a terminal, lines elsewhere; when verbose also a line for
    /// each checkpoint.
    pub fn new(quiet: bool, verbose: bool) -> TrainingDisplay {
        let bar = ProgressBar::with_draw_target(None, bar::target(quiet));
        TrainingDisplay {
            bar: bar::styled(bar, "{msg} [{wide_bar}] {percent:>3} % {eta} left"),
            lines: !quiet,
            verbose,
            epochs: 0,
            last_test_error: f64::NAN,
            refreshed: Instant::now(),
        }
    }

    fn say(&self, line: &str) {
        if self.lines {
            bar::say(&self.bar, line);
        }
    }

    fn step(&mut self, epoch: u64, position: u64, sums: &EpochSums) {
        if self.bar.is_hidden() || self.refreshed.elapsed().as_secs_f64() < REFRESH_S {
            return;
        }
        self.refreshed = Instant::now();
        let images = sums.images.max(1) as f64;
        self.bar.set_message(format!(
            "epoch {epoch}/{} loss {:.4} error {} test error {} {:.0} images/s",
            self.epochs,
            sums.loss / images,
            error_rate(sums.wrong as f64 / images),
            error_rate(self.last_test_error),
            images / sums.train_s.max(1e-9),
        ));
        self.bar.set_position(position);
    }

    fn epoch(&mut self, row: &EpochRow) {
        self.last_test_error = row.test_error;
        if row.epoch == 0 {
            return self.say(&format!(
                "epoch 0/{}: test error {} before training",
                self.epochs,
                error_rate(row.test_error)
            ));
        }
        self.say(&format!(
            "epoch {}/{}: train loss {:.4}, train error {}, test error {}, {:.0} images/s, {}",
            row.epoch,
            self.epochs,
            row.train_loss,
            error_rate(row.train_error),
            error_rate(row.test_error),
            row.images_per_s,
            duration(row.train_s + row.eval_s),
        ));
    }
}

impl Observer for TrainingDisplay {
    fn on(&mut self, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::Started {
                epochs,
                steps_per_epoch,
                position,
            } => {
                self.epochs = *epochs;
                self.bar.set_length(epochs * steps_per_epoch);
                self.bar.set_position(position.step);
                self.bar.reset_eta();
                if position.step > 0 {
                    self.say(&format!(
                        "continuing from epoch {}, step {}",
                        position.epoch, position.step
                    ));
                }
            }
            Event::Step {
                row, epoch, sums, ..
            } => self.step(*epoch, row.step, sums),
            Event::Estimate { remaining_s } if *remaining_s > WORTH_A_LINE_S => {
                self.say(&format!(
                    "about {} of training left on this machine",
                    duration(*remaining_s)
                ));
            }
            Event::Epoch { row, .. } => self.epoch(row),
            Event::Ended { status } => {
                self.bar.finish_and_clear();
                if *status == Status::Diverged {
                    self.say("the loss is no longer a finite number: training stopped");
                }
            }
            // The recorder comes first, so that it is written by now.
            Event::Snapshot { snapshot, best } if self.verbose => {
                let position = &snapshot.position;
                self.say(&format!(
                    "checkpoint saved at epoch {}, step {}{}",
                    position.epoch,
                    position.step,
                    if *best { ": the best so far" } else { "" }
                ));
            }
            Event::Estimate { .. } | Event::Percentiles { .. } | Event::Snapshot { .. } => {}
        }
        Ok(())
    }
}
