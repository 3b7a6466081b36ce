//! Correlation of inputs, overlap of rows and the canonical error beside its bound, at every checkpoint.

use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::super::covariance::measured;
use super::super::output::Output;
use super::super::panels::{from_zero, logarithmic, mark};
use super::{Moment, Place, by_layer, middle, shown, shown_epochs, walk};
use crate::cli::StatsArgs;
use crate::draw::{LineChart, PanelGrid, ShareY};
use crate::probe::covariance::LayerCovariance;
use crate::record::row::Row;
use crate::text::{Align, Table, Terminal};

/// A row of `covariance-through.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThroughRow {
    run: String,
    seed: u64,
    epoch: u64,
    layer: u64,
    name: String,
    dimensions: u64,
    sites: u64,
    mean_abs_correlation: f64,
    chance_correlation: f64,
    effective_dimensions: f64,
    coherence: f64,
    pre_variance: f64,
    canonical_error: f64,
    canonical_error_relative: f64,
    bound: f64,
}

impl Row for ThroughRow {
    const FILE_NAME: &'static str = "covariance-through.csv";
    const TEXT_COLUMNS: &'static [&'static str] = &["run", "name"];

    fn key(&self) -> u64 {
        self.epoch
    }
}

impl Place for ThroughRow {
    fn group(&self) -> &str {
        &self.run
    }
    fn epoch(&self) -> u64 {
        self.epoch
    }
    fn layer(&self) -> u64 {
        self.layer
    }
}

/// Measures every checkpoint of the runs.
pub fn run(runs: &[PathBuf], args: &StatsArgs, output: &mut Output) -> Result<()> {
    let rows = walk(runs, args, output, &|moment: &Moment| {
        let found = measured(moment.subject, args)?;
        Ok(found.iter().map(|layer| row(moment, layer)).collect())
    })?;
    output.table(&rows)?;
    output.document("covariance_through", &rows)?;
    output.figure("covariance-through", &picture(&rows).figure())?;
    output.print(&text(&rows))
}

fn row(moment: &Moment, layer: &LayerCovariance) -> ThroughRow {
    ThroughRow {
        run: moment.group.to_owned(),
        seed: moment.seed,
        epoch: moment.epoch,
        layer: layer.layer as u64,
        name: layer.name.clone(),
        dimensions: layer.dimensions as u64,
        sites: layer.sites as u64,
        mean_abs_correlation: layer.input.mean_abs_correlation,
        chance_correlation: layer.chance_correlation(),
        effective_dimensions: layer.input.effective_dimensions,
        coherence: layer.overlap.coherence,
        pre_variance: layer.output.mean_variance,
        canonical_error: layer.output.canonical_error,
        canonical_error_relative: layer.output.relative_error,
        bound: layer.bound,
    }
}

/// A column an epoch; below each other what goes in, what comes out, and how that is to the bound.
fn picture(rows: &[ThroughRow]) -> PanelGrid {
    let epochs = shown_epochs(rows);
    let inputs = |epoch: &u64| {
        by_layer(
            rows,
            *epoch,
            "Correlation of inputs",
            from_zero("Mean |correlation|"),
            &|row| row.mean_abs_correlation,
        )
    };
    let error = |epoch: &u64| {
        by_layer(
            rows,
            *epoch,
            "Canonical error",
            from_zero("Share of ‖Σ‖"),
            &|row| row.canonical_error_relative,
        )
    };
    let to_bound = |epoch: &u64| LineChart {
        references: vec![mark(1.0, "bound")],
        ..by_layer(
            rows,
            *epoch,
            "Error / bound of Proposition 1",
            logarithmic("Canonical error / bound"),
            &|row| row.canonical_error / row.bound,
        )
    };
    let panels = [
        epochs.iter().map(inputs).collect::<Vec<_>>(),
        epochs.iter().map(error).collect(),
        epochs.iter().map(to_bound).collect(),
    ];
    PanelGrid {
        title: "Are signals canonical?".into(),
        subtitle: "the bound takes inputs for uncorrelated; lines: mean over seeds, bands: smallest to largest"
            .into(),
        columns: epochs.len().max(1),
        share_y: ShareY::Rows,
        panels: panels.concat(),
    }
}

fn text(rows: &[ThroughRow]) -> String {
    let mut table = Table::new([
        ("run", Align::Left),
        ("epoch", Align::Right),
        ("mean |r|", Align::Right),
        ("coherence μ", Align::Right),
        ("error of ‖Σ‖", Align::Right),
        ("error/bound", Align::Right),
        ("beyond the bound", Align::Right),
    ]);
    for (group, epoch, here) in shown(rows) {
        let beyond = here.iter().filter(|row| row.canonical_error > row.bound);
        table.push([
            group.to_owned(),
            epoch.to_string(),
            middle(&here, |row| row.mean_abs_correlation),
            middle(&here, |row| row.coherence),
            middle(&here, |row| row.canonical_error_relative),
            middle(&here, |row| row.canonical_error / row.bound),
            format!("{} of {}", beyond.count(), here.len()),
        ]);
    }
    table.render(&Terminal::detect()) + "\nMedians over layers and seeds.\n"
}
