//! Test errors of many methods at one batch size, whose curves could not be told apart: a row for each method, a column of
//! dots for each of some epochs.

use crate::draw::{Axis, Figure, IntervalGroup, IntervalPlot, IntervalRow, ReferenceLine};
use crate::report::comparison::Results;
use crate::report::comparison::focus::MOST_LINES;
use crate::report::comparison::groups::{Shown, band};
use crate::stats::mean;
use crate::text::numbers::{percent, significant};

/// Epochs before the last that have a column, in steps of about half a decade.
const EARLY_EPOCHS: [u64; 6] = [1, 3, 10, 30, 100, 300];
/// At most so many columns: more are too narrow.
const MOST_COLUMNS: usize = 4;

/// Test errors after some epochs; `None` where curves show more.
pub fn test_errors(results: &Results, target: Option<f64>) -> Option<Figure> {
    let groups = &results.groups;
    let is_crowded = groups.shown.len() > MOST_LINES && groups.families.is_none();
    let (true, [_]) = (is_crowded, groups.batch_sizes.as_slice()) else {
        return None;
    };
    let column = |epoch: u64| IntervalGroup {
        label: format!("After epoch {epoch}"),
        rows: rows_after(results, epoch),
    };
    let note = format!(
        "{}{}",
        groups.band_note().replace("band", "whiskers"),
        groups.rate_note()
    );
    let plot = IntervalPlot {
        title: "Test error after some epochs".to_owned(),
        subtitle: results.about(&note),
        axis: Axis::new("Test images misclassified").percent(),
        groups: epochs(results)?.into_iter().map(column).collect(),
        references: target.map(marked).into_iter().collect(),
        ..IntervalPlot::default()
    };
    Some(plot.figure())
}

fn marked(target: f64) -> ReferenceLine {
    ReferenceLine::new(
        target,
        format!("target {} %", significant(100.0 * target, 3)),
    )
}

/// The last epoch and some before it; `None` where there is none before.
fn epochs(results: &Results) -> Option<Vec<u64>> {
    let ends = results.runs.curves.iter().filter_map(|run| run.rows.last());
    let last = ends.map(|row| row.epoch).max()?;
    let mut epochs: Vec<u64> = EARLY_EPOCHS
        .into_iter()
        .filter(|epoch| *epoch < last)
        .collect();
    epochs.push(last);
    let epochs = epochs.split_off(epochs.len().saturating_sub(MOST_COLUMNS));
    (epochs.len() > 1).then_some(epochs)
}

/// A row for each method, with the lowest errors at the end of training first.
fn rows_after(results: &Results, epoch: u64) -> Vec<IntervalRow> {
    let groups = &results.groups;
    let shown = groups.by_error.iter().filter_map(|label| {
        let mut shown = groups.shown.iter();
        shown.find(|group| group.key.label == *label)
    });
    shown
        .map(|group| row_after(results, group, epoch))
        .collect()
}

fn row_after(results: &Results, group: &Shown, epoch: u64) -> IntervalRow {
    let runs = results.runs.drawn_of(&group.key).into_iter();
    let rows = runs
        .flat_map(|run| &run.rows)
        .filter(|row| row.epoch == epoch);
    let errors = rows.map(|row| row.test_error);
    let errors: Vec<f64> = errors.filter(|error| error.is_finite()).collect();
    let value = mean(&errors);
    IntervalRow {
        label: group.key.label.clone(),
        value,
        interval: band(&errors).map(|(low, high)| (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0))),
        text: match value.is_finite() {
            true => percent(value, 1),
            false => "no run".to_owned(),
        },
        outcomes: errors,
        style: Some(group.style),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::comparison::conclusion::tests::{LOW, Made, results};

    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

    fn made(methods: usize, sizes: &[u64]) -> Results {
        let names = NAMES.iter().take(methods);
        let made = names.flat_map(|name| sizes.iter().map(|size| (*name, *size, LOW)));
        let made: Vec<Made> = made.collect();
        let mut results = results(&made);
        for run in &mut results.runs.curves {
            // Epochs 0 and 1 become 1 and 4.
            for row in &mut run.rows {
                row.epoch = 3 * row.epoch + 1;
            }
        }
        results
    }

    #[test]
    fn many_methods_at_one_batch_size_have_a_column_of_dots_for_each_of_some_epochs() {
        let svg = test_errors(&made(8, &[50]), Some(0.2)).unwrap().svg();
        let count = |text: &str| svg.matches(text).count();
        assert_eq!(
            (
                count(">After epoch 1<"),
                count(">After epoch 3<"),
                count(">After epoch 4<")
            ),
            (1, 1, 1)
        );
        // LOW has the mean 12 %; epoch 3 was not measured.
        assert_eq!(
            (count(">90.0 %<"), count(">no run<"), count(">12.0 %<")),
            (8, 8, 8)
        );
        assert_eq!((count(">h<"), count(">target 20.0 %<")), (1, 3));
        assert!(svg.contains("whiskers from the lowest to the highest"));
    }

    #[test]
    fn what_curves_show_better_is_left_to_them() {
        for (methods, sizes) in [(7, [50].as_slice()), (8, &[1, 50])] {
            assert_eq!(test_errors(&made(methods, sizes), None), None);
        }
    }
}
