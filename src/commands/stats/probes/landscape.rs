//! The loss landscape along training: the run's configuration is retrained and looked at every few steps, runs side by
//! side.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::StatsArgs;
use crate::commands::stats::retrain::{Retrained, StepLook, retrain, step_panel, step_table};
use crate::commands::stats::{Columns, Output, Probe, ProbeTable, TablePicture, TableRow};
use crate::config::RunConfig;
use crate::draw::{Axis, Figure, LineChart, PanelGrid};
use crate::engine::trainer::watched::NextStep;
use crate::nn::Pass;
use crate::nn::scores::cross_entropy;
use crate::probe::landscape::{Landscape, probe};

const NAME: &str = "landscape";

/// The loss along its gradient.
pub const PROBE: Probe = Probe {
    name: NAME,
    about: "Loss variation, gradient predictiveness and smoothness while the run is retrained",
    at_network: None,
    at_runs: run,
    picture: TablePicture {
        stem: || NAME.to_owned(),
        draw,
    },
};

fn run(runs: &[PathBuf], args: &StatsArgs, output: &mut Output) -> Result<()> {
    let all = retrain(runs, args, output, &|config, _| {
        let multiples = args.multiples.clone();
        Ok(Box::new(move |next| look(config, &multiples, next)))
    })?;
    let columns = Columns::new()
        .with("step", |look: &StepLook<Landscape>| look.step)
        .with("lr", |look| look.lr)
        .with("loss", |look| look.found.loss)
        .with("gradient_norm", |look| look.found.gradient_norm)
        .with("loss_min", |look| look.found.loss_min)
        .with("loss_max", |look| look.found.loss_max)
        .with("gradient_change_min", |look| look.found.change_min)
        .with("gradient_change_max", |look| look.found.change_max)
        .with("relative_change_min", |look| look.found.relative_change_min)
        .with("relative_change_max", |look| look.found.relative_change_max)
        .with("smoothness", |look| look.found.smoothness);
    let table = step_table(&all, &columns);
    output.main_table(NAME, &table)?;
    output.figure(NAME, &draw(&table));
    output.print(&text(&all))
}

fn look(config: &RunConfig, multiples: &[f64], next: &NextStep) -> Result<Landscape> {
    let lengths: Vec<f64> = multiples.iter().map(|one| one * next.lr).collect();
    // The step's own pass, so that noise is the same at every place that is looked at.
    let loss = || {
        let pass = Pass::train(config.seed, next.step);
        let logits = next.network.logits(next.images, &pass);
        (cross_entropy(&logits, next.labels), pass)
    };
    probe(&next.network.parameters, &lengths, &loss)
}

fn draw(table: &ProbeTable) -> Figure {
    let note = "along the gradient, over several lengths of the step; bands: smallest to largest over them";
    PanelGrid::new("The loss along its gradient", note, panels(table)).figure()
}

fn panels(table: &ProbeTable) -> Vec<LineChart> {
    let panel = |title: &str, axis: &str, value: fn(TableRow) -> f64, ends| {
        step_panel(title, Axis::new(axis).log(), table, value, ends)
    };
    vec![
        panel(
            "Loss variation",
            "Loss along the gradient",
            |row| row.number("loss"),
            Some(("loss_min", "loss_max")),
        ),
        panel(
            "Gradient predictiveness",
            "Change of the gradient",
            |row| 0.5 * (row.number("gradient_change_min") + row.number("gradient_change_max")),
            Some(("gradient_change_min", "gradient_change_max")),
        ),
        panel(
            "Effective smoothness",
            "β: largest ‖g − g′‖/‖εg‖",
            |row| row.number("smoothness"),
            None,
        ),
        panel(
            "Change relative to the gradient",
            "Largest ‖g − g′‖/‖g‖",
            |row| row.number("relative_change_max"),
            None,
        ),
    ]
}

fn text(all: &[Retrained<Landscape>]) -> String {
    let columns = Columns::new()
        .with("run", |one: &Retrained<Landscape>| one.run.clone())
        .with("looks", |one| one.looks.len())
        .with("last loss", |one| {
            one.looks.last().map_or(f64::NAN, |look| look.found.loss)
        })
        .with("loss max − min", |one| {
            one.median(|found| found.loss_max - found.loss_min)
        })
        .with("gradient change", |one| {
            one.median(|found| found.change_max)
        })
        .with("relative", |one| {
            one.median(|found| found.relative_change_max)
        })
        .with("β", |one| one.median(|found| found.smoothness));
    columns.table(all).text()
        + "\nMedians over the steps looked at. Smaller means that a step finds what its gradient promised. Runs with \
           different learning rates are looked at over different distances, and gradients of scale-invariant layers \
           shrink as weights grow: the relative change is the fairer comparison.\n"
}
