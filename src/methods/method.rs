//! A method with its options, as a configuration names it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::descriptor::Descriptor;
use super::{DEFAULT, find};
use crate::error::KeyFault;
use crate::options::Options;

/// A method with its options: made once, when a configuration is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "MethodTable", into = "MethodTable")]
pub struct Method {
    /// What it is.
    pub descriptor: &'static Descriptor,
    /// Every option.
    pub options: Options,
}

/// A method as it is written.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct MethodTable {
    /// Method, see `normprop methods`.
    #[schemars(length(max = 100))]
    name: String,
    #[serde(flatten)]
    #[schemars(skip)]
    options: Table,
}

impl Method {
    /// The method's name.
    pub fn name(&self) -> &'static str {
        self.descriptor.name
    }
}

impl Default for Method {
    fn default() -> Method {
        DEFAULT.into()
    }
}

impl From<&'static Descriptor> for Method {
    fn from(descriptor: &'static Descriptor) -> Method {
        Method {
            descriptor,
            options: descriptor.default_options(),
        }
    }
}

impl Default for MethodTable {
    fn default() -> MethodTable {
        MethodTable {
            name: DEFAULT.name.to_owned(),
            options: Table::new(),
        }
    }
}

impl From<Method> for MethodTable {
    fn from(method: Method) -> MethodTable {
        MethodTable {
            name: method.name().to_owned(),
            options: method.options.to_table(),
        }
    }
}

impl TryFrom<MethodTable> for Method {
    type Error = KeyFault;

    fn try_from(table: MethodTable) -> Result<Method, KeyFault> {
        let descriptor = find(&table.name).map_err(|error| KeyFault::new("name", error))?;
        let options = descriptor.resolve(&table.options)?;
        Ok(Method {
            descriptor,
            options,
        })
    }
}
