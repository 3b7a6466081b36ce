//! `normprop stats`: what goes on inside a network, as figures, tests and pictures.

mod anew;
mod covariance;
mod evolution;
mod gaussianity;
mod jacobian;
mod landscape;
mod modes;
mod output;
mod panels;
mod subject;
mod through;
mod wording;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::{OutputArgs, StatsArgs};
use crate::engine::device;
use crate::usage;
use output::Output;
use subject::{Subject, named_runs};

/// Folder of the results, inside the run directory or, without one, where the program was started.
const FOLDER: &str = "stats";

/// Runs the command: the probes that were asked for, or the question of Gaussianity.
pub fn run(args: &StatsArgs, switches: OutputArgs) -> Result<()> {
    check(args)?;
    if args.checkpoint == "all" {
        return all_checkpoints(args, switches);
    }
    let others = args.evolution || args.landscape || args.modes;
    let looks_at_one = args.covariance || args.jacobian || !others;
    if looks_at_one && args.runs.len() > 1 {
        return Err(usage!(
            "{} runs were given; only --evolution, --landscape, --modes and --checkpoint all lay several side by side",
            args.runs.len()
        ));
    }
    let subject = match looks_at_one {
        true => Some(Subject::find(
            args.runs.first().map(PathBuf::as_path),
            args,
        )?),
        false => None,
    };
    let runs = if others {
        named_runs(args)?
    } else {
        Vec::new()
    };
    let place = subject
        .as_ref()
        .and_then(|subject| subject.folder.as_deref());
    let place = place.or(runs.first().map(PathBuf::as_path));
    let mut output = Output::new(folder(args, place), switches)?;
    if let Some(subject) = &subject {
        look_at_one(subject, args, &mut output, others)?;
    }
    if args.evolution {
        evolution::run(&runs, args, &mut output)?;
    }
    if args.landscape {
        landscape::run(&runs, args, &mut output)?;
    }
    if args.modes {
        modes::run(&runs, args, &mut output)?;
    }
    output.finish()
}

fn look_at_one(
    subject: &Subject,
    args: &StatsArgs,
    output: &mut Output,
    others: bool,
) -> Result<()> {
    device::set_threads(&subject.config);
    output.say(&subject.headline());
    if args.covariance {
        covariance::run(subject, args, output)?;
    }
    if args.jacobian {
        jacobian::run(subject, args, output)?;
    }
    if !(args.covariance || args.jacobian || others) {
        gaussianity::run(subject, args, output)?;
    }
    Ok(())
}

/// The probes that follow runs from checkpoint to checkpoint.
fn all_checkpoints(args: &StatsArgs, switches: OutputArgs) -> Result<()> {
    let elsewhere = [
        ("--evolution", args.evolution),
        ("--jacobian", args.jacobian),
        ("--landscape", args.landscape),
        ("--modes", args.modes),
    ];
    if let Some((flag, _)) = elsewhere.iter().find(|(_, given)| *given) {
        return Err(usage!(
            "--checkpoint all serves the question of Gaussianity and --covariance, not {flag}"
        ));
    }
    let runs = named_runs(args)?;
    let mut output = Output::new(folder(args, runs.first().map(PathBuf::as_path)), switches)?;
    if args.covariance {
        through::covariance::run(&runs, args, &mut output)?;
    } else {
        through::gaussianity::run(&runs, args, &mut output)?;
    }
    output.finish()
}

fn folder(args: &StatsArgs, run: Option<&Path>) -> PathBuf {
    let own = run.map_or_else(|| PathBuf::from(FOLDER), |run| run.join(FOLDER));
    args.out.clone().unwrap_or(own)
}

fn check(args: &StatsArgs) -> Result<()> {
    let at_least_one = [
        ("--samples", args.samples as u64, "value"),
        ("--images", args.images as u64, "image"),
        ("--steps", args.steps, "step"),
        ("--every", args.every, "step"),
    ];
    for (flag, given, what) in at_least_one {
        if given == 0 {
            return Err(usage!("{flag} 0: at least one {what} is needed"));
        }
    }
    if let Some(bins) = args.bins.filter(|bins| !(1..=10_000).contains(bins)) {
        return Err(usage!("--bins {bins}: between 1 and 10000"));
    }
    if let Some(multiple) = args
        .multiples
        .iter()
        .find(|multiple| !(multiple.is_finite() && **multiple > 0.0))
    {
        return Err(usage!(
            "--multiples {multiple}: multiples of the learning rate are positive numbers"
        ));
    }
    Ok(())
}
