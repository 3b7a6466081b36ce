//! `normprop compare-task`: the runs of one task of a job array, so many at a time.

use anyhow::{Context, Result, bail};
use signal_hook::consts::SIGUSR1;

use super::launch::{Outcome, Report};
use super::local::LocalLauncher;
use super::slurm::Submission;
use super::slurm::client::{self, TaskId};
use crate::cli::TaskArgs;
use crate::engine::device;
use crate::engine::interrupt::Interrupt;
use crate::errln;
use crate::error::Failure;

/// Runs the command.
pub fn run(args: &TaskArgs) -> Result<()> {
    // Slurm signals this process and its children alike; a child must not take the second for an order to drop all.
    let interrupt = Interrupt::listen_patiently()?;
    let jobs = Submission::at(&args.folder).task(args.index)?;
    let launcher = LocalLauncher {
        parallel: args.jobs.into(),
        cores: cores(),
    };
    let (mut left, mut names) = (Vec::new(), Vec::new());
    for (place, job) in jobs.iter().enumerate() {
        let name = format!("[{}/{}] {}", place + 1, jobs.len(), job.title);
        if job.outcome()?.is_some() {
            errln!("{name}: is over");
        } else {
            left.push(job.clone());
            names.push(name);
        }
    }
    let mut over = vec![false; left.len()];
    let mut note = |report: Report| match report {
        Report::Message(_, line) => errln!("{line}"),
        Report::Ended(place, outcome) => over[place] = tell(&names[place], &outcome),
        Report::Started(_) | Report::Progress(..) => {}
    };
    let launched = launcher.run(&left, &interrupt, &mut note);
    if let Some(signal) = interrupt.signal() {
        return stop(signal);
    }
    launched?;
    match over.iter().filter(|over| !**over).count() {
        0 => Ok(()),
        failed => bail!(
            "{failed} of {} runs are not over; the command that submitted them submits them again",
            jobs.len()
        ),
    }
}

/// Says how a run ended; whether it is over.
fn tell(name: &str, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Finished => errln!("{name}: finished"),
        Outcome::Diverged => errln!("{name}: diverged"),
        Outcome::Stopped => {
            errln!("{name}: stopped by a signal; its state is saved");
        }
        Outcome::Failed(reason) => errln!("{name}: failed: {reason}"),
    }
    matches!(outcome, Outcome::Finished | Outcome::Diverged)
}

/// The states are saved. When the task's time is nearly up, it is queued again; when it was canceled, it ends.
fn stop(signal: i32) -> Result<()> {
    if signal != SIGUSR1 {
        return Err(Failure::Interrupted { signal }.into());
    }
    let variable = |name: &str| {
        std::env::var(name).with_context(|| format!("{name} is not set, so this is no task of Slurm that could be queued again; the state is saved"))
    };
    let task = TaskId {
        job: variable("SLURM_ARRAY_JOB_ID")?,
        index: variable("SLURM_ARRAY_TASK_ID")?
            .parse()
            .context("SLURM_ARRAY_TASK_ID is no number")?,
    };
    errln!("normprop: the time is nearly up; the state is saved, and the task is queued again");
    client::requeue(&task)
}

/// The cores that Slurm gave the task; the process may be allowed more than those.
fn cores() -> usize {
    let given = std::env::var("SLURM_CPUS_ON_NODE").ok();
    let given = given.and_then(|text| text.parse::<usize>().ok());
    given.map_or_else(device::cores, |given| given.min(device::cores()))
}
