//! Loss and error of the same images as in training and as in evaluation, along training: each run's configuration is
//! trained anew and looked at every few steps, runs side by side.

use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::anew::{Anew, Look, follow};
use super::output::Output;
use super::panels::{from_zero, panel, unit_interval};
use crate::cli::StatsArgs;
use crate::data::normalizer::Normalizer;
use crate::draw::{Axis, PanelGrid, Series};
use crate::engine::trainer::watched::NextStep;
use crate::nn::Pass;
use crate::probe::images::ProbeImages;
use crate::probe::modes::measure;
use crate::record::row::Row;
use crate::stats::median;
use crate::text::numbers::significant;
use crate::text::{Align, Table, Terminal};
use crate::usage;

/// Images looked at, about: as many whole batches as they make.
const IMAGES: usize = 500;

/// A row of `modes.csv`: one moment of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModesRow {
    run: String,
    step: u64,
    images: u64,
    training_loss: f64,
    evaluation_loss: f64,
    training_error: f64,
    evaluation_error: f64,
}

impl Row for ModesRow {
    const FILE_NAME: &'static str = "modes.csv";
    const TEXT_COLUMNS: &'static [&'static str] = &["run"];

    fn key(&self) -> u64 {
        self.step
    }
}

/// Trains each run's configuration from its start and looks at it in both ways.
pub fn run(runs: &[PathBuf], args: &StatsArgs, output: &mut Output) -> Result<()> {
    let stories = follow(runs, args, output, &|run| looker(run, &args.split))?;
    let rows = stories.concat();
    output.table(&rows)?;
    output.document("modes", &rows)?;
    output.figure("modes", &picture(&stories).figure())?;
    output.print(&text(&stories))
}

/// Looks at whole batches of images of a split.
fn looker<'a>(run: &Anew<'a>, split_name: &str) -> Result<Look<'a, ModesRow>> {
    let (config, dataset, label) = (run.config, run.dataset, run.label);
    let split = match split_name {
        "train" => &dataset.train,
        _ => &dataset.test,
    };
    if config.batch_size > split.len() {
        return Err(usage!(
            "a batch of {} is more than the {} {split_name} images",
            config.batch_size,
            split.len(),
        ));
    }
    let wanted = IMAGES.max(config.batch_size);
    let normalizer = Normalizer::fit(config.data_norm, &dataset.train, dataset.shape);
    let images = ProbeImages::spread(wanted, split, dataset.shape, &normalizer);
    let labels = ProbeImages::labels(wanted, split);
    Ok(Box::new(move |next: &NextStep| {
        let pass = |index| Pass::train(config.seed, next.step + index);
        let modes = measure(
            next.network,
            &images.tensor(next.network),
            &labels,
            config.batch_size,
            &pass,
        )?;
        Ok(ModesRow {
            run: label.to_owned(),
            step: next.step,
            images: (labels.len() / config.batch_size * config.batch_size) as u64,
            training_loss: modes.training.loss,
            evaluation_loss: modes.evaluation.loss,
            training_error: modes.training.error,
            evaluation_error: modes.evaluation.error,
        })
    }))
}

/// Loss and error: as in training, as in evaluation, and the difference.
fn picture(stories: &[Vec<ModesRow>]) -> PanelGrid {
    let panel = |title: &str, axis: Axis, value: fn(&ModesRow) -> f64| {
        let line = |rows: &Vec<ModesRow>| {
            let points = rows.iter().map(|row| (row.step as f64, value(row)));
            Series::new(rows.first().map_or("", |row| &row.run), points)
        };
        panel(title, "Step", axis, stories.iter().map(line).collect())
    };
    PanelGrid {
        title: "The same images as in training and as in evaluation".into(),
        subtitle: "batch statistics and their averages are two functions early on".into(),
        panels: vec![
            panel("Loss as in training", from_zero("Cross-entropy"), |row| {
                row.training_loss
            }),
            panel("Loss as in evaluation", from_zero("Cross-entropy"), |row| {
                row.evaluation_loss
            }),
            panel("Error as in training", unit_interval("Error"), |row| {
                row.training_error
            }),
            panel("Error as in evaluation", unit_interval("Error"), |row| {
                row.evaluation_error
            }),
        ],
        ..PanelGrid::default()
    }
}

fn text(stories: &[Vec<ModesRow>]) -> String {
    let mut table = Table::new([
        ("run", Align::Left),
        ("looks", Align::Right),
        ("median loss gap", Align::Right),
        ("largest", Align::Right),
        ("median error gap", Align::Right),
        ("largest", Align::Right),
    ]);
    for rows in stories {
        let gaps = |value: fn(&ModesRow) -> f64| {
            let gaps: Vec<f64> = rows.iter().map(value).collect();
            let largest = gaps.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            [median(&gaps), largest].map(|gap| significant(gap, 3))
        };
        let [loss, most_loss] = gaps(|row| row.evaluation_loss - row.training_loss);
        let [error, most_error] = gaps(|row| row.evaluation_error - row.training_error);
        table.push([
            rows.first().map_or(String::new(), |row| row.run.clone()),
            rows.len().to_string(),
            loss,
            most_loss,
            error,
            most_error,
        ]);
    }
    table.render(&Terminal::detect())
        + "\nGaps are evaluation minus training, on the same images with the same weights. In training mode batch \
           normalization sees the other images of the batch.\n"
}
