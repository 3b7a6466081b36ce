//! Final test errors and their differences, as the pictures and tables of them share it.

use super::{Results, SummaryRow};
use crate::draw::{Axis, IntervalGroup, Point};
use crate::run_key::GroupKey;
use crate::stats::{FEWEST_VALUES, range};
use crate::text::numbers::{error_rate, percent_interval};

/// A final test error in words: with its interval, or why it has none.
pub fn error_text(row: &SummaryRow) -> String {
    let (mean, (low, high)) = (row.final_test_error_mean, ends(row));
    match (row.n, row.n_diverged) {
        (0, 0) => "no run".to_owned(),
        (0, diverged) => format!("diverged ({diverged} of {diverged})"),
        (n, _) if is_few(n) => without_interval(&error_rate(mean), n),
        _ => percent_interval(mean, low, high),
    }
}

/// Whether so many runs are too few for an interval.
pub fn is_few(runs: u64) -> bool {
    runs < FEWEST_VALUES as u64
}

/// A mean of too few runs in words.
pub fn without_interval(mean: &str, runs: u64) -> String {
    format!("{mean} (n = {runs}, no interval)")
}

/// The row of a group.
pub fn summary_of<'r>(results: &'r Results, group: &GroupKey) -> Option<&'r SummaryRow> {
    results.summary.iter().find(|row| row.group == *group)
}

/// The final test errors of a group's runs.
pub fn outcomes(results: &Results, group: &GroupKey) -> Vec<f64> {
    let runs = results.runs.finished_of(group).into_iter();
    let last = runs.filter_map(|run| run.rows.last());
    last.map(|row| row.test_error).collect()
}

/// The axis of errors over something else.
pub fn error_axis() -> Axis {
    Axis::new("Test images misclassified").log().percent()
}

/// The mean final test error of a group with the range of its runs, at `x`; without a place where a run diverged.
pub fn error_point(results: &Results, group: &GroupKey, x: f64) -> Point {
    let errors = outcomes(results, group);
    let whole = summary_of(results, group).filter(|row| row.n_diverged == 0);
    let has_range = whole.is_some() && errors.len() > 1;
    Point {
        x,
        y: whole.map_or(f64::NAN, |row| row.final_test_error_mean),
        interval: has_range.then(|| range(errors)),
    }
}

/// The t interval of a final test error.
pub fn ends(row: &SummaryRow) -> (f64, f64) {
    (row.final_test_error_ci_low, row.final_test_error_ci_high)
}

/// The one of three notes on a picture that holds: all of its values have intervals, some have, or none.
pub fn interval_note(groups: &[IntervalGroup], notes: [&'static str; 3]) -> &'static str {
    let [all, some, none] = notes;
    let values = || {
        groups
            .iter()
            .flat_map(|group| &group.rows)
            .filter(|row| row.value.is_finite())
    };
    let is_known = |(low, high): (f64, f64)| low.is_finite() && high.is_finite();
    let with = values()
        .filter(|row| row.interval.is_some_and(is_known))
        .count();
    match with {
        0 => none,
        with if with == values().count() => all,
        _ => some,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::IntervalRow;
    use crate::report::comparison::rows::{RankedGroup, Speedup};

    #[test]
    fn fewer_than_three_runs_have_no_interval_and_say_so() {
        let text = |n, low, high| {
            error_text(&SummaryRow {
                group: GroupKey::default(),
                n,
                n_diverged: 0,
                final_test_error_mean: 0.5,
                final_test_error_ci_low: low,
                final_test_error_ci_high: high,
                best_test_error_mean: 0.5,
                epochs_to_target: f64::NAN,
                train_s_per_epoch_median: 1.0,
                final_test_error_std: 0.1,
                final_test_error_bootstrap_low: low,
                final_test_error_bootstrap_high: high,
                target_test_error: f64::NAN,
                n_reached_target: 0,
                final_train_error_mean: 0.5,
                final_test_calibration_error_mean: f64::NAN,
                final_test_brier_score_mean: f64::NAN,
                steps_to_target: f64::NAN,
                speedup: Speedup::default(),
                ranked: RankedGroup::default(),
            })
        };
        for n in [1, 2] {
            let expected = format!("50.0 % (n = {n}, no interval)");
            assert_eq!(text(n, f64::NAN, f64::NAN), expected);
        }
        assert_eq!(text(3, 0.4, 0.6), "50 % [40, 60]");
    }
    #[test]
    fn a_picture_says_of_how_many_values_it_has_intervals() {
        let note = |rows: &[(f64, bool)]| {
            let row = |&(value, has_interval): &(f64, bool)| IntervalRow {
                value,
                interval: Some(if has_interval {
                    (0.1, 0.2)
                } else {
                    (f64::NAN, f64::NAN)
                }),
                ..IntervalRow::default()
            };
            let group = IntervalGroup {
                label: String::new(),
                rows: rows.iter().map(row).collect(),
            };
            interval_note(&[group], ["all", "some", "none"])
        };
        assert_eq!(note(&[(0.1, true), (f64::NAN, false)]), "all");
        assert_eq!(note(&[(0.1, true), (0.2, false)]), "some");
        assert_eq!(note(&[(0.1, false)]), "none");
    }
}
