//! How each layer's mean and standard deviation move over the epochs of a run, runs side by side.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::output::Output;
use super::panels::panel;
use super::subject::{run_config, run_labels};
use crate::cli::StatsArgs;
use crate::draw::{Axis, PanelGrid, Series};
use crate::event::LayerRow;
use crate::record::read_layers;
use crate::record::row::Row;
use crate::text::numbers::significant;
use crate::text::{Align, Table, Terminal};
use crate::usage;

/// A row of `evolution.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvolutionRow {
    run: String,
    epoch: u64,
    layer: u64,
    name: String,
    pre_mean: f64,
    pre_std: f64,
    post_mean: f64,
    post_std: f64,
}

impl Row for EvolutionRow {
    const FILE_NAME: &'static str = "evolution.csv";
    const TEXT_COLUMNS: &'static [&'static str] = &["run", "name"];

    fn key(&self) -> u64 {
        self.epoch
    }
}

/// A column of `layers.csv`.
type Value = fn(&LayerRow) -> f64;

/// One run's layers.
struct Story {
    label: String,
    rows: Vec<LayerRow>,
}

/// Reads `layers.csv` of every run, and draws and tells what is in them.
pub fn run(runs: &[PathBuf], args: &StatsArgs, output: &mut Output) -> Result<()> {
    if runs.is_empty() {
        return Err(usage!(
            "--evolution follows a run over its epochs: name one, or train one with normprop train"
        ));
    }
    let configs = runs
        .iter()
        .map(|run| run_config(run, args))
        .collect::<Result<Vec<_>>>()?;
    let mut stories = Vec::new();
    for (run, label) in runs.iter().zip(run_labels(runs, &configs)) {
        let rows = read_layers(run).with_context(|| format!("the layers of {}", run.display()))?;
        stories.push(Story {
            label,
            rows: select(rows, &args.layer)?,
        });
        if stories.last().is_some_and(|story| story.rows.is_empty()) {
            bail!(
                "{}: layers.csv has no rows (was the run made with probe_images = 0?)",
                run.display()
            );
        }
    }
    let rows: Vec<EvolutionRow> = stories.iter().flat_map(csv_rows).collect();
    output.table(&rows)?;
    output.document("evolution", &rows)?;
    output.figure("evolution", &picture(&stories).figure())?;
    output.print(&text(&stories))
}

/// The rows of the layer that is wanted, by number or name, or all.
fn select(rows: Vec<LayerRow>, wanted: &str) -> Result<Vec<LayerRow>> {
    if wanted == "all" {
        return Ok(rows);
    }
    let mut layers: Vec<(u64, String)> = rows
        .iter()
        .map(|row| (row.layer, row.name.clone()))
        .collect();
    layers.sort();
    layers.dedup();
    let chosen: Vec<LayerRow> = rows
        .into_iter()
        .filter(|row| row.name == wanted || row.layer.to_string() == wanted)
        .collect();
    if chosen.is_empty() {
        let listed: Vec<String> = layers
            .iter()
            .map(|(number, name)| format!("{number} {name}"))
            .collect();
        return Err(usage!(
            "--layer {wanted}: layers.csv has the hidden layers {}",
            listed.join(", ")
        ));
    }
    Ok(chosen)
}

fn csv_rows(story: &Story) -> Vec<EvolutionRow> {
    let row = |row: &LayerRow| EvolutionRow {
        run: story.label.clone(),
        epoch: row.epoch,
        layer: row.layer,
        name: row.name.clone(),
        pre_mean: row.pre_mean,
        pre_std: row.pre_std,
        post_mean: row.post_mean,
        post_std: row.post_std,
    };
    story.rows.iter().map(row).collect()
}

/// A line a layer, in the order of the layers.
fn lines(story: &Story, value: Value) -> Vec<Series> {
    let mut layers: Vec<(u64, &str)> = story
        .rows
        .iter()
        .map(|row| (row.layer, row.name.as_str()))
        .collect();
    layers.sort_unstable();
    layers.dedup();
    layers
        .into_iter()
        .map(|(layer, name)| {
            let points = story.rows.iter().filter(|row| row.layer == layer);
            let points = points.map(|row| (row.epoch as f64, value(row)));
            Series {
                slot: Some(layer.saturating_sub(1) as usize),
                ..Series::new(format!("{layer} {name}"), points)
            }
        })
        .collect()
}

/// Smallest and largest finite value in any run, with a little room.
fn range(stories: &[Story], value: Value) -> Option<(f64, f64)> {
    let values = stories.iter().flat_map(|story| &story.rows).map(value);
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    let room = 0.04 * (high - low);
    (room > 0.0).then_some((low - room, high + room))
}

/// A column a run: means above, standard deviations below, on common axes.
fn picture(stories: &[Story]) -> PanelGrid {
    let measures: [(&str, Value); 2] = [
        ("Mean of the pre-activation", |row| row.pre_mean),
        ("Std of the pre-activation", |row| row.pre_std),
    ];
    let mut panels = Vec::new();
    for (label, value) in measures {
        for story in stories {
            let y = Axis {
                range: range(stories, value),
                ..Axis::new(label)
            };
            panels.push(panel(&story.label, "Epoch", y, lines(story, value)));
        }
    }
    PanelGrid {
        title: "Pre-activations over training".into(),
        subtitle: "each layer on a fixed batch of test images".into(),
        columns: stories.len(),
        panels,
        ..PanelGrid::default()
    }
}

/// How far each layer has moved from its first epoch to its last, and at most in between.
fn text(stories: &[Story]) -> String {
    let mut table = Table::new([
        ("run", Align::Left),
        ("layer", Align::Left),
        ("mean, first → last", Align::Right),
        ("range", Align::Right),
        ("std, first → last", Align::Right),
        ("range", Align::Right),
    ]);
    for story in stories {
        let means = lines(story, |row| row.pre_mean);
        for (mean, std) in means.iter().zip(lines(story, |row| row.pre_std)) {
            table.push([
                story.label.clone(),
                mean.label.clone(),
                ends(mean),
                range_text(mean),
                ends(&std),
                range_text(&std),
            ]);
        }
    }
    table.render(&Terminal::detect())
}

fn ends(line: &Series) -> String {
    let value = |point: Option<&crate::draw::Point>| point.map_or(f64::NAN, |point| point.y);
    let (first, last) = (value(line.points.first()), value(line.points.last()));
    format!("{} → {}", significant(first, 3), significant(last, 3))
}

fn range_text(line: &Series) -> String {
    let values = || {
        line.points
            .iter()
            .map(|point| point.y)
            .filter(|y| y.is_finite())
    };
    let (low, high) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    significant(high - low, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(epoch: u64, layer: u64, pre_mean: f64) -> LayerRow {
        LayerRow {
            epoch,
            layer,
            name: format!("conv{layer}"),
            pre_mean,
            pre_std: 1.0,
            pre_skew: 0.0,
            pre_kurtosis: 0.0,
            post_mean: 0.0,
            post_std: 1.0,
            row_norm_mean: 1.0,
            gamma_mean: 1.0,
            beta_mean: 0.0,
            dead_fraction: 0.0,
        }
    }

    #[test]
    fn each_layer_is_one_line_over_the_epochs() {
        let rows = vec![
            row(0, 1, 0.1),
            row(0, 2, 0.2),
            row(1, 1, 0.3),
            row(1, 2, 0.5),
        ];
        let story = Story {
            label: "bn".into(),
            rows,
        };
        let lines = lines(&story, |row| row.pre_mean);
        assert_eq!(lines.len(), 2);
        assert_eq!(
            (lines[1].label.as_str(), lines[1].slot),
            ("2 conv2", Some(1))
        );
        assert_eq!((lines[1].points[1].x, lines[1].points[1].y), (1.0, 0.5));
        assert_eq!(ends(&lines[1]), "0.200 → 0.500");
        assert_eq!(range_text(&lines[1]), "0.30");
        let (low, high) = range(&[story], |row| row.pre_mean).unwrap();
        assert!(low < 0.1 && low > 0.05 && high > 0.5 && high < 0.55);
    }

    #[test]
    fn layers_are_chosen_by_number_or_name() {
        let rows = || vec![row(0, 1, 0.1), row(0, 2, 0.2)];
        assert_eq!(
            select(rows(), "2").unwrap(),
            select(rows(), "conv2").unwrap()
        );
        assert_eq!(select(rows(), "all").unwrap().len(), 2);
        assert!(
            select(rows(), "3")
                .unwrap_err()
                .to_string()
                .contains("1 conv1, 2 conv2")
        );
    }
}
