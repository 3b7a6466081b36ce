//! The input of one unit over training: where the middle and the bulk of it lie.

use crate::draw::{Axis, Figure, LineChart, PanelGrid, Series, ShareY, Style};
use crate::event::PercentileRow;
use crate::report::comparison::{Draw, PictureKind, Results, Shown, Topic};

/// A point for so many steps at most.
const MOST_POINTS: usize = 250;

/// Three percentiles over steps, where a run recorded them.
pub const PICTURE: PictureKind = PictureKind::new("percentiles", Topic::Layers, Draw::Once(figure))
    .drawn_from("percentiles.csv");

fn figure(results: &Results) -> Option<Figure> {
    let mut rows = results.runs.percentiles.iter().flat_map(|run| &run.rows);
    let first = rows.next()?;
    let title = format!(
        "Input of one unit of layer {} ({})",
        first.layer, first.name
    );
    let note = "15th, 50th and 85th percentile on a fixed batch of test images, first seed";
    let groups = results.groups.shown.iter();
    let panels = groups.filter_map(|group| panel(results, group)).collect();
    let grid = PanelGrid::new(title, note, panels).sharing(ShareY::All);
    Some(grid.figure())
}

fn panel(results: &Results, group: &Shown) -> Option<LineChart> {
    let runs = results.runs.percentiles.iter();
    let runs = runs.filter(|run| run.key.group == group.key);
    let run = runs.min_by_key(|run| run.key.seed)?;
    let stride = run.rows.len().div_ceil(MOST_POINTS).max(1);
    let line = |label: &str, variant: usize, value: fn(&PercentileRow) -> f64| {
        let rows = run.rows.iter().step_by(stride);
        let points = rows.map(|row| (row.step as f64, value(row)));
        Series::new(label, points).styled(Style::other(0, variant))
    };
    let lines = vec![
        line("85th percentile", 1, |row| row.p85),
        line("median", 0, |row| row.p50),
        line("15th percentile", 2, |row| row.p15),
    ];
    let title = format!("{}, batch size {}", group.key.label, group.key.batch_size);
    let (x, y) = (Axis::new("Step").integer(), Axis::new("Pre-activation"));
    Some(LineChart::new(title, x, y, lines))
}
