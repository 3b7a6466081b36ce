//! Final test errors and their differences, as the pictures and tables of them share it.

use super::{Results, SummaryRow};
use crate::draw::{Axis, Point};
use crate::run_key::GroupKey;
use crate::text::numbers::{percent, percent_interval};

/// A final test error in words: with its interval, cut to what an error can be, or why it has none.
pub fn error_text(row: &SummaryRow) -> String {
    let (mean, (low, high)) = (row.final_test_error_mean, ends(row));
    match (row.n, row.n_diverged) {
        (0, 0) => "no run".to_owned(),
        (0, diverged) => format!("diverged ({diverged} of {diverged})"),
        (1, _) => format!("{} (n = 1, no interval)", percent(mean, 1)),
        _ => percent_interval(mean, low, high),
    }
}

/// A difference of fractions in percentage points, with its sign.
pub fn points(difference: f64) -> String {
    if difference.is_finite() {
        format!("{:+.2} points", 100.0 * difference)
    } else {
        "–".to_owned()
    }
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
    let extreme = |pick: fn(f64, f64) -> f64| errors.iter().copied().fold(f64::NAN, pick);
    let has_range = whole.is_some() && errors.len() > 1;
    Point {
        x,
        y: whole.map_or(f64::NAN, |row| row.final_test_error_mean),
        interval: has_range.then(|| (extreme(f64::min), extreme(f64::max))),
    }
}

/// The t interval of a final test error, cut to [0, 1], where errors lie; NaN stays NaN.
pub fn ends(row: &SummaryRow) -> (f64, f64) {
    let (low, high) = (row.final_test_error_ci_low, row.final_test_error_ci_high);
    (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0))
}

/// An interval, if both ends are known.
pub fn interval((low, high): (f64, f64)) -> Option<(f64, f64)> {
    (low.is_finite() && high.is_finite()).then_some((low, high))
}
