//! `normprop eval`: how good a trained network is, class by class.

mod own_images;

use std::iter;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::trained::Trained;
use crate::cli::{EvalArgs, OutputArgs};
use crate::config::RunConfig;
use crate::data::Split;
use crate::draw::{Axis, ConfusionMatrix, LineChart, Series};
use crate::engine::evaluate::{Evaluation, evaluate};
use crate::event::{EpochRow, Status};
use crate::nn::calibration::BINS;
use crate::output::print_json;
use crate::record::summary::summarize;
use crate::record::{RunSummary, read_metrics};
use crate::report::files::{save, write};
use crate::stats::{Interval, wilson};
use crate::text::numbers::{error_rate, percent_interval};
use crate::text::{Table, Terminal, cell};
use crate::{errln, out, outln};

/// Confidence level of every interval here.
const LEVEL: f64 = 0.95;

/// What was found of a network.
struct Findings<'a> {
    trained: &'a Trained,
    /// The part of the dataset.
    split: &'a str,
    evaluation: Evaluation,
    /// `[true class][predicted class]`, in images.
    counts: Vec<Vec<u64>>,
}

/// Runs the command.
pub fn run(args: &EvalArgs, output: OutputArgs) -> Result<()> {
    if !args.images.is_empty() {
        return own_images::run(args, output);
    }
    let trained = Trained::load(args.run.as_deref(), &args.checkpoint, &args.place)?;
    if output.verbose {
        errln!("checkpoint {}", trained.file.display());
    }
    let dataset = &trained.dataset;
    let split = dataset.split(&args.split);
    let evaluation = evaluate(&trained.network, split, dataset.shape, &trained.normalizer);
    let findings = Findings {
        trained: &trained,
        split: &args.split,
        counts: confusion(split, &evaluation, dataset.classes.len()),
        evaluation,
    };
    let own = || trained.folder.join(format!("eval-{}", args.split));
    let folder = args.out.clone().unwrap_or_else(own);
    // What cannot be written must not cost the results on the terminal.
    let written = findings.write(&folder);
    let there = written.is_ok().then_some(folder.as_path());
    if output.json {
        print_json(&findings.document(there)?)?;
    } else {
        out!("{}", findings.text())?;
        if let Some(folder) = there {
            outln!(
                "confusion matrix, per-class table and learning curve: {}",
                folder.display()
            )?;
        }
    }
    written
}

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

/// Estimate and ends of an interval, as far as there is one.
fn numbers(interval: Option<Interval>) -> [Option<f64>; 3] {
    [
        interval.map(|interval| interval.estimate),
        interval.map(|interval| interval.low),
        interval.map(|interval| interval.high),
    ]
}

fn interval_text(interval: Option<Interval>) -> String {
    interval.map_or("no images".into(), |i| {
        percent_interval(i.estimate, i.low, i.high)
    })
}

impl Findings<'_> {
    fn classes(&self) -> Vec<ClassRow<'_>> {
        let classes = &self.trained.dataset.classes;
        let row = |(class, row): (usize, &Vec<u64>)| {
            let images: u64 = row.iter().sum();
            let others = row.iter().enumerate();
            let others = others.filter(|&(other, &count)| other != class && count > 0);
            let most = others.max_by_key(|&(_, &count)| count);
            ClassRow {
                name: &classes[class],
                images,
                error: wilson(images - row[class], images, LEVEL),
                mistaken_for: most.map(|(other, &count)| (classes[other].as_str(), count)),
            }
        };
        self.counts.iter().enumerate().map(row).collect()
    }

    fn images(&self) -> usize {
        self.evaluation.predictions.len()
    }

    fn error(&self) -> Option<Interval> {
        wilson(self.evaluation.wrong, self.images() as u64, LEVEL)
    }

    fn text(&self) -> String {
        let mistake = |row: &ClassRow| match row.mistaken_for {
            Some((name, count)) => format!("{name} ({count})"),
            None => String::new(),
        };
        let table = Table::of(&self.classes())
            .left("class", |row| row.name.to_owned())
            .right("images", |row| row.images.to_string())
            .right("error (95 % interval)", |row| interval_text(row.error))
            .left("most often taken for", mistake)
            .build();
        let (trained, calibration) = (self.trained, &self.evaluation.calibration);
        format!(
            "{}\n{} error {} on {} images, loss {:.4}\nexpected calibration error {} ({BINS} bins), Brier score {:.4}\n\n{}",
            trained.headline(),
            self.split,
            interval_text(self.error()),
            self.images(),
            self.evaluation.loss,
            error_rate(calibration.expected_error()),
            calibration.brier_score(),
            table.render(&Terminal::detect()),
        )
    }

    fn document(&self, folder: Option<&Path>) -> Result<Value> {
        let class = |row: &ClassRow| {
            let [error, low, high] = numbers(row.error);
            json!({
                "class": row.name, "images": row.images, "error": error, "error_ci_low": low, "error_ci_high": high,
            })
        };
        let per_class: Vec<Value> = self.classes().iter().map(class).collect();
        let [_, low, high] = numbers(self.error());
        let calibration = &self.evaluation.calibration;
        let measured = json!({
            "checkpoint": self.trained.file, "epoch": self.trained.position.epoch, "split": self.split,
            "images": self.images(), "error": self.evaluation.error(), "loss": self.evaluation.loss,
            "error_ci_low": low, "error_ci_high": high,
            "calibration_error": calibration.expected_error(), "brier_score": calibration.brier_score(),
            "per_class": per_class, "confusion": self.counts, "files": folder,
        });
        let mut document = serde_json::to_value(run_so_far(self.trained)?)?;
        if let (Some(document), Value::Object(measured)) = (document.as_object_mut(), measured) {
            document.extend(measured);
        }
        Ok(document)
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let classes = &self.trained.dataset.classes;
        let name = |class: &String| cell(class).into_owned();
        let mut matrix = csv::Writer::from_writer(Vec::new());
        let first = "true_class".to_owned();
        matrix.write_record(iter::once(first).chain(classes.iter().map(name)))?;
        for (class, row) in classes.iter().zip(&self.counts) {
            let counts = row.iter().map(u64::to_string);
            matrix.write_record(iter::once(name(class)).chain(counts))?;
        }
        write(&folder.join("confusion.csv"), &matrix.into_inner()?)?;

        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["class", "images", "error", "error_ci_low", "error_ci_high"])?;
        for row in self.classes() {
            let text = |number: Option<f64>| number.map_or(String::new(), |n| n.to_string());
            let own = [cell(row.name).into_owned(), row.images.to_string()];
            table.write_record(own.into_iter().chain(numbers(row.error).map(text)))?;
        }
        write(&folder.join("per_class.csv"), &table.into_inner()?)?;

        let config = &self.trained.config;
        let confusion = ConfusionMatrix {
            title: format!("{} on {}", config.method.name(), config.dataset),
            subtitle: format!("{} error {}", self.split, interval_text(self.error())),
            classes: classes.clone(),
            counts: self.counts.clone(),
        };
        let curve = learning_curve(&read_metrics(&self.trained.folder)?, config);
        save(&confusion.figure(), &folder.join("confusion"))?;
        save(&curve.figure(), &folder.join("learning-curve"))
    }
}

/// The summary of a run that is over; of another, what its tables and the checkpoint say until now.
fn run_so_far(trained: &Trained) -> Result<RunSummary> {
    let rows = read_metrics(&trained.folder)?;
    if let Some(summary) = &trained.summary {
        summary.check_tables(&trained.folder, &rows)?;
        return Ok(summary.clone());
    }
    let position = &trained.position;
    let parameters = trained.network.parameters.trainable_count();
    let identity = trained.config.identity(parameters);
    let mut summary = summarize(&identity, &trained.folder, &rows, Status::Running)
        .with_context(|| format!("no epoch is recorded in {}", trained.folder.display()))?;
    // A checkpoint inside an epoch is further than the tables, which have whole epochs.
    if position.step > summary.steps {
        (summary.steps, summary.train_s) = (position.step, position.train_s);
    }
    Ok(summary)
}

fn learning_curve(rows: &[EpochRow], config: &RunConfig) -> LineChart {
    let curve = |label: &str, value: fn(&EpochRow) -> f64| {
        Series::new(label, rows.iter().map(|row| (row.epoch as f64, value(row))))
    };
    LineChart {
        title: format!("{}, batch size {}", config.method.name(), config.batch_size),
        subtitle: format!(
            "{}, learning rate {}, seed {}",
            config.dataset, config.lr, config.seed
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
