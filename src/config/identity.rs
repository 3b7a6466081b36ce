//! Which run a configuration is: its hash, and the name of its run directory.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::RunConfig;
use crate::record::RunIdentity;
use crate::run_key::{GroupKey, RunKey};

impl RunConfig {
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

    /// What tables, plans and records call the run, whose method is called `label`.
    pub fn key(&self, label: &str) -> RunKey {
        RunKey {
            group: GroupKey {
                method: self.method.name.clone(),
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
