//! Convergence curves: a panel for each batch size, a line for each method.

use crate::draw::{Axis, Figure, LineChart, PanelGrid, Series, ShareY};
use crate::event::EpochRow;
use crate::report::comparison::groups::{Shown, mean_line, with_bands_within};
use crate::report::comparison::{Draw, PictureKind, Results, Topic};
use crate::text::numbers::significant;

const fn kind(name: &'static str, draw: fn(&Results) -> Option<Figure>) -> PictureKind {
    PictureKind::new(name, Topic::Convergence, Draw::Once(draw))
}

/// Test error.
pub const TEST_ERROR: PictureKind = kind("test-error", |results| {
    let manifest = results.manifest.as_ref();
    let target = manifest.and_then(|manifest| manifest.target_test_error);
    errors(results, "Test error", target, |row| row.test_error)
});

/// Training error, as seen in training.
pub const TRAIN_ERROR: PictureKind = kind("train-error", |results| {
    errors(results, "Training error", None, |row| row.train_error)
})
.captioned(SEEN);

/// Training loss, as seen in training.
pub const TRAIN_LOSS: PictureKind = kind("train-loss", |results| {
    let axis = Axis::new("Cross-entropy (nats)").log();
    let lines = |size| lines(results, size, f64::INFINITY, |row| row.train_loss);
    Some(figure(results, "Training loss", axis, None, lines))
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
    let lines = |size| lines(results, size, 1.0, value);
    Some(figure(results, name, axis, target, lines))
}

/// The curves at a batch size of a quantity between 0 and `largest`.
fn lines(results: &Results, size: u64, largest: f64, value: fn(&EpochRow) -> f64) -> Vec<Series> {
    let line = |group: &Shown| {
        let runs = results.runs.finished_of(&group.key);
        let point = |row: &EpochRow| (row.epoch as f64, value(row));
        let line = mean_line(&group.key.label, group.slot, &runs, point);
        with_bands_within(line, 0.0, largest)
    };
    results.groups.at(size).map(line).collect()
}

/// A panel for each batch size; a single one becomes the whole picture.
fn figure(
    results: &Results,
    name: &str,
    y: Axis,
    target: Option<f64>,
    lines: impl Fn(u64) -> Vec<Series>,
) -> Figure {
    let groups = &results.groups;
    let panel = |size: u64| {
        let (title, epochs) = (format!("Batch size {size}"), Axis::new("Epoch").integer());
        let chart = LineChart::new(title, epochs, y.clone(), lines(size));
        match target {
            Some(error) => {
                chart.marked(error, format!("target {} %", significant(100.0 * error, 3)))
            }
            None => chart,
        }
    };
    let title = format!("{name}: {}", results.title());
    let note = format!("{}{}", groups.band_note(), groups.rate_note());
    let panels: Vec<LineChart> = groups.batch_sizes.iter().copied().map(panel).collect();
    if let [only] = panels.as_slice() {
        let note = format!("{}; {note}", only.title.to_lowercase());
        let chart = LineChart {
            title,
            ..only.clone()
        };
        return chart.subtitled(note).figure();
    }
    let grid = PanelGrid::new(title, note, panels).sharing(ShareY::All);
    grid.figure()
}
