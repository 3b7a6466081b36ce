//! Measures what an epoch takes, by a few steps of a training that nothing is kept of.

use std::time::Instant;

use anyhow::Result;

use crate::commands::compare::plan::threads;
use crate::config::RunConfig;
use crate::data::Dataset;
use crate::engine::device;
use crate::engine::interrupt::Interrupt;
use crate::engine::trainer::Trainer;
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
    let begun = Instant::now();
    let mut trainer = Trainer::initialized(&config, &small)?;
    let (_, eval_s) = trainer.evaluate();
    let mut step_s = Vec::new();
    for _ in 0..trainer.steps_per_epoch() {
        let started = Instant::now();
        trainer.timed_step();
        step_s.push(started.elapsed().as_secs_f64());
        let over = step_s.len() > WARM_UP && begun.elapsed().as_secs_f64() > longest_s;
        if over || session.signal().is_some() {
            break;
        }
    }
    let measured = step_s.get(WARM_UP..).filter(|steps| !steps.is_empty());
    let steps = dataset.train.len().div_ceil(config.batch_size) as f64;
    let evaluations = dataset.test.len() as f64 / test_images.max(1) as f64;
    Ok(steps * median(measured.unwrap_or(&step_s)) + eval_s * evaluations)
}
