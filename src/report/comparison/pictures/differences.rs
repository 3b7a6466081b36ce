//! Differences from the first method, seed by seed.

use crate::draw::{Axis, Figure, IntervalGroup, IntervalPlot, IntervalRow, ReferenceLine};
use crate::report::comparison::final_errors::{in_order, order, points};
use crate::report::comparison::{Draw, PairedRow, PictureKind, Results, Topic};
use crate::text::numbers::p_value;

/// Differences with their intervals, where there are intervals.
pub const PICTURE: PictureKind =
    PictureKind::new("differences", Topic::Differences, Draw::Once(figure));

fn figure(results: &Results) -> Option<Figure> {
    let groups = &results.groups;
    if groups.families.is_some() {
        // The first method at one number says nothing of those at the others.
        return None;
    }
    let baseline = results.paired.first()?.baseline_label.clone();
    let with_interval = |row: &&PairedRow| row.paired.difference_ci_low.is_finite();
    results.paired.iter().find(with_interval)?;
    // Several columns leave no room for p.
    let rows = results.paired.len();
    let is_table = IntervalPlot::is_table(groups.batch_sizes.len(), groups.labels.len() - 1, rows);
    let row = |PairedRow {
                   group,
                   paired,
                   p_holm,
                   ..
               }: &PairedRow| IntervalRow {
        label: match groups.has_several_rates {
            true => format!("{}, lr {}", group.label, group.lr),
            false => group.label.clone(),
        },
        value: 100.0 * paired.difference_mean,
        interval: Some((
            100.0 * paired.difference_ci_low,
            100.0 * paired.difference_ci_high,
        )),
        text: match is_table {
            true => points(paired.difference_mean),
            false => format!(
                "{}, p {}",
                points(paired.difference_mean),
                compared(*p_holm)
            ),
        },
        style: groups.style(&group.label),
        ..IntervalRow::default()
    };
    let order = order(results);
    let group = |batch_size: u64| {
        let own = results.paired.iter();
        let own = own.filter(|row| row.group.batch_size == batch_size);
        IntervalGroup {
            label: format!("Batch size {batch_size}"),
            rows: in_order(&order, own, |row| &row.group.label)
                .into_iter()
                .map(row)
                .collect(),
        }
    };
    let mut rows: Vec<IntervalGroup> = groups.batch_sizes.iter().copied().map(group).collect();
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

/// A p-value behind the letter p: "= 0.041", "< 0.001".
fn compared(p: f64) -> String {
    match p_value(p) {
        bound if bound.starts_with('<') => bound,
        value => format!("= {value}"),
    }
}
