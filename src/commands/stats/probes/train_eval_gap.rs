//! Loss and error of the same images as in training and as in evaluation, along training: each run's configuration is
//! retrained and looked at every few steps, runs side by side.

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::StatsArgs;
use crate::commands::stats::retrain::{
    FoundValue, Look, Retrained, StepLook, retrain, step_panel, step_table,
};
use crate::commands::stats::{Columns, Output, Probe, ProbeTable, TablePicture, TableRow};
use crate::config::RunConfig;
use crate::data::{Dataset, Normalizer};
use crate::draw::{Axis, Figure, PanelGrid, ShareY};
use crate::engine::trainer::watched::NextStep;
use crate::nn::Pass;
use crate::probe::images::ProbeImages;
use crate::probe::train_eval_gap::{TrainEvalGap, measure};
use crate::stats::range;
use crate::usage;

/// Images looked at, about: as many whole batches as they make.
const IMAGES: usize = 500;

/// Stem of the files.
const STEM: &str = "modes";

/// What averages of batch statistics cost.
pub const PROBE: Probe = Probe {
    name: "train-eval-gap",
    about: "Loss and error on the same images as in training and as in evaluation, while the run is retrained",
    at_network: None,
    at_runs: run,
    picture: TablePicture {
        stem: || STEM.to_owned(),
        draw,
    },
};

fn run(runs: &[PathBuf], args: &StatsArgs, output: &mut Output) -> Result<()> {
    let all = retrain(runs, args, output, &|config, dataset| {
        looker(config, dataset, &args.split)
    })?;
    let columns = Columns::new()
        .with("step", |look: &StepLook<TrainEvalGap>| look.step)
        .with("images", |look| look.found.images)
        .with("training_loss", |look| look.found.training.loss)
        .with("evaluation_loss", |look| look.found.evaluation.loss)
        .with("training_error", |look| look.found.training.error)
        .with("evaluation_error", |look| look.found.evaluation.error);
    let table = step_table(&all, &columns);
    output.main_table(STEM, &table)?;
    output.figure(STEM, &draw(&table));
    output.print(&text(&all))
}

/// Looks at whole batches of images of a split.
fn looker<'a>(
    config: &'a RunConfig,
    dataset: &'a Dataset,
    split_name: &str,
) -> Result<Look<'a, TrainEvalGap>> {
    let split = dataset.split(split_name);
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
        let images = images.tensor(next.network);
        measure(next.network, &images, &labels, config.batch_size, &pass)
    }))
}

/// Loss and error, as in training and as in evaluation.
fn draw(table: &ProbeTable) -> Figure {
    let panel = |title: &str, axis: &Axis, value: fn(TableRow) -> f64| {
        step_panel(title, axis.clone(), table, value, None)
    };
    let (loss, error) = (
        Axis::new("Cross-entropy").from_zero(),
        Axis::new("Error").within(0.0, 1.0),
    );
    let panels = vec![
        panel("Loss as in training", &loss, |row| {
            row.number("training_loss")
        }),
        panel("Loss as in evaluation", &loss, |row| {
            row.number("evaluation_loss")
        }),
        panel("Error as in training", &error, |row| {
            row.number("training_error")
        }),
        panel("Error as in evaluation", &error, |row| {
            row.number("evaluation_error")
        }),
    ];
    let title = "The same images as in training and as in evaluation";
    let note = "batch statistics and their averages are two functions early on";
    PanelGrid::new(title, note, panels)
        .sharing(ShareY::Rows)
        .figure()
}

fn text(all: &[Retrained<TrainEvalGap>]) -> String {
    let loss: FoundValue<TrainEvalGap> = |gap| gap.evaluation.loss - gap.training.loss;
    let error: FoundValue<TrainEvalGap> = |gap| gap.evaluation.error - gap.training.error;
    let largest = |one: &Retrained<TrainEvalGap>, value| range(one.values(value)).1;
    let columns = Columns::new()
        .with("run", |one: &Retrained<TrainEvalGap>| one.run.clone())
        .with("looks", |one| one.looks.len())
        .with("median loss gap", move |one| one.median(loss))
        .with("largest", move |one| largest(one, loss))
        .with("median error gap", move |one| one.median(error))
        .with("largest", move |one| largest(one, error));
    columns.table(all).text()
        + "\nGaps are evaluation minus training, on the same images with the same weights. In training mode batch \
           normalization sees the other images of the batch.\n"
}
