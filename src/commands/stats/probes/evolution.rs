//! How each layer's mean and standard deviation move over the epochs of a run, runs side by side.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::cli::StatsArgs;
use crate::commands::stats::labels::{picture_names, run_labels};
use crate::commands::stats::subject::{choose_layers, run_configs};
use crate::commands::stats::{Columns, Output, Probe, ProbeTable, TablePicture, TableRow};
use crate::commands::trained::warn_of_divergence;
use crate::draw::{Axis, Figure, LineChart, PanelGrid, Series, ShareY, Style};
use crate::event::LayerRow;
use crate::record::{read_layers, read_summary};
use crate::stats::range;
use crate::text::numbers::significant;
use crate::usage;

const NAME: &str = "evolution";

/// Layers over the epochs.
pub const PROBE: Probe = Probe {
    name: NAME,
    about: "Mean and standard deviation of each layer over the epochs, runs side by side",
    at_network: None,
    at_runs: run,
    picture: TablePicture {
        stem: || NAME.to_owned(),
        draw,
    },
};

/// A column of `layers.csv`.
type LayerValue = fn(&LayerRow) -> f64;

/// The layers of one run, epoch by epoch.
struct RunLayers {
    label: String,
    rows: Vec<LayerRow>,
}

fn run(runs: &[PathBuf], args: &StatsArgs, output: &mut Output) -> Result<()> {
    if runs.is_empty() {
        return Err(usage!(
            "--probe evolution follows a run over its epochs: name one, or train one with normprop train"
        ));
    }
    let labels = run_labels(runs, &run_configs(runs, args)?);
    let mut all = Vec::new();
    for (run, label) in runs.iter().zip(labels) {
        warn_of_divergence(run, read_summary(run).as_ref());
        let rows = read_layers(run).with_context(|| format!("the layers of {}", run.display()))?;
        if rows.is_empty() {
            bail!(
                "{}: layers.csv has no rows (was the run made with probe_images = 0?)",
                run.display()
            );
        }
        let rows = select(rows, &args.layer)?;
        all.push(RunLayers { label, rows });
    }
    let columns = Columns::new()
        .with("epoch", |row: &LayerRow| row.epoch)
        .with("layer", |row| row.layer)
        .with("name", |row| row.name.clone())
        .with("pre_mean", |row| row.pre_mean)
        .with("pre_std", |row| row.pre_std)
        .with("post_mean", |row| row.post_mean)
        .with("post_std", |row| row.post_std);
    let rows = all.iter().map(|run| (&run.label, &run.rows));
    let table = columns.stacked("run", rows);
    output.main_table(NAME, &table)?;
    output.figure(NAME, &draw(&table));
    output.print(&text(&all))
}

/// Numbers and names of the layers, in order.
fn layers(rows: &[LayerRow]) -> BTreeSet<(u64, &str)> {
    let numbered = rows.iter().map(|row| (row.layer, row.name.as_str()));
    numbered.collect()
}

/// The rows of the layer that is wanted, by number or name, or all.
fn select(rows: Vec<LayerRow>, wanted: &str) -> Result<Vec<LayerRow>> {
    let (numbers, names): (Vec<u64>, Vec<&str>) = layers(&rows).into_iter().unzip();
    let chosen = choose_layers(&names, wanted)?;
    let is_chosen = |row: &LayerRow| chosen.iter().any(|&place| numbers[place] == row.layer);
    Ok(rows.iter().filter(|row| is_chosen(row)).cloned().collect())
}

/// A line a layer, in the order of the layers.
fn lines(run: &RunLayers, value: LayerValue) -> Vec<Series> {
    let line = |(layer, name): (u64, &str)| {
        let points = run.rows.iter().filter(|row| row.layer == layer);
        let points = points.map(|row| (row.epoch as f64, value(row)));
        Series::new(format!("{layer} {name}"), points)
    };
    layers(&run.rows).into_iter().map(line).collect()
}

/// A column a run: means above, standard deviations below, on common axes.
fn draw(table: &ProbeTable) -> Figure {
    let mut runs: Vec<&str> = table.rows().map(|row| row.text("run")).collect();
    runs.dedup();
    let measures = [
        ("Mean of the pre-activation", "pre_mean"),
        ("Std of the pre-activation", "pre_std"),
    ];
    let panels = measures.into_iter().flat_map(|(label, column)| {
        let (epoch, axis) = (Axis::new("Epoch").integer(), Axis::new(label));
        let named = runs.iter().zip(picture_names(&runs));
        named.map(move |(run, (name, _))| {
            let own = table.rows().filter(|row| row.text("run") == *run);
            let lines = lines_of_rows(&own.collect::<Vec<_>>(), column);
            LineChart::new(name, epoch.clone(), axis.clone(), lines)
        })
    });
    let note = "each layer on a fixed batch of test images";
    PanelGrid::new("Pre-activations over training", note, panels.collect())
        .in_columns(runs.len())
        .sharing(ShareY::Rows)
        .figure()
}

/// A line a layer, from a column of the table.
fn lines_of_rows(rows: &[TableRow], column: &str) -> Vec<Series> {
    let layer = |row: &TableRow| row.number("layer") as usize;
    let layers: BTreeSet<usize> = rows.iter().map(layer).collect();
    let line = |number: usize| {
        let own = || rows.iter().filter(|row| layer(row) == number);
        let name = own().next().map_or("", |row| row.text("name"));
        let points = own().map(|row| (row.number("epoch"), row.number(column)));
        let style = Style::of_slot(number.saturating_sub(1));
        Series::new(format!("{number} {name}"), points).styled(style)
    };
    layers.into_iter().map(line).collect()
}

/// How far each layer has moved from its first epoch to its last, and at most in between.
fn text(all: &[RunLayers]) -> String {
    let columns = Columns::new()
        .with("layer", |(mean, _): &(Series, Series)| mean.label.clone())
        .with("mean, first → last", |(mean, _)| ends(mean))
        .with("range", |(mean, _)| extent(mean))
        .with("std, first → last", |(_, std)| ends(std))
        .with("range", |(_, std)| extent(std));
    let table = |run: &RunLayers| {
        let means = lines(run, |row| row.pre_mean).into_iter();
        let rows: Vec<_> = means.zip(lines(run, |row| row.pre_std)).collect();
        let label = ("run", run.label.clone().into());
        columns.table(&rows).labeled([label])
    };
    ProbeTable::stacked(all.iter().map(table)).text()
}

fn ends(line: &Series) -> String {
    let ends = [line.points.first(), line.points.last()];
    let ends = ends.map(|point| significant(point.map_or(f64::NAN, |point| point.y), 3));
    ends.join(" → ")
}

/// From the smallest to the largest finite value.
fn extent(line: &Series) -> f64 {
    let values = line.points.iter().map(|point| point.y);
    let (low, high) = range(values.filter(|y| y.is_finite()));
    high - low
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
        let run = RunLayers {
            label: "bn".into(),
            rows,
        };
        let lines = lines(&run, |row| row.pre_mean);
        assert_eq!(lines.len(), 2);
        assert_eq!(
            (lines[1].label.as_str(), lines[1].points.len()),
            ("2 conv2", 2)
        );
        assert_eq!((lines[1].points[1].x, lines[1].points[1].y), (1.0, 0.5));
        assert_eq!(ends(&lines[1]), "0.200 → 0.500");
        assert!((extent(&lines[1]) - 0.3).abs() < 1e-12);
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
