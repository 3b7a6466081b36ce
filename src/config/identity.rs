//! Which run a configuration is: its hash, and the name of its run directory.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::RunConfig;

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
