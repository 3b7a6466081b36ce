//! Final test error over the number in which methods' labels differ, as over the depth of a network.

use super::batch_sizes::{alike_note, cell};
use crate::draw::{
    Axis, Figure, LineChart, MapCell, MapRow, PanelGrid, Point, Series, ShareY, ValueMap,
};
use crate::report::comparison::families::{Member, numbers};
use crate::report::comparison::final_errors::{error_axis, error_point};
use crate::report::comparison::focus::MOST_LINES;
use crate::report::comparison::verdict::alike;
use crate::report::comparison::{Draw, PictureKind, Results, Topic};
use crate::text::capitalized;

/// A line for each name, where all labels are "NAME, NUMBER UNIT" or "NAME, UNIT NUMBER"; of many names at one batch size a
/// table with shades.
pub const PICTURE: PictureKind =
    PictureKind::new("over-number", Topic::FinalError, Draw::Once(figure));

fn figure(results: &Results) -> Option<Figure> {
    let groups = &results.groups;
    let members = groups.families.as_ref()?;
    let first = members.first()?;
    let panel = |size: u64| {
        let lines = groups.names().into_iter();
        let lines = lines.map(|name| line(results, members, size, name));
        let axis = Axis::new(capitalized(&first.unit))
            .log()
            .at(numbers(members));
        let title = format!("Batch size {size}");
        LineChart::new(title, axis, error_axis(), lines.collect())
    };
    let title = format!("Final test error by {}", first.quantity());
    if let ([size], true) = (groups.batch_sizes.as_slice(), is_crowded(results)) {
        return Some(table(results, members, *size, title));
    }
    let means = match is_crowded(results) {
        true => "mean over seeds".to_owned(),
        false => groups.band_note(),
    };
    let note = format!("{means}; a line breaks where a run diverged");
    let panels: Vec<LineChart> = groups.batch_sizes.iter().copied().map(panel).collect();
    if let [only] = panels.as_slice() {
        let chart = LineChart {
            title,
            ..only.clone()
        };
        return Some(chart.subtitled(results.about(&note)).figure());
    }
    let grid = PanelGrid::new(title, results.about(&note), panels);
    Some(grid.sharing(ShareY::All).figure())
}

/// Names by rows and numbers by columns, with shades: more lines than can be told apart.
fn table(results: &Results, members: &[Member], size: u64, title: String) -> Figure {
    let (groups, alike) = (&results.groups, alike(results));
    let columns = numbers(members);
    let row = |name: &&str| {
        let own = own_labels(results, members, name);
        let cell = |number: &f64| {
            let label = own.iter().find(|(own, _)| own == number);
            label.map_or(MapCell::default(), |(_, label)| {
                cell(results, &alike, label, size)
            })
        };
        Some(MapRow {
            label: (*name).to_owned(),
            style: groups.style(own.first()?.1)?,
            cells: columns.iter().map(cell).collect(),
        })
    };
    let note = format!(
        "batch size {size}; mean over seeds; darker is higher; framed: the lowest of its column{}",
        alike_note(&alike)
    );
    let map = ValueMap {
        title,
        subtitle: results.about(&note),
        heading: members
            .first()
            .map_or(String::new(), |first| capitalized(&first.unit)),
        columns: columns.iter().map(f64::to_string).collect(),
        rows: groups.names().iter().filter_map(row).collect(),
    };
    map.figure()
}

/// The labels of a name, by rising number.
fn own_labels<'r>(results: &'r Results, members: &[Member], name: &str) -> Vec<(f64, &'r String)> {
    let labels = members.iter().zip(&results.groups.labels);
    let own = labels.filter(|(member, _)| member.name == name);
    let mut own: Vec<_> = own.map(|(member, label)| (member.number, label)).collect();
    own.sort_by(|a, b| a.0.total_cmp(&b.0));
    own
}

/// Whether the bands of all lines would hide each other.
fn is_crowded(results: &Results) -> bool {
    results.groups.names().len() > MOST_LINES
}

fn line(results: &Results, members: &[Member], size: u64, name: &str) -> Series {
    let groups = &results.groups;
    let own = own_labels(results, members, name);
    let style = own.first().and_then(|(_, label)| groups.style(label));
    let points = own.into_iter().filter_map(|(number, label)| {
        let group = groups.at(size).find(|group| group.key.label == *label)?;
        let point = error_point(results, &group.key, number);
        Some(match is_crowded(results) {
            true => Point {
                interval: None,
                ..point
            },
            false => point,
        })
    });
    Series {
        style,
        ..Series::of(name, points)
    }
}
