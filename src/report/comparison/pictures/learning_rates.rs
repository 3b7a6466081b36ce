//! Final test error over the learning rate.

use crate::draw::{Axis, Figure, LineChart, PanelGrid, Series, ShareY};
use crate::report::comparison::final_errors::{error_axis, error_point};
use crate::report::comparison::{Draw, PictureKind, Results, SummaryRow, Topic};

/// A line for each method, where a method was run with several rates.
pub const PICTURE: PictureKind =
    PictureKind::new("learning-rates", Topic::FinalError, Draw::Once(figure))
        .captioned("The table counts the runs that diverged.");

fn figure(results: &Results) -> Option<Figure> {
    let groups = &results.groups;
    if !groups.has_several_rates {
        return None;
    }
    let panel = |batch_size: u64| {
        let labels = groups.labels.iter().enumerate();
        let lines = labels.map(|label| line(results, batch_size, label));
        let (title, x) = (
            format!("Batch size {batch_size}"),
            Axis::new("Learning rate"),
        );
        LineChart::new(title, x.log(), error_axis(), lines.collect())
    };
    let title = format!("Final test error over learning rates: {}", results.title());
    let note = format!("{}; a line ends where a run diverged", groups.band_note());
    let panels = groups.batch_sizes.iter().copied().map(panel).collect();
    let grid = PanelGrid::new(title, note, panels).sharing(ShareY::All);
    Some(grid.figure())
}

fn line(results: &Results, batch_size: u64, (slot, label): (usize, &String)) -> Series {
    let rows = results.summary.iter();
    let own = rows.filter(|row| row.group.label == *label && row.group.batch_size == batch_size);
    let mut rows: Vec<&SummaryRow> = own.collect();
    rows.sort_by(|a, b| a.group.lr.total_cmp(&b.group.lr));
    let point = |row: &&SummaryRow| error_point(results, &row.group, row.group.lr);
    Series::of(label, rows.iter().map(point)).in_slot(slot)
}
