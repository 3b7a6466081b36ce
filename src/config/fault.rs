//! A mistake in a configuration. It names its key; where the key stands is for the caller to say.

use std::fmt::Display;

use crate::usage;

/// What is wrong with one key of a configuration.
#[derive(Debug)]
pub struct KeyFault {
    /// The key, dotted where it lies in a table.
    pub key: String,
    /// What is wrong, as a sentence.
    pub what: String,
}

impl KeyFault {
    /// A fault of `key`.
    pub fn new(key: impl Into<String>, what: impl Display) -> KeyFault {
        KeyFault {
            key: key.into(),
            what: what.to_string(),
        }
    }

    /// The fault without a place.
    pub fn into_error(self) -> anyhow::Error {
        usage!("{}", self.what)
    }
}
