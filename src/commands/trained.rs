//! Finding a trained network on disk and bringing it back: shared by the commands that look at one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};

use crate::cli::PlaceArgs;
use crate::config::RunConfig;
use crate::data::{Dataset, Normalizer};
use crate::engine::{device, setup};
use crate::errln;
use crate::event::{Position, Snapshot, Status};
use crate::nn::network::Network;
use crate::record::run_dir::CONFIG;
use crate::record::{
    RunSummary, best_checkpoint, latest_snapshot, meta, read_checkpoint, read_summary,
    runs_by_start,
};
use crate::usage;

/// Where the latest run is searched when none is named.
pub const RUNS: &str = "runs";

/// A network as a run left it, with its data.
pub struct Trained {
    /// The run directory.
    pub folder: PathBuf,
    /// The checkpoint file.
    pub file: PathBuf,
    /// The run's configuration.
    pub config: RunConfig,
    /// How far it had been trained.
    pub position: Position,
    /// Its dataset.
    pub dataset: Dataset,
    /// How images are normalized for it.
    pub normalizer: Normalizer,
    /// The network itself.
    pub network: Network,
    /// How its run ended, if it did.
    pub summary: Option<RunSummary>,
}

impl Trained {
    /// Loads from a run directory, a checkpoint file, or (with nothing named) the latest run.
    pub fn load(named: Option<&Path>, checkpoint: &str, place: &PlaceArgs) -> Result<Trained> {
        let (folder, file, snapshot) = locate(named, checkpoint)?;
        let config = RunConfig::of_run(&folder, &place.assignments())?;
        device::set_threads(&config);
        let dataset = setup::load_dataset(&config, &setup::data_dir())?;
        warn_of_other_images(&dataset, &folder)?;
        let network = setup::network(&config, &dataset)?;
        let restored = network.parameters.restore(&snapshot.tensors);
        restored.with_context(|| {
            format!(
                "{} does not fit the network of {}",
                file.display(),
                folder.display()
            )
        })?;
        let normalizer = Normalizer::fit(config.data_norm, &dataset.train, dataset.shape);
        let position = snapshot.position;
        let summary = read_summary(&folder);
        warn_of_divergence(&folder, summary.as_ref());
        Ok(Trained {
            folder,
            file,
            config,
            position,
            dataset,
            normalizer,
            network,
            summary,
        })
    }

    /// What to add to the network's epoch, so that a state from before a divergence is not taken for a result.
    pub fn diverged_later(&self) -> &'static str {
        diverged_later(self.summary.as_ref())
    }

    /// Method, epoch and file of the network.
    pub fn headline(&self) -> String {
        headline(
            &self.config,
            &self.position,
            self.summary.as_ref(),
            &self.file,
        )
    }
}

fn diverged_later(summary: Option<&RunSummary>) -> &'static str {
    match has_diverged(summary) {
        Some(_) => ", before its training diverged",
        None => "",
    }
}

/// Method, epoch and file of a network that a checkpoint holds.
pub fn headline(
    config: &RunConfig,
    position: &Position,
    summary: Option<&RunSummary>,
    file: &Path,
) -> String {
    format!(
        "{} after epoch {}{} ({})",
        config.method.name(),
        position.epoch,
        diverged_later(summary),
        file.display()
    )
}

fn has_diverged(summary: Option<&RunSummary>) -> Option<&RunSummary> {
    summary.filter(|summary| summary.status == Status::Diverged)
}

/// Says so where the training of a run diverged: what it kept is of the time before that.
pub fn warn_of_divergence(run: &Path, summary: Option<&RunSummary>) {
    if let Some(summary) = has_diverged(summary) {
        errln!(
            "normprop: {} diverged at step {}: its checkpoints are from before that",
            run.display(),
            summary.steps
        );
    }
}

/// How the images here differ from those that a run was started with; nothing where they do not, or where it does not
/// say.
pub fn other_images(dataset: &Dataset, run_dir: &Path) -> Result<Option<String>> {
    let started_with = meta::read(run_dir)?.and_then(|meta| meta.facts.dataset_sha256);
    let other = started_with.filter(|sha256| *sha256 != dataset.sha256);
    Ok(other.map(|sha256| {
        format!(
            "the images of {} here (SHA-256 {}) differ from those that the run in {} was started with ({sha256})",
            dataset.name,
            dataset.sha256,
            run_dir.display()
        )
    }))
}

/// Says that `runs` (with their verb) are not compared by their images, since those here cannot be read.
pub fn tell_unread_images(runs: &str, error: &Error) {
    let reason = format!("{error:#}");
    errln!(
        "normprop: {runs} not compared with the images here: they cannot be read: {}",
        reason.lines().next().unwrap_or_default()
    );
}

/// Says so where a run is looked at with other images than it was trained on.
pub fn warn_of_other_images(dataset: &Dataset, run_dir: &Path) -> Result<()> {
    if let Some(other) = other_images(dataset, run_dir)? {
        errln!("normprop: {other}: what is computed now is of other images");
    }
    Ok(())
}

/// The run directory, the checkpoint file and its content.
pub(super) fn locate(
    named: Option<&Path>,
    checkpoint: &str,
) -> Result<(PathBuf, PathBuf, Snapshot)> {
    let folder = match named {
        Some(path) if path.is_file() => {
            let folder = path.parent().unwrap_or(Path::new(".")).to_path_buf();
            return Ok((folder, path.to_path_buf(), read_checkpoint(path)?));
        }
        Some(path) => run_folder(path)?,
        None => run_folder(&latest_run()?)?,
    };
    meta::read(&folder)?;
    let none = |which: &str| format!("{} has no {which} yet", folder.display());
    if checkpoint == "best" {
        let file = best_checkpoint(&folder)?.with_context(|| none("best checkpoint"))?;
        let snapshot = read_checkpoint(&file)?;
        return Ok((folder, file, snapshot));
    }
    let found = latest_snapshot(&folder)?;
    for warning in &found.warnings {
        errln!("normprop: {warning}");
    }
    let (snapshot, file) = found.snapshot.with_context(|| none("checkpoint"))?;
    Ok((folder, file, snapshot))
}

/// The run directory that is named, or that a named checkpoint belongs to.
pub fn run_folder(named: &Path) -> Result<PathBuf> {
    let folder = match named.parent() {
        Some(parent) if named.is_file() => parent,
        _ => named,
    };
    if !folder.join(CONFIG).is_file() {
        let named = named.display();
        return Err(usage!(
            "{named}: neither a run directory nor a checkpoint file"
        ));
    }
    Ok(folder.to_path_buf())
}

/// The run directory under [`RUNS`] that was last taken up, if there is any.
pub fn newest_run() -> Result<Option<PathBuf>> {
    Ok(runs_by_start(Path::new(RUNS))?.into_iter().next())
}

fn latest_run() -> Result<PathBuf> {
    newest_run()?
        .ok_or_else(|| usage!("there is no run under {RUNS}/ yet; start one with: normprop train"))
}
