//! A network with its keys, as a configuration names it.

use serde::{Deserialize, Serialize};
use toml::Table;

use super::descriptor::NetworkDescriptor;
use super::{NETWORKS, find};
use crate::error::KeyFault;
use crate::nn::node::NetworkKind;
use crate::options::Options;

/// A network with its keys: made once, when a configuration is read. The key `model` names it; its own keys stand
/// beside that one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Architecture {
    /// What it is.
    pub descriptor: &'static NetworkDescriptor,
    /// Every key.
    pub options: Options,
}

impl Architecture {
    /// The network's name.
    pub fn name(&self) -> &'static str {
        self.descriptor.name
    }

    /// Its kind, which decides what methods serve it.
    pub fn kind(&self) -> NetworkKind {
        (self.descriptor.kind)(&self.options)
    }

    /// The network with these keys. Those of another network may be given at their defaults.
    pub fn with_keys(self, mut given: Table) -> Result<Architecture, KeyFault> {
        let own = self.descriptor;
        for other in NETWORKS.iter().filter(|other| other.name != own.name) {
            for key in other.keys.iter().filter(|key| !own.has_key(key.name)) {
                let value = given.remove(key.name);
                if let Some(value) = value.filter(|value| *value != key.default_value()) {
                    let name = key.name;
                    let what = format!(
                        "{name} = {value}: `{name}` is a key of model = \"{}\"; \"{}\" has {}",
                        other.name,
                        own.name,
                        own.key_names()
                    );
                    return Err(KeyFault::new(name, what));
                }
            }
        }
        let options = own.resolve(&given)?;
        Ok(Architecture { options, ..self })
    }
}

impl From<&'static NetworkDescriptor> for Architecture {
    fn from(descriptor: &'static NetworkDescriptor) -> Architecture {
        Architecture {
            descriptor,
            options: descriptor.default_options(),
        }
    }
}

impl Default for Architecture {
    fn default() -> Architecture {
        NETWORKS[0].into()
    }
}

impl From<Architecture> for String {
    fn from(architecture: Architecture) -> String {
        architecture.name().to_owned()
    }
}

impl TryFrom<String> for Architecture {
    type Error = KeyFault;

    fn try_from(name: String) -> Result<Architecture, KeyFault> {
        let found = find(&name).map_err(|error| KeyFault::new("", error))?;
        Ok(found.into())
    }
}
