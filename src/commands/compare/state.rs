//! What a run directory holds already, and mending one whose tables lost their end.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::config::RunConfig;
use crate::engine::setup;
use crate::event::{EpochRow, Status};
use crate::record::files::read_text_if_there;
use crate::record::reach::Reach;
use crate::record::row::Row;
use crate::record::{Owed, RunRecord, latest_snapshot, retention, summary};
use crate::{errln, usage};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing is there, or only the configuration of a run that was never started.
    New,
    /// Begun.
    Unfinished,
    /// Every epoch was done.
    Finished,
    /// The loss stopped being a finite number.
    Diverged,
}

impl State {
    /// Whether there is nothing left to do.
    pub fn is_over(self) -> bool {
        matches!(self, State::Finished | State::Diverged)
    }
}

/// The table that lost rows of a finished run, and the last epoch before the loss; `None` when not even the epoch
/// before training is left.
pub type TableLoss = (&'static str, Option<u64>);

/// Reads a run directory, which may be absent, and tells how far its run is. A finished run of which a table lost rows
/// goes on from before the loss, once that is [mended](mend).
pub fn inspect(
    run_dir: &Path,
    config: &RunConfig,
) -> Result<(State, RunRecord, Option<TableLoss>)> {
    let Some(text) = read_text_if_there(&run_dir.join("config.toml"))? else {
        return Ok((State::New, RunRecord::default(), None));
    };
    if text != config.to_toml()? {
        // Says so where it was changed since the run was started.
        RunConfig::of_run(run_dir, &[])?;
        return Err(usage!(
            "{} holds a run of another configuration: delete it to start this run over, or choose another folder with --runs",
            run_dir.display()
        ));
    }
    let mut record = RunRecord::read(run_dir)?;
    let begun = record.meta.is_some() || !record.epochs.is_empty();
    let state = match &record.summary {
        // A comparison writes every run's configuration before it starts the first.
        None if !begun => State::New,
        None => State::Unfinished,
        Some(summary) => {
            // Steps are not read here: nothing of a comparison is made of them.
            let owed = Owed {
                steps_every: 0,
                ..setup::owed(config)?
            };
            if let Some((file, whole)) = loss(&record, &owed, summary.epochs) {
                let lost = whole.map_or("all its rows".to_owned(), |epoch| {
                    format!("its rows after epoch {epoch}")
                });
                errln!(
                    "normprop: {} lost {lost}; these epochs are to be computed again",
                    run_dir.join(file).display()
                );
                record.summary = None;
                record.epochs.retain(|row| Some(row.epoch) <= whole);
                return Ok((State::Unfinished, record, Some((file, whole))));
            }
            summary.check_tables(run_dir, &record.epochs)?;
            match summary.status {
                Status::Diverged => State::Diverged,
                _ => State::Finished,
            }
        }
    };
    Ok((state, record, None))
}

/// What a table of a run of so many epochs lost.
fn loss(record: &RunRecord, owed: &Owed, epochs: u64) -> Option<TableLoss> {
    let rows = &record.epochs;
    let reach = Reach::of(owed, rows, &record.layers, &[], &record.percentiles);
    let mut numbered = rows.iter().enumerate();
    let broken = numbered.find_map(|(index, row)| Some((reach.lacking_at(row)?, index)));
    let is_short = rows.last().is_none_or(|row| row.epoch < epochs);
    let end = || is_short.then_some((EpochRow::FILE_NAME, rows.len()));
    let (file, index) = broken.or_else(end)?;
    let before = index.checked_sub(1).and_then(|last| rows.get(last));
    Some((file, before.map(|row| row.epoch)))
}

/// Makes a finished run of which a table lost its end one that goes on from before the loss, so that the lost epochs
/// are computed again: they come out the same.
pub fn mend(run_dir: &Path, (_, whole): TableLoss) -> Result<()> {
    let remove = |path: &Path| {
        std::fs::remove_file(path).with_context(|| format!("cannot delete {}", path.display()))
    };
    remove(&run_dir.join(summary::FILE_NAME))?;
    // What it names is about to go; without it the newest checkpoint left counts.
    let latest = run_dir.join(retention::LATEST);
    if latest.is_file() {
        remove(&latest)?;
    }
    while let Some((snapshot, file)) = latest_snapshot(run_dir)?.snapshot {
        if Some(snapshot.position.epoch) <= whole {
            return Ok(());
        }
        remove(&file)?;
    }
    Ok(())
}
