//! From a file and overrides to a configuration that is checked and complete.

use std::path::Path;

use anyhow::Result;
use toml::{Table, Value};

use super::overrides::Assignment;
use super::source::Source;
use super::{Initialization, RunConfig, check, init_from, optimizer_keys};
use crate::data::{OwnData, catalogue};
use crate::error::KeyFault;
use crate::record::files::read_text;
use crate::usage;

impl RunConfig {
    /// Reads `file` (or nothing), applies overrides in order, and resolves. An error names the line of the file, or
    /// the flag, that the value came from.
    pub fn load(file: Option<&Path>, assignments: &[Assignment]) -> Result<RunConfig> {
        let (text, origin) = match file {
            None => (String::new(), String::new()),
            Some(path) => {
                let origin = path.display().to_string();
                let unreadable = |error| usage!("cannot read configuration {origin}: {error}");
                (read_text(path).map_err(unreadable)?, origin)
            }
        };
        let (source, table) = Source::parse(&text, &origin, assignments)?;
        RunConfig::build(&table).map_err(|fault| source.refuse(fault))
    }

    /// Builds and resolves a configuration from a table.
    pub fn from_table(table: Table) -> Result<RunConfig> {
        Ok(RunConfig::build(&table)?)
    }

    /// [`RunConfig::from_table`], with an error that names the key and leaves its place to the caller.
    pub(super) fn build(table: &Table) -> Result<RunConfig, KeyFault> {
        let (mut config, network_keys) = check::read(table, "")?;
        config.model = config.model.with_keys(network_keys)?;
        let at = |key: &'static str| move |error: anyhow::Error| KeyFault::new(key, error);
        if OwnData::named(&config.dataset)
            .map_err(at("dataset"))?
            .is_none()
        {
            let dataset = catalogue::find(&config.dataset).map_err(at("dataset"))?;
            config.dataset = dataset.name.to_owned();
        }
        optimizer_keys::settle(&mut config, table);
        check::values(&config)?;
        let (method, network) = (config.method.descriptor, config.model.kind());
        method.check_network(network).map_err(at("method.name"))?;
        method
            .check_batch_size(config.batch_size, !network.is_convolutional())
            .map_err(at("batch_size"))?;
        if config.init == Initialization::Lsuv {
            method.check_scalable(network).map_err(at("init"))?;
        }
        if !method.defaults_by_network.is_empty() {
            let given = table.get("method").and_then(Value::as_table);
            let mut options = given.cloned().unwrap_or_default();
            options.remove("name");
            config.method.options = method.resolve_for(network, &options)?;
        }
        if config.lr == 0.0 {
            config.lr = optimizer_keys::default_learning_rate(&config);
        }
        init_from::settle(&mut config)?;
        Ok(config)
    }
}
