//! Final test error over the batch size.

use crate::draw::{Axis, Figure, LineChart, MapCell, MapRow, Series, ValueMap};
use crate::report::comparison::final_errors::{ends, error_axis, error_point, summary_of};
use crate::report::comparison::focus::MOST_LINES;
use crate::report::comparison::groups::seeds;
use crate::report::comparison::verdict::alike;
use crate::report::comparison::{Draw, PictureKind, Results, Shown, Topic};
use crate::run_key::GroupKey;
use crate::text::numbers::percent_within;

/// A line for each method, where there are batch sizes enough for one; a table with shades where there are many methods.
pub const PICTURE: PictureKind =
    PictureKind::new("batch-sizes", Topic::FinalError, Draw::Once(figure));

/// From so many batch sizes on, their errors make a line.
const BATCH_SIZES_OF_A_LINE: usize = 3;
const TITLE: &str = "Final test error by batch size";

fn figure(results: &Results) -> Option<Figure> {
    let groups = &results.groups;
    if groups.batch_sizes.len() < BATCH_SIZES_OF_A_LINE {
        return None;
    }
    Some(match groups.labels.len() {
        0..=MOST_LINES => lines(results),
        _ => table(results),
    })
}

/// The batch sizes, rising.
fn sizes(results: &Results) -> Vec<u64> {
    let mut sizes = results.groups.batch_sizes.clone();
    sizes.sort_unstable();
    sizes
}

fn lines(results: &Results) -> Figure {
    let groups = &results.groups;
    let mut shown: Vec<&Shown> = groups.shown.iter().collect();
    shown.sort_by_key(|group| group.key.batch_size);
    let line = |label: &String| {
        let own = || shown.iter().filter(|group| group.key.label == *label);
        let point = |group: &&Shown| error_point(results, &group.key, group.key.batch_size as f64);
        let runs = own().flat_map(|group| results.runs.finished_of(&group.key));
        let behind = seeds(&runs.collect::<Vec<_>>());
        let line = Series::of(label, own().map(point));
        Series {
            style: groups.style(label),
            ..line.noted(behind)
        }
    };
    let sizes = sizes(results).into_iter().map(|size| size as f64);
    let axis = Axis::new("Batch size").log().at(sizes);
    let lines = groups.by_error.iter().map(line).collect();
    let chart = LineChart::new(TITLE, axis, error_axis(), lines);
    let gaps = match results.summary.iter().any(|row| row.n_diverged > 0) {
        true => "; a line breaks where a run diverged",
        false => "",
    };
    let note = format!("{}{gaps}{}", groups.band_note(), groups.rate_note());
    chart.subtitled(results.about(&note)).figure()
}

fn table(results: &Results) -> Figure {
    let (groups, sizes, alike) = (&results.groups, sizes(results), alike(results));
    let row = |label: &String| {
        let cells = sizes.iter().map(|size| cell(results, &alike, label, *size));
        Some(MapRow {
            label: label.clone(),
            style: groups.style(label)?,
            cells: cells.collect(),
        })
    };
    let note = format!(
        "mean over seeds; darker is higher; framed: the lowest of its column{}{}",
        alike_note(&alike),
        groups.rate_note()
    );
    let map = ValueMap {
        title: TITLE.to_owned(),
        subtitle: results.about(&note),
        heading: "Batch size".to_owned(),
        columns: sizes.iter().map(u64::to_string).collect(),
        rows: groups.by_error.iter().filter_map(row).collect(),
    };
    map.figure()
}

/// What a subtitle says of the mark of [`cell`]; nothing where it has none.
pub fn alike_note(alike: &[&GroupKey]) -> &'static str {
    match alike.is_empty() {
        true => "",
        false => "; ≈: not told apart from it",
    }
}

/// The error of a label at a batch size, in a table with shades; marked where the group is among those `alike` the lowest.
pub fn cell(results: &Results, alike: &[&GroupKey], label: &str, size: u64) -> MapCell {
    let groups = &results.groups;
    let group = groups.at(size).find(|group| group.key.label == *label);
    group.map_or(MapCell::default(), |group| {
        let error = groups.error(&group.key);
        MapCell {
            value: if error.is_finite() { error } else { f64::NAN },
            text: match alike.contains(&&group.key) {
                true => format!("≈ {}", text(results, &group.key)),
                false => text(results, &group.key),
            },
            best: groups.is_lowest(&group.key),
        }
    })
}

/// The mean error, and how many runs are missing in it.
fn text(results: &Results, group: &GroupKey) -> String {
    let row = summary_of(results, group);
    row.map_or(String::new(), |row| {
        let (low, high) = ends(row);
        let mean = percent_within(row.final_test_error_mean, low, high);
        match (row.n, row.n_diverged) {
            (0, _) => "diverged".to_owned(),
            (_, 0) => mean,
            (n, lost) => format!("{mean} ({lost} of {} div.)", n + lost),
        }
    })
}
