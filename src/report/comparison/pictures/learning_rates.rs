//! Final test error over the learning rate.

use crate::draw::{Axis, Figure, LineChart, PanelGrid, Series, ShareY};
use crate::report::comparison::final_errors::{error_axis, error_point};
use crate::report::comparison::groups::{Shown, band_note, batch_sizes, has_several_rates};
use crate::report::comparison::picture::{Draw, PictureKind, Topic};
use crate::report::comparison::results::Results;
use crate::report::comparison::rows::SummaryRow;

/// A line for each method, where a method was run with several rates.
pub const PICTURE: PictureKind = PictureKind {
    name: "learning-rates",
    topic: Topic::FinalError,
    caption: "The table counts the runs that diverged.",
    draw: Draw::Once(figure),
};

fn figure(results: &Results) -> Option<Figure> {
    if !has_several_rates(results) {
        return None;
    }
    let panel = |batch_size: u64| {
        let labels = results.labels().into_iter().enumerate();
        LineChart {
            title: format!("Batch size {batch_size}"),
            x: Axis::new("Learning rate").log(),
            y: error_axis(),
            series: labels
                .map(|label| line(results, batch_size, label))
                .collect(),
            ..LineChart::default()
        }
    };
    let grid = PanelGrid {
        title: format!("Final test error over learning rates: {}", results.title()),
        subtitle: format!("{}; a line ends where a run diverged", band_note(results)),
        share_y: ShareY::All,
        panels: batch_sizes(results).into_iter().map(panel).collect(),
        ..PanelGrid::default()
    };
    Some(grid.figure())
}

fn line(results: &Results, batch_size: u64, (slot, label): (usize, &str)) -> Series {
    let rows = results.summary.iter();
    let own = rows.filter(|row| row.label == label && row.batch_size == batch_size);
    let mut rows: Vec<&SummaryRow> = own.collect();
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
