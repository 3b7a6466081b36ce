//! What a run is: a flat, strict TOML table, resolved into [`RunConfig`].
//!
//! The same resolved configuration always has the same hash and so the same run directory.

pub mod experiment;
pub mod overrides;
mod source;
pub mod sweep;
mod value_types;

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::methods::{self, NetworkKind, options::Options};
use crate::moments::Activation;
use crate::usage;
pub use value_types::{Augmentation, DataNormalization, ModelName, Precision, Schedule};

/// Everything that decides what a run computes, and a few switches on what it records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Experiment name: the folder that its runs share.
    pub name: String,
    /// Dataset name, see `normprop data list`.
    pub dataset: String,
    /// Use only this many training images, balanced over classes; 0 takes all.
    pub train_subset: usize,
    /// Use only this many test images, balanced over classes; 0 takes all.
    pub test_subset: usize,
    /// Hold this part of the training images out, balanced over classes, train on the rest and report the
    /// held-out part in place of the test images: below 1 a fraction, from 1 on a number of images; 0 holds out none.
    pub holdout: f64,
    /// How images are normalized.
    pub data_norm: DataNormalization,
    /// How training images are varied.
    pub augment: Augmentation,
    /// Network.
    pub model: ModelName,
    /// Multiplies the channels of every hidden layer of the NIN.
    pub width: f64,
    /// Units of the hidden layers of the MLP.
    pub mlp_widths: Vec<usize>,
    /// Units of the LSTM.
    pub lstm_hidden: usize,
    /// Activation of the hidden layers of NIN and MLP, such as `relu` or `leaky:0.1`.
    pub activation: String,
    /// Images per optimizer step.
    pub batch_size: usize,
    /// Passes over the training images.
    pub epochs: u64,
    /// Base learning rate; 0 stands for the method's default at this batch size and is resolved at once.
    pub lr: f64,
    /// Momentum of SGD.
    pub momentum: f64,
    /// Nesterov's form of momentum.
    pub nesterov: bool,
    /// Weight decay (L2 coefficient in the gradient) of the weights.
    pub weight_decay: f64,
    /// Apply weight decay to gamma, beta and biases too.
    pub decay_all: bool,
    /// Learning-rate schedule.
    pub schedule: Schedule,
    /// Epochs over which the learning rate rises linearly from 0; may be fractional.
    pub warmup_epochs: f64,
    /// With `schedule = "step"`: the epochs at which the rate falls, as fractions of the training.
    pub step_at: Vec<f64>,
    /// With `schedule = "step"`: what the rate is multiplied by.
    pub step_factor: f64,
    /// Longest gradient (Euclidean norm over all parameters); 0 does not clip.
    pub clip_norm: f64,
    /// Seed of every random stream.
    pub seed: u64,
    /// Number format of the forward and backward pass: `f32`, `bf16` (parameters and updates stay f32) or `f64`.
    pub precision: Precision,
    /// Test images in the fixed batch on which `layers.csv` is measured; 0 measures nothing.
    pub probe_images: usize,
    /// Write a row of `steps.csv` every so many steps; 0 writes none.
    pub record_steps: u64,
    /// Write a row of `percentiles.csv` every so many steps: the 15th, 50th and 85th percentile of one unit's
    /// pre-activation in the last hidden layer, on the batch of `probe_images`; 0 writes none.
    pub record_percentiles: u64,
    /// Write a TensorBoard event file too.
    pub tensorboard: bool,
    /// CPU threads; 0 chooses by timing a few steps. Does not change which run this is.
    #[serde(skip_serializing)]
    pub threads: usize,
    /// `cpu`, `cuda` or `cuda:N`. Does not change which run this is.
    #[serde(skip_serializing)]
    pub device: String,
    /// Normalization method and its options.
    pub method: MethodConfig,
}

/// A method's name and the options given for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MethodConfig {
    /// Registry name.
    pub name: String,
    /// Options by name; after [`RunConfig::resolve`] every option of the method is present.
    #[serde(flatten)]
    pub options: toml::Table,
}

impl Default for MethodConfig {
    fn default() -> Self {
        MethodConfig {
            name: "normprop".into(),
            options: toml::Table::new(),
        }
    }
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
            model: ModelName::Nin,
            width: 0.25,
            mlp_widths: vec![256, 256],
            lstm_hidden: 128,
            activation: "relu".into(),
            batch_size: 50,
            epochs: 8,
            lr: 0.0,
            momentum: 0.9,
            nesterov: false,
            weight_decay: 5e-4,
            decay_all: false,
            schedule: Schedule::Cosine,
            warmup_epochs: 0.0,
            step_at: vec![0.5, 0.75],
            step_factor: 0.1,
            clip_norm: 0.0,
            seed: 0,
            precision: Precision::F32,
            probe_images: 200,
            record_steps: 0,
            record_percentiles: 0,
            tensorboard: false,
            threads: 0,
            device: "cpu".into(),
            method: MethodConfig::default(),
        }
    }
}

impl RunConfig {
    /// Reads `file` (or nothing), applies `key=value` overrides in order, and resolves.
    pub fn load(file: Option<&Path>, assignments: &[(String, String)]) -> Result<RunConfig> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    usage!("cannot read configuration {}: {error}", path.display())
                })?;
                // Parsed as the typed struct first: only then do errors carry line and column.
                parse_strict::<RunConfig>(&text, &path.display().to_string())?;
                text.parse::<toml::Table>()?
            }
        };
        overrides::apply(&mut table, assignments, &RunConfig::known_keys())?;
        RunConfig::from_table(table)
    }

    /// Builds and resolves a configuration from a table whose keys are known to be right.
    pub fn from_table(table: toml::Table) -> Result<RunConfig> {
        // Through text, because only then does an error show the key with its value.
        let text = toml::to_string(&table).context("writing the merged configuration")?;
        let config: RunConfig = parse_strict(&text, "configuration")?;
        config.resolve()
    }

    /// The names of all top-level keys.
    pub fn known_keys() -> Vec<String> {
        let shown = toml::Table::try_from(RunConfig::default()).unwrap_or_default();
        let mut keys: Vec<String> = shown.keys().cloned().collect();
        keys.extend(["threads".into(), "device".into()]);
        keys
    }

    /// Checks every value, fills in the method's options and the default learning rate.
    pub fn resolve(mut self) -> Result<RunConfig> {
        let method = methods::find(&self.method.name)?;
        let options = Options::resolve(method, &self.method.options)?;
        self.method.options = options.to_table();
        self.validate()?;
        let network = self.model.kind();
        method.check_network(network)?;
        if self.precision == Precision::Bf16 && network == NetworkKind::Recurrent {
            return Err(usage!(
                "precision = \"bf16\" serves the models nin and mlp; an lstm needs precision = \"f32\""
            ));
        }
        method.check_batch_size(self.batch_size, network != NetworkKind::Convolutional)?;
        if self.lr == 0.0 {
            self.lr = method.default_learning_rate(self.batch_size, network);
        }
        Ok(self)
    }

    fn validate(&self) -> Result<()> {
        let positive = |key: &str, value: f64| {
            if value > 0.0 && value.is_finite() {
                Ok(())
            } else {
                Err(usage!("{key} = {value}: must be a positive number"))
            }
        };
        let not_negative = |key: &str, value: f64| {
            if value >= 0.0 && value.is_finite() {
                Ok(())
            } else {
                Err(usage!("{key} = {value}: must be zero or a positive number"))
            }
        };
        Activation::parse(&self.activation)?;
        positive("width", self.width)?;
        positive("batch_size", self.batch_size as f64)?;
        positive("lstm_hidden", self.lstm_hidden as f64)?;
        not_negative("holdout", self.holdout)?;
        if self.holdout >= 1.0 && self.holdout.fract() != 0.0 {
            return Err(usage!(
                "holdout = {}: a fraction below 1, or a whole number of images",
                self.holdout
            ));
        }
        not_negative("lr", self.lr)?;
        not_negative("weight_decay", self.weight_decay)?;
        not_negative("clip_norm", self.clip_norm)?;
        not_negative("warmup_epochs", self.warmup_epochs)?;
        positive("step_factor", self.step_factor)?;
        if !(0.0..1.0).contains(&self.momentum) {
            return Err(usage!("momentum = {}: must be in [0, 1)", self.momentum));
        }
        if self.nesterov && self.momentum == 0.0 {
            return Err(usage!("nesterov = true needs momentum > 0"));
        }
        if self.mlp_widths.contains(&0) {
            return Err(usage!(
                "mlp_widths: every hidden layer needs at least 1 unit"
            ));
        }
        if self.step_at.iter().any(|at| !(0.0..=1.0).contains(at)) {
            return Err(usage!(
                "step_at = {:?}: fractions of the training, in [0, 1]",
                self.step_at
            ));
        }
        if self.data_norm == DataNormalization::Batch && self.batch_size == 1 {
            return Err(usage!(
                "data_norm = \"batch\" has no statistics at batch_size = 1; use data_norm = \"global\""
            ));
        }
        if self.name.is_empty() || self.name.contains(['/', '\\']) || self.name.starts_with('.') {
            return Err(usage!(
                "name = \"{}\": must be usable as a folder name",
                self.name
            ));
        }
        Ok(())
    }

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

    /// The activation of the hidden layers.
    pub fn activation(&self) -> Result<Activation> {
        Activation::parse(&self.activation)
    }

    /// The configuration as TOML, the text of `config.toml`.
    pub fn to_toml(&self) -> Result<String> {
        let text = toml::to_string(self).context("writing the configuration as TOML")?;
        Ok(format!(
            "# Resolved configuration: `normprop train --config` with this file repeats the run.\n{text}"
        ))
    }

    /// First 8 hexadecimal digits of the SHA-256 of the sorted canonical form.
    pub fn hash8(&self) -> Result<String> {
        let value = serde_json::to_value(self).context("hashing the configuration")?;
        let digest = Sha256::digest(canonical(&value).as_bytes());
        Ok(digest
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    /// The run directory's name: method, batch size, learning rate, seed and hash.
    pub fn run_name(&self) -> Result<String> {
        Ok(format!(
            "{}-bs{}-lr{}-s{}-{}",
            self.method.name,
            self.batch_size,
            self.lr,
            self.seed,
            self.hash8()?
        ))
    }
}

/// Parses TOML text into `T`; an unknown key, a wrong type or a syntax error is shown with its line.
pub fn parse_strict<T: serde::de::DeserializeOwned>(text: &str, origin: &str) -> Result<T> {
    match toml::from_str::<T>(text) {
        Ok(value) => Ok(value),
        Err(error) => bail!(usage!("{origin}: {}", error.to_string().trim_end())),
    }
}

/// JSON with sorted keys and no spaces, so that the order of keys in a file changes no hash.
fn canonical(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let fields: Vec<String> = keys
                .iter()
                .map(|key| format!("{key:?}:{}", canonical(&map[key.as_str()])))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        serde_json::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignments(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect()
    }

    fn load(pairs: &[(&str, &str)]) -> Result<RunConfig> {
        RunConfig::load(None, &assignments(pairs))
    }

    #[test]
    fn defaults_resolve_and_round_trip_through_toml() {
        let config = load(&[]).unwrap();
        assert!(config.lr > 0.0);
        let text = config.to_toml().unwrap();
        let again = RunConfig::from_table(text.parse().unwrap()).unwrap();
        assert_eq!(again, config);
        assert_eq!(again.hash8().unwrap(), config.hash8().unwrap());
    }

    #[test]
    fn threads_and_device_do_not_change_the_run() {
        let plain = load(&[]).unwrap();
        let threaded = load(&[("threads", "2")]).unwrap();
        assert_eq!(threaded.threads, 2);
        assert_eq!(plain.run_name().unwrap(), threaded.run_name().unwrap());
        let seeded = load(&[("seed", "1")]).unwrap();
        assert_ne!(plain.hash8().unwrap(), seeded.hash8().unwrap());
    }

    #[test]
    fn stating_a_default_gives_the_same_run() {
        let plain = load(&[]).unwrap();
        let stated = load(&[("method.center_rows", "false"), ("epochs", "8")]).unwrap();
        assert_eq!(plain.run_name().unwrap(), stated.run_name().unwrap());
    }

    #[test]
    fn mistakes_are_named() {
        let message = |pairs: &[(&str, &str)]| format!("{:#}", load(pairs).unwrap_err());
        assert!(message(&[("epocs", "3")]).contains("did you mean `epochs`?"));
        assert!(message(&[("method.name", "normpropp")]).contains("did you mean `normprop`?"));
        assert!(message(&[("method.centre_rows", "true")]).contains("center_rows"));
        assert!(message(&[("batch_size", "0")]).contains("batch_size"));
        assert!(message(&[("epochs", "many")]).contains("epochs"));
        assert!(message(&[("data_norm", "batch"), ("batch_size", "1")]).contains("data_norm"));
    }

    #[test]
    fn batch_norm_on_dense_layers_refuses_single_images() {
        let error =
            load(&[("method.name", "bn"), ("model", "mlp"), ("batch_size", "1")]).unwrap_err();
        assert!(format!("{error:#}").contains("batch_size = 1"));
        assert!(load(&[("method.name", "bn"), ("batch_size", "1")]).is_ok());
    }

    #[test]
    fn file_errors_carry_the_line() {
        let error = parse_strict::<RunConfig>("epochs = 3\nepocs = 4\n", "x.toml").unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("x.toml") && text.contains("line 2"), "{text}");
    }
}
