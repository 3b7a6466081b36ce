//! What a configuration's values must be. A fault names its key; where the key stands is for the caller to say.

use std::fmt::Display;

use toml::{Table, Value};

use super::{Precision, RunConfig};
use crate::data::catalogue;
use crate::data::normalizer::DataNormalization;
use crate::error::did_you_mean;
use crate::moments::Activation;
use crate::nn::networks::{self, NETWORKS};
use crate::usage;

/// More threads than any machine has that this program was meant for; far more of them overflow libgomp's stack.
const MOST_THREADS: usize = 1024;

/// What is wrong with one key of a configuration.
#[derive(Debug)]
pub struct Fault {
    /// The key, dotted where it lies in a table.
    pub key: String,
    /// What is wrong, as a sentence.
    pub what: String,
}

impl Fault {
    /// A fault of `key`.
    pub fn new(key: impl Into<String>, what: impl Display) -> Fault {
        Fault {
            key: key.into(),
            what: what.to_string(),
        }
    }

    /// The fault without a place.
    pub fn into_error(self) -> anyhow::Error {
        usage!("{}", self.what)
    }
}

/// Checks that a top-level key is known and its value of the right type.
pub fn key(key: &str, value: &Value) -> Result<(), Fault> {
    let known = RunConfig::known_keys();
    if !known.iter().any(|name| name == key) {
        let hint = did_you_mean(key, known.iter().map(String::as_str));
        return Err(Fault::new(key, format!("unknown key `{key}`; {hint}")));
    }
    if key == "method" && !value.is_table() {
        let what = format!(
            "method = {value}: expected a table, as in method = {{ name = \"bn\" }}; in --set the name is method.name=bn"
        );
        return Err(Fault::new(key, what));
    }
    let single = Table::from_iter([(key.to_owned(), value.clone())]);
    match single.try_into::<RunConfig>() {
        Ok(_) => Ok(()),
        Err(error) => {
            let what = format!("{key} = {value}: {}", error.message());
            // A wrong type inside the table of a method is its name: options are of any type here.
            let key = if key == "method" { "method.name" } else { key };
            Err(Fault::new(key, what))
        }
    }
}

/// Checks every value but the method's, alone and with those it depends on.
pub fn values(config: &RunConfig) -> Result<(), Fault> {
    Activation::parse(&config.activation).map_err(|error| Fault::new("activation", error))?;
    network(config)?;
    training(config)?;
    schedule(config)?;
    positive("batch_size", config.batch_size as f64)?;
    if config.data_norm == DataNormalization::Batch && config.batch_size == 1 {
        return Err(Fault::new(
            "data_norm",
            "data_norm = \"batch\" has no statistics at batch_size = 1; use data_norm = \"global\"",
        ));
    }
    at_most("threads", config.threads, MOST_THREADS)?;
    let name = &config.name;
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        let what = format!("name = \"{name}\": must be usable as a folder name");
        return Err(Fault::new("name", what));
    }
    Ok(())
}

/// Refuses what the dataset, as its publisher made it, is known not to have.
pub fn images(config: &RunConfig) -> Result<(), Fault> {
    let entry = catalogue::find(&config.dataset).map_err(|error| Fault::new("dataset", error))?;
    let larger = |key: &str, value: usize, images: usize, split: &str| {
        let what = format!(
            "{key} = {value} is larger than the {images} {split} images of {}",
            config.dataset
        );
        Err(Fault::new(key, what))
    };
    let [train, test] = entry.images();
    if config.train_subset > train {
        return larger("train_subset", config.train_subset, train, "training");
    }
    let taken = if config.train_subset > 0 {
        config.train_subset
    } else {
        train
    };
    let held_out = config.images_held_out(taken);
    // Images held out take the place of the test images.
    if held_out == 0 && config.test_subset > test {
        return larger("test_subset", config.test_subset, test, "test");
    }
    let images = taken.saturating_sub(held_out);
    if config.batch_size > images {
        return larger("batch_size", config.batch_size, images, "training");
    }
    Ok(())
}

fn network(config: &RunConfig) -> Result<(), Fault> {
    let values = Table::try_from(config).map_err(|error| Fault::new("", error))?;
    for key in NETWORKS.iter().flat_map(|network| network.keys) {
        if let Some(value) = values.get(key.name) {
            let checked = key.check("", value);
            checked.map_err(|error| Fault::new(key.name, error))?;
        }
    }
    let own = networks::find(&config.model).map_err(|error| Fault::new("model", error))?;
    if config.precision == Precision::Bf16 && !own.takes_bf16 {
        let others = NETWORKS.iter().filter(|network| network.takes_bf16);
        let names: Vec<&str> = others.map(|network| network.name).collect();
        let what = format!(
            "precision = \"bf16\" serves the models {}; {} needs precision = \"f32\"",
            names.join(", "),
            own.name
        );
        return Err(Fault::new("precision", what));
    }
    Ok(())
}

fn training(config: &RunConfig) -> Result<(), Fault> {
    not_negative("holdout", config.holdout)?;
    if config.holdout >= 1.0 && config.holdout.fract() != 0.0 {
        let what = format!(
            "holdout = {}: a fraction below 1, or a whole number of images",
            config.holdout
        );
        return Err(Fault::new("holdout", what));
    }
    not_negative("lr", config.lr)?;
    not_negative("weight_decay", config.weight_decay)?;
    not_negative("clip_norm", config.clip_norm)?;
    not_negative("clip_units", config.clip_units)?;
    if let Some(epoch) = config
        .keep_epochs
        .iter()
        .find(|&&epoch| epoch > config.epochs)
    {
        return Err(Fault::new(
            "keep_epochs",
            format!(
                "keep_epochs names epoch {epoch}, but the training has {}",
                config.epochs
            ),
        ));
    }
    if !(0.0..1.0).contains(&config.momentum) {
        let what = format!("momentum = {}: must be in [0, 1)", config.momentum);
        return Err(Fault::new("momentum", what));
    }
    if config.nesterov && config.momentum == 0.0 {
        let what = "nesterov = true needs momentum > 0";
        return Err(Fault::new("nesterov", what));
    }
    Ok(())
}

fn schedule(config: &RunConfig) -> Result<(), Fault> {
    not_negative("warmup_epochs", config.warmup_epochs)?;
    positive("step_factor", config.step_factor)?;
    if config.step_at.iter().any(|at| !(0.0..=1.0).contains(at)) {
        let what = format!(
            "step_at = {:?}: fractions of the training, in [0, 1]",
            config.step_at
        );
        return Err(Fault::new("step_at", what));
    }
    Ok(())
}

fn positive(key: &str, value: f64) -> Result<(), Fault> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    let what = format!("{key} = {value}: must be a positive number");
    Err(Fault::new(key, what))
}

fn not_negative(key: &str, value: f64) -> Result<(), Fault> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    let what = format!("{key} = {value}: must be zero or a positive number");
    Err(Fault::new(key, what))
}

fn at_most(key: &str, value: usize, most: usize) -> Result<(), Fault> {
    if value <= most {
        return Ok(());
    }
    Err(Fault::new(
        key,
        format!("{key} = {value}: must be at most {most}"),
    ))
}
