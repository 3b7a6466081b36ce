//! Final test errors: a group of rows for each batch size, of families for each number.

use crate::draw::{Axis, Figure, IntervalGroup, IntervalPlot, IntervalRow};
use crate::report::comparison::columns::ComparisonColumn;
use crate::report::comparison::final_errors::{
    ends, error_text, interval_note, is_few, outcomes, summary_of,
};
use crate::report::comparison::{Draw, PictureKind, Results, Shown, SummaryRow, Topic};
use crate::text::capitalized;
use crate::text::numbers::error_rate;

/// Final test errors with their intervals.
pub const PICTURE: PictureKind =
    PictureKind::new("final-error", Topic::FinalError, Draw::Once(figure));

fn figure(results: &Results) -> Option<Figure> {
    let groups = &results.groups;
    let row = |group: &Shown| {
        let summary = summary_of(results, &group.key)?;
        Some(IntervalRow {
            label: groups.name(&group.key.label).to_owned(),
            value: summary.final_test_error_mean,
            interval: Some(ends(summary)),
            outcomes: outcomes(results, &group.key),
            text: text(summary),
            style: Some(group.style),
        })
    };
    let group = |column: ComparisonColumn| IntervalGroup {
        label: capitalized(&groups.column_name(column)),
        rows: groups.within(column).into_iter().filter_map(row).collect(),
    };
    let groups_of_rows: Vec<IntervalGroup> = groups.columns().into_iter().map(group).collect();
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
        title: "Final test error".to_owned(),
        subtitle: results.about(&format!(
            "mean over seeds{intervals}; small marks: single runs{rate_note}"
        )),
        axis: Axis::new("Test images misclassified").percent(),
        groups: groups_of_rows,
        ..IntervalPlot::default()
    };
    Some(plot.figure())
}

/// What stands beside a row; no column tells here how many runs are missing.
fn text(row: &SummaryRow) -> String {
    let mean = error_rate(row.final_test_error_mean);
    match (row.n, row.n_diverged) {
        (0, _) | (_, 0) => error_text(row),
        (n, lost) if is_few(n) => format!("{mean} ({lost} diverged)"),
        (_, lost) => format!("{} ({lost} diverged)", error_text(row)),
    }
}
