//! Final test error over the batch size.

use crate::draw::{Axis, Figure, LineChart, Series};
use crate::report::comparison::final_errors::{error_axis, error_point};
use crate::report::comparison::groups::seeds;
use crate::report::comparison::{Draw, PictureKind, Results, Topic};
use crate::run_key::GroupKey;

/// A line for each method, where there are batch sizes enough for one.
pub const PICTURE: PictureKind =
    PictureKind::new("batch-sizes", Topic::FinalError, Draw::Once(figure));

/// From so many batch sizes on, their errors make a line.
const BATCH_SIZES_OF_A_LINE: usize = 3;

fn figure(results: &Results) -> Option<Figure> {
    let groups = &results.groups;
    if groups.batch_sizes.len() < BATCH_SIZES_OF_A_LINE {
        return None;
    }
    let mut shown: Vec<&GroupKey> = groups.shown.iter().map(|group| &group.key).collect();
    shown.sort_by_key(|group| group.batch_size);
    let line = |(slot, label): (usize, &String)| {
        let own = shown.iter().filter(|group| group.label == *label);
        let point = |group: &&GroupKey| error_point(results, group, group.batch_size as f64);
        let runs = own
            .clone()
            .flat_map(|group| results.runs.finished_of(group));
        let behind = seeds(&runs.collect::<Vec<_>>());
        let line = Series::of(label, own.map(point));
        line.in_slot(slot).noted(behind)
    };
    let title = format!("Final test error over batch sizes: {}", results.title());
    let (band_note, rate_note) = (groups.band_note(), groups.rate_note());
    let lines = groups.labels.iter().enumerate().map(line).collect();
    let chart = LineChart::new(title, Axis::new("Batch size").log(), error_axis(), lines);
    let note = format!("{band_note}; a line breaks where a run diverged{rate_note}");
    Some(chart.subtitled(note).figure())
}
