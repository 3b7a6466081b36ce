//! Convergence curves: a panel for each batch size, a line for each method.

use crate::draw::{Axis, Figure, LineChart, PanelGrid, ReferenceLine, ShareY};
use crate::event::EpochRow;
use crate::report::comparison::groups::{Shown, mean_line, with_bands_within};
use crate::report::comparison::{Draw, PictureKind, Results, Topic};
use crate::text::numbers::significant;

/// Test error.
pub const TEST_ERROR: PictureKind = PictureKind {
    name: "test-error",
    topic: Topic::Convergence,
    caption: "",
    draw: Draw::Once(|results| {
        let manifest = results.manifest.as_ref();
        let target = manifest.and_then(|manifest| manifest.target_test_error);
        let value = |row: &EpochRow| row.test_error;
        Some(figure(
            results,
            "Test error",
            error_axis(),
            1.0,
            target,
            value,
        ))
    }),
};

/// Training error, as seen in training.
pub const TRAIN_ERROR: PictureKind = PictureKind {
    name: "train-error",
    topic: Topic::Convergence,
    caption: SEEN,
    draw: Draw::Once(|results| {
        let value = |row: &EpochRow| row.train_error;
        Some(figure(
            results,
            "Training error",
            error_axis(),
            1.0,
            None,
            value,
        ))
    }),
};

/// Training loss, as seen in training.
pub const TRAIN_LOSS: PictureKind = PictureKind {
    name: "train-loss",
    topic: Topic::Convergence,
    caption: SEEN,
    draw: Draw::Once(|results| {
        let axis = Axis::new("Cross-entropy (nats)").log();
        let value = |row: &EpochRow| row.train_loss;
        Some(figure(
            results,
            "Training loss",
            axis,
            f64::INFINITY,
            None,
            value,
        ))
    }),
};

const SEEN: &str = "As seen in training: each image with the weights of its step.";

fn error_axis() -> Axis {
    Axis::new("Images misclassified").log().percent()
}

/// Curves of a quantity between 0 and `largest`.
fn figure(
    results: &Results,
    name: &str,
    y: Axis,
    largest: f64,
    target: Option<f64>,
    value: fn(&EpochRow) -> f64,
) -> Figure {
    let groups = &results.groups;
    let line = |group: &Shown| {
        let runs = results.runs.finished_of(&group.key);
        let point = |row: &EpochRow| (row.epoch as f64, value(row));
        let line = mean_line(&group.key.label, group.slot, &runs, point);
        with_bands_within(line, 0.0, largest)
    };
    let target = target.map(|target| {
        let label = format!("target {} %", significant(100.0 * target, 3));
        ReferenceLine::new(target, label)
    });
    let panel = |size: u64| LineChart {
        title: format!("Batch size {size}"),
        x: Axis::new("Epoch").integer(),
        y: y.clone(),
        series: groups.at(size).map(line).collect(),
        references: target.iter().cloned().collect(),
        ..LineChart::default()
    };
    let title = format!("{name}: {}", results.title());
    let subtitle = format!("{}{}", groups.band_note(), groups.rate_note());
    let panels: Vec<LineChart> = groups.batch_sizes.iter().copied().map(panel).collect();
    if let [only] = panels.as_slice() {
        let subtitle = format!("{}; {subtitle}", only.title.to_lowercase());
        let chart = LineChart {
            title,
            subtitle,
            ..only.clone()
        };
        return chart.figure();
    }
    PanelGrid {
        title,
        subtitle,
        share_y: ShareY::All,
        panels,
        ..PanelGrid::default()
    }
    .figure()
}
