//! What is known of a network without building it.

use std::fmt;

use anyhow::Result;

use crate::error::KeyFault;
use crate::moments::Activation;
use crate::nn::node::{NetworkKind, Node};
use crate::options::{OptionSpec, Options};

/// What a network is built for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Task {
    /// Channels of an image.
    pub channels: i64,
    /// Rows of an image.
    pub height: i64,
    /// Pixels of a row.
    pub width: i64,
    /// Logits.
    pub classes: i64,
    /// Activation of the hidden layers, where the network leaves it open.
    pub activation: Activation,
}

/// What is known of a network without building it.
pub struct NetworkDescriptor {
    /// Name in configurations and on the command line.
    pub name: &'static str,
    /// One line on what it is.
    pub summary: &'static str,
    /// Its kind with these keys, which decides what methods serve it.
    pub kind: fn(&Options) -> NetworkKind,
    /// Its keys in a configuration.
    pub keys: &'static [OptionSpec],
    /// Whether its hidden layers have the run's activation.
    pub takes_activation: bool,
    /// Whether it computes in bfloat16.
    pub takes_bf16: bool,
    /// Makes its nodes from its keys.
    pub build: fn(&Options, &Task) -> Result<Vec<Node>>,
}

impl fmt::Debug for NetworkDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for NetworkDescriptor {
    fn eq(&self, other: &NetworkDescriptor) -> bool {
        self.name == other.name
    }
}

impl NetworkDescriptor {
    /// Whether it has a key of this name.
    pub fn has_key(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }

    /// The keys given, checked, and the defaults of the others.
    pub fn resolve(&self, given: &toml::Table) -> Result<Options, KeyFault> {
        Options::resolve(self.owner(), "", self.keys, given)
    }

    /// Every key at its default.
    pub fn default_options(&self) -> Options {
        Options::defaults(self.owner(), self.keys)
    }

    fn owner(&self) -> String {
        format!("model `{}`", self.name)
    }

    /// Its keys, for messages: "width" or "`a` or `b`".
    pub fn key_names(&self) -> String {
        let names: Vec<&str> = self.keys.iter().map(|key| key.name).collect();
        names.join(" or ")
    }
}
