//! `normprop stats`: what goes on inside a network, as figures, tests and pictures.

mod gaussianity;
mod output;
mod subject;
mod wording;

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::{OutputArgs, StatsArgs};
use crate::engine::device;
use crate::usage;
use output::Output;
use subject::Subject;

/// Folder of the results, inside the run directory or, without one, where the program was started.
const FOLDER: &str = "stats";

/// Runs the command.
pub fn run(args: &StatsArgs, switches: OutputArgs) -> Result<()> {
    check(args)?;
    let subject = Subject::find(args.runs.first().map(PathBuf::as_path), args)?;
    device::set_threads(&subject.config);
    let mut output = Output::new(folder(args, &subject), switches)?;
    output.say(&subject.headline());
    gaussianity::run(&subject, args, &mut output)?;
    output.finish()
}

fn folder(args: &StatsArgs, subject: &Subject) -> PathBuf {
    let own = subject.folder.as_ref().map(|run| run.join(FOLDER));
    args.out
        .clone()
        .unwrap_or_else(|| own.unwrap_or_else(|| PathBuf::from(FOLDER)))
}

fn check(args: &StatsArgs) -> Result<()> {
    if args.samples == 0 {
        return Err(usage!("--samples 0: at least one value is needed"));
    }
    if args.bins == Some(0) || args.bins.is_some_and(|bins| bins > 10_000) {
        return Err(usage!("--bins: between 1 and 10000"));
    }
    if args.runs.len() > 1 {
        return Err(usage!("this looks at one run at a time; {} were given", args.runs.len()));
    }
    Ok(())
}
