//! Final errors with their intervals, differences between methods, and errors over learning rates.

use super::groups::{
    Shown, band_note, batch_sizes, finished_of, has_several_rates, rate_note, shown,
};
use super::results::Results;
use super::rows::{PairedRow, SummaryRow};
use crate::draw::{
    Axis, Figure, IntervalGroup, IntervalPlot, IntervalRow, LineChart, PanelGrid, Point, Reference,
    Scale, Series, ShareY, TickFormat,
};
use crate::text::numbers::{p_value, percent, percent_interval};

/// Final test errors: a group of rows for each batch size.
pub fn final_errors(results: &Results) -> Figure {
    let groups = shown(results);
    let row = |group: &Shown| {
        let summary = summary_of(results, group)?;
        Some(IntervalRow {
            label: group.label.clone(),
            value: summary.final_test_error_mean,
            interval: interval(ends(summary)),
            outcomes: outcomes(results, group),
            text: drawn_text(summary),
            slot: Some(group.slot),
        })
    };
    let group = |batch_size: u64| IntervalGroup {
        label: format!("Batch size {batch_size}"),
        rows: groups
            .iter()
            .filter(|group| group.batch_size == batch_size)
            .filter_map(row)
            .collect(),
    };
    IntervalPlot {
        title: format!("Final test error: {}", results.title()),
        subtitle: format!(
            "mean over seeds with its 95 % t interval; small marks: single runs{}",
            rate_note(results)
        ),
        axis: Axis {
            format: TickFormat::Percent,
            ..Axis::new("Test images misclassified")
        },
        groups: batch_sizes(results).into_iter().map(group).collect(),
        ..IntervalPlot::default()
    }
    .figure()
}

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

/// The same beside its mark in the picture, where no column tells how many runs are missing.
fn drawn_text(row: &SummaryRow) -> String {
    match (row.n, row.n_diverged) {
        (0, _) | (_, 0) => error_text(row),
        (1, lost) => format!(
            "{} ({lost} diverged)",
            percent(row.final_test_error_mean, 1)
        ),
        (_, lost) => format!("{} ({lost} diverged)", error_text(row)),
    }
}

/// Differences from the first method; `None` where there is no interval to show.
pub fn differences(results: &Results) -> Option<Figure> {
    let labels = results.labels();
    let baseline = results.paired.first()?.baseline_label.clone();
    let with_interval = |row: &&PairedRow| row.n_pairs > 1 && row.difference_ci_low.is_finite();
    results.paired.iter().find(with_interval)?;
    let row = |row: &PairedRow| IntervalRow {
        label: if has_several_rates(results) {
            format!("{}, lr {}", row.label, row.lr)
        } else {
            row.label.clone()
        },
        value: row.difference_mean,
        interval: interval((row.difference_ci_low, row.difference_ci_high)),
        text: format!(
            "{}, p {}",
            points(row.difference_mean),
            with_equals(&p_value(row.p_holm))
        ),
        slot: labels.iter().position(|label| *label == row.label),
        ..IntervalRow::default()
    };
    let group = |batch_size: u64| IntervalGroup {
        label: format!("Batch size {batch_size}"),
        rows: results
            .paired
            .iter()
            .filter(|row| row.batch_size == batch_size)
            .map(row)
            .collect(),
    };
    let plot = IntervalPlot {
        title: format!("Final test error less that of {baseline}"),
        subtitle:
            "paired by seed, with 95 % t interval; below 0 is better; p after Holm's correction"
                .to_owned(),
        axis: Axis {
            format: TickFormat::Percent,
            ..Axis::new("Difference in percentage points of test images")
        },
        groups: batch_sizes(results)
            .into_iter()
            .map(group)
            .filter(|group| !group.rows.is_empty())
            .collect(),
        references: vec![Reference {
            value: 0.0,
            label: baseline,
        }],
        ..IntervalPlot::default()
    };
    Some(plot.figure())
}

/// A difference of fractions in percentage points, with its sign.
pub fn points(difference: f64) -> String {
    if difference.is_finite() {
        format!("{:+.2} points", 100.0 * difference)
    } else {
        "–".to_owned()
    }
}

fn with_equals(p: &str) -> String {
    if p.starts_with('<') {
        p.to_owned()
    } else {
        format!("= {p}")
    }
}

/// Final test error over the learning rate; `None` unless a method was run with several.
pub fn over_rates(results: &Results) -> Option<Figure> {
    if !has_several_rates(results) {
        return None;
    }
    let panel = |batch_size: u64| LineChart {
        title: format!("Batch size {batch_size}"),
        x: Axis {
            scale: Scale::Log,
            ..Axis::new("Learning rate")
        },
        y: error_axis(),
        series: results
            .labels()
            .into_iter()
            .enumerate()
            .map(|(slot, label)| rate_line(results, batch_size, slot, label))
            .collect(),
        ..LineChart::default()
    };
    let grid = PanelGrid {
        title: format!("Final test error over learning rates: {}", results.title()),
        subtitle: format!("{}; a line ends where a run diverged", band_note(results)),
        columns: 2,
        share_y: ShareY::All,
        panels: batch_sizes(results).into_iter().map(panel).collect(),
    };
    Some(grid.figure())
}

fn rate_line(results: &Results, batch_size: u64, slot: usize, label: &str) -> Series {
    let mut rows: Vec<&SummaryRow> = results
        .summary
        .iter()
        .filter(|row| row.label == label && row.batch_size == batch_size)
        .collect();
    rows.sort_by(|a, b| a.lr.total_cmp(&b.lr));
    let point = |row: &&SummaryRow| {
        let group = Shown {
            label: label.to_owned(),
            slot,
            batch_size,
            lr: row.lr,
        };
        error_point(results, &group, row.lr)
    };
    Series {
        label: label.to_owned(),
        points: rows.iter().map(point).collect(),
        slot: Some(slot),
    }
}

/// From so many batch sizes on, their errors make a line.
const BATCH_SIZES_OF_A_LINE: usize = 3;

/// Final test error over the batch size; `None` unless methods were run with several.
pub fn over_batch_sizes(results: &Results) -> Option<Figure> {
    if batch_sizes(results).len() < BATCH_SIZES_OF_A_LINE {
        return None;
    }
    let mut groups = shown(results);
    groups.sort_by_key(|group| group.batch_size);
    let line = |(slot, label): (usize, &str)| Series {
        label: label.to_owned(),
        points: groups
            .iter()
            .filter(|group| group.label == label)
            .map(|group| error_point(results, group, group.batch_size as f64))
            .collect(),
        slot: Some(slot),
    };
    let chart = LineChart {
        title: format!("Final test error over batch sizes: {}", results.title()),
        subtitle: format!(
            "{}; a line breaks where a run diverged{}",
            band_note(results),
            rate_note(results)
        ),
        x: Axis {
            scale: Scale::Log,
            ..Axis::new("Batch size")
        },
        y: error_axis(),
        series: results.labels().into_iter().enumerate().map(line).collect(),
        ..LineChart::default()
    };
    Some(chart.figure())
}

fn summary_of<'r>(results: &'r Results, group: &Shown) -> Option<&'r SummaryRow> {
    results.summary.iter().find(|row| {
        row.label == group.label && row.batch_size == group.batch_size && row.lr == group.lr
    })
}

/// The final test errors of a group's runs.
fn outcomes(results: &Results, group: &Shown) -> Vec<f64> {
    finished_of(results, group)
        .iter()
        .filter_map(|run| run.rows.last().map(|row| row.test_error))
        .collect()
}

fn error_axis() -> Axis {
    Axis {
        scale: Scale::Log,
        format: TickFormat::Percent,
        ..Axis::new("Test images misclassified")
    }
}

/// The mean final test error of a group with the range of its runs, at `x`; without a place where a run diverged.
fn error_point(results: &Results, group: &Shown, x: f64) -> Point {
    let errors = outcomes(results, group);
    let whole = summary_of(results, group).filter(|row| row.n_diverged == 0);
    let extreme = |pick: fn(f64, f64) -> f64| errors.iter().copied().fold(f64::NAN, pick);
    Point {
        x,
        y: whole.map_or(f64::NAN, |row| row.final_test_error_mean),
        interval: (whole.is_some() && errors.len() > 1)
            .then(|| (extreme(f64::min), extreme(f64::max))),
    }
}

/// The t interval of a final test error, cut to [0, 1], where errors lie; NaN stays NaN.
fn ends(row: &SummaryRow) -> (f64, f64) {
    let within = |value: f64| {
        if value.is_nan() {
            value
        } else {
            value.clamp(0.0, 1.0)
        }
    };
    (
        within(row.final_test_error_ci_low),
        within(row.final_test_error_ci_high),
    )
}

fn interval((low, high): (f64, f64)) -> Option<(f64, f64)> {
    (low.is_finite() && high.is_finite()).then_some((low, high))
}
