//! The hidden layers over training: the drift of their input distribution that BN and NormProp are about.

use super::groups::{Shown, batch_sizes, mean_line, rate_note, shown};
use super::results::Results;
use super::tagged::RunRows;
use crate::draw::{Axis, Figure, LineChart, PanelGrid, Reference, ShareY};
use crate::event::LayerRow;

/// More lines than this in a panel cannot be followed.
const MOST_LAYERS: usize = 5;
/// Panels share one axis unless the widest range is so many times the narrowest.
const LARGEST_RATIO: f64 = 8.0;

/// What is drawn of a layer's pre-activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Mean.
    Mean,
    /// Standard deviation.
    Std,
    /// Skewness.
    Skewness,
    /// Excess kurtosis.
    Kurtosis,
}

impl Moment {
    /// All of them.
    pub const ALL: [Moment; 4] = [
        Moment::Mean,
        Moment::Std,
        Moment::Skewness,
        Moment::Kurtosis,
    ];

    /// Part of the picture's file name.
    pub fn file(self) -> &'static str {
        match self {
            Moment::Mean => "mean",
            Moment::Std => "std",
            Moment::Skewness => "skewness",
            Moment::Kurtosis => "kurtosis",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Moment::Mean => "Mean",
            Moment::Std => "Standard deviation",
            Moment::Skewness => "Skewness",
            Moment::Kurtosis => "Excess kurtosis",
        }
    }

    fn value(self, row: &LayerRow) -> f64 {
        match self {
            Moment::Mean => row.pre_mean,
            Moment::Std => row.pre_std,
            Moment::Skewness => row.pre_skew,
            Moment::Kurtosis => row.pre_kurtosis,
        }
    }

    /// What a standard normal distribution has.
    fn of_normal(self) -> f64 {
        if self == Moment::Std { 1.0 } else { 0.0 }
    }
}

/// The batch sizes that have a picture, with the picture of a moment for each; none where layers were not measured.
pub fn figures(results: &Results, moment: Moment) -> Vec<(u64, Figure)> {
    if results.layers.iter().all(|run| run.rows.is_empty()) {
        return Vec::new();
    }
    let sizes = batch_sizes(results).into_iter();
    sizes
        .map(|batch_size| (batch_size, figure(results, moment, batch_size)))
        .collect()
}

fn figure(results: &Results, moment: Moment, batch_size: u64) -> Figure {
    let groups: Vec<Shown> = shown(results)
        .into_iter()
        .filter(|group| group.batch_size == batch_size)
        .collect();
    let panels: Vec<LineChart> = groups
        .iter()
        .map(|group| panel(results, moment, group))
        .collect();
    let ranges: Vec<f64> = panels
        .iter()
        .map(range)
        .filter(|range| *range > 0.0)
        .collect();
    let (narrow, wide) = (
        ranges.iter().copied().fold(f64::NAN, f64::min),
        ranges.iter().copied().fold(f64::NAN, f64::max),
    );
    let share_y = if wide <= LARGEST_RATIO * narrow {
        ShareY::All
    } else {
        ShareY::None
    };
    let axes = if share_y == ShareY::All || panels.len() < 2 {
        ""
    } else {
        "; the panels have axes of their own"
    };
    PanelGrid {
        title: format!(
            "{} of the pre-activations, batch size {batch_size}",
            moment.name()
        ),
        subtitle: format!(
            "on a fixed batch of test images, mean over runs; N(0,1) has {}{axes}{}",
            moment.of_normal(),
            rate_note(results)
        ),
        columns: 2,
        share_y,
        panels,
    }
    .figure()
}

fn panel(results: &Results, moment: Moment, group: &Shown) -> LineChart {
    let runs: Vec<&RunRows<LayerRow>> = results
        .layers
        .iter()
        .filter(|run| group.holds(run))
        .collect();
    // Without bands: those of five lines would hide each other.
    let line = |(slot, (number, name)): (usize, (u64, String))| {
        let own = |row: &LayerRow| {
            if row.layer == number {
                moment.value(row)
            } else {
                f64::NAN
            }
        };
        let mut line = mean_line(&format!("{number}: {name}"), slot, &runs, |row| {
            (row.epoch as f64, own(row))
        });
        line.points
            .iter_mut()
            .for_each(|point| point.interval = None);
        line
    };
    let normal = Reference {
        value: moment.of_normal(),
        label: String::new(),
    };
    LineChart {
        title: group.label.clone(),
        x: Axis {
            integer: true,
            ..Axis::new("Epoch")
        },
        y: Axis::new(moment.name()),
        series: some_layers(&runs)
            .into_iter()
            .enumerate()
            .map(line)
            .collect(),
        references: vec![normal],
        ..LineChart::default()
    }
}

/// Number and name of a few layers, spread over the depth, the first and the last among them.
fn some_layers(runs: &[&RunRows<LayerRow>]) -> Vec<(u64, String)> {
    let mut all: Vec<(u64, String)> = Vec::new();
    for row in runs.iter().flat_map(|run| &run.rows) {
        if !all.iter().any(|(number, _)| *number == row.layer) {
            all.push((row.layer, row.name.clone()));
        }
    }
    all.sort();
    if all.len() <= MOST_LAYERS {
        return all;
    }
    let last = all.len() - 1;
    let place = |index: usize| (index * last + (MOST_LAYERS - 1) / 2) / (MOST_LAYERS - 1);
    (0..MOST_LAYERS)
        .filter_map(|index| all.get(place(index)).cloned())
        .collect()
}

fn range(chart: &LineChart) -> f64 {
    let values = || {
        chart
            .series
            .iter()
            .flat_map(|series| &series.points)
            .map(|point| point.y)
    };
    values().fold(f64::NAN, f64::max) - values().fold(f64::NAN, f64::min)
}
