//! What `normprop train` says before it starts and when it is over.

use std::path::Path;

use anyhow::Result;

use crate::cli::OutputArgs;
use crate::config::RunConfig;
use crate::data::Dataset;
use crate::engine::trainer::Trainer;
use crate::engine::{device, setup};
use crate::outln;
use crate::output::print_json;
use crate::record::RunSummary;
use crate::record::meta::StartedFrom;
use crate::text::numbers::{count, counted, duration, error_rate};

/// What is trained, on what, and where it is recorded.
pub fn headline(
    config: &RunConfig,
    dataset: &Dataset,
    trainer: &Trainer,
    threads: usize,
    path: &Path,
) -> String {
    format!(
        "{} on {} ({} + {} images): {}, {} parameters, batch size {}, lr {}, {} of {}, {} on {}\n{}",
        config.method.name(),
        config.dataset,
        count(dataset.train.len() as u64),
        count(dataset.test.len() as u64),
        model_line(config),
        count(trainer.network.parameters.trainable_count()),
        config.batch_size,
        config.lr,
        counted(config.epochs, "epoch"),
        counted(trainer.steps_per_epoch(), "step"),
        counted(threads as u64, "thread"),
        config.device_name(),
        path.display()
    )
}

/// `--verbose`: the number of threads and where it comes from.
pub fn thread_line(config: &RunConfig, threads: usize) -> String {
    let cores = device::cores();
    let asks = "--threads N sets another number";
    let reason = match config.threads {
        0 => format!("chosen for batch size {}; {asks}", config.batch_size),
        _ => "as asked for".to_owned(),
    };
    format!("threads: {threads} of {cores} cores, {reason}")
}

/// Where the weights come from, and what of them did not fit.
pub fn start_lines(from: &StartedFrom, config: &RunConfig) -> String {
    let mut text = format!(
        "weights from {} (SHA-256 {}): {} tensors",
        from.file,
        &from.sha256[..from.sha256.len().min(8)],
        from.tensors
    );
    if !from.fresh.is_empty() {
        text += &format!("; not taken, started fresh: {}", from.fresh.join(", "));
    }
    if !from.unused.is_empty() {
        text += &format!("; of no use here: {}", from.unused.join(", "));
    }
    let own = config.method.name();
    if let Some(other) = from.method.as_deref().filter(|other| *other != own) {
        text += &format!("; {other} trained them, and {own} computes something else with them");
    }
    text
}

/// "nin (width 0.25)".
fn model_line(config: &RunConfig) -> String {
    let keys = config.model.options.to_table().into_iter();
    let keys: Vec<String> = keys.map(|(key, value)| format!("{key} {value}")).collect();
    format!("{} ({})", config.model.name(), keys.join(", "))
}

/// `--dry-run`: what would be trained.
pub fn show_plan(config: &RunConfig, path: &Path, output: OutputArgs) -> Result<()> {
    let dataset = setup::load_dataset(config, &setup::data_dir())?;
    let trainer = Trainer::new(config.clone(), &dataset)?;
    let steps = trainer.steps_per_epoch();
    let parameters = trainer.network.parameters.trainable_count();
    if output.json {
        let document = serde_json::json!({
            "run_dir": path, "config": config.to_table()?, "parameters": parameters,
            "train_images": dataset.train.len(), "test_images": dataset.test.len(),
            "steps_per_epoch": steps, "steps": steps * config.epochs,
        });
        return print_json(&document);
    }
    outln!("{}", config.to_toml()?)?;
    for parameter in trainer.network.parameters.iter() {
        outln!(
            "# {:24} {:?} {:?}",
            parameter.name,
            parameter.role,
            parameter.tensor.size()
        )?;
    }
    outln!(
        "# {} parameters, {} steps an epoch; would run in {}",
        count(parameters),
        count(steps),
        path.display()
    )?;
    Ok(())
}

/// The end of a run, in words or as JSON.
pub fn report(summary: &RunSummary, output: OutputArgs) -> Result<()> {
    if output.json {
        return print_json(summary);
    }
    // Without an epoch there is no rate.
    let rate = match summary.images_per_s {
        rate if rate.is_finite() => format!(" ({rate:.0} images/s)"),
        _ => String::new(),
    };
    outln!(
        "{}: test error {}, test loss {:.4}, lowest test error {}, {}, {} training{rate}",
        summary.key.group.method,
        error_rate(summary.test_error),
        summary.test_loss,
        error_rate(summary.best_test_error),
        counted(summary.epochs, "epoch"),
        duration(summary.train_s),
    )?;
    outln!("{}", summary.run_dir)?;
    Ok(())
}
