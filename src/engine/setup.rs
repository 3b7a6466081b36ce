//! From a configuration to what is trained: dataset, network, batches.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tch::{Device, Kind};

use super::device;
use crate::config::{ModelName, RunConfig};
use crate::data::{self, Dataset, ImageShape};
use crate::methods::{self, options::Options};
use crate::nn::block::Block;
use crate::nn::models;
use crate::nn::network::Network;

/// The folder that datasets are looked for in: `NORMPROP_DATA`, else `data`.
pub fn data_dir() -> PathBuf {
    std::env::var_os("NORMPROP_DATA").map_or_else(|| PathBuf::from("data"), PathBuf::from)
}

/// Loads the run's dataset and takes the subsets asked for; images held out take the place of the test images.
pub fn load_dataset(config: &RunConfig, data_dir: &Path) -> Result<Dataset> {
    let mut dataset = data::load(&config.dataset, data_dir)?;
    let classes = dataset.classes.len();
    if config.train_subset > 0 {
        dataset.train = dataset
            .train
            .balanced_subset(config.train_subset, classes)?;
    }
    let held_out = config.images_held_out(dataset.train.len());
    if held_out > 0 {
        (dataset.train, dataset.test) = dataset.train.hold_out(held_out, classes)?;
    } else if config.test_subset > 0 {
        dataset.test = dataset.test.balanced_subset(config.test_subset, classes)?;
    }
    Ok(dataset)
}

/// The blocks of the run's model for images of `shape`.
pub fn blocks(config: &RunConfig, shape: ImageShape, classes: usize) -> Result<Vec<Block>> {
    let activation = config.activation()?;
    let (channels, classes) = (shape.channels as i64, classes as i64);
    Ok(match config.model {
        ModelName::Nin => models::network_in_network(channels, classes, config.width, activation),
        ModelName::Mlp => models::perceptron(
            shape.pixels() as i64,
            classes,
            &config.mlp_widths,
            activation,
        ),
        ModelName::Lstm => models::lstm(
            channels * shape.width as i64,
            config.lstm_hidden as i64,
            classes,
        ),
    })
}

/// Builds the run's network with its method.
pub fn network(
    config: &RunConfig,
    blocks: Vec<Block>,
    kind: Kind,
    device: Device,
) -> Result<Network> {
    let method = methods::find(&config.method.name)?;
    let options = Options::resolve(method, &config.method.options)?;
    let mut network = method.network(&options, blocks, config.seed, kind, device)?;
    network.compute = device::compute_kind(config.precision);
    Ok(network)
}
