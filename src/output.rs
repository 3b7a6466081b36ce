//! Writing to stdout and stderr: without a panic when nobody reads any more, with control characters made visible, and
//! wrapped between words.
//!
//! The standard `println!` and `eprintln!` panic when their pipe is closed, as in `normprop data list | head -1`;
//! a training would end with its log's reader. A test keeps them out of the program.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;
use textwrap::{Options, WordSplitter, termwidth};
use thiserror::Error;

use crate::text::{Table, Terminal, shown};

/// A % behind a space at which no line is broken.
const NUMBER_AND_PERCENT: &str = "\u{a0}%";
/// What begins and ends bold text.
const BOLD: [&str; 2] = ["\u{1b}[1m", "\u{1b}[0m"];

/// A result could not be written to stdout.
#[derive(Debug, Error)]
#[error("cannot write to standard output")]
pub struct StdoutError(#[source] io::Error);

/// Whether the error is only that the reader of stdout has left. A pipe that breaks elsewhere is a failure like any
/// other.
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
    let text = shown_or_bold(&text.to_string());
    // Flushed here: what is left in the buffer at the end would be lost without a word.
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    written.map_err(StdoutError)
}

/// What [`errln!`](crate::errln) calls.
pub fn to_stderr(text: Arguments) {
    let _ = io::stderr()
        .lock()
        .write_all(shown(&text.to_string()).as_bytes());
}

/// As [`shown`], but for what makes the headings of tables bold.
fn shown_or_bold(text: &str) -> String {
    let (mut result, mut rest) = (String::with_capacity(text.len()), text);
    let first = |rest: &str| {
        BOLD.iter()
            .filter_map(|style| Some((rest.find(style)?, *style)))
            .min()
    };
    while let Some((place, style)) = first(rest) {
        let (before, behind) = rest.split_at(place);
        result += &shown(before);
        result += style;
        rest = &behind[style.len()..];
    }
    result + &shown(rest)
}

/// The command line as text; what is not UTF-8 in it is replaced.
pub fn arguments() -> Vec<String> {
    let lossy = |argument: std::ffi::OsString| argument.to_string_lossy().into_owned();
    std::env::args_os().map(lossy).collect()
}

/// Prints a JSON document to stdout.
pub fn print_json(document: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(document)?;
    Ok(to_stdout(format_args!("{text}\n"))?)
}

/// Prints tables to stdout, but those without rows.
pub fn print_tables(tables: impl IntoIterator<Item = Table>) -> anyhow::Result<()> {
    let terminal = Terminal::detect();
    for table in tables.into_iter().filter(|table| !table.rows.is_empty()) {
        to_stdout(format_args!("{}\n", table.render(&terminal)))?;
    }
    Ok(())
}

/// Text for stdout: on a terminal its lines are broken between words, and what was broken is indented as it began.
pub fn wrapped(text: &str) -> String {
    if io::stdout().is_terminal() {
        wrapped_to(text, termwidth())
    } else {
        text.to_owned()
    }
}

fn wrapped_to(text: &str, columns: usize) -> String {
    let wrap = |line: &str| {
        let (begin, words) = line.split_at(line.len() - line.trim_start_matches([' ', '-']).len());
        let indent = " ".repeat(begin.len());
        let options = Options::new(columns)
            .initial_indent(begin)
            .subsequent_indent(&indent)
            .break_words(false)
            .word_splitter(WordSplitter::NoHyphenation);
        textwrap::fill(words, options) + "\n"
    };
    // A number and its % stay together.
    let lines = text.replace(" %", NUMBER_AND_PERCENT);
    let wrapped: String = lines.lines().map(wrap).collect();
    wrapped.replace(NUMBER_AND_PERCENT, " %")
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

    #[test]
    fn bold_headings_are_the_only_escape_sequences() {
        let text = "\u{1b}[1mmethod\u{1b}[0m\n\u{1b}[31mred\u{1b}";
        let expected = "\u{1b}[1mmethod\u{1b}[0m\n\\u001b[31mred\\u001b";
        assert_eq!(shown_or_bold(text), expected);
    }

    #[test]
    fn lines_break_between_words_only_and_keep_their_indent() {
        let text = "a heading\n  - one two three four\n  https://example.org/a-long-address\n";
        let expected =
            "a heading\n  - one two\n    three\n    four\n  https://example.org/a-long-address\n";
        assert_eq!(wrapped_to(text, 12), expected);
        assert_eq!(wrapped_to(text, 200), text);
        assert_eq!(
            wrapped_to("an error of 5 % is low\n", 14),
            "an error of\n5 % is low\n"
        );
    }
}
