//! What a configuration's values must be. A fault names its key; where the key stands is for the caller to say.

use toml::{Table, Value};

use super::{Precision, RUN_SCHEMA, RunConfig, cuda_number, limits, optimizer_keys, schema, typed};
use crate::data::normalizer::DataNormalization;
use crate::data::{OwnData, catalogue};
use crate::error::{KeyFault, did_you_mean};
use crate::methods;
use crate::moments::Activation;
use crate::nn::networks::{self, NETWORKS};

/// Reads the keys of a run, in a table that stands at `path`: each must be known, and its value one that it takes. Those
/// of networks come apart.
pub fn read(table: &Table, path: &str) -> Result<(RunConfig, Table), KeyFault> {
    if let Some(method) = table.get("method").filter(|method| !method.is_table()) {
        let what = format!(
            "method = {method}: expected a table, as in method = {{ name = \"bn\" }}; in --set the name is method.name=bn"
        );
        return Err(KeyFault::new("method", what).below(path));
    }
    let mut own = table.clone();
    let mut of_networks = Table::new();
    for key in networks::keys() {
        if let Some(value) = own.remove(key.name) {
            let value = key.check("", &value).map_err(|fault| fault.below(path))?;
            of_networks.insert(key.name.to_owned(), value);
        }
    }
    if let Some(key) = own.keys().find(|key| !schema::has(&RUN_SCHEMA, key)) {
        let hint = match path.is_empty() && methods::have_option(key) {
            true => format!("the option of a method is `method.{key}`"),
            false => did_you_mean(key, schema::keys(&RUN_SCHEMA)),
        };
        return Err(typed::unknown_key(key, path, hint));
    }
    let config = typed::read::<RunConfig>(&own, path)?;
    limits::check(&Value::Table(own), &RUN_SCHEMA, path)?;
    Ok((config, of_networks))
}

/// Checks what keys ask for together, but the method's.
pub fn values(config: &RunConfig) -> Result<(), KeyFault> {
    Activation::parse(&config.activation).map_err(|error| KeyFault::new("activation", error))?;
    cuda_number(&config.device).map_err(|what| KeyFault::new("device", what))?;
    training(config)?;
    optimizer_keys::check(config)?;
    network(config)?;
    KeyFault::unless(
        config.data_norm != DataNormalization::Batch || config.batch_size > 1,
        "data_norm",
        "data_norm = \"batch\" has no statistics at batch_size = 1; use data_norm = \"global\"",
    )?;
    let name = &config.name;
    // Without a key, it is the name of a file.
    let unfit = |character: char| matches!(character, '/' | '\\') || character.is_control();
    let is_fit = !(name.is_empty() || name.contains(unfit) || name.starts_with('.'));
    let what = format!("name = {name:?}: must be usable as a folder name");
    KeyFault::unless(is_fit, "name", what)
}

/// Refuses what the dataset, as its publisher made it, is known not to have.
pub fn images(config: &RunConfig) -> Result<(), KeyFault> {
    let dataset = &config.dataset;
    let at = |error: anyhow::Error| KeyFault::new("dataset", error);
    // How many there are of one's own is known once they are read.
    if OwnData::named(dataset).map_err(at)?.is_some() {
        return Ok(());
    }
    let entry = catalogue::find(dataset).map_err(at)?;
    let at_most = |images: usize, split: &str, key: &str, value: usize| {
        let what =
            format!("{key} = {value} is larger than the {images} {split} images of {dataset}");
        KeyFault::unless(value <= images, key, what)
    };
    let [train, test] = entry.images();
    at_most(train, "training", "train_subset", config.train_subset)?;
    let taken = match config.train_subset {
        0 => train,
        subset => subset,
    };
    let held_out = config.images_held_out(taken);
    // Images held out take the place of the test images.
    if held_out == 0 {
        at_most(test, "test", "test_subset", config.test_subset)?;
    }
    let left = taken.saturating_sub(held_out);
    at_most(left, "training", "batch_size", config.batch_size)
}

fn network(config: &RunConfig) -> Result<(), KeyFault> {
    let takes_it = config.model.descriptor.takes_activation
        || config.activation == RunConfig::default().activation;
    let what = format!(
        "activation = {:?}: model = \"{}\" has activations of its own; leave the key out",
        config.activation,
        config.model.name()
    );
    KeyFault::unless(takes_it, "activation", what)?;
    let takers = NETWORKS.iter().filter(|network| network.takes_bf16);
    let takers: Vec<&str> = takers.map(|network| network.name).collect();
    let what = format!(
        "precision = \"bf16\" serves the models {}; {} needs precision = \"f32\"",
        takers.join(", "),
        config.model.name()
    );
    let is_taken = config.precision != Precision::Bf16 || config.model.descriptor.takes_bf16;
    KeyFault::unless(is_taken, "precision", what)
}

fn training(config: &RunConfig) -> Result<(), KeyFault> {
    let RunConfig {
        holdout, epochs, ..
    } = *config;
    let is_part = holdout < 1.0 || holdout.fract() == 0.0;
    let what = format!("holdout = {holdout}: a fraction below 1, or a whole number of images");
    KeyFault::unless(is_part, "holdout", what)?;
    if let Some(kept) = config.keep_epochs.iter().find(|&&kept| kept > epochs) {
        let what = format!("keep_epochs names epoch {kept}, but the training has {epochs}");
        return Err(KeyFault::new("keep_epochs", what));
    }
    Ok(())
}
