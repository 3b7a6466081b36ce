//! The input of one unit over training: where the middle and the bulk of it lie.

use super::groups::{Shown, shown};
use super::results::Results;
use crate::draw::{Axis, Figure, LineChart, PanelGrid, Series, ShareY};
use crate::event::PercentileRow;

/// A point for so many steps at most.
const MOST_POINTS: usize = 250;

/// The picture; `None` where no run recorded percentiles.
pub fn figure(results: &Results) -> Option<Figure> {
    let groups = shown(results);
    let panels: Vec<LineChart> = groups
        .iter()
        .filter_map(|group| panel(results, group))
        .collect();
    let first = results
        .percentiles
        .iter()
        .find_map(|run| run.rows.first())?;
    let grid = PanelGrid {
        title: format!("Input of one unit of layer {}: {}", first.layer, first.name),
        subtitle: "15th, 50th and 85th percentile on a fixed batch of test images, first seed"
            .to_owned(),
        columns: 2,
        share_y: ShareY::All,
        panels,
    };
    Some(grid.figure())
}

fn panel(results: &Results, group: &Shown) -> Option<LineChart> {
    let runs = results.percentiles.iter().filter(|run| group.holds(run));
    let run = runs.min_by_key(|run| run.tag.seed)?;
    let stride = run.rows.len().div_ceil(MOST_POINTS).max(1);
    let line = |label: &str, slot: usize, value: fn(&PercentileRow) -> f64| Series {
        slot: Some(slot),
        ..Series::new(
            label,
            run.rows
                .iter()
                .step_by(stride)
                .map(|row| (row.step as f64, value(row))),
        )
    };
    Some(LineChart {
        title: format!("{}, batch size {}", group.label, group.batch_size),
        x: Axis {
            integer: true,
            ..Axis::new("Step")
        },
        y: Axis::new("Pre-activation"),
        series: vec![
            line("85th percentile", 1, |row| row.p85),
            line("median", 0, |row| row.p50),
            line("15th percentile", 2, |row| row.p15),
        ],
        ..LineChart::default()
    })
}
