//! From a file and overrides to a configuration that is checked and complete.

use std::path::Path;

use anyhow::Result;
use toml::{Table, Value};

use super::check;
use super::fault::KeyFault;
use super::overrides::{self, Assignment};
use super::source::Source;
use super::{MethodConfig, RunConfig, schema, typed};
use crate::data::catalogue;
use crate::methods;
use crate::nn::networks;
use crate::nn::node::NetworkKind;
use crate::record::files::read_text;
use crate::usage;

impl RunConfig {
    /// Reads `file` (or nothing), applies overrides in order, and resolves. An error names the line of the file, or
    /// the flag, that the value came from.
    pub fn load(file: Option<&Path>, assignments: &[Assignment]) -> Result<RunConfig> {
        let (mut source, mut table) = match file {
            None => (Source::default(), Table::new()),
            Some(path) => {
                let text = read_text(path).map_err(|error| {
                    usage!("cannot read configuration {}: {error}", path.display())
                })?;
                Source::parse(&text, &path.display().to_string())?
            }
        };
        let known: Vec<&str> = schema::run_keys().collect();
        overrides::apply(&mut table, assignments, &known)?;
        source.set_aside(assignments);
        RunConfig::build(table).map_err(|fault| source.refuse(&fault.key, &fault.what))
    }

    /// Builds and resolves a configuration from a table.
    pub fn from_table(table: Table) -> Result<RunConfig> {
        RunConfig::build(table).map_err(KeyFault::into_error)
    }

    /// Checks every value, fills in the method's options and the default learning rate.
    pub fn resolve(self) -> Result<RunConfig> {
        self.completed().map_err(KeyFault::into_error)
    }

    /// [`RunConfig::from_table`], with an error that names the key and leaves its place to the caller.
    pub(super) fn build(mut table: Table) -> Result<RunConfig, KeyFault> {
        check::keys(&table, "")?;
        let model = table.get("model").and_then(Value::as_str);
        let model = model.map_or(RunConfig::default().model, str::to_owned);
        let network = networks::find(&model).map_err(|error| KeyFault::new("model", error))?;
        let network_keys = check::take_network_keys(&mut table, network)?;
        let config: RunConfig = typed::read(&table, "")?;
        RunConfig {
            network_keys,
            ..config
        }
        .completed()
    }

    fn completed(mut self) -> Result<RunConfig, KeyFault> {
        let at = |key: &'static str| move |error: anyhow::Error| KeyFault::new(key, error);
        let dataset = catalogue::find(&self.dataset).map_err(at("dataset"))?;
        self.dataset = dataset.name.to_owned();
        let method = methods::find(&self.method.name).map_err(at("method.name"))?;
        self.method.name = method.name.into();
        self.method.options = complete_options(method, &self.method)?;
        check::values(&self)?;
        let network = self.network().map_err(at("model"))?.0.kind;
        method.check_network(network).map_err(at("method.name"))?;
        method
            .check_batch_size(self.batch_size, network != NetworkKind::Convolutional)
            .map_err(at("batch_size"))?;
        if self.lr == 0.0 {
            self.lr = method.default_learning_rate(self.batch_size, network);
        }
        Ok(self)
    }
}

/// Every option of the method: those given, one by one so that a wrong one is named, and the defaults.
fn complete_options(
    method: &'static methods::Descriptor,
    given: &MethodConfig,
) -> Result<Table, KeyFault> {
    for (key, value) in &given.options {
        let single = Table::from_iter([(key.clone(), value.clone())]);
        method
            .resolve(&single)
            .map_err(|error| KeyFault::new(format!("method.{key}"), error))?;
    }
    method
        .resolve(&given.options)
        .map(|options| options.to_table())
        .map_err(|error| KeyFault::new("method", error))
}
