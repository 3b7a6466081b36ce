//! From a configuration to what is trained: dataset, network, batches.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::device;
use super::libtorch::Arithmetic;
use crate::config::{OptimizerName, RunConfig};
use crate::data::{self, Dataset, ImageShape, Normalizer, OwnData, catalogue};
use crate::event::NetworkIdentity;
use crate::methods::Method;
use crate::nn::{
    AdamStep, Network, Node, OptimizerConfig, RmsPropStep, SgdStep, StepFormula, Task,
    decay_of_half_life,
};
use crate::record::Owed;
use crate::usage;

/// Most weights of a network. With gradients, momentum and double-precision initial values that is about 8 GB.
const MOST_WEIGHTS: f64 = 2.5e8;

/// The folder that datasets are looked for in: `NORMPROP_DATA`, else `data`.
pub fn data_dir() -> PathBuf {
    let named = std::env::var_os("NORMPROP_DATA").filter(|folder| !folder.is_empty());
    named.map_or_else(|| PathBuf::from("data"), PathBuf::from)
}

/// Loads the run's dataset and takes the subsets asked for; images held out take the place of the test images.
pub fn load_dataset(config: &RunConfig, data_dir: &Path) -> Result<Dataset> {
    let mut dataset = data::load(&config.dataset, data_dir)?.dataset;
    let classes = dataset.classes.len();
    let (train_images, test_images) = (config.train_subset, config.test_subset);
    if train_images > 0 {
        dataset.train = dataset.train.balanced_subset(train_images, classes)?;
    }
    let held_out = config.images_held_out(dataset.train.len());
    if held_out > 0 {
        (dataset.train, dataset.test) = dataset.train.hold_out(held_out, classes)?;
    } else if test_images > 0 {
        dataset.test = dataset.test.balanced_subset(test_images, classes)?;
    }
    Ok(dataset)
}

/// The nodes of the run's network for images of `shape`.
fn nodes(config: &RunConfig, shape: ImageShape, classes: usize) -> Result<Vec<Node>> {
    let network = config.model.descriptor;
    let task = Task {
        channels: shape.channels as i64,
        height: shape.height as i64,
        width: shape.width as i64,
        classes: classes as i64,
        activation: config.activation()?,
    };
    let nodes = (network.build)(&config.model.options, &task)?;
    // Refused before memory is asked for: Rust's own allocations cannot be refused politely.
    let weights: f64 = nodes.iter().map(Node::weights).sum();
    if weights > MOST_WEIGHTS {
        return Err(usage!(
            "a network of {weights:.2e} weights is too large, at most {MOST_WEIGHTS:.2e} are possible: choose a smaller {}",
            network.key_names()
        ));
    }
    Ok(nodes)
}

/// The size of the run's images and the number of classes before anything is read. Which layers a network has depends on
/// neither, so that some stand for those of data of one's own.
pub fn images_foreseen(config: &RunConfig) -> Result<(ImageShape, usize)> {
    if OwnData::named(&config.dataset)?.is_some() {
        return Ok((ImageShape::new(3, 32, 32), 10));
    }
    let dataset = catalogue::find(&config.dataset)?;
    Ok((dataset.shape, dataset.class_names().len()))
}

/// Which rows the run owes its tables.
pub fn owed(config: &RunConfig) -> Result<Owed> {
    let (shape, classes) = images_foreseen(config)?;
    let nodes = nodes(config, shape, classes)?;
    let layers = config.probe_images > 0 && nodes.iter().any(|node| !node.is_last());
    Ok(Owed {
        layers,
        steps_every: config.record_steps,
        percentiles_every: if layers { config.record_percentiles } else { 0 },
    })
}

/// Builds the run's network with its method, for the images of a dataset.
pub fn network(config: &RunConfig, dataset: &Dataset) -> Result<Network> {
    network_for(config, dataset.shape, dataset.classes.len())
}

/// The same for images of `shape` in so many classes.
pub fn network_for(config: &RunConfig, shape: ImageShape, classes: usize) -> Result<Network> {
    let device = device::find(&config.device)?;
    Arithmetic::of(config).set();
    let kind = device::kind(config.precision);
    let nodes = nodes(config, shape, classes)?;
    let Method {
        descriptor,
        options,
    } = &config.method;
    let mut network = descriptor.network(options, nodes, config.seed, kind, device)?;
    network.compute = device::compute_kind(config.precision);
    Ok(network)
}

/// The run's optimizer.
pub fn optimizer(config: &RunConfig) -> OptimizerConfig {
    OptimizerConfig {
        formula: formula(config),
        weight_decay: config.weight_decay,
        decay_all: config.decay_all,
        gain_lr_factor: config.gain_lr_factor,
        shift_lr_factor: config.shift_lr_factor,
        clip_norm: config.clip_norm,
        clip_units: config.clip_units,
    }
}

/// What moves the parameters. A half-life gives the decay at the run's batch size.
fn formula(config: &RunConfig) -> StepFormula {
    let decay = |half_life: f64, decay: f64| match half_life {
        0.0 => decay,
        images => decay_of_half_life(images, config.batch_size),
    };
    let momentum = decay(config.momentum_half_life_images, config.momentum);
    match config.optimizer {
        OptimizerName::Sgd => StepFormula::Sgd(SgdStep {
            momentum,
            nesterov: config.nesterov,
        }),
        OptimizerName::Adam | OptimizerName::Adamw => StepFormula::Adam(AdamStep {
            beta1: decay(config.beta1_half_life_images, config.beta1),
            beta2: decay(config.beta2_half_life_images, config.beta2),
            eps: config.eps,
            amsgrad: config.amsgrad,
            decoupled: config.optimizer == OptimizerName::Adamw,
        }),
        OptimizerName::Rmsprop => StepFormula::RmsProp(RmsPropStep {
            alpha: decay(config.alpha_half_life_images, config.alpha),
            eps: config.eps,
            momentum,
            centered: config.centered,
        }),
    }
}

/// What the checkpoints of the run say that they are.
pub fn identity(
    config: &RunConfig,
    dataset: &Dataset,
    normalizer: &Normalizer,
) -> Result<NetworkIdentity> {
    let shape = dataset.shape;
    Ok(NetworkIdentity {
        config: config.described()?,
        dataset_sha256: dataset.sha256.clone(),
        classes: dataset.classes.clone(),
        image: [shape.channels, shape.height, shape.width],
        normalization: normalizer.constants(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_no_memory_holds_is_refused_before_it_is_made() {
        let shape = ImageShape {
            channels: 3,
            height: 32,
            width: 32,
        };
        let build = |text: &str| {
            let config = RunConfig::from_table(text.parse().unwrap()).unwrap();
            nodes(&config, shape, 10).map(|nodes| nodes.len())
        };
        let message = |text: &str| build(text).unwrap_err().to_string();
        assert!(message("width = 20").contains("choose a smaller width"));
        let wide = "model = \"mlp\"\nmlp_widths = [100000, 3000]";
        assert!(message(wide).contains("e8 weights") && message(wide).contains("mlp_widths"));
        let lstm = "model = \"lstm\"\nlstm_hidden = 1000000\nmethod = { name = \"none\" }";
        assert!(
            message(lstm).contains("4.00e12 weights"),
            "{}",
            message(lstm)
        );
        assert_eq!(build("width = 4").unwrap(), 9);
    }
}
