//! The `normprop` program: parse, run, say once what went wrong, leave with a code that means something.

use std::process::ExitCode;

use normprop::error::Failure;
use normprop::output::lost_its_reader;
use normprop::{commands, errln, panics};

fn main() -> ExitCode {
    let cli = match commands::parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // Printing help into a closed pipe is not a failure.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match panics::caught(|| commands::run(cli)) {
        None => ExitCode::FAILURE,
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) if lost_its_reader(&error) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            errln!("normprop: {error:#}");
            let failure = error.downcast_ref::<Failure>();
            ExitCode::from(failure.map_or(1, Failure::exit_code))
        }
    }
}
