//! Final test errors: a group of rows for each batch size.

use crate::draw::{Axis, Figure, IntervalGroup, IntervalPlot, IntervalRow};
use crate::report::comparison::final_errors::{
    ends, error_text, interval_note, is_few, outcomes, summary_of,
};
use crate::report::comparison::{Draw, PictureKind, Results, Shown, SummaryRow, Topic};
use crate::text::numbers::percent;

/// Final test errors with their intervals.
pub const PICTURE: PictureKind =
    PictureKind::new("final-error", Topic::FinalError, Draw::Once(figure));

fn figure(results: &Results) -> Option<Figure> {
    let groups = &results.groups;
    let row = |group: &Shown| {
        let summary = summary_of(results, &group.key)?;
        Some(IntervalRow {
            label: group.key.label.clone(),
            value: summary.final_test_error_mean,
            interval: Some(ends(summary)),
            outcomes: outcomes(results, &group.key),
            text: text(summary),
            slot: Some(group.slot),
        })
    };
    let group = |batch_size: u64| IntervalGroup {
        label: format!("Batch size {batch_size}"),
        rows: groups.at(batch_size).filter_map(row).collect(),
    };
    let groups_of_rows: Vec<IntervalGroup> =
        groups.batch_sizes.iter().copied().map(group).collect();
    let intervals = interval_note(
        &groups_of_rows,
        [
            " with its 95 % t interval",
            ", with its 95 % t interval where there are three runs or more",
            "",
        ],
    );
    let rate_note = groups.rate_note();
    let plot = IntervalPlot {
        title: format!("Final test error: {}", results.title()),
        subtitle: format!("mean over seeds{intervals}; small marks: single runs{rate_note}"),
        axis: Axis::new("Test images misclassified").percent(),
        groups: groups_of_rows,
        ..IntervalPlot::default()
    };
    Some(plot.figure())
}

/// What stands beside a row; no column tells here how many runs are missing.
fn text(row: &SummaryRow) -> String {
    let mean = percent(row.final_test_error_mean, 1);
    match (row.n, row.n_diverged) {
        (0, _) | (_, 0) => error_text(row),
        (n, lost) if is_few(n) => format!("{mean} ({lost} diverged)"),
        (_, lost) => format!("{} ({lost} diverged)", error_text(row)),
    }
}
