//! Which run a configuration is: what decides its result, the name of its run directory, and finding it there.
//!
//! The identity of a run is every key that differs from its default, beside those that only record and those that say
//! where it is run. So a key that comes later changes no run's name as long as it has its default. The other side of it:
//! a default that is changed gives runs that have it another name, and must be a new key or value instead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::RunConfig;
use crate::methods::Method;
use crate::record::RunIdentity;
use crate::run_key::{GroupKey, RunKey};
use crate::text::numbers::hexadecimal;

/// Keys that decide what is recorded of a run, and nothing of its result.
pub const RECORDING: [&str; 5] = [
    "probe_images",
    "record_steps",
    "record_percentiles",
    "keep_epochs",
    "tensorboard",
];
/// The folder of a run.
const FOLDER: &str = "name";
/// Where the checkpoint lies that a run starts from. What it holds tells runs apart, not where.
const SOURCE: &str = "init_from";

/// A run with the directory that holds it, or is going to.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatedRun {
    /// The run directory.
    pub path: PathBuf,
    /// The configuration: where the run is there already, that of its own `config.toml`.
    pub config: RunConfig,
    /// What was asked for and is not recorded, such as `record_steps = 10`.
    pub unrecorded: Vec<String>,
}

impl RunConfig {
    /// Every key with its value, dotted where it lies in a table.
    pub fn flat(&self) -> Result<BTreeMap<String, Json>> {
        let mut keys = BTreeMap::new();
        for (key, value) in self.to_table()? {
            match serde_json::to_value(value)? {
                Json::Object(inner) => {
                    let dotted = |(name, value)| (format!("{key}.{name}"), value);
                    keys.extend(inner.into_iter().map(dotted));
                }
                value => keys.extend([(key, value)]),
            }
        }
        Ok(keys)
    }

    /// Every key at its default, for this network and method.
    pub(super) fn defaults(&self) -> Result<BTreeMap<String, Json>> {
        let plain = RunConfig {
            model: self.model.descriptor.into(),
            method: self.method.descriptor.into(),
            ..RunConfig::default()
        };
        let mut plain = plain.flat()?;
        plain.insert("method.name".into(), Method::default().name().into());
        Ok(plain)
    }

    /// What a run records of its configuration at its start: every key off its default, but the folder.
    pub fn settings(&self) -> Result<BTreeMap<String, Json>> {
        let plain = self.defaults()?;
        let mut own = self.flat()?;
        own.retain(|key, value| key != FOLDER && plain.get(key) != Some(&*value));
        own.insert("model".into(), self.model.name().into());
        Ok(own)
    }

    /// Every key that decides the result, as a checkpoint has them.
    pub fn described(&self) -> Result<Json> {
        let mut table = self.to_table()?;
        table.retain(|key, _| key != FOLDER && !RECORDING.contains(&key) && key != SOURCE);
        serde_json::to_value(table).context("writing the configuration as JSON")
    }

    /// What decides the result.
    pub(super) fn deciding_keys(&self) -> Result<BTreeMap<String, Json>> {
        let mut own = self.settings()?;
        own.retain(|key, _| !RECORDING.contains(&key.as_str()) && key != SOURCE);
        Ok(own)
    }

    /// First 8 hexadecimal digits of the SHA-256 of the run's identity.
    pub fn hash8(&self) -> Result<String> {
        let text =
            serde_json::to_string(&self.deciding_keys()?).context("hashing the configuration")?;
        Ok(hexadecimal(&Sha256::digest(text)[..4]))
    }

    /// The run directory's name: method, batch size, learning rate, seed and hash.
    pub fn run_name(&self) -> Result<String> {
        Ok(self.readable_name() + &self.hash8()?)
    }

    /// The part of the name that people read.
    fn readable_name(&self) -> String {
        let (method, size) = (self.method.name(), self.batch_size);
        format!("{method}-bs{size}-lr{}-s{}-", self.lr, self.seed)
    }

    /// Finds the run in `folder`, also under the name that an older version gave it, or that it has from other
    /// recording keys.
    pub fn locate(&self, folder: &Path) -> Result<LocatedRun> {
        let own = folder.join(self.run_name()?);
        let found = match self.recorded_in(&own) {
            Some(config) => Some((own.clone(), config)),
            None if own.exists() => None,
            None => self.elsewhere(folder),
        };
        let (path, config) = found.unwrap_or_else(|| (own, self.clone()));
        let (asked, there) = (self.flat()?, config.flat()?);
        let off = [Json::from(0), Json::from(false), Json::Array(Vec::new())];
        let lacks = |key: &str| {
            let value = asked.get(key).filter(|value| !off.contains(value))?;
            (there.get(key) != Some(value)).then(|| format!("{key} = {value}"))
        };
        let unrecorded = RECORDING.into_iter().filter_map(lacks).collect();
        Ok(LocatedRun {
            path,
            config,
            unrecorded,
        })
    }

    /// The run under another name; one that is over counts first.
    fn elsewhere(&self, folder: &Path) -> Option<(PathBuf, RunConfig)> {
        let begin = self.readable_name();
        let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let alike = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&begin));
        let mut paths: Vec<PathBuf> = alike.map(|entry| entry.path()).collect();
        paths.sort_by_key(|path| (!path.join("summary.json").exists(), path.clone()));
        let run = |path: PathBuf| Some((path.clone(), self.recorded_in(&path)?));
        paths.into_iter().find_map(run)
    }

    /// What tables, plans and records call the run, whose method is called `label`.
    pub fn key(&self, label: &str) -> RunKey {
        RunKey {
            group: GroupKey {
                method: self.method.name().to_owned(),
                label: label.to_owned(),
                batch_size: self.batch_size as u64,
                lr: self.lr,
            },
            seed: self.seed,
        }
    }

    /// What is recorded of the run, whose network has so many parameters, besides its results.
    pub fn identity(&self, parameters: u64) -> RunIdentity {
        RunIdentity {
            key: self.key(""),
            dataset: self.dataset.clone(),
            parameters,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> RunConfig {
        RunConfig::from_table(text.parse().unwrap()).unwrap()
    }

    fn write(folder: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        std::fs::write(folder.join(name).join("config.toml"), text).unwrap();
    }

    #[test]
    fn what_is_recorded_and_where_it_is_run_do_not_change_which_run_it_is() {
        let plain = config("");
        let others = "name = \"x\"\nthreads = 2\ndevice = \"cuda\"\nprobe_images = 3\nrecord_steps = 4\n\
                      record_percentiles = 5\nkeep_epochs = [0]\ntensorboard = true";
        assert_eq!(
            config(others).run_name().unwrap(),
            plain.run_name().unwrap()
        );
        for other in [
            "seed = 1",
            "epochs = 9",
            "clip_units = 0.1",
            "method.center_rows = true",
            "width = 0.5",
            "method.name = \"bn\"",
            "model = \"mlp\"",
        ] {
            assert_ne!(
                config(other).hash8().unwrap(),
                plain.hash8().unwrap(),
                "{other}"
            );
        }
    }

    #[test]
    fn a_key_at_its_default_is_no_part_of_the_identity() {
        // A key that comes later is one of these.
        let identity = config("epochs = 3").deciding_keys().unwrap();
        let keys: Vec<&str> = identity.keys().map(String::as_str).collect();
        assert_eq!(keys, ["epochs", "lr", "model"]);
        let stated =
            config("epochs = 3\nmomentum = 0.9\nwidth = 0.25\nmethod = { center_rows = false }");
        assert_eq!(stated.deciding_keys().unwrap(), identity);
    }

    #[test]
    fn a_run_under_an_older_name_is_found_by_its_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let asked = config("name = \"x\"\nepochs = 3\nrecord_steps = 10\nthreads = 2");
        let own = folder.path().join(asked.run_name().unwrap());
        assert_eq!(asked.locate(folder.path()).unwrap().path, own);

        // As an older version wrote it: all keys, also those of other networks, and another name.
        let text = "# Resolved configuration: `normprop train --config` with this file repeats the run.\n\
            name = \"x\"\ndataset = \"fashion-mnist-mini\"\ntrain_subset = 0\ntest_subset = 0\nholdout = 0.0\n\
            data_norm = \"global\"\naugment = \"none\"\nmodel = \"nin\"\nwidth = 0.25\nmlp_widths = [256, 256]\n\
            lstm_hidden = 128\nactivation = \"relu\"\nbatch_size = 50\nepochs = 3\nlr = 0.02\nmomentum = 0.9\n\
            nesterov = false\nweight_decay = 0.0005\ndecay_all = false\nschedule = \"cosine\"\nwarmup_epochs = 0.0\n\
            step_at = [0.5, 0.75]\nstep_factor = 0.1\nclip_norm = 0.0\nseed = 0\nprecision = \"f32\"\n\
            probe_images = 200\nrecord_steps = 0\nrecord_percentiles = 0\ntensorboard = false\n\n[method]\n\
            name = \"normprop\"\njacobian_scale = \"init\"\nconstraint = \"project\"\ncenter_rows = false\n\
            pool = \"plain\"\nnoise_values = 0\ngate_variance = \"quadrature\"\ngate_gain = 2.0\ncell_gain = 1.0\n"
            .replace("lr = 0.02", &format!("lr = {}", asked.lr));
        let old = format!("{}0123abcd", asked.readable_name());
        write(
            folder.path(),
            &format!("{}00000000", asked.readable_name()),
            &text.replace("epochs = 3", "epochs = 4"),
        );
        write(folder.path(), &old, &text);
        let found = asked.locate(folder.path()).unwrap();
        assert_eq!(found.path, folder.path().join(&old));
        assert_eq!(found.config.to_toml().unwrap(), text);
        assert_eq!((found.config.record_steps, found.config.threads), (0, 2));
        assert_eq!(found.unrecorded, ["record_steps = 10"]);

        // Asking for less than is recorded needs no word; a run of its own name comes first.
        let less = config("name = \"x\"\nepochs = 3\nprobe_images = 0");
        assert_eq!(less.locate(folder.path()).unwrap().unrecorded, [""; 0]);
        write(
            folder.path(),
            &asked.run_name().unwrap(),
            &asked.to_toml().unwrap(),
        );
        let found = asked.locate(folder.path()).unwrap();
        assert_eq!((found.path, found.unrecorded.len()), (own, 0));
    }
}
