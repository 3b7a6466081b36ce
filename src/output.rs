//! Writing to stdout and stderr without a panic when nobody reads any more.
//!
//! The standard `println!` and `eprintln!` panic when their pipe is closed, as in `normprop data list | head -1`;
//! a training would end with its log's reader. A test keeps them out of the program.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

use thiserror::Error;

/// A result could not be written to stdout.
#[derive(Debug, Error)]
#[error("cannot write to standard output")]
pub struct StdoutError(#[source] io::Error);

/// Whether all that went wrong is that whoever read stdout has left. A pipe that breaks elsewhere is a failure like
/// any other.
pub fn lost_its_reader(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<StdoutError>());
    causes.any(|error| error.0.kind() == ErrorKind::BrokenPipe)
}

/// Prints to stdout like `print!`; expands to a `Result`. A closed pipe, handed up, ends the program quietly.
#[macro_export]
macro_rules! out {
    ($($arg:tt)*) => { $crate::output::to_stdout(format_args!($($arg)*)) };
}

/// Prints a line to stdout like `println!`; expands to a `Result`. A closed pipe, handed up, ends the program quietly.
#[macro_export]
macro_rules! outln {
    ($($arg:tt)*) => { $crate::output::to_stdout(format_args!("{}\n", format_args!($($arg)*))) };
}

/// Prints a line to stderr like `eprintln!`; what cannot be written there is dropped, and the work goes on.
#[macro_export]
macro_rules! errln {
    ($($arg:tt)*) => { $crate::output::to_stderr(format_args!("{}\n", format_args!($($arg)*))) };
}

/// What [`out!`](crate::out) and [`outln!`](crate::outln) call.
pub fn to_stdout(text: Arguments) -> Result<(), StdoutError> {
    let mut stdout = io::stdout().lock();
    // Flushed here: what is left in the buffer at the end would be lost without a word.
    let written = stdout.write_fmt(text).and_then(|()| stdout.flush());
    written.map_err(StdoutError)
}

/// What [`errln!`](crate::errln) calls.
pub fn to_stderr(text: Arguments) {
    let _ = io::stderr().lock().write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn only_a_closed_stdout_is_no_failure() {
        let broken = || io::Error::from(ErrorKind::BrokenPipe);
        let closed = Err::<(), _>(StdoutError(broken())).context("showing the table");
        assert!(lost_its_reader(&closed.unwrap_err()));
        let elsewhere = Err::<(), _>(broken()).context("downloading");
        assert!(!lost_its_reader(&elsewhere.unwrap_err()));
        let full = StdoutError(ErrorKind::StorageFull.into());
        assert!(!lost_its_reader(&full.into()));
    }
}
