//! Waiting for jobs that Slurm runs: the queue says which tasks are alive, the run directories what became of runs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::launch::{Job, Outcome, Report};
use super::client::{self, States, TaskId};
use crate::engine::interrupt::Interrupt;
use crate::errln;
use crate::follow::RunProgress;
use crate::record::read_metrics;

/// Between two looks at first, and at most: a short wait should be short, and a long one be no burden to Slurm.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(20);
/// How often a signal is looked for.
const POLL: Duration = Duration::from_millis(100);
/// A task must be missing from the queue this often: its last files may reach this host after that news.
const LOOKS: u32 = 3;
/// Failures of squeue in a row after which waiting is given up; the tasks go on.
const MOST_FAILURES: u32 = 30;
/// So many last lines of a task's log explain a failure.
const KEPT_LINES: usize = 5;

/// Where a job is in the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuePlace {
    /// The task that does it.
    pub task: TaskId,
    /// Where the task writes.
    pub log: PathBuf,
}

/// A job that is waited for.
struct Waited<'w> {
    index: usize,
    job: &'w Job,
    place: &'w QueuePlace,
    /// How often its task was not in the queue.
    missing: u32,
}

/// Waits until every job is over or its task is gone, or a signal comes, which the tasks are not told.
pub fn watch(
    jobs: &[Job],
    places: &[&QueuePlace],
    interrupt: &Interrupt,
    report: &mut dyn FnMut(Report),
) -> Result<()> {
    let waited = jobs.iter().zip(places).enumerate();
    let mut waited: Vec<Waited> = waited
        .map(|(index, (job, place))| Waited {
            index,
            job,
            place,
            missing: 0,
        })
        .collect();
    let mut ids: Vec<String> = places.iter().map(|place| place.task.job.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let (begun, mut failures) = (Instant::now(), 0);
    while !waited.is_empty() {
        sleep((begun.elapsed() / 10).clamp(SHORTEST, LONGEST), interrupt);
        if interrupt.signal().is_some() {
            errln!(
                "normprop: the tasks go on without us; scancel {} would end them",
                ids.join(" ")
            );
            return Ok(());
        }
        let active = match client::active(&ids) {
            Ok(active) => active,
            Err(error) if failures < MOST_FAILURES => {
                failures += 1;
                errln!("normprop: {error:#}; trying again");
                continue;
            }
            Err(error) => return Err(error),
        };
        failures = 0;
        let mut left = Vec::new();
        for mut one in waited {
            if !look(&mut one, &active, report)? {
                left.push(one);
            }
        }
        waited = left;
    }
    Ok(())
}

fn sleep(duration: Duration, interrupt: &Interrupt) {
    let begun = Instant::now();
    while begun.elapsed() < duration && interrupt.signal().is_none() {
        std::thread::sleep(POLL);
    }
}

/// Looks after one job; returns whether it need not be waited for any more.
fn look(one: &mut Waited, active: &States, report: &mut dyn FnMut(Report)) -> Result<bool> {
    match active.get(&one.place.task).map(String::as_str) {
        // Nothing happens in its run directory.
        Some("PENDING") => {
            one.missing = 0;
            return Ok(false);
        }
        Some(_) => one.missing = 0,
        None => one.missing += 1,
    }
    // A run that pauses is taken up by another task in the next round, which must not find this one in it.
    let may_be_held = one.missing == 0 && one.job.until_epoch.is_some();
    if !may_be_held && let Some(outcome) = one.job.outcome()? {
        report(Report::Ended(one.index, outcome));
        return Ok(true);
    }
    if one.missing >= LOOKS {
        report(Report::Ended(one.index, Outcome::Failed(reason(one.place))));
        return Ok(true);
    }
    if let Some(progress) = progress(one.job) {
        report(Report::Progress(one.index, progress));
    }
    Ok(false)
}

/// How far a run is, by its table; `None` when nothing can be read of it.
fn progress(job: &Job) -> Option<RunProgress> {
    let rows = read_metrics(&job.run_dir).ok()?;
    let last = rows.last()?;
    Some(RunProgress {
        step: last.epoch,
        steps: job.epochs,
        epoch: last.epoch,
        epochs: job.epochs,
        train_error: last.train_error,
    })
}

/// Why a task is gone whose run is not over, as far as anybody knows.
fn reason(place: &QueuePlace) -> String {
    let task = &place.task;
    let state = match client::accounts(&task.job) {
        Some(states) => match states.get(task) {
            Some(state) => format!("Slurm says {state}"),
            None => "Slurm's accounts do not know it".to_owned(),
        },
        None => "Slurm keeps no accounts that would say why".to_owned(),
    };
    let log = std::fs::read_to_string(&place.log).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let last = &lines[lines.len().saturating_sub(KEPT_LINES)..];
    format!(
        "its task {}_{} is gone from the queue before the run was over ({state}); {} ends with:\n{}",
        task.job,
        task.index,
        place.log.display(),
        last.join("\n")
    )
}
