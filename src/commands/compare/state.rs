//! What a run directory holds already, and mending one whose tables lost their end.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::config::RunConfig;
use crate::data::catalogue;
use crate::engine::setup;
use crate::event::{EpochRow, LayerRow, PercentileRow, Status};
use crate::record::files::read_text_if_there;
use crate::record::row::Row;
use crate::record::{RunRecord, latest_snapshot, retention, summary};
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

/// Reads a run directory, which may be absent, and tells how far its run is.
pub fn inspect(run_dir: &Path, config: &RunConfig) -> Result<(State, RunRecord)> {
    let Some(text) = read_text_if_there(&run_dir.join("config.toml"))? else {
        return Ok((State::New, RunRecord::default()));
    };
    if text != config.to_toml()? {
        // Says so where it was changed since the run was started.
        RunConfig::of_run(run_dir, &[])?;
        return Err(usage!(
            "{} holds a run of another configuration: delete it to start this run anew, or choose another folder with --runs",
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
            let reaches = reaches(config, &record)?;
            let shortest = reaches.into_iter().min_by_key(|(_, epoch)| *epoch);
            if let Some((file, whole)) = shortest
                && whole < Some(summary.epochs)
            {
                mend(run_dir, file, whole)?;
                record.summary = None;
                record.epochs.retain(|row| Some(row.epoch) <= whole);
                return Ok((State::Unfinished, record));
            }
            match summary.status {
                Status::Diverged => State::Diverged,
                _ => State::Finished,
            }
        }
    };
    Ok((state, record))
}

/// The tables that the configuration asks for, each with the last epoch up to which it is whole; `None` when not even
/// the epoch before training is.
fn reaches(config: &RunConfig, record: &RunRecord) -> Result<Vec<(&'static str, Option<u64>)>> {
    let rows = &record.epochs;
    let mut reaches = vec![(EpochRow::FILE_NAME, rows.last().map(|row| row.epoch))];
    let dataset = catalogue::find(&config.dataset)?;
    let nodes = setup::nodes(config, dataset.shape, dataset.classes.len())?;
    let hidden_layers = nodes.iter().any(|node| !node.is_last());
    if config.probe_images == 0 || !hidden_layers {
        return Ok(reaches);
    }
    reaches.push((LayerRow::FILE_NAME, layers_reach(rows, &record.layers)));
    if config.record_percentiles > 0 {
        let last = record.percentiles.last().map(|row| row.step);
        let whole = percentiles_reach(rows, last, config.record_percentiles);
        reaches.push((PercentileRow::FILE_NAME, whole));
    }
    Ok(reaches)
}

/// Every epoch has as many rows as the one before training; one that diverged need not have any.
fn layers_reach(rows: &[EpochRow], layers: &[LayerRow]) -> Option<u64> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for layer in layers {
        *counts.entry(layer.epoch).or_default() += 1;
    }
    let all = counts.get(&0)?;
    let is_whole =
        |row: &&EpochRow| row.status == Status::Diverged || counts.get(&row.epoch) == Some(all);
    rows.iter().take_while(is_whole).last().map(|row| row.epoch)
}

/// A row is due every `every` steps, but not at a step that diverged.
fn percentiles_reach(rows: &[EpochRow], last: Option<u64>, every: u64) -> Option<u64> {
    let is_whole = |row: &&EpochRow| {
        let steps = match row.status {
            Status::Diverged => row.step.saturating_sub(1),
            _ => row.step,
        };
        last.is_some_and(|last| last >= steps - steps % every)
    };
    rows.iter().take_while(is_whole).last().map(|row| row.epoch)
}

/// Makes a finished run of which a table lost its end one that goes on from before the loss, so that the lost epochs
/// are computed again: they come out the same.
fn mend(run_dir: &Path, file: &str, whole: Option<u64>) -> Result<()> {
    let lost = whole.map_or("all its rows".to_owned(), |epoch| {
        format!("its rows after epoch {epoch}")
    });
    errln!(
        "normprop: {} lost {lost}; these epochs are computed again",
        run_dir.join(file).display()
    );
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
