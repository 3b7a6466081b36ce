//! How far pre-activations are from normal at every checkpoint: sizes of effects, no p-values.

use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::super::gaussianity::{Measured, measured};
use super::super::output::Output;
use super::super::panels::{from_zero, mark};
use super::{Moment, Place, by_layer, middle, shown, shown_epochs, walk};
use crate::cli::StatsArgs;
use crate::draw::{LineChart, PanelGrid, ShareY};
use crate::probe::gaussianity::Gaussianity;
use crate::record::row::Row;
use crate::stats::median;
use crate::text::{Align, Table, Terminal};

/// A row of `gaussianity-through.csv`: the values of all units of a layer together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThroughRow {
    run: String,
    seed: u64,
    epoch: u64,
    layer: u64,
    name: String,
    n: u64,
    mean: f64,
    std: f64,
    skewness: f64,
    excess_kurtosis: f64,
    /// Distance to N(0, 1).
    ks: f64,
    /// Distance to the normal distribution of the same mean and standard deviation.
    ks_fitted: f64,
    /// Median over units of the distance to N(0, 1).
    ks_of_units: f64,
    /// Median over units of the distance to the fitted normal.
    ks_fitted_of_units: f64,
}

impl Row for ThroughRow {
    const FILE_NAME: &'static str = "gaussianity-through.csv";
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
    output.document("gaussianity_through", &rows)?;
    output.figure("gaussianity-through", &picture(&rows).figure())?;
    output.print(&text(&rows))
}

fn row(moment: &Moment, layer: &Measured) -> ThroughRow {
    let (pooled, summary) = (&layer.pooled, &layer.pooled.summary);
    let units =
        |of: &dyn Fn(&Gaussianity) -> f64| median(&layer.units.iter().map(of).collect::<Vec<_>>());
    let fitted = |of: &Gaussianity| of.fitted.map_or(f64::NAN, |test| test.statistic);
    ThroughRow {
        run: moment.group.to_owned(),
        seed: moment.seed,
        epoch: moment.epoch,
        layer: layer.read.layer as u64,
        name: layer.read.name.clone(),
        n: summary.n as u64,
        mean: summary.mean,
        std: summary.std_dev,
        skewness: summary.skewness,
        excess_kurtosis: summary.excess_kurtosis,
        ks: pooled.standard.statistic,
        ks_fitted: fitted(pooled),
        ks_of_units: units(&|unit| unit.standard.statistic),
        ks_fitted_of_units: units(&fitted),
    }
}

/// A column an epoch; below each other distance, spread and shape.
fn picture(rows: &[ThroughRow]) -> PanelGrid {
    let epochs = shown_epochs(rows);
    let row = |what: &str, axis: &str, value: fn(&ThroughRow) -> f64, normal: f64| {
        let panel = |epoch: &u64| LineChart {
            references: vec![mark(normal, "normal")],
            ..by_layer(rows, *epoch, what, from_zero(axis), &value)
        };
        epochs.iter().map(panel).collect::<Vec<_>>()
    };
    let panels = [
        row("Distance to N(0, 1)", "KS distance", |row| row.ks, 0.0),
        row(
            "Distance of the shape",
            "KS distance to the fitted normal",
            |row| row.ks_fitted,
            0.0,
        ),
        row("Spread", "Standard deviation", |row| row.std, 1.0),
        row("Tails", "Excess kurtosis", |row| row.excess_kurtosis, 0.0),
    ];
    PanelGrid {
        title: "Are pre-activations Gaussian?".into(),
        subtitle: "all units of a layer pooled; lines: mean over seeds, bands: smallest to largest"
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
        ("KS to N(0,1)", Align::Right),
        ("KS fitted", Align::Right),
        ("std", Align::Right),
        ("|skewness|", Align::Right),
        ("excess kurtosis", Align::Right),
    ]);
    for (group, epoch, here) in shown(rows) {
        table.push([
            group.to_owned(),
            epoch.to_string(),
            middle(&here, |row| row.ks),
            middle(&here, |row| row.ks_fitted),
            middle(&here, |row| row.std),
            middle(&here, |row| row.skewness.abs()),
            middle(&here, |row| row.excess_kurtosis),
        ]);
    }
    table.render(&Terminal::detect()) + "\nMedians over layers and seeds.\n"
}
