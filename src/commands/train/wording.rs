//! What `normprop train` says before it starts.

use std::path::Path;

use crate::config::RunConfig;
use crate::data::Dataset;
use crate::engine::device;
use crate::engine::trainer::Trainer;
use crate::text::numbers::count;

/// What is trained, on what, and where it is recorded.
pub fn headline(
    config: &RunConfig,
    dataset: &Dataset,
    trainer: &Trainer,
    threads: usize,
    path: &Path,
) -> String {
    format!(
        "{} on {} ({} + {} images): {}, {} parameters, batch size {}, lr {}, {} epochs of {} steps, {} on {}\n{}",
        config.method.name,
        config.dataset,
        count(dataset.train.len() as u64),
        count(dataset.test.len() as u64),
        model_line(config),
        count(trainer.network.parameters.trainable_count()),
        config.batch_size,
        config.lr,
        config.epochs,
        count(trainer.steps_per_epoch()),
        if threads == 1 {
            "1 thread".to_string()
        } else {
            format!("{threads} threads")
        },
        config.device,
        path.display()
    )
}

/// `--verbose`: the number of threads and where it comes from.
pub fn thread_line(config: &RunConfig, threads: usize) -> String {
    let cores = device::cores();
    let reason = if config.threads > 0 {
        "as asked for".to_string()
    } else {
        format!(
            "chosen for batch size {}; --threads asks for another number",
            config.batch_size
        )
    };
    format!("threads: {threads} of {cores} cores, {reason}")
}

/// "nin (width 0.25)".
fn model_line(config: &RunConfig) -> String {
    let keys = config.network().map(|(_, keys)| keys.to_table());
    let keys: Vec<String> = keys
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    format!("{} ({})", config.model, keys.join(", "))
}
