//! Final test error over the learning rate.

use crate::draw::{Axis, Figure, LineChart, PanelGrid, Series, ShareY};
use crate::report::comparison::columns::ComparisonColumn;
use crate::report::comparison::final_errors::{error_axis, error_point};
use crate::report::comparison::focus::{self, muted_unless};
use crate::report::comparison::{Draw, PictureKind, Results, Shown, SummaryRow, Topic};
use crate::text::capitalized;

/// More rates than this have round values as ticks.
const MOST_TICKS: usize = 8;

/// A line for each method, where a method was run with several rates.
pub const PICTURE: PictureKind =
    PictureKind::new("learning-rates", Topic::FinalError, Draw::Once(figure))
        .captioned("The table counts the runs that diverged.");

fn figure(results: &Results) -> Option<Figure> {
    let groups = &results.groups;
    if !groups.has_several_rates {
        return None;
    }
    let panel = |column: ComparisonColumn| {
        let named = focus::named(results, column);
        let lines = groups.within(column).into_iter();
        let lines = lines.map(|group| muted_unless(line(results, group), &named));
        let rates = results.summary.iter().map(|row| row.group.lr);
        let mut rates: Vec<f64> = rates.collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let (title, x) = (
            capitalized(&groups.column_name(column)),
            Axis::new("Learning rate"),
        );
        let x = if rates.len() <= MOST_TICKS {
            x.log().at(rates)
        } else {
            x.log()
        };
        LineChart::new(title, x, error_axis(), lines.collect())
    };
    let gray = focus::note(results);
    let note = format!(
        "{}; a line ends where a run diverged{gray}",
        groups.band_note()
    );
    let panels = groups.columns().into_iter().map(panel).collect();
    let title = "Final test error by learning rate";
    let grid = PanelGrid::new(title, results.about(&note), panels).sharing(ShareY::All);
    Some(grid.figure())
}

fn line(results: &Results, group: &Shown) -> Series {
    let (label, size) = (&group.key.label, group.key.batch_size);
    let rows = results.summary.iter();
    let own = rows.filter(|row| row.group.label == *label && row.group.batch_size == size);
    let mut rows: Vec<&SummaryRow> = own.collect();
    rows.sort_by(|a, b| a.group.lr.total_cmp(&b.group.lr));
    let point = |row: &&SummaryRow| error_point(results, &row.group, row.group.lr);
    Series::of(results.groups.name(label), rows.iter().map(point)).styled(group.style)
}
