//! What a run directory holds already, and mending one whose tables lost their end.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::config::RunConfig;
use crate::data::catalogue;
use crate::engine::setup;
use crate::event::{EpochRow, LayerRow, PercentileRow, Status};
use crate::record::files::read_text_if_there;
use crate::record::metrics::read_if_there;
use crate::record::row::Row;
use crate::record::{latest_snapshot, meta, read_summary, retention, summary};
use crate::{errln, usage};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum State {
    /// Nothing is there, or only the configuration of a run that was never started.
    New,
    /// Begun; epochs done.
    Unfinished(u64),
    /// Every epoch was done; seconds an epoch, evaluation included.
    Finished(f64),
    /// The loss stopped being a finite number.
    Diverged,
}

impl State {
    /// Whether there is nothing left to do.
    pub fn is_over(self) -> bool {
        matches!(self, State::Finished(_) | State::Diverged)
    }
}

/// Looks at a run directory; it may be absent.
pub fn inspect(run_dir: &Path, config: &RunConfig) -> Result<State> {
    let Some(text) = read_text_if_there(&run_dir.join("config.toml"))? else {
        return Ok(State::New);
    };
    if text != config.to_toml()? {
        return Err(usage!(
            "{} holds a run of another configuration: delete it to start this run anew, or choose another folder with --runs",
            run_dir.display()
        ));
    }
    let meta = meta::read(run_dir)?;
    if let Some(meta) = &meta
        && meta.schema_version > meta::SCHEMA_VERSION
    {
        return Err(usage!(
            "{} was made by a newer normprop (schema version {}, this one knows up to {}): use that version, or choose another folder with --runs",
            run_dir.display(),
            meta.schema_version,
            meta::SCHEMA_VERSION
        ));
    }
    let rows: Vec<EpochRow> = read_if_there(run_dir)?;
    let epochs = rows.last().map_or(0, |row| row.epoch);
    let Some(summary) = read_summary(run_dir)? else {
        return Ok(match meta {
            // A comparison writes every run's configuration before it starts the first.
            None if rows.is_empty() => State::New,
            _ => State::Unfinished(epochs),
        });
    };
    let shortest = reaches(run_dir, config, &rows)?
        .into_iter()
        .min_by_key(|(_, epoch)| *epoch);
    if let Some((file, whole)) = shortest
        && whole < Some(summary.epochs)
    {
        mend(run_dir, file, whole)?;
        return Ok(State::Unfinished(whole.unwrap_or(0)));
    }
    let seconds: f64 = rows
        .iter()
        .skip(1)
        .map(|row| row.train_s + row.eval_s)
        .sum();
    Ok(match summary.status {
        Status::Diverged => State::Diverged,
        _ => State::Finished(seconds / epochs.max(1) as f64),
    })
}

/// The tables that the configuration asks for, each with the last epoch up to which it is whole; `None` when not even
/// the epoch before training is.
fn reaches(
    run_dir: &Path,
    config: &RunConfig,
    rows: &[EpochRow],
) -> Result<Vec<(&'static str, Option<u64>)>> {
    let mut reaches = vec![(EpochRow::FILE_NAME, rows.last().map(|row| row.epoch))];
    let dataset = catalogue::find(&config.dataset)?;
    let nodes = setup::nodes(config, dataset.shape, dataset.classes.len())?;
    let hidden_layers = nodes.iter().any(|node| !node.is_last());
    if config.probe_images == 0 || !hidden_layers {
        return Ok(reaches);
    }
    let whole = layers_reach(rows, &read_if_there(run_dir)?);
    reaches.push((LayerRow::FILE_NAME, whole));
    if config.record_percentiles > 0 {
        let percentiles: Vec<PercentileRow> = read_if_there(run_dir)?;
        let last = percentiles.last().map(|row| row.step);
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
