//! How many times fewer steps a group takes to the target test error than `none`.
//!
//! Each seed gives a ratio, the steps of `none` divided by the own ones. Their geometric mean is what is told, with the
//! Student-t interval of its logarithm. A run that is over without having reached the target (all that diverged count so)
//! needs more steps than it did: its ratio has a bound only, and so has the mean. Where ratios are bounded on different
//! sides, nothing is known of it.

use super::rows::{BoundSide, Speedup};
use super::summarize::{Group, LEVEL, first_at};
use super::{Groups, RunRows, SummaryRow};
use crate::event::{EpochRow, Status};
use crate::run_key::GroupKey;
use crate::stats::{mean, t_interval};

/// The method that others are compared with where it was run.
pub const BASELINE: &str = "none";

/// The least and the most that something can be.
#[derive(Clone, Copy)]
struct Bounds {
    least: f64,
    most: f64,
}

/// How many times fewer steps a group takes than `none` in the same column, or than the first method where `none` was not
/// run there. Nothing is known without a target, or of that other group itself.
pub fn speedup(key: &GroupKey, all: &[Group], groups: &Groups, target: Option<f64>) -> Speedup {
    let other = beside(groups, key).filter(|other| *other != key);
    let (Some(target), Some(other)) = (target, other) else {
        return Speedup::default();
    };
    let own = steps_of(key, all, target);
    let others = steps_of(other, all, target);
    let ratios = own.iter().filter_map(|(seed, own)| {
        let (_, other) = others.iter().find(|(other, _)| other == seed)?;
        Some(Bounds {
            least: other.least / own.most,
            most: other.most / own.least,
        })
    });
    let ratios: Vec<Bounds> = ratios.collect();
    Speedup {
        speedup_over: other.label.clone(),
        speedup_n_pairs: Some(ratios.len() as u64),
        ..geometric_mean(&ratios)
    }
}

/// The name of what speedups are taken over; `None` where there are none.
pub fn compared_with<'r>(rows: &'r [SummaryRow], groups: &'r Groups) -> Option<&'r str> {
    let mut labels = rows.iter().map(|row| row.speedup.speedup_over.as_str());
    let label = labels.find(|label| !label.is_empty())?;
    Some(groups.name(label))
}

/// The group that others of its column are compared with.
fn beside<'g>(groups: &'g Groups, key: &GroupKey) -> Option<&'g GroupKey> {
    let shown = groups.within(groups.column(key)).into_iter();
    let shown: Vec<&GroupKey> = shown.map(|group| &group.key).collect();
    let of_baseline = shown.iter().filter(|other| other.method == BASELINE);
    // Before those with options.
    let baseline = of_baseline.min_by_key(|other| !groups.is_plain(other));
    let first = groups.first_beside(&key.label);
    let first = || shown.iter().find(|other| Some(&other.label) == first);
    baseline.or_else(first).copied()
}

/// The steps to the target of each run of a group that is over, by seed.
fn steps_of(key: &GroupKey, all: &[Group], target: f64) -> Vec<(u64, Bounds)> {
    let own = all.iter().filter(|(other, _)| *other == key);
    let runs = own.flat_map(|(_, runs)| runs.iter());
    let steps = runs.filter_map(|run| Some((run.key.seed, steps(run, target)?)));
    steps.collect()
}

/// `None` while a run is not over.
fn steps(run: &RunRows<EpochRow>, target: f64) -> Option<Bounds> {
    let last = run.rows.last()?;
    let there = match last.status {
        Status::Finished => first_at(&run.rows, target),
        Status::Diverged => None,
        Status::Running | Status::Interrupted | Status::Paused => return None,
    };
    let (least, most) = match there {
        Some(row) => (row.step as f64, row.step as f64),
        None => (last.step as f64, f64::INFINITY),
    };
    Some(Bounds { least, most })
}

/// The geometric mean of ratios, as far as it is known.
fn geometric_mean(ratios: &[Bounds]) -> Speedup {
    let least: Vec<f64> = ratios.iter().map(|ratio| ratio.least.ln()).collect();
    let most: Vec<f64> = ratios.iter().map(|ratio| ratio.most.ln()).collect();
    let is_known = |ends: &[f64]| !ends.is_empty() && ends.iter().all(|end| end.is_finite());
    let bound = |logarithms: &[f64], side| Speedup {
        speedup: mean(logarithms).exp(),
        speedup_bound: Some(side),
        ..Speedup::default()
    };
    match (is_known(&least), is_known(&most)) {
        (true, true) => {
            let ends = t_interval(&least, LEVEL);
            let end = |of: fn((f64, f64)) -> f64| {
                ends.map_or(f64::NAN, |ends| of((ends.low, ends.high)).exp())
            };
            Speedup {
                speedup: mean(&least).exp(),
                speedup_ci_low: end(|(low, _)| low),
                speedup_ci_high: end(|(_, high)| high),
                ..Speedup::default()
            }
        }
        (true, false) => bound(&least, BoundSide::Above),
        (false, true) => bound(&most, BoundSide::Below),
        (false, false) => Speedup::default(),
    }
}

#[cfg(test)]
pub(super) mod tests;
