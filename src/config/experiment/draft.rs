//! The configuration of one run as it is put together, with the place that each key comes from.

use anyhow::Result;
use toml::{Table, Value};

use crate::config::RunConfig;
use crate::config::check;
use crate::config::overrides;
use crate::error::{KeyFault, joined};

/// Keys with their values. What is put later replaces what was put before.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    table: Table,
    /// Keys with the path in the experiment's file that they come from.
    origins: Vec<(String, String)>,
}

impl Draft {
    /// Sets a key, dotted where it lies in a table, to a value that stands at `path`.
    pub fn put(
        &mut self,
        key: &str,
        value: impl Into<Value>,
        path: impl Into<String>,
    ) -> Result<()> {
        self.origins.push((key.to_owned(), path.into()));
        overrides::put(&mut self.table, key, value.into(), key)
    }

    /// Sets every key of a table that stands at `path`; in the run they lie in `table`, or at the top where that is
    /// empty.
    pub fn put_all(&mut self, table: &str, keys: &Table, path: &str) -> Result<()> {
        let mut keys = keys.iter();
        keys.try_for_each(|(key, value)| {
            self.put(&joined(table, &[key]), value.clone(), joined(path, &[key]))
        })
    }

    /// The configuration. A fault names the path that its key comes from.
    pub fn build(self) -> Result<RunConfig, KeyFault> {
        let built = RunConfig::build(&self.table)
            .and_then(|config| check::images(&config).map(|()| config));
        built.map_err(|fault| {
            let holds = |key: &str| fault.key == key || fault.key.starts_with(&format!("{key}."));
            let last = self.origins.iter().rev().find(|(key, _)| holds(key));
            let key = last.map_or(fault.key.clone(), |(_, path)| path.clone());
            KeyFault { key, ..fault }
        })
    }
}
