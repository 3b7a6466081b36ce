//! Step times as lines over the batch size, or as bars.

use super::rows::{BASELINE, BenchRow, norms, settings};
use super::tables::relative_text;
use crate::draw::{
    Axis, Figure, IntervalGroup, IntervalMark, IntervalPlot, IntervalRow, LineChart, PanelGrid,
    Point, ReferenceLine, Series, ShareY,
};
use crate::methods;
use crate::report::distinct::distinct;
use crate::stats::mean;
use crate::text::capitalized;
use crate::text::numbers::counted;

/// Name of the picture, without its ending.
pub const STEM: &str = "step-time";

/// More methods than this make no lines that can be told apart.
const MOST_LINES: usize = 7;
/// From so many batch sizes on, times make a line.
const BATCH_SIZES_OF_A_LINE: usize = 3;
const RATIO: &str = "Step time / step time of none";
const TITLE: &str = "Time of a training step";

/// Step times relative to `none`, or in milliseconds where `none` was not measured: a line for each method over the batch
/// size where there are three or more, else a group of rows a setting.
pub fn figure(rows: &[BenchRow]) -> Figure {
    let sizes = distinct(rows.iter().map(|row| row.batch_size));
    let has_lines = sizes.len() >= BATCH_SIZES_OF_A_LINE && norms(rows).len() <= MOST_LINES;
    match has_lines && is_relative(rows) {
        true => lines(rows),
        false => intervals(rows),
    }
}

fn is_relative(rows: &[BenchRow]) -> bool {
    rows.iter().any(|row| row.ratio_to_none.is_finite())
}

/// A panel for each width and format, a line for each method.
fn lines(rows: &[BenchRow]) -> Figure {
    let settings = distinct(rows.iter().map(BenchRow::beside_batch_size));
    let mut sizes = distinct(rows.iter().map(|row| row.batch_size));
    sizes.sort_unstable();
    let line = |norm: &str, setting: &str| {
        let own = rows.iter();
        let own = own.filter(|row| row.norm == norm && row.beside_batch_size() == setting);
        let point = |row: &BenchRow| {
            let (ratio, low, high) = row.to_none();
            let interval = Some((low, high)).filter(|(low, high)| low <= high);
            Point {
                x: row.batch_size as f64,
                y: ratio,
                interval,
            }
        };
        let mut points: Vec<Point> = own.map(point).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        Series::of(norm, points).styled(methods::style(norm, 0))
    };
    let panel = |setting: String| {
        let others = norms(rows).into_iter().filter(|norm| *norm != BASELINE);
        let lines = others.map(|norm| line(norm, &setting)).collect();
        let ticks = sizes.iter().map(|size| *size as f64);
        let x = Axis::new("Batch size").log().at(ticks);
        LineChart::new(capitalized(&setting), x, Axis::new(RATIO), lines).marked(1.0, BASELINE)
    };
    let panels: Vec<LineChart> = settings.into_iter().map(panel).collect();
    let note = format!(
        "Ratio of medians, band: its 95 % bootstrap interval; methods measured in turn, {}",
        threads(rows)
    );
    let title = format!("{TITLE} relative to none");
    if let [only] = panels.as_slice() {
        let note = match only.title.is_empty() {
            true => note,
            false => format!("{}; {note}", only.title),
        };
        let chart = LineChart {
            title,
            ..only.clone()
        };
        return chart.subtitled(note).figure();
    }
    let (share_y, axes) = match LineChart::are_even(&panels) {
        true => (ShareY::All, ""),
        false => (ShareY::None, "; the panels have axes of their own"),
    };
    let grid = PanelGrid::new(title, format!("{note}{axes}"), panels);
    grid.sharing(share_y).figure()
}

/// The methods as the picture lists them: as they were measured, or from the fastest on where they are many.
fn in_order(rows: &[BenchRow]) -> Vec<&str> {
    let mut norms = norms(rows);
    if norms.len() > MOST_LINES {
        let time = |norm: &str| {
            let own = rows
                .iter()
                .filter(|row| row.norm == norm && row.is_measured());
            let logs = own.map(|row| row.ratio_to_none.ln());
            mean(&logs.collect::<Vec<f64>>())
        };
        norms.sort_by(|a, b| time(a).total_cmp(&time(b)));
    }
    norms
}

/// A group of rows for each setting.
fn intervals(rows: &[BenchRow]) -> Figure {
    let relative = is_relative(rows);
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
            style: Some(methods::style(&row.norm, 0)),
            ..IntervalRow::default()
        }
    };
    let order = in_order(rows);
    let group = |setting: String| {
        let own = rows.iter().filter(|row| row.setting() == setting);
        let mut own: Vec<&BenchRow> = own.collect();
        own.sort_by_key(|row| order.iter().position(|norm| *norm == row.norm));
        IntervalGroup {
            rows: own.into_iter().map(bar).collect(),
            label: capitalized(&setting),
        }
    };
    let (than, whiskers, axis) = match relative {
        true => (
            " relative to none",
            "Ratio of medians with its 95 % bootstrap interval",
            RATIO,
        ),
        false => ("", "Median and quartiles", "Step time (ms)"),
    };
    let baseline = relative.then(|| ReferenceLine::new(1.0, BASELINE));
    let mark = match norms(rows).len() {
        0..=MOST_LINES => IntervalMark::Bar,
        _ => IntervalMark::Dot,
    };
    IntervalPlot {
        title: format!("{TITLE}{than}"),
        subtitle: format!("{whiskers}; methods measured in turn, {}", threads(rows)),
        axis: Axis::new(axis),
        mark,
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

#[cfg(test)]
mod tests {
    use super::super::rows::tests::examples;
    use super::*;

    #[test]
    fn every_method_has_a_bar_or_says_why_not() {
        let figure = figure(&examples());
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
        let figure = figure(&rows);
        assert!(figure.svg().contains(">30.0 ms<") && figure.svg().contains(">Step time (ms)<"));
    }

    #[test]
    fn three_batch_sizes_make_lines_in_a_panel_a_width() {
        let mut rows = examples();
        for (batch_size, width) in [(8, 0.25), (1, 1.0)] {
            let more = examples().into_iter().take(3);
            rows.extend(more.map(|row| BenchRow {
                batch_size,
                width,
                ..row
            }));
        }
        let svg = figure(&rows).svg();
        for text in [
            ">Width 0.25<",
            ">Width 1<",
            ">Batch size<",
            ">8<",
            ">normprop<",
        ] {
            assert!(svg.contains(text), "{text}");
        }
    }
}
