//! Step times as bars.

use super::rows::{BASELINE, BenchRow, norms, settings};
use super::tables::relative_text;
use crate::draw::{
    Axis, Figure, IntervalGroup, IntervalMark, IntervalPlot, IntervalRow, ReferenceLine,
};
use crate::report::distinct::distinct;
use crate::text::numbers::counted;

/// Name of the picture, without its ending.
pub const STEM: &str = "step-time";

/// Step times relative to `none`, or in milliseconds where `none` was not measured: a group a setting.
///
/// A method's style is that of its place in `order`, and behind those the order of the rows: so that a method looks
/// the same in all pictures of a comparison.
pub fn figure(rows: &[BenchRow], order: &[String]) -> Figure {
    let relative = rows.iter().any(|row| row.ratio_to_none.is_finite());
    let styles = distinct(order.iter().map(String::as_str).chain(norms(rows)));
    let bar = |row: &BenchRow| {
        let (value, low, high) = match relative {
            true => row.to_none(),
            false => row.step(),
        };
        IntervalRow {
            label: row.norm.clone(),
            value,
            interval: Some((low, high)),
            text: relative_text(row),
            slot: styles.iter().position(|norm| *norm == row.norm),
            ..IntervalRow::default()
        }
    };
    let group = |setting: String| {
        let own = rows.iter().filter(|row| row.setting() == setting);
        IntervalGroup {
            rows: own.map(bar).collect(),
            label: capitalized(&setting),
        }
    };
    let (than, whiskers, axis) = match relative {
        true => (
            " relative to none",
            "ratio of medians with its 95 % bootstrap interval",
            "Step time / step time of none",
        ),
        false => ("", "median and quartiles", "Step time (ms)"),
    };
    let baseline = relative.then(|| ReferenceLine::new(1.0, BASELINE));
    IntervalPlot {
        title: format!("Time of a training step{than}"),
        subtitle: format!("{whiskers}; methods measured in turn, {}", threads(rows)),
        axis: Axis::new(axis),
        mark: IntervalMark::Bar,
        groups: settings(rows).into_iter().map(group).collect(),
        references: baseline.into_iter().collect(),
    }
    .figure()
}

/// "2 threads", or "1 to 2 threads" where settings differ.
pub fn threads(rows: &[BenchRow]) -> String {
    let counts = rows.iter().filter(|row| row.is_measured());
    let counts = counts.map(|row| row.threads);
    match (counts.clone().min(), counts.max()) {
        (Some(least), Some(most)) if least == most => counted(most, "thread"),
        (Some(least), Some(most)) => format!("{least} to {most} threads"),
        _ => "not measured".into(),
    }
}

fn capitalized(text: &str) -> String {
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    first.to_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::examples;
    use super::*;

    #[test]
    fn every_method_has_a_bar_or_says_why_not() {
        let figure = figure(&examples(), &["normprop".to_owned()]);
        assert!(figure.png().is_ok());
        for text in [
            ">Batch size 1, width 0.25<",
            ">normprop<",
            ">not measured<",
            ">1.05 [1.03, 1.07]<",
            ">1 (20.0 ms)<",
        ] {
            assert!(figure.svg().contains(text), "{text}");
        }
    }

    #[test]
    fn without_none_the_times_themselves_are_drawn() {
        let mut rows = examples();
        rows.retain(|row| row.norm != "none");
        for row in &mut rows {
            row.ratio_to_none = f64::NAN;
        }
        let figure = figure(&rows, &[]);
        assert!(figure.svg().contains(">30.0 ms<") && figure.svg().contains(">Step time (ms)<"));
    }
}
