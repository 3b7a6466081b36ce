//! What a run is: a flat, strict TOML table, resolved into [`RunConfig`].
//!
//! The same resolved configuration always has the same hash and so the same run directory.

mod axes;
mod by_batch_size;
mod check;
pub mod experiment;
mod identity;
mod init_from;
pub mod keys;
mod limits;
mod load;
mod optimizer_keys;
mod ordered;
pub mod overrides;
mod recorded;
mod schema;
mod source;
pub mod sweep;
mod typed;
mod value_types;

use std::sync::LazyLock;

use anyhow::{Context, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::data::augment::Augmentation;
use crate::data::normalizer::DataNormalization;
use crate::methods::{Method, MethodTable};
use crate::moments::Activation;
use crate::nn::networks::{self, Architecture};
pub use init_from::read_source;
pub use value_types::{Initialization, OptimizerName, Precision, Schedule, cuda_number};

/// The schema of a run, with the keys of every network.
pub static RUN_SCHEMA: LazyLock<Json> = LazyLock::new(schema::of::<RunConfig>);

/// Everything that decides what a run computes, and a few switches on what it records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = schema::add_network_keys)]
pub struct RunConfig {
    /// Name of the folder that the runs share.
    #[schemars(length(max = 200))]
    pub name: String,
    /// Dataset, see `normprop data list`; or data of one's own: `folder:PATH` with pictures in PATH/train/CLASS/ and
    /// PATH/test/CLASS/, `npz:PATH` with arrays x_train, y_train, x_test and y_test. `@SIZE` behind the path brings images to
    /// that many rows and columns. Relative to where the program is started.
    #[schemars(length(max = 4000))]
    pub dataset: String,
    /// Use only this many training images, balanced over classes; 0 takes all.
    #[schemars(range(max = 10_000_000))]
    pub train_subset: usize,
    /// Use only this many test images, balanced over classes; 0 takes all.
    #[schemars(range(max = 10_000_000))]
    pub test_subset: usize,
    /// Hold this part of the training images out, balanced over classes, train on the rest and report the
    /// held-out part in place of the test images: below 1 a fraction, from 1 on a number of images; 0 holds out none.
    #[schemars(range(min = 0, max = 10_000_000))]
    pub holdout: f64,
    /// How images are normalized.
    pub data_norm: DataNormalization,
    /// How training images are varied.
    pub augment: Augmentation,
    /// Name of the network; each has keys of its own.
    #[schemars(with = "String", extend("enum" = networks::names()))]
    pub model: Architecture,
    /// Activation of the hidden layers, such as `relu` or `leaky:0.1`; a number behind the colon is in [-1000, 1000].
    #[schemars(length(max = 100))]
    pub activation: String,
    /// Where weights start.
    pub init: Initialization,
    /// Start from the weights of this run's last checkpoint, or of this checkpoint file, in place of fresh ones. What does
    /// not fit in name or shape starts fresh. Relative to where the program is started.
    #[schemars(length(max = 4000))]
    pub init_from: String,
    /// SHA-256 of that checkpoint file, which tells this run from others; worked out where it is left out.
    #[schemars(length(max = 64))]
    pub init_from_sha256: String,
    /// Images per optimizer step.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub batch_size: usize,
    /// Passes over the training images.
    #[schemars(range(max = 1_000_000))]
    pub epochs: u64,
    /// Base learning rate; 0 stands for the method's default at this batch size, and with an optimizer other than SGD for
    /// 0.001·√(batch_size/50), at most 0.002, whatever the method.
    #[schemars(extend("minimum" = 0, "smallest" = 1e-30, "maximum" = 1e30))]
    pub lr: f64,
    /// What moves the parameters. All compute what PyTorch's do.
    pub optimizer: OptimizerName,
    /// Momentum of `sgd` and `rmsprop`; where it is left out, 0 with `rmsprop`.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub momentum: f64,
    /// In place of `momentum`: images after which a gradient counts half in the velocity. Momentum is
    /// 2^(−batch_size/half-life), so that it is momentum^(B'/B) at another batch size B'. 0 takes `momentum`.
    #[schemars(extend("minimum" = 0, "smallest" = 1e-30, "maximum" = 1e30))]
    pub momentum_half_life_images: f64,
    /// Nesterov's form of the momentum of `sgd`.
    pub nesterov: bool,
    /// Decay of the average gradient of `adam` and `adamw`.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub beta1: f64,
    /// Decay of the average squared gradient of `adam` and `adamw`.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub beta2: f64,
    /// In place of `beta1`: images after which a gradient counts half in the average; 0 takes `beta1`.
    #[schemars(extend("minimum" = 0, "smallest" = 1e-30, "maximum" = 1e30))]
    pub beta1_half_life_images: f64,
    /// In place of `beta2`: images after which a gradient counts half in the average of squares, whatever the batch size:
    /// beta2 = 2^(−batch_size/half-life), so that it is beta2^(B'/B) at another batch size B' (Marek et al. 2025,
    /// arXiv:2507.07101). 34640 is beta2 = 0.999 at batch size 50. 0 takes `beta2`.
    #[schemars(extend("minimum" = 0, "smallest" = 1e-30, "maximum" = 1e30))]
    pub beta2_half_life_images: f64,
    /// Whether `adam` and `adamw` divide by the root of the largest average of squares so far (AMSGrad).
    pub amsgrad: bool,
    /// Decay of the average squared gradient of `rmsprop`.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub alpha: f64,
    /// In place of `alpha`: images after which a gradient counts half in the average of squares; 0 takes `alpha`.
    #[schemars(extend("minimum" = 0, "smallest" = 1e-30, "maximum" = 1e30))]
    pub alpha_half_life_images: f64,
    /// Whether `rmsprop` divides by the gradient's standard deviation in place of the root of its mean square.
    pub centered: bool,
    /// What `adam`, `adamw` and `rmsprop` add to the root that they divide by.
    #[schemars(range(min = 1e-30, max = 1e30))]
    pub eps: f64,
    /// Weight decay of the weights: L2 coefficient in the gradient; with `adamw` the part of a weight, times the learning
    /// rate, that each step takes away, 0.01 where it is left out.
    #[schemars(extend("minimum" = 0, "smallest" = 1e-30, "maximum" = 1e30))]
    pub weight_decay: f64,
    /// Apply weight decay to gamma, beta and biases too.
    pub decay_all: bool,
    /// Multiplies the learning rate of gains (gamma).
    #[schemars(extend("minimum" = 0, "smallest" = 1e-30, "maximum" = 1e30))]
    pub gain_lr_factor: f64,
    /// Multiplies the learning rate of shifts and biases.
    #[schemars(extend("minimum" = 0, "smallest" = 1e-30, "maximum" = 1e30))]
    pub shift_lr_factor: f64,
    /// Learning-rate schedule.
    pub schedule: Schedule,
    /// Epochs over which the learning rate rises linearly from 0; may be fractional.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub warmup_epochs: f64,
    /// With `schedule = "step"`: the epochs at which the rate falls, as fractions of the training.
    #[schemars(length(max = 1000), inner(range(min = 0, max = 1)))]
    pub step_at: Vec<f64>,
    /// With `schedule = "step"`: what the rate is multiplied by.
    #[schemars(range(min = 1e-30, max = 1e30))]
    pub step_factor: f64,
    /// Longest gradient (Euclidean norm over all parameters); 0 does not clip.
    #[schemars(extend("minimum" = 0, "smallest" = 1e-30, "maximum" = 1e30))]
    pub clip_norm: f64,
    /// Adaptive gradient clipping in every layer but the last: longest gradient of an output unit as a multiple of its
    /// weights' length; 0 does not clip. Parameters of a single number, such as the factor of a residual branch, are left
    /// as they are.
    #[schemars(extend("minimum" = 0, "smallest" = 1e-30, "maximum" = 1e30))]
    pub clip_units: f64,
    /// Seed of every random stream.
    #[schemars(range(max = 9_223_372_036_854_775_807_u64))]
    pub seed: u64,
    /// Number format of the forward and backward pass.
    pub precision: Precision,
    /// Compute with kernels of CUDA that give the same bits for the same input, as far as there are such; without, cuDNN
    /// takes the fastest. On the CPU all are of that kind.
    pub deterministic: bool,
    /// Test images in the fixed batch on which `layers.csv` is measured; 0 measures nothing.
    #[schemars(range(max = 10_000_000))]
    pub probe_images: usize,
    /// Write a row of `steps.csv` every so many steps; 0 writes none.
    #[schemars(range(max = 1_000_000_000))]
    pub record_steps: u64,
    /// Write a row of `percentiles.csv` every so many steps: the 15th, 50th and 85th percentile of one unit's
    /// pre-activation in the last hidden layer, on the batch of `probe_images`; 0 writes none.
    #[schemars(range(max = 1_000_000_000))]
    pub record_percentiles: u64,
    /// Keep the checkpoints of these epochs too, beside the last two and the best; 0 is the state before training.
    #[schemars(length(max = 10_000), inner(range(max = 1_000_000)))]
    pub keep_epochs: Vec<u64>,
    /// Write a TensorBoard event file too.
    pub tensorboard: bool,
    /// CPU threads; 0 chooses by timing a few steps. Does not change which run this is.
    // Far more than any machine has; far more of them overflow libgomp's stack.
    #[schemars(range(max = 1024))]
    pub threads: usize,
    /// `cpu`, `cuda` or `cuda:N`; where it is left out, that of the run's last start, else `cpu`. Does not change which run
    /// this is.
    #[schemars(length(max = 100))]
    pub device: String,
    /// Normalization method and its options.
    #[schemars(with = "MethodTable", extend("default" = { "name": "normprop" }))]
    pub method: Method,
    /// The text of the run's `config.toml`, where it was found in its run directory.
    #[serde(skip)]
    pub recorded: Option<String>,
}

impl Default for RunConfig {
    fn default() -> Self {
        RunConfig {
            name: "train".into(),
            dataset: "fashion-mnist-mini".into(),
            train_subset: 0,
            test_subset: 0,
            holdout: 0.0,
            data_norm: DataNormalization::Global,
            augment: Augmentation::None,
            model: Architecture::default(),
            activation: "relu".into(),
            init: Initialization::Method,
            init_from: String::new(),
            init_from_sha256: String::new(),
            batch_size: 50,
            epochs: 8,
            lr: 0.0,
            optimizer: OptimizerName::Sgd,
            momentum: 0.9,
            momentum_half_life_images: 0.0,
            nesterov: false,
            beta1: 0.9,
            beta2: 0.999,
            beta1_half_life_images: 0.0,
            beta2_half_life_images: 0.0,
            amsgrad: false,
            alpha: 0.99,
            alpha_half_life_images: 0.0,
            centered: false,
            eps: 1e-8,
            weight_decay: 5e-4,
            decay_all: false,
            gain_lr_factor: 1.0,
            shift_lr_factor: 1.0,
            schedule: Schedule::Cosine,
            warmup_epochs: 0.0,
            step_at: vec![0.5, 0.75],
            step_factor: 0.1,
            clip_norm: 0.0,
            clip_units: 0.0,
            seed: 0,
            precision: Precision::F32,
            deterministic: true,
            probe_images: 200,
            record_steps: 0,
            record_percentiles: 0,
            keep_epochs: Vec::new(),
            tensorboard: false,
            threads: 0,
            device: String::new(),
            method: Method::default(),
            recorded: None,
        }
    }
}

impl RunConfig {
    /// How many of `images` training images are held out.
    pub fn images_held_out(&self, images: usize) -> usize {
        let wanted = if self.holdout < 1.0 {
            self.holdout * images as f64
        } else {
            self.holdout
        };
        if self.holdout > 0.0 {
            (wanted.round() as usize).max(1)
        } else {
            0
        }
    }

    /// The device that computes: `cpu` where none is named.
    pub fn device_name(&self) -> &str {
        match self.device.as_str() {
            "" => "cpu",
            named => named,
        }
    }

    /// Whether a GPU computes.
    pub fn is_on_gpu(&self) -> bool {
        self.device_name() != "cpu"
    }

    /// The activation of the hidden layers.
    pub fn activation(&self) -> Result<Activation> {
        Activation::parse(&self.activation)
    }

    /// Every key that tells one run from another, or what is recorded of it.
    pub fn to_table(&self) -> Result<toml::Table> {
        let mut table = toml::Table::try_from(self).context("writing the configuration as TOML")?;
        table.retain(|key, _| key != "threads" && key != "device");
        // Tables stand after values.
        let method = table.remove("method");
        table.extend(self.model.options.to_table());
        table.extend(method.map(|method| ("method".to_owned(), method)));
        Ok(table)
    }

    /// The configuration as TOML, the text of `config.toml`: as it stands in the run directory, where it does.
    pub fn to_toml(&self) -> Result<String> {
        if let Some(text) = &self.recorded {
            return Ok(text.clone());
        }
        let text = toml::to_string(&self.to_table()?)?;
        Ok(format!(
            "# Resolved configuration: `normprop train --config` with this file repeats the run.\n{text}"
        ))
    }
}

#[cfg(test)]
mod tests;
