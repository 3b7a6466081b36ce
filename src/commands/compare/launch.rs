//! How prepared runs are brought to their end, wherever that is.

use std::path::PathBuf;

use anyhow::Result;

use crate::engine::interrupt::Interrupt;
use crate::follow::Standing;

/// A run directory that is ready to be started or continued with `normprop train --resume`.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The run directory; it holds the run's configuration.
    pub run_dir: PathBuf,
    /// CPU threads.
    pub threads: usize,
    /// `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// Stop once so many epochs are done and leave the run unfinished; `None` trains it to its end.
    pub until_epoch: Option<u64>,
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
    /// It was started.
    Started(usize),
    /// It is that far.
    Progress(usize, Standing),
    /// It has something to say.
    Message(usize, String),
    /// It ended.
    Ended(usize, Outcome),
}

/// Runs jobs: as child processes here, or on other machines.
pub trait Launcher {
    /// Brings every job to its end and reports on the way; after a signal, starts no more and stops those running.
    ///
    /// Each job that was started is reported as ended exactly once. An error means that jobs cannot be run at all.
    fn run(
        &mut self,
        jobs: &[Job],
        interrupt: &Interrupt,
        report: &mut dyn FnMut(Report),
    ) -> Result<()>;
}
