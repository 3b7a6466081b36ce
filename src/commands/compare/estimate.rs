//! How long runs will take: from finished runs of the same kind, else from a few measured steps.

use std::time::Instant;

use anyhow::Result;

use super::plan::{Entry, threads};
use super::state::State;
use crate::config::RunConfig;
use crate::data::Dataset;
use crate::engine::interrupt::Interrupt;
use crate::engine::trainer::Trainer;
use crate::engine::{device, setup};
use crate::event::{Event, Observer};
use crate::record::read_metrics;
use crate::stats::median;

/// Steps of a probe at most.
const MOST_STEPS: usize = 40;
/// Steps before which nothing is measured: the first ones choose kernels and fill caches.
const WARM_UP: usize = 2;
/// A probe ends after this time once it has something to tell.
const LONGEST_S: f64 = 1.5;
/// Test images of a probe.
const TEST_IMAGES: usize = 100;
/// Starting a process and saving at the end.
const OVERHEAD_S: f64 = 1.0;

/// Fills in what each run that is not over will still take. Returns whether anything had to be measured.
pub fn fill_in(plan: &mut [Entry], parallel: usize) -> Result<bool> {
    let mut measured = false;
    let mut dataset: Option<(RunConfig, Dataset)> = None;
    for index in 0..plan.len() {
        let (before, rest) = plan.split_at_mut(index);
        let Some((entry, after)) = rest.split_first_mut() else {
            break;
        };
        if entry.is_done() {
            entry.remaining_s = 0.0;
            continue;
        }
        let others = || {
            before
                .iter()
                .chain(after.iter())
                .filter(|other| other.costs_like(entry))
        };
        let recorded: Vec<f64> = others()
            .filter_map(|other| match other.state {
                State::Finished(epoch_s) => Some(epoch_s),
                _ => None,
            })
            .collect();
        let known = before
            .iter()
            .rfind(|other| other.costs_like(entry) && !other.is_done());
        let epoch_s = if !recorded.is_empty() {
            median(&recorded)
        } else if let Some(known) = known {
            (known.remaining_s - OVERHEAD_S) / epochs_left(known)
        } else if let Some(begun) = begun(entry, before, after)? {
            begun
        } else {
            measured = true;
            if !dataset
                .as_ref()
                .is_some_and(|(config, _)| same_data(config, &entry.config))
            {
                let loaded = setup::load_dataset(&entry.config, &setup::data_dir())?;
                dataset = Some((entry.config.clone(), loaded));
            }
            match &dataset {
                Some((_, dataset)) => probe(&entry.config, dataset, parallel)?,
                None => f64::NAN,
            }
        };
        entry.remaining_s = epoch_s * epochs_left(entry) + OVERHEAD_S;
    }
    Ok(measured)
}

fn epochs_left(entry: &Entry) -> f64 {
    let done = match entry.state {
        State::Unfinished(epochs) => epochs,
        _ => 0,
    };
    // One for the evaluation before training, so that this is never 0.
    (entry.goal().saturating_sub(done)).max(1) as f64
}

/// Seconds of an epoch, evaluation included, of the run or of another of its kind that is unfinished.
fn begun(entry: &Entry, before: &[Entry], after: &[Entry]) -> Result<Option<f64>> {
    let others = before.iter().chain(after);
    let of_kind = others.filter(|other| other.costs_like(entry));
    for one in std::iter::once(entry).chain(of_kind) {
        if let State::Unfinished(epochs @ 1..) = one.state {
            let rows = read_metrics(&one.run_dir)?;
            let seconds: f64 = rows
                .iter()
                .skip(1)
                .map(|row| row.train_s + row.eval_s)
                .sum();
            return Ok(Some(seconds / epochs as f64));
        }
    }
    Ok(None)
}

fn same_data(one: &RunConfig, other: &RunConfig) -> bool {
    let key = |config: &RunConfig| {
        (
            config.dataset.clone(),
            config.train_subset,
            config.test_subset,
            config.holdout.to_bits(),
        )
    };
    key(one) == key(other)
}

/// Seconds of an epoch, evaluation included, from a few steps on a small part of the data.
fn probe(config: &RunConfig, dataset: &Dataset, parallel: usize) -> Result<f64> {
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
    interrupt: Interrupt,
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
                if self.step_s.len() > WARM_UP && self.started.elapsed().as_secs_f64() > LONGEST_S {
                    self.interrupt.raise(signal_hook::consts::SIGINT);
                }
            }
            Event::Epoch { row, .. } => self.eval_s = row.eval_s,
            _ => {}
        }
        Ok(())
    }
}
