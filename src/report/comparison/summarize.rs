//! From the curves of all runs to one row a group.

use super::rows::{RankedGroup, Speedup};
use super::{RunRows, SummaryRow};
use crate::event::{EpochRow, Status};
use crate::run_key::Grouped;
use crate::stats::{Bootstrap, Interval, mean, median, range, std_dev, t_interval};

/// Confidence level of every interval.
pub const LEVEL: f64 = 0.95;
/// Resamples of the bootstrap: more than enough for two digits.
const RESAMPLES: usize = 9999;

/// Whether a run ended so.
pub fn ended(run: &RunRows<EpochRow>, status: Status) -> bool {
    run.rows.last().is_some_and(|row| row.status == status)
}

/// Runs that differ by their seed only, with what they have in common.
pub type Group<'r> = Grouped<'r, RunRows<EpochRow>>;

/// One row a group.
pub fn summary(groups: &[Group], target: Option<f64>) -> Vec<SummaryRow> {
    let rows = groups.iter().map(|group| summary_row(group, target));
    rows.collect()
}

fn summary_row((key, group): &Group, target: Option<f64>) -> SummaryRow {
    let finished = group.iter().filter(|run| ended(run, Status::Finished));
    let done: Vec<&RunRows<EpochRow>> = finished.copied().collect();
    let last = |value: fn(&EpochRow) -> f64| -> Vec<f64> {
        let rows = done.iter().filter_map(|run| run.rows.last());
        rows.map(value).collect()
    };
    let finals = last(|row| row.test_error);
    let (ci_low, ci_high) = error_ends(t_interval(&finals, LEVEL));
    let bootstrap = Bootstrap {
        level: LEVEL,
        resamples: RESAMPLES,
        seed: 0,
    };
    let (bootstrap_low, bootstrap_high) = error_ends(bootstrap.bca_mean(&finals));
    let lowest = |run: &&RunRows<EpochRow>| range(run.rows.iter().map(|row| row.test_error)).0;
    let best: Vec<f64> = done.iter().map(lowest).collect();
    let reached = done
        .iter()
        .map(|run| target.and_then(|target| first_at(&run.rows, target)));
    let reached: Vec<Option<&EpochRow>> = reached.collect();
    let epochs = done.iter().flat_map(|run| &run.rows);
    let epochs = epochs.filter(|row| row.epoch > 0 && row.train_s.is_finite());
    let train_s: Vec<f64> = epochs.map(|row| row.train_s).collect();
    let diverged = group.iter().filter(|run| ended(run, Status::Diverged));
    SummaryRow {
        group: (*key).clone(),
        n: done.len() as u64,
        n_diverged: diverged.count() as u64,
        final_test_error_mean: mean(&finals),
        final_test_error_ci_low: ci_low,
        final_test_error_ci_high: ci_high,
        best_test_error_mean: mean(&best),
        epochs_to_target: median_to_target(&reached, |row| row.epoch),
        train_s_per_epoch_median: median(&train_s),
        final_test_error_std: std_dev(&finals),
        final_test_error_bootstrap_low: bootstrap_low,
        final_test_error_bootstrap_high: bootstrap_high,
        target_test_error: target.unwrap_or(f64::NAN),
        n_reached_target: reached.iter().flatten().count() as u64,
        final_train_error_mean: mean(&last(|row| row.train_error)),
        final_test_calibration_error_mean: mean(&last(|row| row.test_calibration_error)),
        final_test_brier_score_mean: mean(&last(|row| row.test_brier_score)),
        steps_to_target: median_to_target(&reached, |row| row.step),
        speedup: Speedup::default(),
        ranked: RankedGroup::default(),
    }
}

/// The ends of an interval of an error, which lies between 0 and 1; NaN where there is none.
fn error_ends(interval: Option<Interval>) -> (f64, f64) {
    let within = interval.map(|interval| interval.within(0.0, 1.0));
    within.map_or((f64::NAN, f64::NAN), |ends| (ends.low, ends.high))
}

/// The first row at or below the target.
pub fn first_at(rows: &[EpochRow], target: f64) -> Option<&EpochRow> {
    rows.iter().find(|row| row.test_error <= target)
}

/// Median over runs of a count at the target; NaN where half of them never get there.
fn median_to_target(reached: &[Option<&EpochRow>], count: fn(&EpochRow) -> u64) -> f64 {
    // Infinite for a run that does not get there, so that the median still has a meaning.
    let counts = reached
        .iter()
        .map(|row| row.map_or(f64::INFINITY, |row| count(row) as f64));
    let middle = median(&counts.collect::<Vec<f64>>());
    if middle.is_finite() { middle } else { f64::NAN }
}
