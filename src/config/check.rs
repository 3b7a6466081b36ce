//! What a configuration's values must be. A fault names its key; where the key stands is for the caller to say.

use toml::{Table, Value};

use super::{Precision, RunConfig, limits, schema, typed};
use crate::data::catalogue;
use crate::data::normalizer::DataNormalization;
use crate::error::KeyFault;
use crate::moments::Activation;
use crate::nn::networks::NETWORKS;

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
    for key in NETWORKS.iter().flat_map(|network| network.keys) {
        if let Some(value) = own.remove(key.name) {
            let value = key.check("", &value).map_err(|fault| fault.below(path))?;
            of_networks.insert(key.name.to_owned(), value);
        }
    }
    let known = |key: &&String| !schema::run_keys().any(|known| known == *key);
    if let Some(key) = own.keys().find(known) {
        return Err(typed::unknown_key(key, path, schema::run_keys()));
    }
    let config = typed::read::<RunConfig>(&own, path)?;
    limits::check(&Value::Table(own), &schema::RUN, path)?;
    Ok((config, of_networks))
}

/// Checks what keys ask for together, but the method's.
pub fn values(config: &RunConfig) -> Result<(), KeyFault> {
    Activation::parse(&config.activation).map_err(|error| KeyFault::new("activation", error))?;
    training(config)?;
    network(config)?;
    if config.data_norm == DataNormalization::Batch && config.batch_size == 1 {
        return Err(KeyFault::new(
            "data_norm",
            "data_norm = \"batch\" has no statistics at batch_size = 1; use data_norm = \"global\"",
        ));
    }
    let name = &config.name;
    // Without a key, it is the name of a file.
    let unfit = |character: char| matches!(character, '/' | '\\') || character.is_control();
    if name.is_empty() || name.contains(unfit) || name.starts_with('.') {
        let what = format!("name = {name:?}: must be usable as a folder name");
        return Err(KeyFault::new("name", what));
    }
    Ok(())
}

/// Refuses what the dataset, as its publisher made it, is known not to have.
pub fn images(config: &RunConfig) -> Result<(), KeyFault> {
    let entry =
        catalogue::find(&config.dataset).map_err(|error| KeyFault::new("dataset", error))?;
    let larger = |key: &str, value: usize, images: usize, split: &str| {
        let what = format!(
            "{key} = {value} is larger than the {images} {split} images of {}",
            config.dataset
        );
        Err(KeyFault::new(key, what))
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

fn network(config: &RunConfig) -> Result<(), KeyFault> {
    if config.precision == Precision::Bf16 && !config.model.descriptor.takes_bf16 {
        let others = NETWORKS.iter().filter(|network| network.takes_bf16);
        let names: Vec<&str> = others.map(|network| network.name).collect();
        let what = format!(
            "precision = \"bf16\" serves the models {}; {} needs precision = \"f32\"",
            names.join(", "),
            config.model.name()
        );
        return Err(KeyFault::new("precision", what));
    }
    Ok(())
}

fn training(config: &RunConfig) -> Result<(), KeyFault> {
    if config.holdout >= 1.0 && config.holdout.fract() != 0.0 {
        let what = format!(
            "holdout = {}: a fraction below 1, or a whole number of images",
            config.holdout
        );
        return Err(KeyFault::new("holdout", what));
    }
    if let Some(epoch) = config
        .keep_epochs
        .iter()
        .find(|&&epoch| epoch > config.epochs)
    {
        return Err(KeyFault::new(
            "keep_epochs",
            format!(
                "keep_epochs names epoch {epoch}, but the training has {}",
                config.epochs
            ),
        ));
    }
    if config.nesterov && config.momentum == 0.0 {
        let what = "nesterov = true needs momentum > 0";
        return Err(KeyFault::new("nesterov", what));
    }
    Ok(())
}
