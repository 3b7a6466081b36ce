//! What a run leaves on disk: its consumers of events, and the readers of run directories.
//!
//! | module | owns |
//! | --- | --- |
//! | [`run_dir`] | one run directory: `config.toml`, starting over |
//! | [`hold`], [`lease`] | a folder for one process at a time, on this machine and across hosts |
//! | [`recorder`] | the [`Observer`](crate::event::Observer) that writes everything, and in which order |
//! | [`row`], [`table`], [`metrics`] | the CSV files: header, rows, torn ends, typed reading |
//! | [`reach`] | up to where the tables lack no row |
//! | [`checkpoint`] | a snapshot as one safetensors file with a checksum |
//! | [`retention`] | which checkpoints there are, which is the latest, which are deleted |
//! | [`meta`], [`machine`] | `meta.json`: versions, machine, sittings |
//! | [`summary`] | `summary.json`, whose presence means that the run is over |
//! | [`run_record`] | all of it read at once |
//! | [`tensorboard`] | the same scalars as a TensorBoard event file |
//! | [`find`] | the run directories under a folder, newest first |
//! | [`files`], [`json`] | the few file operations all of them are made of, JSON files with a version |
//! | [`time`] | UTC time stamps |
//!
//! Nothing here knows of tensors or torch: a [`Snapshot`](crate::event::Snapshot) is plain bytes.

pub mod checkpoint;
pub mod files;
pub mod find;
pub mod hold;
pub mod json;
pub mod lease;
pub mod machine;
pub mod meta;
pub mod metrics;
pub mod reach;
pub mod recorder;
pub mod retention;
pub mod row;
pub mod run_dir;
pub mod run_record;
pub mod summary;
pub mod table;
pub mod tensorboard;
pub mod time;

pub use checkpoint::read as read_checkpoint;
pub use find::{list_runs, runs_by_start};
pub use hold::{Hold, Taken};
pub use metrics::{read_layers, read_metrics};
pub use reach::Owed;
pub use recorder::{Recorder, Settings};
pub use retention::{Found, best_checkpoint, epoch_checkpoints, latest_snapshot};
pub use run_dir::RunDir;
pub use run_record::RunRecord;
pub use summary::{RunIdentity, RunSummary, read_summary};

#[cfg(test)]
mod fake_run;
#[cfg(test)]
mod full_disk_tests;
#[cfg(test)]
mod kill_tests;
