//! What a run directory holds, read at once.

use std::path::Path;

use anyhow::Result;

use super::meta::{self, Meta};
use super::reach::leading;
use super::summary::{RunSummary, read_summary};
use crate::event::{EpochRow, LayerRow, PercentileRow};

/// The files of a run that tell what came of it; those that are not there are empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunRecord {
    /// With what, on what and when it was made.
    pub meta: Option<Meta>,
    /// How it ended; `None` when it has not.
    pub summary: Option<RunSummary>,
    /// The rows of `metrics.csv`; of this and the other tables, those up to the first that is damaged.
    pub epochs: Vec<EpochRow>,
    /// The rows of `layers.csv`.
    pub layers: Vec<LayerRow>,
    /// The rows of `percentiles.csv`.
    pub percentiles: Vec<PercentileRow>,
}

impl RunRecord {
    /// Reads the files in a run directory.
    pub fn read(run_dir: &Path) -> Result<RunRecord> {
        Ok(RunRecord {
            meta: meta::read(run_dir)?,
            summary: read_summary(run_dir),
            epochs: leading(run_dir)?,
            layers: leading(run_dir)?,
            percentiles: leading(run_dir)?,
        })
    }

    /// The last epoch that was done.
    pub fn epoch(&self) -> u64 {
        self.epochs.last().map_or(0, |row| row.epoch)
    }

    /// Seconds of an epoch, evaluation included, on average.
    pub fn epoch_s(&self) -> f64 {
        let trained = self.epochs.iter().skip(1);
        let seconds: f64 = trained.map(|row| row.train_s + row.eval_s).sum();
        seconds / self.epoch().max(1) as f64
    }
}
