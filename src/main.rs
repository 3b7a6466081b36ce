//! The `normprop` program: parse, run, say once what went wrong, leave with a code that means something.

use std::process::ExitCode;

use clap::Parser;
use normprop::cli::Cli;
use normprop::commands;
use normprop::errln;
use normprop::error::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // Printing help into a closed pipe is not a failure.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            errln!("normprop: {error:#}");
            let failure = error.downcast_ref::<Failure>();
            ExitCode::from(failure.map_or(1, Failure::exit_code))
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
