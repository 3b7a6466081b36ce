//! Writing to stdout and stderr without a panic when nobody reads any more.
//!
//! The standard `println!` and `eprintln!` panic when their pipe is closed, as in `normprop data list | head -1`;
//! a training would end with its log's reader. A test keeps them out of the program.

use std::fmt::Arguments;
use std::io::{self, Write};

/// Prints to stdout like `print!`; expands to an `io::Result`. A closed pipe, handed up, ends the program quietly.
#[macro_export]
macro_rules! out {
    ($($arg:tt)*) => { $crate::output::to_stdout(format_args!($($arg)*)) };
}

/// Prints a line to stdout like `println!`; expands to an `io::Result`. A closed pipe, handed up, ends the program
/// quietly.
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
pub fn to_stdout(text: Arguments) -> io::Result<()> {
    io::stdout().lock().write_fmt(text)
}

/// What [`errln!`](crate::errln) calls.
pub fn to_stderr(text: Arguments) {
    let _ = io::stderr().lock().write_fmt(text);
}
