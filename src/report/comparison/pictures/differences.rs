//! Differences from the first method, seed by seed.

use crate::draw::{Axis, Figure, IntervalGroup, IntervalPlot, IntervalRow, ReferenceLine};
use crate::report::comparison::columns::{ComparisonColumn, in_order};
use crate::report::comparison::rows::PairedDifference;
use crate::report::comparison::{Draw, PairedRow, PictureKind, Results, Topic};
use crate::text::capitalized;
use crate::text::numbers::{p_value, points_within};

/// Differences with their intervals, where there are intervals.
pub const PICTURE: PictureKind =
    PictureKind::new("differences", Topic::Differences, Draw::Once(figure));

fn figure(results: &Results) -> Option<Figure> {
    let groups = &results.groups;
    let first = results.paired.first()?;
    let baseline = groups.name(&first.baseline_label).to_owned();
    let with_interval = |row: &&PairedRow| row.paired.difference_ci_low.is_finite();
    results.paired.iter().find(with_interval)?;
    // Several columns leave no room for p.
    let columns = groups.columns();
    let rows = results.paired.len();
    let is_table = IntervalPlot::is_table(columns.len(), groups.names().len() - 1, rows);
    let row = |PairedRow {
                   group,
                   paired,
                   p_holm,
                   ..
               }: &PairedRow| IntervalRow {
        label: match groups.has_several_rates {
            true => format!("{}, lr {}", groups.name(&group.label), group.lr),
            false => groups.name(&group.label).to_owned(),
        },
        value: 100.0 * paired.difference_mean,
        interval: Some((
            100.0 * paired.difference_ci_low,
            100.0 * paired.difference_ci_high,
        )),
        text: match is_table {
            true => less_text(paired),
            false => format!("{}, p {}", less_text(paired), compared(*p_holm)),
        },
        style: groups.style(&group.label),
        ..IntervalRow::default()
    };
    let sorted = in_order(results, &results.paired, |row| &row.group);
    let group = |column: ComparisonColumn| {
        let own = sorted.iter().copied();
        let own = own.filter(|row| groups.column(&row.group) == column);
        IntervalGroup {
            label: capitalized(&groups.column_name(column)),
            rows: own.map(row).collect(),
        }
    };
    let mut rows: Vec<IntervalGroup> = columns.into_iter().map(group).collect();
    rows.retain(|group| !group.rows.is_empty());
    let plot = IntervalPlot {
        title: format!("Final test error less that of {baseline}"),
        subtitle: results.about(&format!(
            "paired by seed, with 95 % t interval; below 0 is better{}",
            if is_table {
                ""
            } else {
                "; p after Holm's correction"
            }
        )),
        axis: Axis::new("Difference (percentage points of test images)"),
        groups: rows,
        references: vec![ReferenceLine::new(0.0, baseline)],
        ..IntervalPlot::default()
    };
    Some(plot.figure())
}

/// A difference with the decimals of its interval.
fn less_text(less: &PairedDifference) -> String {
    let (low, high) = (less.difference_ci_low, less.difference_ci_high);
    points_within(less.difference_mean, low, high)
}

/// A p-value behind the letter p: "= 0.041", "< 0.001".
fn compared(p: f64) -> String {
    match p_value(p) {
        bound if bound.starts_with('<') => bound,
        value => format!("= {value}"),
    }
}
