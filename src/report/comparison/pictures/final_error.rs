//! Final test errors: a group of rows for each batch size.

use crate::draw::{Axis, Figure, IntervalGroup, IntervalPlot, IntervalRow};
use crate::report::comparison::families::{Member, numbers};
use crate::report::comparison::final_errors::{
    ends, error_text, in_order, interval_note, is_few, order, outcomes, summary_of,
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
            style: Some(group.style),
        })
    };
    let order = order(results);
    let group = |batch_size: u64| IntervalGroup {
        label: format!("Batch size {batch_size}"),
        rows: in_order(&order, groups.at(batch_size), |group| &group.key.label)
            .into_iter()
            .filter_map(row)
            .collect(),
    };
    let sizes = groups.batch_sizes.iter().copied();
    let groups_of_rows: Vec<IntervalGroup> = match &groups.families {
        None => sizes.map(group).collect(),
        Some(members) => sizes
            .flat_map(|size| by_number(&groups.labels, members, group(size)))
            .collect(),
    };
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

/// A group for each number of the families; a row bears its family's name there.
fn by_number(labels: &[String], members: &[Member], all: IntervalGroup) -> Vec<IntervalGroup> {
    let of_number = |number: f64| {
        let row = |(label, member): (&String, &Member)| {
            let row = all.rows.iter().find(|row| row.label == *label)?;
            Some(IntervalRow {
                label: member.name.clone(),
                ..row.clone()
            })
        };
        let own = labels.iter().zip(members);
        let own = own.filter(|(_, member)| member.number == number);
        let unit = members.first().map_or("", |member| member.unit.as_str());
        IntervalGroup {
            label: format!("{number} {unit}, {}", all.label.to_lowercase()),
            rows: own.filter_map(row).collect(),
        }
    };
    numbers(members).into_iter().map(of_number).collect()
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
