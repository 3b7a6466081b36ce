//! Convergence curves: a panel for each batch size, a line for each method.

use super::groups::{band_note, batch_sizes, finished_of, mean_line, rate_note, shown};
use super::results::Results;
use crate::draw::{Axis, Figure, LineChart, PanelGrid, Reference, Scale, ShareY, TickFormat};
use crate::event::EpochRow;
use crate::text::numbers::significant;

/// What is drawn over epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// Test error.
    TestError,
    /// Training error, as seen in training.
    TrainError,
    /// Training loss, as seen in training.
    TrainLoss,
}

impl Curve {
    fn name(self) -> &'static str {
        match self {
            Curve::TestError => "Test error",
            Curve::TrainError => "Training error",
            Curve::TrainLoss => "Training loss",
        }
    }

    fn value(self, row: &EpochRow) -> f64 {
        match self {
            Curve::TestError => row.test_error,
            Curve::TrainError => row.train_error,
            Curve::TrainLoss => row.train_loss,
        }
    }

    fn axis(self) -> Axis {
        let (label, format) = match self {
            Curve::TrainLoss => ("Cross-entropy (nats)", TickFormat::Number),
            _ => ("Images misclassified", TickFormat::Percent),
        };
        Axis {
            scale: Scale::Log,
            format,
            ..Axis::new(label)
        }
    }
}

/// The picture of one curve.
pub fn figure(results: &Results, curve: Curve) -> Figure {
    let groups = shown(results);
    let sizes = batch_sizes(results);
    let target = results
        .manifest
        .as_ref()
        .and_then(|manifest| manifest.target_test_error);
    let panel = |batch_size: &u64| {
        let line = |group: &super::groups::Shown| {
            mean_line(
                &group.label,
                group.slot,
                &finished_of(results, group),
                |row| (row.epoch as f64, curve.value(row)),
            )
        };
        let target = target.filter(|_| curve == Curve::TestError);
        LineChart {
            title: format!("Batch size {batch_size}"),
            x: Axis {
                integer: true,
                ..Axis::new("Epoch")
            },
            y: curve.axis(),
            series: groups
                .iter()
                .filter(|group| group.batch_size == *batch_size)
                .map(line)
                .collect(),
            references: target
                .map(|value| Reference {
                    value,
                    label: format!("target {} %", significant(100.0 * value, 3)),
                })
                .into_iter()
                .collect(),
            ..LineChart::default()
        }
    };
    let title = format!("{}: {}", curve.name(), results.title());
    let subtitle = format!("{}{}", band_note(results), rate_note(results));
    let mut panels: Vec<LineChart> = sizes.iter().map(panel).collect();
    if panels.len() == 1 {
        let mut chart = panels.remove(0);
        chart.subtitle = format!("{}; {subtitle}", chart.title.to_lowercase());
        chart.title = title;
        return chart.figure();
    }
    PanelGrid {
        title,
        subtitle,
        columns: 2,
        share_y: ShareY::All,
        panels,
    }
    .figure()
}
