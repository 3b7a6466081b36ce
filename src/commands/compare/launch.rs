//! How runs are brought to their end, wherever that is.

use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::event::{EpochRow, Status};
use crate::follow::RunProgress;
use crate::record::row::Row;
use crate::record::{read_metrics, read_summary};

/// A run to be started, or continued where its run directory says it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The run in a few words.
    pub title: String,
    /// The run directory.
    pub run_dir: PathBuf,
    /// What is in the run directory's `config.toml`, or will be.
    pub config: String,
    /// CPU threads; `None` for a share of the cores where it is run.
    pub threads: Option<usize>,
    /// `cpu`, `cuda` or `cuda:N`; `None` for that of the run's last sitting, else the CPU.
    #[serde(default)]
    pub device: Option<String>,
    /// Epochs in all.
    pub epochs: u64,
    /// Seconds it will take, where that is known.
    pub estimate_s: Option<f64>,
    /// Stop once so many epochs are done and leave the run unfinished; `None` trains it to its end.
    pub until_epoch: Option<u64>,
}

impl Job {
    /// How it ended, by its run directory; `None` when there is still something to do.
    pub fn outcome(&self) -> Result<Option<Outcome>> {
        if let Some(summary) = read_summary(&self.run_dir) {
            return Ok(Some(match summary.status {
                Status::Diverged => Outcome::Diverged,
                _ => Outcome::Finished,
            }));
        }
        let begun = self.run_dir.join(EpochRow::FILE_NAME).is_file();
        let Some(until) = self.until_epoch.filter(|_| begun) else {
            return Ok(None);
        };
        let rows = read_metrics(&self.run_dir)?;
        let reached = rows.last().is_some_and(|row| row.epoch >= until);
        Ok(reached.then_some(Outcome::Finished))
    }
}

/// How a job ended. What its run directory says counts; this says why it may say nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Every epoch that was asked for was done.
    Finished,
    /// The loss stopped being a finite number.
    Diverged,
    /// A signal stopped it; the same command continues it.
    Stopped,
    /// It could not be done, for this reason.
    Failed(String),
}

/// What happened to the job with this place in the list.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// It was started here.
    Started(usize),
    /// It is that far.
    Progress(usize, RunProgress),
    /// It has something to say.
    Message(usize, String),
    /// It ended.
    Ended(usize, Outcome),
}

/// Jobs that were handed to a scheduler. Not a failure, though it ends the command as one does: whatever comes next
/// needs the results of these jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Error)]
#[error("{} runs are with Slurm", .runs_submitted + .runs_queued)]
pub struct Submitted {
    /// The job array that was submitted; `None` when every job was in the queue already.
    pub job_id: Option<String>,
    /// Its tasks.
    pub tasks: usize,
    /// The runs in it.
    pub runs_submitted: usize,
    /// Runs that earlier arrays, still in the queue, will do.
    pub runs_queued: usize,
    /// The script that was submitted.
    pub script: Option<PathBuf>,
}
