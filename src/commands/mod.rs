//! One file a command: resolve, run, report.

pub mod bench;
pub mod compare;
pub mod data;
pub mod doctor;
pub mod eval;
pub mod export;
pub mod generate;
pub mod keys;
pub mod methods;
pub mod report;
mod standalone;
pub mod stats;
pub mod train;
pub mod trained;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches};

use crate::cli::{Cli, Command};
use crate::errln;

/// Reads the command line.
pub fn parse() -> Result<Cli, clap::Error> {
    let matches = stats::with_probes(Cli::command()).try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

/// Runs the command that was asked for.
pub fn run(cli: Cli) -> Result<()> {
    let output = cli.output;
    if output.verbose {
        errln!("{}", doctor::versions());
    }
    match cli.command {
        Command::Train(args) => train::run(&args, output),
        Command::Eval(args) => eval::run(&args, output),
        Command::Export(args) => export::run(&args, output),
        Command::Stats(args) => stats::run(&args, output),
        Command::Compare(args) => compare::run(&args, output),
        Command::CompareTask(args) => compare::task::run(&args),
        Command::Bench(args) => bench::run(&args, output),
        Command::Report(args) => report::run(&args, output),
        Command::Methods(args) => methods::run(&args, output),
        Command::Keys(args) => keys::run(&args, output),
        Command::Data(command) => data::run(&command, output),
        Command::Doctor => doctor::run(output),
        Command::Completions { shell } => generate::completions(shell, output),
        Command::Man => generate::man_page(output),
    }
}
