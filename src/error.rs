//! What went wrong, as far as the exit code is concerned.
//!
//! Everything else travels as `anyhow::Error` with a chain of contexts; `main` prints the chain once.

use std::fmt;
use std::io::{self, ErrorKind};

use thiserror::Error;

/// A failure with an exit code of its own; every other error leaves the program with code 1.
#[derive(Debug, Error)]
pub enum Failure {
    /// The command line or a configuration file asks for something that cannot be: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The loss stopped being a finite number; the run's record is complete: exit code 3.
    #[error("{0}")]
    Diverged(String),
    /// A signal stopped the run after its state was saved: exit code 128 + signal.
    #[error("stopped by {}; the state is saved, the same command continues", signal_name(*.signal))]
    Interrupted {
        /// The signal's number.
        signal: i32,
    },
}

impl Failure {
    /// The process exit code that stands for this failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Diverged(_) => 3,
            Failure::Interrupted { signal } => 128_u8.saturating_add(*signal as u8),
        }
    }
}

/// The exit code of an error that reached `main`.
///
/// A file that would be longer than the system's limit ends the program with the code of SIGXFSZ. That signal itself is
/// ignored: it would leave no time to say which file.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.exit_code();
    }
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    match causes.any(|cause: &io::Error| cause.kind() == ErrorKind::FileTooLarge) {
        true => 128 + libc::SIGXFSZ as u8,
        false => 1,
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => "SIGHUP (the terminal is gone)",
        2 => "Ctrl-C",
        10 => "SIGUSR1",
        12 => "SIGUSR2",
        15 => "SIGTERM",
        24 => "SIGXCPU (the limit of processor time)",
        _ => "a signal",
    }
}

/// Builds an `anyhow::Error` for a mistake in what the user asked for.
#[macro_export]
macro_rules! usage {
    ($($arg:tt)*) => { anyhow::Error::from($crate::error::Failure::Usage(format!($($arg)*))) };
}

/// What is wrong with one key of a configuration. Where the key stands is for the caller to say.
#[derive(Debug)]
pub struct KeyFault {
    /// The key, dotted where it lies in a table.
    pub key: String,
    /// What is wrong, as a sentence.
    pub what: String,
}

/// Between key and sentence where serde carries a fault as its text.
const BETWEEN: char = '\u{1f}';

impl KeyFault {
    /// A fault of `key`.
    pub fn new(key: impl Into<String>, what: impl fmt::Display) -> KeyFault {
        let (key, what) = (key.into(), what.to_string());
        KeyFault { key, what }
    }

    /// A fault of `key`, unless something `holds`.
    pub fn unless(
        holds: bool,
        key: impl Into<String>,
        what: impl fmt::Display,
    ) -> Result<(), KeyFault> {
        match holds {
            true => Ok(()),
            false => Err(KeyFault::new(key, what)),
        }
    }

    /// The fault whose key lies in the table at `path`.
    pub fn below(self, path: &str) -> KeyFault {
        KeyFault::new(joined(path, &[&self.key]), self.what)
    }

    /// The fault that serde carried.
    pub fn carried(message: &str) -> Option<KeyFault> {
        let (key, what) = message.split_once(BETWEEN)?;
        Some(KeyFault::new(key, what))
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}{BETWEEN}{}", self.key, self.what)
    }
}

impl From<KeyFault> for anyhow::Error {
    fn from(fault: KeyFault) -> anyhow::Error {
        usage!("{}", fault.what)
    }
}

/// A dotted path below another one.
pub fn joined(path: &str, names: &[&str]) -> String {
    let parts = std::iter::once(path).chain(names.iter().copied());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(".")
}

/// The known name nearest to `given`, where one is near.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &str| strsim::damerau_levenshtein(given, name);
    let nearest = known.into_iter().min_by_key(|name| distance(name))?;
    (distance(nearest) <= 1 + given.chars().count() / 3).then_some(nearest)
}

/// The known name nearest to `given`, phrased as a suggestion, or the whole list when none is near.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(given, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_listed() {
        let known = ["normprop", "bn", "none"];
        assert_eq!(did_you_mean("normpropp", known), "did you mean `normprop`?");
        assert_eq!(did_you_mean("zzzzzzzz", known), "known: normprop, bn, none");
    }

    #[test]
    fn exit_codes_follow_the_convention() {
        assert_eq!(Failure::Usage(String::new()).exit_code(), 2);
        assert_eq!(Failure::Diverged(String::new()).exit_code(), 3);
        assert_eq!(Failure::Interrupted { signal: 15 }.exit_code(), 143);
    }
}
