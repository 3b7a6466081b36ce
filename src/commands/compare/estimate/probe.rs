//! Measures what an epoch takes, by a few steps of a training that nothing is kept of.

use std::time::Instant;

use anyhow::Result;

use crate::commands::compare::plan::threads;
use crate::config::RunConfig;
use crate::data::Dataset;
use crate::engine::device;
use crate::engine::interrupt::Interrupt;
use crate::engine::trainer::Trainer;
use crate::event::{Event, Observer};
use crate::stats::median;

/// Steps of a probe at most.
const MOST_STEPS: usize = 40;
/// Steps before which nothing is measured: the first ones choose kernels and fill caches.
const WARM_UP: usize = 2;
/// Test images of a probe.
const TEST_IMAGES: usize = 100;

/// Seconds of an epoch, evaluation included, from a few steps on a small part of the data.
pub fn probe(
    config: &RunConfig,
    dataset: &Dataset,
    parallel: usize,
    longest_s: f64,
    session: &Interrupt,
) -> Result<f64> {
    let config = RunConfig {
        epochs: 1,
        probe_images: 0,
        threads: threads(config, parallel),
        ..config.clone()
    };
    device::set_threads(&config);
    let classes = dataset.classes.len();
    let images = (config.batch_size * MOST_STEPS).min(dataset.train.len());
    let test_images = TEST_IMAGES.min(dataset.test.len());
    let small = Dataset::new(
        &dataset.name,
        dataset.shape,
        dataset.classes.clone(),
        dataset.train.balanced_subset(images, classes)?,
        dataset.test.balanced_subset(test_images, classes)?,
    )?;
    let interrupt = Interrupt::default();
    let mut watch = Watch {
        interrupt: interrupt.clone(),
        session: session.clone(),
        longest_s,
        started: Instant::now(),
        total_s: 0.0,
        step_s: Vec::new(),
        eval_s: 0.0,
    };
    Trainer::new(config.clone(), &small)?.run(&mut [&mut watch], &interrupt)?;
    let measured = watch
        .step_s
        .get(WARM_UP..)
        .filter(|steps| !steps.is_empty())
        .unwrap_or(&watch.step_s);
    let steps = dataset.train.len().div_ceil(config.batch_size) as f64;
    Ok(steps * median(measured)
        + watch.eval_s * dataset.test.len() as f64 / test_images.max(1) as f64)
}

/// Notes the time of each step and ends the probe in time.
struct Watch {
    /// Ends the probe.
    interrupt: Interrupt,
    /// Ends the command, and so the probe.
    session: Interrupt,
    longest_s: f64,
    started: Instant,
    total_s: f64,
    step_s: Vec<f64>,
    eval_s: f64,
}

impl Observer for Watch {
    fn on(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Step { sums, .. } => {
                self.step_s.push(sums.train_s - self.total_s);
                self.total_s = sums.train_s;
                let over = self.step_s.len() > WARM_UP
                    && self.started.elapsed().as_secs_f64() > self.longest_s;
                if over || self.session.signal().is_some() {
                    self.interrupt.raise(signal_hook::consts::SIGINT);
                }
            }
            Event::Epoch { row, .. } => self.eval_s = row.eval_s,
            _ => {}
        }
        Ok(())
    }
}
