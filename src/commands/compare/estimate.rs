//! How long runs will take: from finished runs of the same kind, else from a few measured steps.

mod probe;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::Result;
use indicatif::ProgressBar;

use super::plan::PlanEntry;
use super::state::State;
use crate::bar;
use crate::config::{Precision, RunConfig};
use crate::data::Dataset;
use crate::engine::interrupt::Interrupt;
use crate::engine::{device, setup};
use crate::errln;
use crate::error::Failure;
use crate::stats::median;
use probe::probe;

/// A probe ends after this time once it has something to tell.
const LONGEST_S: f64 = 1.5;
/// All probes together take about this time; each has its share, and once it is used up the rest is concluded.
const ALL_S: f64 = 2.0;
/// Starting a process and saving at the end.
const OVERHEAD_S: f64 = 1.0;

/// What one estimate holds for: a method, by label, at a batch size, and the rest that a sweep may have otherwise than the
/// runs after it: training images (0: all) and number format.
type Kind = (String, usize, (usize, Precision));

/// Seconds of an epoch by kind.
pub type EpochTimes = BTreeMap<Kind, f64>;

/// Fills in what each run will still take to its goal. Returns whether anything had to be measured.
///
/// `told` are the kinds that an earlier estimate has told of; those of this one are added.
///
/// Kinds of which no run has done an epoch are measured, within [`ALL_S`] for all of them together: first one of each batch
/// size, then the others. A kind for which no time was left is taken to cost what those cost that have its batch size,
/// or the one nearest to it: what eats up the time are steps that are slow by their images, and an epoch has as many of
/// those at any batch size.
///
/// With `elsewhere` the runs are for other machines: what this one has no device for is not measured.
pub fn fill_in(
    plan: &mut [PlanEntry],
    told: &mut EpochTimes,
    parallel: usize,
    elsewhere: bool,
    interrupt: &Interrupt,
    quiet: bool,
) -> Result<bool> {
    let mut known = told.clone();
    known.extend(recorded(plan));
    let mut open = to_measure(plan, &known);
    if elsewhere {
        open.retain(|entry| device::find(&entry.config.device).is_ok());
    }
    measure(&open, &mut known, parallel, interrupt, quiet)?;
    let measured = !open.is_empty();
    for entry in plan {
        entry.remaining_s = match entry.is_left() {
            true => {
                let epoch_s = epoch_s(&known, &kind(entry));
                told.entry(kind(entry)).or_insert(epoch_s);
                epoch_s * epochs_left(entry) + OVERHEAD_S
            }
            false => 0.0,
        };
    }
    Ok(measured)
}

fn kind(entry: &PlanEntry) -> Kind {
    let config = &entry.config;
    let rest = (config.train_subset, config.precision);
    (entry.key.group.label.clone(), config.batch_size, rest)
}

/// Seconds of an epoch by the runs that are finished, else by the first that has begun.
fn recorded(plan: &[PlanEntry]) -> EpochTimes {
    let mut epochs_s: BTreeMap<Kind, Vec<f64>> = BTreeMap::new();
    for entry in plan {
        if entry.state == State::Finished {
            let epochs_s = epochs_s.entry(kind(entry)).or_default();
            epochs_s.push(entry.record.epoch_s());
        }
    }
    let median = |(kind, epochs_s): (Kind, Vec<f64>)| (kind, median(&epochs_s));
    let mut known: EpochTimes = epochs_s.into_iter().map(median).collect();
    for entry in plan {
        if entry.state == State::Unfinished && entry.epochs_done() > 0 {
            let epoch_s = || entry.record.epoch_s();
            known.entry(kind(entry)).or_insert_with(epoch_s);
        }
    }
    known
}

/// One run of each kind that is not known: the first of each batch size, then the second of each, and so on.
fn to_measure(plan: &[PlanEntry], known: &EpochTimes) -> Vec<PlanEntry> {
    let mut seen: BTreeSet<Kind> = known.keys().cloned().collect();
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open: Vec<(usize, PlanEntry)> = Vec::new();
    for entry in plan.iter().filter(|entry| entry.is_left()) {
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
    open: &[PlanEntry],
    known: &mut EpochTimes,
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
        let config = &entry.config;
        let loaded = match dataset.take().filter(|(other, _)| same_data(other, config)) {
            Some((_, loaded)) => loaded,
            None => setup::load_dataset(config, &setup::data_dir())?,
        };
        let (_, loaded) = dataset.insert((config.clone(), loaded));
        let share_s = (left_s / (open.len() - index) as f64).min(LONGEST_S);
        let epoch_s = probe(config, loaded, parallel, share_s, interrupt)?;
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
    let target = bar::target(quiet || kinds == 0);
    let bar = ProgressBar::with_draw_target(Some(kinds as u64), target).with_message(WHAT);
    if bar.is_hidden() && !quiet && kinds > 0 {
        errln!("{WHAT}");
    }
    bar::styled(bar, "{msg}: {pos} of {len}")
}

/// Seconds of an epoch of a kind: its own, else the median of the kinds with the nearest batch size, if any among those
/// that are alike in the rest.
fn epoch_s(known: &EpochTimes, kind: &Kind) -> f64 {
    if let Some(epoch_s) = known.get(kind) {
        return *epoch_s;
    }
    let ratio = |batch_size: usize| (batch_size as f64 / kind.1 as f64).ln().abs();
    let any_alike = known.keys().any(|(_, _, rest)| *rest == kind.2);
    let candidates = || {
        let entries = known.iter();
        entries.filter(move |((_, _, rest), _)| !any_alike || *rest == kind.2)
    };
    let nearest = candidates()
        .map(|((_, batch_size, _), _)| *batch_size)
        .min_by(|one, other| ratio(*one).total_cmp(&ratio(*other)));
    let like: Vec<f64> = candidates()
        .filter(|((_, batch_size, _), _)| Some(*batch_size) == nearest)
        .map(|(_, epoch_s)| *epoch_s)
        .collect();
    median(&like)
}

fn epochs_left(entry: &PlanEntry) -> f64 {
    let done = entry.epochs_done();
    // One for the evaluation before training, so that this is never 0.
    (entry.goal().saturating_sub(done)).max(1) as f64
}

fn same_data(one: &RunConfig, other: &RunConfig) -> bool {
    one.dataset == other.dataset
        && one.train_subset == other.train_subset
        && one.test_subset == other.test_subset
        && one.holdout == other.holdout
}

#[cfg(test)]
mod tests;
