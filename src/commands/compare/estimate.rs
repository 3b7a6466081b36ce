//! How long runs will take: from finished runs of the same kind, else from a few measured steps.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::time::Instant;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use super::plan::{Entry, threads};
use super::state::State;
use crate::config::RunConfig;
use crate::data::Dataset;
use crate::engine::interrupt::Interrupt;
use crate::engine::trainer::Trainer;
use crate::engine::{device, setup};
use crate::errln;
use crate::error::Failure;
use crate::event::{Event, Observer};
use crate::stats::median;

/// Steps of a probe at most.
const MOST_STEPS: usize = 40;
/// Steps before which nothing is measured: the first ones choose kernels and fill caches.
const WARM_UP: usize = 2;
/// A probe ends after this time once it has something to tell.
const LONGEST_S: f64 = 1.5;
/// All probes together take about this time; each has its share, and once it is used up the rest is concluded.
const ALL_S: f64 = 2.0;
/// Test images of a probe.
const TEST_IMAGES: usize = 100;
/// Starting a process and saving at the end.
const OVERHEAD_S: f64 = 1.0;

/// What one estimate holds for: a method, by label, at a batch size.
type Kind = (String, usize);

/// Fills in what each run that is not over will still take. Returns whether anything had to be measured.
///
/// Kinds of which no run is finished are measured, within [`ALL_S`] for all of them together: first one of each batch
/// size, then the others. A kind for which no time was left is taken to cost what those cost that have its batch size,
/// or the one nearest to it: what eats up the time are steps that are slow by their images, and an epoch has as many of
/// those at any batch size.
///
/// With `elsewhere` the runs are for other machines: what this one has no device for is not measured.
pub fn fill_in(
    plan: &mut [Entry],
    parallel: usize,
    elsewhere: bool,
    interrupt: &Interrupt,
    quiet: bool,
) -> Result<bool> {
    let mut known = recorded(plan);
    let mut open = to_measure(plan, &known);
    if elsewhere {
        open.retain(|entry| device::find(&entry.config.device).is_ok());
    }
    measure(&open, &mut known, parallel, interrupt, quiet)?;
    let measured = !open.is_empty();
    for entry in plan {
        entry.remaining_s = if entry.state.is_over() {
            0.0
        } else {
            epoch_s(&known, &kind(entry)) * epochs_left(entry) + OVERHEAD_S
        };
    }
    Ok(measured)
}

fn kind(entry: &Entry) -> Kind {
    (entry.label.clone(), entry.config.batch_size)
}

/// Seconds of an epoch by the runs that are finished.
fn recorded(plan: &[Entry]) -> BTreeMap<Kind, f64> {
    let mut epochs_s: BTreeMap<Kind, Vec<f64>> = BTreeMap::new();
    for entry in plan {
        if let State::Finished(epoch_s) = entry.state {
            epochs_s.entry(kind(entry)).or_default().push(epoch_s);
        }
    }
    let median = |(kind, epochs_s): (Kind, Vec<f64>)| (kind, median(&epochs_s));
    epochs_s.into_iter().map(median).collect()
}

/// One run of each kind that is not known: the first of each batch size, then the second of each, and so on.
fn to_measure(plan: &[Entry], known: &BTreeMap<Kind, f64>) -> Vec<Entry> {
    let mut seen: BTreeSet<Kind> = known.keys().cloned().collect();
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open: Vec<(usize, Entry)> = Vec::new();
    for entry in plan.iter().filter(|entry| !entry.state.is_over()) {
        if seen.insert(kind(entry)) {
            let place = counts.entry(entry.config.batch_size).or_default();
            open.push((*place, entry.clone()));
            *place += 1;
        }
    }
    open.sort_by_key(|(place, _)| *place);
    open.into_iter().map(|(_, entry)| entry).collect()
}

/// Measures kinds until the time for it is over, the first one in any case.
fn measure(
    open: &[Entry],
    known: &mut BTreeMap<Kind, f64>,
    parallel: usize,
    interrupt: &Interrupt,
    quiet: bool,
) -> Result<()> {
    let progress = progress(open.len(), quiet);
    let begun = Instant::now();
    let mut dataset: Option<(RunConfig, Dataset)> = None;
    for (index, entry) in open.iter().enumerate() {
        let left_s = ALL_S - begun.elapsed().as_secs_f64();
        if index > 0 && left_s <= 0.0 {
            break;
        }
        progress.set_position(index as u64 + 1);
        if !dataset
            .as_ref()
            .is_some_and(|(config, _)| same_data(config, &entry.config))
        {
            let loaded = setup::load_dataset(&entry.config, &setup::data_dir())?;
            dataset = Some((entry.config.clone(), loaded));
        }
        let Some((_, dataset)) = &dataset else { break };
        let share_s = (left_s / (open.len() - index) as f64).min(LONGEST_S);
        let epoch_s = probe(&entry.config, dataset, parallel, share_s, interrupt)?;
        if let Some(signal) = interrupt.signal() {
            progress.finish_and_clear();
            return Err(Failure::Interrupted { signal }.into());
        }
        known.insert(kind(entry), epoch_s);
    }
    progress.finish_and_clear();
    Ok(())
}

/// A line that says how many of the kinds are measured, on a terminal; elsewhere one that says that they are.
fn progress(kinds: usize, quiet: bool) -> ProgressBar {
    const WHAT: &str = "estimating how long it will take";
    if quiet || kinds == 0 {
        return ProgressBar::hidden();
    }
    if !std::io::stderr().is_terminal() {
        errln!("{WHAT}");
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(kinds as u64);
    // The template is ours; should it be wrong, the default style has to do.
    if let Ok(style) = ProgressStyle::with_template("{msg}: {pos} of {len}") {
        bar.set_style(style);
    }
    bar.set_message(WHAT);
    bar
}

/// Seconds of an epoch of a kind: its own, else the median of the kinds with the nearest batch size.
fn epoch_s(known: &BTreeMap<Kind, f64>, kind: &Kind) -> f64 {
    if let Some(epoch_s) = known.get(kind) {
        return *epoch_s;
    }
    let ratio = |batch_size: usize| (batch_size as f64 / kind.1 as f64).ln().abs();
    let nearest = known
        .keys()
        .map(|(_, batch_size)| *batch_size)
        .min_by(|one, other| ratio(*one).total_cmp(&ratio(*other)));
    let like: Vec<f64> = known
        .iter()
        .filter(|((_, batch_size), _)| Some(*batch_size) == nearest)
        .map(|(_, epoch_s)| *epoch_s)
        .collect();
    median(&like)
}

fn epochs_left(entry: &Entry) -> f64 {
    let done = match entry.state {
        State::Unfinished(epochs) => epochs,
        _ => 0,
    };
    // One for the evaluation before training, so that this is never 0.
    (entry.config.epochs.saturating_sub(done)).max(1) as f64
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
fn probe(
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

#[cfg(test)]
mod tests;
