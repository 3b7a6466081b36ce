//! Final test error over the number in which methods' labels differ, as over the depth of a network.

use crate::draw::{Axis, Figure, LineChart, PanelGrid, Point, Series, ShareY};
use crate::report::comparison::families::{Member, numbers};
use crate::report::comparison::final_errors::{error_axis, error_point};
use crate::report::comparison::focus::MOST_LINES;
use crate::report::comparison::{Draw, PictureKind, Results, Topic};
use crate::text::capitalized;

/// A line for each name, where all labels are "NAME, NUMBER UNIT" or "NAME, UNIT NUMBER".
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

/// Whether the bands of all lines would hide each other.
fn is_crowded(results: &Results) -> bool {
    results.groups.names().len() > MOST_LINES
}

fn line(results: &Results, members: &[Member], size: u64, name: &str) -> Series {
    let groups = &results.groups;
    let mut own: Vec<(f64, &String)> = members
        .iter()
        .zip(&groups.labels)
        .filter(|(member, _)| member.name == name)
        .map(|(member, label)| (member.number, label))
        .collect();
    own.sort_by(|a, b| a.0.total_cmp(&b.0));
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
