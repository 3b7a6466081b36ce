//! What `normprop compare` takes, and the command that its job scripts call.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::paths;

/// `normprop compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Experiment file in TOML
    #[arg(value_hint = ValueHint::FilePath, value_parser = paths::to_read())]
    pub file: PathBuf,
    /// Override any key of the file, such as epochs=2 or seeds=3
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Folder that the folder of results is made in
    #[arg(long, value_name = "DIR", default_value = "results", value_hint = ValueHint::DirPath, value_parser = paths::to_write())]
    pub out: PathBuf,
    /// Folder that run directories are made in
    #[arg(long, value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath, value_parser = paths::to_write())]
    pub runs: PathBuf,
    /// Runs at a time; cores are shared out among them [default: the file's, else 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Show the runs and how long they will take, and run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Run nothing: report the finished runs, also while others are still running, and list the missing ones
    #[arg(long, conflicts_with_all = ["dry_run", "overwrite", "wait"])]
    pub collect: bool,
    /// Start every run over, also those that are finished
    #[arg(long)]
    pub overwrite: bool,
    /// Report runs together that were trained on other images than are here; the page then says so
    #[arg(long)]
    pub accept_other_data: bool,
    /// Where and how the runs are run
    #[command(flatten)]
    pub launch: LaunchArgs,
}

/// Where the runs of a comparison are run.
#[derive(Debug, Args)]
#[command(next_help_heading = "On a cluster")]
pub struct LaunchArgs {
    /// Where to run: here, or as job arrays of Slurm
    #[arg(long, value_enum, default_value_t = LaunchPlace::Local)]
    pub launch: LaunchPlace,
    /// Options of sbatch by their long names, as in partition=gpu,time=02:00:00,gres=gpu:1, in one list or several;
    /// array-limit=N: tasks at a time; runs-at-once=N: runs of a task at a time
    #[arg(long, value_name = "K=V,...")]
    pub slurm: Vec<String>,
    /// Put short runs together into tasks of about this many minutes
    #[arg(long, value_name = "M", default_value_t = 10.0)]
    pub minutes_per_job: f64,
    /// Wait until the runs are finished, then report; otherwise the command returns once they are submitted
    #[arg(long)]
    pub wait: bool,
}

/// Where runs are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LaunchPlace {
    /// As child processes on this machine
    Local,
    /// On a cluster, by sbatch
    Slurm,
}

/// `normprop compare-task`.
#[derive(Debug, Args)]
pub struct TaskArgs {
    /// Folder of a submission, as normprop compare makes it
    #[arg(value_hint = ValueHint::DirPath, value_parser = paths::to_read())]
    pub folder: PathBuf,
    /// Which of its tasks, from 0
    pub index: usize,
    /// Runs at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: u16,
}
