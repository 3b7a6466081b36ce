//! The hidden layers over training: the drift of their input distribution that BN and NormProp are about.

use crate::draw::{Axis, Figure, LineChart, PanelGrid, Series, ShareY, Style};
use crate::event::LayerRow;
use crate::report::comparison::groups::{Shown, mean_line};
use crate::report::comparison::{Draw, PictureKind, Results, RunRows, Topic};
use crate::report::distinct::distinct;

/// More lines than this in a panel cannot be followed.
const MOST_LAYERS: usize = 5;

const fn kind(name: &'static str, draw: fn(&Results, u64) -> Option<Figure>) -> PictureKind {
    PictureKind::new(name, Topic::Layers, Draw::ByBatchSize(draw))
}

/// Mean.
pub const MEAN: PictureKind = kind("layer-mean", |results, size| {
    figure(results, size, "Mean", 0.0, |row| row.pre_mean)
});

/// Standard deviation.
pub const STD: PictureKind = kind("layer-std", |results, size| {
    figure(results, size, "Standard deviation", 1.0, |row| row.pre_std)
});

/// Skewness.
pub const SKEWNESS: PictureKind = kind("layer-skewness", |results, size| {
    figure(results, size, "Skewness", 0.0, |row| row.pre_skew)
});

/// Excess kurtosis.
pub const KURTOSIS: PictureKind = kind("layer-kurtosis", |results, size| {
    figure(results, size, "Excess kurtosis", 0.0, |row| {
        row.pre_kurtosis
    })
});

/// A statistic at a batch size, with what a standard normal distribution has; `None` where layers were not measured.
fn figure(
    results: &Results,
    batch_size: u64,
    name: &'static str,
    of_normal: f64,
    value: fn(&LayerRow) -> f64,
) -> Option<Figure> {
    let layers = &results.runs.layers;
    layers.iter().find(|run| !run.rows.is_empty())?;
    let panel = |group: &Shown| {
        let lines = lines(results, group, value);
        let (epochs, values) = (Axis::new("Epoch").integer(), Axis::new(name));
        LineChart::new(&group.key.label, epochs, values, lines).marked(of_normal, "")
    };
    let panels: Vec<LineChart> = results.groups.at(batch_size).map(panel).collect();
    let (share_y, axes) = match LineChart::are_even(&panels) {
        true => (ShareY::All, ""),
        false if panels.len() < 2 => (ShareY::None, ""),
        false => (ShareY::None, "; the panels have axes of their own"),
    };
    let rate_note = results.groups.rate_note();
    let title = format!("{name} of the pre-activations, batch size {batch_size}");
    let note = format!(
        "on a fixed batch of test images, mean over runs; N(0,1) has {of_normal}{axes}{rate_note}"
    );
    let grid = PanelGrid::new(title, note, panels).sharing(share_y);
    Some(grid.figure())
}

fn lines(results: &Results, group: &Shown, value: fn(&LayerRow) -> f64) -> Vec<Series> {
    let runs = results.runs.layers.iter();
    let runs = runs.filter(|run| run.key.group == group.key);
    let runs: Vec<&RunRows<LayerRow>> = runs.collect();
    let line = |(place, (number, name)): (usize, (u64, &str))| {
        let value = |row: &LayerRow| (row.layer == number).then(|| value(row));
        let point = |row: &LayerRow| (row.epoch as f64, value(row).unwrap_or(f64::NAN));
        let mut line = mean_line(&label(number, name), Style::of_slot(place), &runs, point);
        // The bands of five lines would hide each other.
        for point in &mut line.points {
            point.interval = None;
        }
        line
    };
    let layers = some_layers(&runs).into_iter().enumerate();
    layers.map(line).collect()
}

/// The name of a layer, with its number where the name does not end in it.
fn label(number: u64, name: &str) -> String {
    match name.ends_with(&number.to_string()) {
        true => name.to_owned(),
        false => format!("{number}: {name}"),
    }
}

/// Number and name of a few layers, spread over the depth, the first and the last among them.
fn some_layers<'r>(runs: &[&'r RunRows<LayerRow>]) -> Vec<(u64, &'r str)> {
    let rows = runs.iter().flat_map(|run| &run.rows);
    let mut all = distinct(rows.map(|row| (row.layer, row.name.as_str())));
    all.sort_unstable();
    let shown = all.len().min(MOST_LAYERS);
    let steps = shown.saturating_sub(1).max(1);
    let place = |index: usize| (index * (all.len() - 1) + steps / 2) / steps;
    (0..shown).map(|index| all[place(index)]).collect()
}
