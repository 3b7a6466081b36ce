//! How far the tables of a run reach: up to where not one row is missing.

use std::path::Path;

use anyhow::{Result, bail};

use super::metrics::TABLES;
use super::row::Row;
use super::table::CsvTable;
use crate::event::{EpochRow, LayerRow, PercentileRow, Position, Status, StepRow};

/// Which rows a run owes its tables, beside one an epoch in `metrics.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owed {
    /// Whether there is a row of `layers.csv` for each layer and epoch.
    pub layers: bool,
    /// A row of `steps.csv` every so many steps; none when 0.
    pub steps_every: u64,
    /// A row of `percentiles.csv` every so many steps, from step 0; none when 0.
    pub percentiles_every: u64,
}

/// Rows that are there without a gap, counted from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    owed: Owed,
    epochs: u64,
    epochs_of_layers: u64,
    steps: u64,
    percentiles: u64,
}

impl Reach {
    /// Of the tables in a run directory.
    pub fn read(run_dir: &Path, owed: &Owed) -> Result<Reach> {
        let (epochs, layers) = (leading(run_dir)?, leading(run_dir)?);
        let (steps, percentiles) = (leading(run_dir)?, leading(run_dir)?);
        Ok(Reach::of(owed, &epochs, &layers, &steps, &percentiles))
    }

    /// Of rows.
    pub fn of(
        owed: &Owed,
        epochs: &[EpochRow],
        layers: &[LayerRow],
        steps: &[StepRow],
        percentiles: &[PercentileRow],
    ) -> Reach {
        Reach {
            owed: *owed,
            epochs: unbroken(epochs, |index| index),
            epochs_of_layers: whole_epochs(layers),
            steps: unbroken(steps, |index| (index + 1).saturating_mul(owed.steps_every)),
            percentiles: unbroken(percentiles, |index| {
                index.saturating_mul(owed.percentiles_every)
            }),
        }
    }

    /// The first table that lacks a row up to that of an epoch. One that diverged has no layers, and its last step need
    /// not be there.
    pub fn lacking_at(&self, row: &EpochRow) -> Option<&'static str> {
        let diverged = u64::from(row.status == Status::Diverged);
        let epochs = row.epoch.saturating_add(1);
        self.lacking(epochs, epochs - diverged, row.step.saturating_sub(diverged))
    }

    /// Refuses to go on from a state that a table does not reach up to. At the start all is told anew.
    pub fn check(&self, position: &Position) -> Result<()> {
        let epochs = position.epoch.saturating_add(1);
        match self.lacking(epochs, epochs, position.step) {
            Some(file) if position.step > 0 => bail!(
                "{file} lacks rows from before epoch {} and step {}: put the file back",
                position.epoch,
                position.step
            ),
            _ => Ok(()),
        }
    }

    fn lacking(&self, epochs: u64, epochs_of_layers: u64, steps: u64) -> Option<&'static str> {
        let owed = &self.owed;
        let due = |every: u64, first: u64| steps.checked_div(every).map_or(0, |due| due + first);
        let lacks = [
            self.epochs < epochs,
            owed.layers && self.epochs_of_layers < epochs_of_layers,
            self.steps < due(owed.steps_every, 0),
            self.percentiles < due(owed.percentiles_every, 1),
        ];
        let mut tables = TABLES.into_iter().zip(lacks);
        tables.find_map(|(file, lacks)| lacks.then_some(file))
    }
}

/// The rows of a table up to the first that is damaged; none where there is no file.
pub fn leading<R: Row>(run_dir: &Path) -> Result<Vec<R>> {
    CsvTable::in_folder(run_dir).leading()
}

/// How many rows from the first have the keys that they should have.
fn unbroken<R: Row>(rows: &[R], key: impl Fn(u64) -> u64) -> u64 {
    let numbered = (0..).zip(rows);
    let is_due = |(index, row): &(u64, &R)| row.key() == key(*index);
    numbered.take_while(is_due).count() as u64
}

/// How many epochs from the first have as many rows as the first.
fn whole_epochs(rows: &[LayerRow]) -> u64 {
    let all = rows.iter().take_while(|row| row.epoch == 0).count();
    let epochs = (0..).zip(rows.chunks_exact(all.max(1)));
    let is_whole = |(epoch, rows): &(u64, &[LayerRow])| rows.iter().all(|row| row.epoch == *epoch);
    match all {
        0 => 0,
        _ => epochs.take_while(is_whole).count() as u64,
    }
}
