//! The loss landscape along training: the run's configuration is trained anew and looked at every few
//! steps, runs side by side.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::anew::follow;
use super::output::Output;
use super::panels::{logarithmic, panel};
use crate::cli::StatsArgs;
use crate::config::RunConfig;
use crate::draw::{LineChart, PanelGrid, Point, Series};
use crate::engine::trainer::watched::NextStep;
use crate::nn::Pass;
use crate::nn::scores::cross_entropy;
use crate::probe::landscape::probe;
use crate::record::row::Row;
use crate::stats::median;
use crate::text::numbers::significant;
use crate::text::{Align, Table, Terminal};

/// A row of `landscape.csv`: one step of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LandscapeRow {
    run: String,
    step: u64,
    lr: f64,
    loss: f64,
    gradient_norm: f64,
    loss_min: f64,
    loss_max: f64,
    gradient_change_min: f64,
    gradient_change_max: f64,
    relative_change_min: f64,
    relative_change_max: f64,
    smoothness: f64,
}

impl Row for LandscapeRow {
    const FILE_NAME: &'static str = "landscape.csv";
    const TEXT_COLUMNS: &'static [&'static str] = &["run"];

    fn key(&self) -> u64 {
        self.step
    }
}

/// The rows of each run, in the order of the runs.
type Stories = [Vec<LandscapeRow>];

/// Trains each run's configuration from its start and probes it.
pub fn run(runs: &[PathBuf], args: &StatsArgs, output: &mut Output) -> Result<()> {
    let stories = follow(runs, args, output, &|run| {
        let (config, label, multiples) = (run.config, run.label, args.multiples.clone());
        Ok(Box::new(move |next| look(config, label, &multiples, next)))
    })?;
    let rows = stories.concat();
    output.table(&rows)?;
    output.document("landscape", &rows)?;
    output.figure("landscape", &picture(&stories, args).figure())?;
    output.print(&text(&stories))
}

fn look(
    config: &RunConfig,
    label: &str,
    multiples: &[f64],
    next: &NextStep,
) -> Result<LandscapeRow> {
    let lengths: Vec<f64> = multiples
        .iter()
        .map(|multiple| multiple * next.lr)
        .collect();
    // The step's own pass, so that noise is the same at every place that is looked at.
    let loss = || {
        let pass = Pass::train(config.seed, next.step);
        let logits = next.network.logits(next.images, &pass);
        (cross_entropy(&logits, next.labels), pass)
    };
    let found = probe(&next.network.parameters, &lengths, &loss)?;
    Ok(LandscapeRow {
        run: label.to_string(),
        step: next.step,
        lr: next.lr,
        loss: found.loss,
        gradient_norm: found.gradient_norm,
        loss_min: found.loss_min,
        loss_max: found.loss_max,
        gradient_change_min: found.change_min,
        gradient_change_max: found.change_max,
        relative_change_min: found.relative_change_min,
        relative_change_max: found.relative_change_max,
        smoothness: found.smoothness,
    })
}

fn picture(stories: &Stories, args: &StatsArgs) -> PanelGrid {
    let (first, last) = (
        args.multiples.iter().copied().fold(f64::INFINITY, f64::min),
        args.multiples.iter().copied().fold(0.0, f64::max),
    );
    PanelGrid {
        title: "The loss along its gradient".into(),
        subtitle: format!(
            "steps of {first} to {last} times the learning rate; bands: smallest to largest over them"
        ),
        panels: panels(stories),
        ..PanelGrid::default()
    }
}

fn panels(stories: &Stories) -> Vec<LineChart> {
    type Value = fn(&LandscapeRow) -> f64;
    let series = |value: Value, ends: Option<(Value, Value)>| -> Vec<Series> {
        let line = |rows: &Vec<LandscapeRow>| Series {
            label: rows.first().map_or(String::new(), |row| row.run.clone()),
            points: rows
                .iter()
                .map(|row| Point {
                    x: row.step as f64,
                    y: value(row),
                    interval: ends.map(|(low, high)| (low(row), high(row))),
                })
                .collect(),
            slot: None,
        };
        stories.iter().map(line).collect()
    };
    let middle: Value = |row| 0.5 * (row.gradient_change_min + row.gradient_change_max);
    vec![
        panel(
            "Loss variation",
            "Step",
            logarithmic("Loss along the gradient"),
            series(
                |row| row.loss,
                Some((|row| row.loss_min, |row| row.loss_max)),
            ),
        ),
        panel(
            "Gradient predictiveness",
            "Step",
            logarithmic("Change of the gradient"),
            series(
                middle,
                Some((|row| row.gradient_change_min, |row| row.gradient_change_max)),
            ),
        ),
        panel(
            "Effective smoothness",
            "Step",
            logarithmic("β: largest ‖g − g′‖/‖εg‖"),
            series(|row| row.smoothness, None),
        ),
        panel(
            "Change relative to the gradient",
            "Step",
            logarithmic("Largest ‖g − g′‖/‖g‖"),
            series(|row| row.relative_change_max, None),
        ),
    ]
}

fn text(stories: &Stories) -> String {
    let mut table = Table::new([
        ("run", Align::Left),
        ("looks", Align::Right),
        ("last loss", Align::Right),
        ("loss max − min", Align::Right),
        ("gradient change", Align::Right),
        ("relative", Align::Right),
        ("β", Align::Right),
    ]);
    for rows in stories {
        let middle = |value: fn(&LandscapeRow) -> f64| {
            significant(median(&rows.iter().map(value).collect::<Vec<_>>()), 3)
        };
        table.push([
            rows.first().map_or(String::new(), |row| row.run.clone()),
            rows.len().to_string(),
            rows.last()
                .map_or(String::new(), |row| significant(row.loss, 3)),
            middle(|row| row.loss_max - row.loss_min),
            middle(|row| row.gradient_change_max),
            middle(|row| row.relative_change_max),
            middle(|row| row.smoothness),
        ]);
    }
    table.render(&Terminal::detect())
        + "\nMedians over the steps looked at. Smaller means that a step finds what its gradient promised. Runs with \
           different learning rates are looked at over different distances, and gradients of scale-invariant layers \
           shrink as weights grow: the relative change is the fairer comparison.\n"
}
