//! Final test error over the number in which methods' labels differ, as over the depth of a network.

use crate::draw::{Axis, Figure, LineChart, PanelGrid, Series, ShareY};
use crate::report::comparison::families::{Member, numbers};
use crate::report::comparison::final_errors::{error_axis, error_point};
use crate::report::comparison::{Draw, PictureKind, Results, Topic};
use crate::report::distinct::distinct;
use crate::text::capitalized;

/// A line for each name, where all labels are "NAME, NUMBER UNIT".
pub const PICTURE: PictureKind =
    PictureKind::new("over-number", Topic::FinalError, Draw::Once(figure));

fn figure(results: &Results) -> Option<Figure> {
    let groups = &results.groups;
    let members = groups.families.as_ref()?;
    let unit = &members.first()?.unit;
    let panel = |size: u64| {
        let names = distinct(members.iter().map(|member| &member.name));
        let lines = names
            .into_iter()
            .map(|name| line(results, members, size, name));
        let axis = Axis::new(capitalized(unit)).log().at(numbers(members));
        let title = format!("Batch size {size}");
        LineChart::new(title, axis, error_axis(), lines.collect())
    };
    let title = format!("Final test error by number of {unit}");
    let note = format!("{}; a line breaks where a run diverged", groups.band_note());
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

fn line(results: &Results, members: &[Member], size: u64, name: &String) -> Series {
    let groups = &results.groups;
    let mut own: Vec<(f64, &String)> = members
        .iter()
        .zip(&groups.labels)
        .filter(|(member, _)| member.name == *name)
        .map(|(member, label)| (member.number, label))
        .collect();
    own.sort_by(|a, b| a.0.total_cmp(&b.0));
    let style = own.first().and_then(|(_, label)| groups.style(label));
    let points = own.into_iter().filter_map(|(number, label)| {
        let group = groups.at(size).find(|group| group.key.label == *label)?;
        Some(error_point(results, &group.key, number))
    });
    Series {
        style,
        ..Series::of(name, points)
    }
}
