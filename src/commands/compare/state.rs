//! What a run directory holds already, and mending one whose tables lost their end.

use std::path::Path;

use anyhow::{Context, Result};

use crate::config::RunConfig;
use crate::event::Status;
use crate::record::files::read_text_if_there;
use crate::record::{latest_snapshot, meta, read_metrics, read_summary, summary};
use crate::{errln, usage};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum State {
    /// Nothing is there.
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
            "{} holds a run of another configuration: start it anew with --overwrite, or choose another folder with --runs",
            run_dir.display()
        ));
    }
    if let Some(meta) = meta::read(run_dir)?
        && meta.schema_version > meta::SCHEMA_VERSION
    {
        return Err(usage!(
            "{} was made by a newer normprop (schema version {}, this one knows up to {}): use that version, or choose another folder with --runs",
            run_dir.display(),
            meta.schema_version,
            meta::SCHEMA_VERSION
        ));
    }
    let rows = if run_dir.join("metrics.csv").is_file() {
        read_metrics(run_dir)?
    } else {
        Vec::new()
    };
    let epochs = rows.last().map_or(0, |row| row.epoch);
    let Some(summary) = read_summary(run_dir)? else {
        return Ok(State::Unfinished(epochs));
    };
    if epochs < summary.epochs {
        mend(run_dir, epochs, rows.is_empty())?;
        return Ok(State::Unfinished(epochs));
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

/// Makes a finished run whose `metrics.csv` lost its end one that goes on from before the loss, so that the lost
/// epochs are computed again: they come out the same.
fn mend(run_dir: &Path, epochs: u64, empty: bool) -> Result<()> {
    errln!(
        "normprop: {} lost its rows after epoch {epochs}; these epochs are computed again",
        run_dir.join("metrics.csv").display()
    );
    let remove = |path: &Path| {
        std::fs::remove_file(path).with_context(|| format!("cannot delete {}", path.display()))
    };
    remove(&run_dir.join(summary::FILE_NAME))?;
    while let Some((snapshot, file)) = latest_snapshot(run_dir)?.snapshot {
        if snapshot.position.epoch <= epochs && !empty {
            return Ok(());
        }
        remove(&file)?;
    }
    Ok(())
}
