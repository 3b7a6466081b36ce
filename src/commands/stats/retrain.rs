//! Runs retrained from their start and looked at on the way, side by side.

use std::path::PathBuf;

use anyhow::Result;

use super::labels::{picture_names, run_labels};
use super::subject::{initial_config, run_configs};
use super::{Columns, Output, ProbeTable, TableRow};
use crate::cli::StatsArgs;
use crate::commands::trained::warn_of_other_images;
use crate::config::RunConfig;
use crate::data::Dataset;
use crate::draw::{Axis, LineChart, Point, Series, Style};
use crate::engine::trainer::watched::NextStep;
use crate::engine::{Trainer, device, setup};
use crate::stats::median;

/// What was found before a step.
pub struct StepLook<R> {
    /// Steps done before.
    pub step: u64,
    /// The step's learning rate.
    pub lr: f64,
    /// What was found.
    pub found: R,
}

/// What was found of a run, step by step.
pub struct Retrained<R> {
    /// The run's label.
    pub run: String,
    /// What was found.
    pub looks: Vec<StepLook<R>>,
}

/// A value of what was found.
pub type FoundValue<R> = fn(&R) -> f64;

/// What looks at a step that is about to be done.
pub type Look<'a, R> = Box<dyn FnMut(&NextStep) -> Result<R> + 'a>;

/// Makes what looks at a run of this configuration on this dataset.
pub type PrepareLook<'p, R> =
    dyn for<'a> Fn(&'a RunConfig, &'a Dataset) -> Result<Look<'a, R>> + 'p;

/// Trains each run's configuration, or that of `--set`, `--steps` steps, with a look before every `--every`-th of
/// them.
pub fn retrain<R>(
    runs: &[PathBuf],
    args: &StatsArgs,
    output: &Output,
    prepare: &PrepareLook<R>,
) -> Result<Vec<Retrained<R>>> {
    let configs = match runs {
        [] => vec![initial_config(args)?],
        _ => run_configs(runs, args)?,
    };
    let mut all = Vec::new();
    for (index, (config, run)) in configs.iter().zip(run_labels(runs, &configs)).enumerate() {
        output.say(&format!(
            "{run}: training {} steps from the start, looking every {}",
            args.steps, args.every
        ));
        device::set_threads(config);
        let dataset = setup::load_dataset(config, &setup::data_dir())?;
        if let Some(folder) = runs.get(index) {
            warn_of_other_images(&dataset, folder)?;
        }
        let mut look = prepare(config, &dataset)?;
        let mut looks = Vec::new();
        let mut trainer = Trainer::new(config.clone(), &dataset)?;
        let done = trainer.train_watched(args.steps, args.every, &mut |next| {
            let (step, lr, found) = (next.step, next.lr, look(next)?);
            looks.push(StepLook { step, lr, found });
            Ok(())
        })?;
        if done < args.steps {
            output.say(&format!(
                "{run}: stopped after {done} steps, at the run's end or a loss that is not finite"
            ));
        }
        all.push(Retrained { run, looks });
    }
    Ok(all)
}

/// The rows of all runs: run, step, and these columns.
pub fn step_table<R>(all: &[Retrained<R>], columns: &Columns<StepLook<R>>) -> ProbeTable {
    columns.stacked("run", all.iter().map(|one| (&one.run, &one.looks)))
}

/// A panel over the steps of a table, a line a run, with a band between the `ends`.
pub fn step_panel(
    title: &str,
    axis: Axis,
    table: &ProbeTable,
    value: fn(TableRow) -> f64,
    ends: Option<(&str, &str)>,
) -> LineChart {
    let mut runs: Vec<&str> = table.rows().map(|row| row.text("run")).collect();
    runs.dedup();
    let point = |row: TableRow| Point {
        x: row.number("step"),
        y: value(row),
        interval: ends.map(|(low, high)| (row.number(low), row.number(high))),
    };
    let named = runs.iter().zip(picture_names(&runs));
    let line = |(run, (name, style)): (&&str, (String, Style))| {
        let own = table.rows().filter(|row| row.text("run") == *run);
        Series::of(name, own.map(point)).styled(style)
    };
    let steps = Axis::new("Step").integer();
    LineChart::new(title, steps, axis, named.map(line).collect())
}

impl<R> Retrained<R> {
    /// A value at each step.
    pub fn values(&self, value: FoundValue<R>) -> Vec<f64> {
        self.looks.iter().map(|look| value(&look.found)).collect()
    }

    /// Median over the steps.
    pub fn median(&self, value: FoundValue<R>) -> f64 {
        median(&self.values(value))
    }
}
