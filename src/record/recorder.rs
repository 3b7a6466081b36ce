//! The consumer of events that writes a run directory.
//!
//! # Why a kill at any moment loses and doubles nothing
//!
//! A run is a deterministic function of its last checkpoint. So it is enough that (1) at every moment `latest` names
//! a whole checkpoint of some position P, or none has been written, P then being the start; (2) the tables hold at
//! that moment, as a beginning of the file, exactly the rows up to P; (3) a process that goes on from P first cuts the
//! tables back to that beginning. Then what is written after P is what an uninterrupted run writes after P, and the
//! files come out byte for byte the same, but for measured times.
//!
//! 1. Checkpoints, `best`, `latest`, `config.toml`, `meta.json` and `summary.json` are replaced in one step: written
//!    under a temporary name, flushed to the device, renamed, folder flushed. `latest` is replaced after the
//!    checkpoint it names, and a checkpoint is deleted only after `latest` names a newer one.
//! 2. At an epoch's end the rows are appended first (`metrics.csv`, then `layers.csv`), then flushed to the device,
//!    then the checkpoint is written. A kill between two of these leaves rows beyond P or half a row at the end, never
//!    too few. Appending touches only what lies behind the beginning. (When `latest` is damaged from outside and an
//!    older checkpoint takes its place, the rows reach further still beyond P, which changes nothing.)
//! 3. On [`Event::Started`] at P each table is scanned: complete rows up to P stay, the rest is cut off by replacing
//!    the file in one step; a kill during that leaves either file, and both have the same beginning. Should a
//!    table lack a row from before P (it was deleted or damaged from outside), the newest checkpoint counts that all
//!    tables reach up to ([`Reach`]); without one, that is an error before anything changes. Event files of TensorBoard are not cut: a new one begins with the order to forget steps beyond P.
//!
//! `summary.json` comes last of all and only when the run is over; a kill before it makes the same command start
//! from the last checkpoint, emit the end again, and write it then.

use super::files::{self, Operation};
use super::meta::{self, Facts, Meta};
use super::metrics::TABLES;
use super::reach::{Owed, Reach};
use super::row::{ColumnKind, CsvColumn, Row, fields};
use super::run_dir::RunDir;
use super::summary::{self, RunIdentity, RunSummary, summarize};
use super::table::CsvTable;
use super::tensorboard::EventFile;
use super::{json, retention};
use crate::event::{
    EpochRow, Event, LayerRow, Observer, PercentileRow, Position, Snapshot, Status, StepRow,
};
use anyhow::{Context, Result, ensure};
use std::time::SystemTime;

/// What is recorded, and about which run.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What is written beside `metrics.csv`.
    pub owed: Owed,
    /// Epochs whose checkpoints stay.
    pub keep_epochs: Vec<u64>,
    /// Whether to write a TensorBoard event file.
    pub tensorboard: bool,
    /// The run, for `summary.json`.
    pub identity: RunIdentity,
    /// Versions and machine, for `meta.json`.
    pub facts: Facts,
}

/// Writes a run directory as events come in.
pub struct Recorder {
    run_dir: RunDir,
    settings: Settings,
    metrics: CsvTable<EpochRow>,
    layers: CsvTable<LayerRow>,
    steps: CsvTable<StepRow>,
    percentiles: CsvTable<PercentileRow>,
    /// The rows of `metrics.csv` so far, from which the summary is made.
    rows: Vec<EpochRow>,
    meta: Option<Meta>,
    event_file: Option<EventFile>,
    summary: Option<RunSummary>,
}

impl Recorder {
    /// A recorder that takes over a run directory, and with it its lock.
    pub fn new(run_dir: RunDir, settings: Settings) -> Recorder {
        Recorder {
            metrics: CsvTable::in_folder(run_dir.path()),
            layers: CsvTable::in_folder(run_dir.path()),
            steps: CsvTable::in_folder(run_dir.path()),
            percentiles: CsvTable::in_folder(run_dir.path()),
            run_dir,
            settings,
            rows: Vec::new(),
            meta: None,
            event_file: None,
            summary: None,
        }
    }

    /// The content of `summary.json`, once the run has finished or diverged.
    pub fn summary(&self) -> Option<&RunSummary> {
        self.summary.as_ref()
    }

    fn on_started(&mut self, position: &Position) -> Result<()> {
        let folder = self.run_dir.path();
        ensure!(
            !matches!(summary::read(folder), Ok(Some(_))),
            "the run in {} is already over: delete the folder to start it over",
            folder.display()
        );
        let earlier = meta::read(folder)?;
        let epoch_end = position.epoch.saturating_add(1);
        let metrics = self.metrics.scan(epoch_end)?;
        let layers = self.layers.scan(epoch_end)?;
        Reach::read(folder, &self.settings.owed)?
            .check(position)
            .with_context(|| format!("cannot go on with the run in {}", folder.display()))?;
        let disk = self.run_dir.disk();
        if self.settings.owed.steps_every > 0 {
            self.steps.truncate(disk, position.step.saturating_add(1))?;
        }
        // What is told before the first step, a run that starts there tells again.
        let first_step = match position.step {
            0 => 0,
            done => done.saturating_add(1),
        };
        if self.percentiles.path().is_file() {
            self.percentiles.truncate(disk, first_step)?;
        }
        self.layers.cut(disk, &layers)?;
        self.metrics.cut(disk, &metrics)?;
        retention::tidy(disk, folder, position, &self.settings.keep_epochs)?;
        let now = SystemTime::now();
        let meta = Meta::start(earlier, &self.settings.facts, position, now);
        meta.write(disk, folder)?;
        if self.settings.tensorboard {
            self.event_file = Some(EventFile::create(disk, folder, now, first_step)?);
        }
        self.rows = metrics.rows;
        self.meta = Some(meta);
        Ok(())
    }

    fn on_step(&mut self, row: &StepRow) -> Result<()> {
        let every = self.settings.owed.steps_every;
        if every == 0 || !row.step.is_multiple_of(every) {
            return Ok(());
        }
        let disk = self.run_dir.disk();
        self.steps.append(disk, std::slice::from_ref(row))?;
        let scalars = scalars(row, "batch/", &["step"])?;
        self.add_scalars(row.step, &scalars)
    }

    fn on_percentiles(&mut self, row: &PercentileRow) -> Result<()> {
        let disk = self.run_dir.disk();
        if !self.percentiles.path().is_file() {
            self.percentiles.truncate(disk, 0)?;
        }
        self.percentiles.append(disk, std::slice::from_ref(row))
    }

    fn on_epoch(&mut self, row: &EpochRow, layers: &[LayerRow]) -> Result<()> {
        let disk = self.run_dir.disk();
        // Epoch 0 is reported again when a run was killed before its first checkpoint.
        if self.rows.last().is_some_and(|last| last.epoch >= row.epoch) {
            self.layers.truncate(disk, row.epoch)?;
            self.rows = self.metrics.truncate(disk, row.epoch)?;
        }
        // In this order an epoch 0 that is reported again is recognized even when its layers are missing.
        self.metrics.append(disk, std::slice::from_ref(row))?;
        self.layers.append(disk, layers)?;
        self.rows.push(row.clone());
        let mut epoch_scalars = scalars(row, "epoch/", &["epoch", "step"])?;
        for layer in layers {
            let prefix = format!("layer_{:02}_{}/", layer.layer, layer.name);
            epoch_scalars.extend(scalars(layer, &prefix, &["epoch", "layer"])?);
        }
        self.add_scalars(row.step, &epoch_scalars)
    }

    fn on_snapshot(&mut self, snapshot: &Snapshot, best: bool) -> Result<()> {
        let epoch = snapshot.position.epoch;
        ensure!(
            snapshot.position.step == 0 || self.rows.last().is_some_and(|row| row.epoch == epoch),
            "a state of epoch {epoch} came before the epoch's row, so it could not be resumed"
        );
        let disk = self.run_dir.disk();
        // Should the power fail, the rows must not be younger than the state that counts on them.
        let tables = TABLES.map(|name| self.run_dir.path().join(name));
        for path in tables.iter().filter(|path| path.is_file()) {
            disk.perform(Operation::Sync(path))
                .map_err(|error| files::write_failure(error, path, None))?;
        }
        let (folder, keep_epochs) = (self.run_dir.path(), &self.settings.keep_epochs);
        retention::save(disk, folder, snapshot, best, keep_epochs)
    }

    fn on_ended(&mut self, status: Status) -> Result<()> {
        let (disk, folder) = (self.run_dir.disk(), self.run_dir.path());
        if let Some(meta) = &mut self.meta {
            meta.end(status, SystemTime::now());
            meta.write(disk, folder)?;
        }
        if !matches!(status, Status::Finished | Status::Diverged) {
            return Ok(());
        }
        let summary = summarize(&self.settings.identity, folder, &self.rows, status)
            .with_context(|| format!("no epoch was recorded in {}", folder.display()))?;
        json::write(disk, &folder.join(summary::FILE_NAME), &summary)?;
        self.summary = Some(summary);
        Ok(())
    }

    fn add_scalars(&self, step: u64, scalars: &[(String, f64)]) -> Result<()> {
        match &self.event_file {
            Some(file) => file.add(self.run_dir.disk(), SystemTime::now(), step, scalars),
            None => Ok(()),
        }
    }
}

impl Observer for Recorder {
    fn on(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Started { position, .. } => self.on_started(position),
            Event::Step { row, .. } => self.on_step(row),
            Event::Percentiles { row } => self.on_percentiles(row),
            Event::Estimate { .. } => Ok(()),
            Event::Epoch { row, layers } => self.on_epoch(row, layers),
            Event::Snapshot { snapshot, best } => self.on_snapshot(snapshot, *best),
            Event::Ended { status } => self.on_ended(*status),
        }
    }
}

/// A row's numbers under tags made of a prefix and the column, without the columns that only say which row it is.
fn scalars<R: Row>(row: &R, prefix: &str, without: &[&str]) -> Result<Vec<(String, f64)>> {
    let mut scalars = Vec::new();
    for (CsvColumn { name, kind }, field) in fields(row)? {
        if kind != ColumnKind::Text
            && !without.contains(&name)
            && let Ok(number) = field.parse()
        {
            scalars.push((format!("{prefix}{name}"), number));
        }
    }
    Ok(scalars)
}
