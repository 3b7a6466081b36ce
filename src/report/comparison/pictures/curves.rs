//! Convergence curves: a panel for each batch size (of [families](super::super::families) for each number), a line for
//! each method.

use super::dots;
use crate::draw::{Axis, Figure, LineChart, PanelGrid, Series, ShareY};
use crate::event::EpochRow;
use crate::report::comparison::columns::ComparisonColumn;
use crate::report::comparison::focus::{self, muted_unless};
use crate::report::comparison::groups::{Shown, mean_line, with_bands_within};
use crate::report::comparison::{Draw, PictureKind, Results, Topic};
use crate::text::capitalized;
use crate::text::numbers::significant;

const fn kind(name: &'static str, draw: fn(&Results) -> Option<Figure>) -> PictureKind {
    PictureKind::new(name, Topic::Convergence, Draw::Once(draw))
}

/// Test error.
pub const TEST_ERROR: PictureKind = kind("test-error", |results| {
    let manifest = results.manifest.as_ref();
    let target = manifest.and_then(|manifest| manifest.target_test_error);
    dots::test_errors(results, target)
        .or_else(|| errors(results, "Test error", target, |row| row.test_error))
});

/// Training error, as seen in training.
pub const TRAIN_ERROR: PictureKind = kind("train-error", |results| {
    errors(results, "Training error", None, |row| row.train_error)
})
.captioned(SEEN);

/// Training loss, as seen in training.
pub const TRAIN_LOSS: PictureKind = kind("train-loss", |results| {
    let axis = Axis::new("Cross-entropy (nats)").log();
    let lines = |column| lines(results, column, f64::INFINITY, |row| row.train_loss);
    Some(figure(
        results,
        "Training loss",
        axis,
        ShareY::None,
        None,
        lines,
    ))
})
.captioned(SEEN);

const SEEN: &str = "As seen in training: each image with the weights of its step.";

fn errors(
    results: &Results,
    name: &str,
    target: Option<f64>,
    value: fn(&EpochRow) -> f64,
) -> Option<Figure> {
    let axis = Axis::new("Images misclassified").log().percent();
    let lines = |column| lines(results, column, 1.0, value);
    Some(figure(results, name, axis, ShareY::All, target, lines))
}

/// The curves in a column of a quantity between 0 and `largest`.
fn lines(
    results: &Results,
    column: ComparisonColumn,
    largest: f64,
    value: fn(&EpochRow) -> f64,
) -> Vec<Series> {
    let groups = &results.groups;
    let named = focus::named(results, column);
    let line = |group: &Shown| {
        let runs = results.runs.drawn_of(&group.key);
        let point = |row: &EpochRow| (row.epoch as f64, value(row));
        let name = groups.name(&group.key.label);
        let line = mean_line(name, group.style, &runs, point);
        muted_unless(with_bands_within(line, 0.0, largest), &named)
    };
    groups.within(column).into_iter().map(line).collect()
}

/// A panel for each column; a single one becomes the whole picture.
fn figure(
    results: &Results,
    name: &str,
    y: Axis,
    share_y: ShareY,
    target: Option<f64>,
    lines: impl Fn(ComparisonColumn) -> Vec<Series>,
) -> Figure {
    let groups = &results.groups;
    let chart = |title: String, lines: Vec<Series>| {
        let chart = LineChart::new(title, Axis::new("Epoch").integer(), y.clone(), lines);
        match target {
            Some(error) => {
                chart.marked(error, format!("target {} %", significant(100.0 * error, 3)))
            }
            None => chart,
        }
    };
    let panel = |column: ComparisonColumn| {
        let title = capitalized(&groups.column_name(column));
        chart(title, lines(column))
    };
    let panels: Vec<LineChart> = groups.columns().into_iter().map(panel).collect();
    let gray = focus::note(results);
    let note = format!("{}{gray}{}", groups.band_note(), groups.rate_note());
    if let [only] = panels.as_slice() {
        let said = results.title().to_lowercase();
        let note = match said.contains(&only.title.to_lowercase()) {
            true => note,
            false => format!("{}; {note}", only.title),
        };
        let chart = LineChart {
            title: name.to_owned(),
            ..only.clone()
        };
        return chart.subtitled(results.about(&note)).figure();
    }
    let grid = PanelGrid::new(name, results.about(&note), panels).sharing(share_y);
    grid.figure()
}
