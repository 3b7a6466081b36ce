//! `normprop eval`: how good a trained network is, class by class.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::trained::Trained;
use crate::cli::{EvalArgs, OutputArgs};
use crate::data::Split;
use crate::draw::{Axis, ConfusionMatrix, LineChart, Series};
use crate::engine::evaluate::{Evaluation, evaluate};
use crate::event::{EpochRow, Status};
use crate::output::print_json;
use crate::record::summary::summarize;
use crate::record::{RunSummary, read_metrics};
use crate::report::files::{save, write};
use crate::stats::{Interval, wilson};
use crate::text::numbers::percent_interval;
use crate::text::{Align, Table, Terminal, cell};
use crate::{errln, out, outln};

/// Confidence level of every interval here.
const LEVEL: f64 = 0.95;

/// Runs the command.
pub fn run(args: &EvalArgs, output: OutputArgs) -> Result<()> {
    let trained = Trained::load(args.run.as_deref(), &args.checkpoint, args.threads)?;
    if output.verbose {
        errln!("checkpoint {}", trained.file.display());
    }
    let dataset = &trained.dataset;
    let split = dataset.split(&args.split);
    let evaluation = evaluate(&trained.network, split, dataset.shape, &trained.normalizer);
    let counts = confusion(split, &evaluation, dataset.classes.len());
    let own = || trained.folder.join(format!("eval-{}", args.split));
    let folder = args.out.clone().unwrap_or_else(own);
    // What cannot be written must not cost the results on the terminal.
    let written = write_files(&folder, &trained, &args.split, &counts, &evaluation);
    let there = written.is_ok().then_some(folder.as_path());
    if output.json {
        print_json(&document(&trained, args, &evaluation, &counts, there)?)?;
    } else {
        out!("{}", text(&trained, args, &evaluation, &counts))?;
        if let Some(folder) = there {
            outln!(
                "confusion matrix, per-class table and learning curve: {}",
                folder.display()
            )?;
        }
    }
    written
}

/// `[true class][predicted class]`, in images.
fn confusion(split: &Split, evaluation: &Evaluation, classes: usize) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; classes]; classes];
    for (&label, &predicted) in split.labels.iter().zip(&evaluation.predictions) {
        counts[usize::from(label)][usize::from(predicted)] += 1;
    }
    counts
}

/// One class: its name, images, and the fraction misclassified with its interval where it has images.
struct ClassRow<'a> {
    name: &'a str,
    images: u64,
    error: Option<Interval>,
    mistaken_for: Option<(&'a str, u64)>,
}

fn class_rows<'a>(classes: &'a [String], counts: &[Vec<u64>]) -> Vec<ClassRow<'a>> {
    let row = |(class, row): (usize, &Vec<u64>)| {
        let images: u64 = row.iter().sum();
        let others = row
            .iter()
            .enumerate()
            .filter(|&(other, &count)| other != class && count > 0);
        ClassRow {
            name: &classes[class],
            images,
            error: wilson(images - row[class], images, LEVEL),
            mistaken_for: others
                .max_by_key(|&(_, &count)| count)
                .map(|(other, &count)| (classes[other].as_str(), count)),
        }
    };
    counts.iter().enumerate().map(row).collect()
}

fn overall(evaluation: &Evaluation) -> Option<Interval> {
    wilson(evaluation.wrong, evaluation.predictions.len() as u64, LEVEL)
}

fn interval_text(interval: Option<Interval>) -> String {
    interval.map_or("no images".into(), |i| {
        percent_interval(i.estimate, i.low, i.high)
    })
}

fn text(
    trained: &Trained,
    args: &EvalArgs,
    evaluation: &Evaluation,
    counts: &[Vec<u64>],
) -> String {
    let mut table = Table::new([
        ("class", Align::Left),
        ("images", Align::Right),
        ("error (95 % interval)", Align::Right),
        ("most often taken for", Align::Left),
    ]);
    for row in class_rows(&trained.dataset.classes, counts) {
        let mistake = row
            .mistaken_for
            .map_or("".into(), |(name, count)| format!("{name} ({count})"));
        table.push([
            row.name.to_string(),
            row.images.to_string(),
            interval_text(row.error),
            mistake,
        ]);
    }
    format!(
        "{} after epoch {}{} ({})\n{} error {} on {} images, loss {:.4}\n\n{}",
        trained.config.method.name(),
        trained.position.epoch,
        trained.diverged_later(),
        trained.file.display(),
        args.split,
        interval_text(overall(evaluation)),
        evaluation.predictions.len(),
        evaluation.loss,
        table.render(&Terminal::detect()),
    )
}

fn document(
    trained: &Trained,
    args: &EvalArgs,
    evaluation: &Evaluation,
    counts: &[Vec<u64>],
    folder: Option<&Path>,
) -> Result<Value> {
    let interval = overall(evaluation);
    let mut document = serde_json::to_value(run_so_far(trained)?)?;
    let per_class: Vec<Value> = class_rows(&trained.dataset.classes, counts)
        .iter()
        .map(|row| {
            json!({
                "class": row.name, "images": row.images, "error": row.error.map(|i| i.estimate),
                "error_ci_low": row.error.map(|i| i.low), "error_ci_high": row.error.map(|i| i.high),
            })
        })
        .collect();
    let measured = json!({
        "checkpoint": trained.file, "epoch": trained.position.epoch, "split": args.split,
        "images": evaluation.predictions.len(),
        "error": evaluation.error(), "loss": evaluation.loss,
        "error_ci_low": interval.map(|i| i.low), "error_ci_high": interval.map(|i| i.high),
        "per_class": per_class, "confusion": counts, "files": folder,
    });
    if let (Some(document), Value::Object(measured)) = (document.as_object_mut(), measured) {
        document.extend(measured);
    }
    Ok(document)
}

/// The summary of a run that is over; of another, what its tables and the checkpoint say until now.
fn run_so_far(trained: &Trained) -> Result<RunSummary> {
    if let Some(summary) = &trained.summary {
        summary.check_tables(&trained.folder, &read_metrics(&trained.folder)?)?;
        return Ok(summary.clone());
    }
    let position = &trained.position;
    let parameters = trained.network.parameters.trainable_count();
    let identity = trained.config.identity(parameters);
    let rows = read_metrics(&trained.folder)?;
    let mut summary = summarize(&identity, &trained.folder, &rows, Status::Running)
        .with_context(|| format!("no epoch is recorded in {}", trained.folder.display()))?;
    // A checkpoint inside an epoch is further than the tables, which have whole epochs.
    if position.step > summary.steps {
        (summary.steps, summary.train_s) = (position.step, position.train_s);
    }
    Ok(summary)
}

fn write_files(
    folder: &Path,
    trained: &Trained,
    split: &str,
    counts: &[Vec<u64>],
    evaluation: &Evaluation,
) -> Result<()> {
    let classes = &trained.dataset.classes;
    let mut matrix = csv::Writer::from_writer(Vec::new());
    matrix.write_record(
        std::iter::once("true_class".to_owned())
            .chain(classes.iter().map(|class| cell(class).into_owned())),
    )?;
    for (name, row) in classes.iter().zip(counts) {
        matrix.write_record(
            std::iter::once(cell(name).into_owned()).chain(row.iter().map(u64::to_string)),
        )?;
    }
    write(&folder.join("confusion.csv"), &matrix.into_inner()?)?;

    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["class", "images", "error", "error_ci_low", "error_ci_high"])?;
    for row in class_rows(classes, counts) {
        let number = |pick: fn(&Interval) -> f64| {
            row.error
                .as_ref()
                .map_or(String::new(), |i| pick(i).to_string())
        };
        let (error, low, high) = (
            number(|i| i.estimate),
            number(|i| i.low),
            number(|i| i.high),
        );
        table.write_record([
            &*cell(row.name),
            &row.images.to_string(),
            &error,
            &low,
            &high,
        ])?;
    }
    write(&folder.join("per_class.csv"), &table.into_inner()?)?;

    let config = &trained.config;
    let confusion = ConfusionMatrix {
        title: format!("{} on {}", config.method.name(), config.dataset),
        subtitle: format!("{split} error {}", interval_text(overall(evaluation))),
        classes: classes.clone(),
        counts: counts.to_vec(),
    };
    let curve = learning_curve(&read_metrics(&trained.folder)?, trained);
    save(&confusion.figure(), &folder.join("confusion"))?;
    save(&curve.figure(), &folder.join("learning-curve"))
}

fn learning_curve(rows: &[EpochRow], trained: &Trained) -> LineChart {
    let curve = |label: &str, value: fn(&EpochRow) -> f64| {
        Series::new(label, rows.iter().map(|row| (row.epoch as f64, value(row))))
    };
    LineChart {
        title: format!(
            "{}, batch size {}",
            trained.config.method.name(),
            trained.config.batch_size
        ),
        subtitle: format!(
            "{}, learning rate {}, seed {}",
            trained.config.dataset, trained.config.lr, trained.config.seed
        ),
        x: Axis::new("Epoch").integer(),
        y: Axis::new("Images misclassified").from_zero().percent(),
        series: vec![
            curve("test error", |row| row.test_error),
            curve("training error", |row| row.train_error),
        ],
        references: Vec::new(),
    }
}
