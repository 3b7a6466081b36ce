//! The checkpoints of a run directory: their names, which is the latest, which stay.
//!
//! `checkpoint-<epoch>.safetensors` is a state at an epoch's end, `checkpoint-<epoch>-<step>.safetensors` one
//! `step` steps into the epoch after it. The text files `latest` and `best` hold the name of one of them. The last
//! two and the best are kept, and those at the end of epochs that the caller lists; the others are deleted once `latest`
//! names the new one.

use super::checkpoint;
use super::files::{self, Disk, Operation, names_in};
use crate::event::{Position, Snapshot};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Name of the text file that holds the name of the newest checkpoint.
pub const LATEST: &str = "latest";
/// Name of the text file that holds the name of the checkpoint with the lowest test error.
pub const BEST: &str = "best";

/// What a search for the newest intact checkpoint found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The newest intact state and its file; `None` when no checkpoint was ever written.
    pub snapshot: Option<(Snapshot, PathBuf)>,
    /// One sentence for each damaged or missing file that was passed over.
    pub warnings: Vec<String>,
}

/// The place of a state: epochs done, and steps into the next one.
fn place_of(position: &Position) -> (u64, u64) {
    (position.epoch, position.step_in_epoch)
}

/// The file name of a checkpoint.
fn name_of((epoch, step_in_epoch): (u64, u64)) -> String {
    match step_in_epoch {
        0 => format!("checkpoint-{epoch}.safetensors"),
        step => format!("checkpoint-{epoch}-{step}.safetensors"),
    }
}

/// Epoch and step within the next epoch that a checkpoint's file name tells; `None` for any other name.
pub fn parse_name(name: &str) -> Option<(u64, u64)> {
    let stem = name.strip_suffix(".safetensors")?;
    let numbers = stem.strip_prefix("checkpoint-")?;
    let place = match numbers.split_once('-') {
        Some((epoch, step)) => (epoch.parse().ok()?, step.parse().ok()?),
        None => (numbers.parse().ok()?, 0),
    };
    // Only names that this program writes: no signs, no leading zeros.
    (name_of(place) == name).then_some(place)
}

/// The places of all checkpoints in a folder, newest first.
fn places(run_dir: &Path) -> Result<Vec<(u64, u64)>> {
    let names = names_in(run_dir)?.into_iter();
    let mut places: Vec<(u64, u64)> = names.filter_map(|name| parse_name(&name)).collect();
    places.sort_unstable_by(|left, right| right.cmp(left));
    Ok(places)
}

/// The checkpoint that a pointer file (`latest` or `best`) names, if it names one.
fn pointed_to(run_dir: &Path, pointer: &str) -> Result<Option<(u64, u64)>> {
    let path = run_dir.join(pointer);
    let Some(text) = files::read_text_if_there(&path)? else {
        return Ok(None);
    };
    match parse_name(text.trim_end()) {
        Some(place) => Ok(Some(place)),
        None => bail!("{} does not hold the name of a checkpoint", path.display()),
    }
}

/// Writes a checkpoint, makes `best` (if it is) and `latest` name it, then deletes those no longer kept.
///
/// `best` goes before `latest`: a run killed in between starts from the checkpoint before, meets this state again
/// and repeats both, whereas the other order could leave `best` behind for good.
pub fn save(
    disk: &dyn Disk,
    run_dir: &Path,
    snapshot: &Snapshot,
    best: bool,
    keep_epochs: &[u64],
) -> Result<()> {
    let name = name_of(place_of(&snapshot.position));
    files::replace(disk, &run_dir.join(&name), &checkpoint::encode(snapshot)?)?;
    let pointer = name + "\n";
    if best {
        files::replace(disk, &run_dir.join(BEST), pointer.as_bytes())?;
    }
    files::replace(disk, &run_dir.join(LATEST), pointer.as_bytes())?;
    prune(disk, run_dir, &snapshot.position, keep_epochs)
}

/// Finishes what a process that was killed had begun: names the best state where that is still to be done, and deletes
/// what is no longer kept.
///
/// Deletes nothing when the run goes on from another state than `latest` names: then the others may still be needed.
pub fn tidy(
    disk: &dyn Disk,
    run_dir: &Path,
    position: &Position,
    keep_epochs: &[u64],
) -> Result<()> {
    if let Some((_, epoch)) = position.best
        && pointed_to(run_dir, BEST).ok().flatten() != Some((epoch, 0))
        && run_dir.join(name_of((epoch, 0))).is_file()
    {
        let pointer = name_of((epoch, 0)) + "\n";
        files::replace(disk, &run_dir.join(BEST), pointer.as_bytes())?;
    }
    match pointed_to(run_dir, LATEST) {
        Ok(Some(place)) if place == place_of(position) => {
            prune(disk, run_dir, position, keep_epochs)
        }
        _ => Ok(()),
    }
}

/// Deletes all checkpoints but the newest, the one before it, the best, and those at the end of `keep_epochs`.
///
/// Those beyond the newest are left from before a fall-back to an older state; the run will write them again.
fn prune(disk: &dyn Disk, run_dir: &Path, newest: &Position, keep_epochs: &[u64]) -> Result<()> {
    let newest = place_of(newest);
    let places = places(run_dir)?;
    let before = places.iter().copied().find(|place| *place < newest);
    // An unreadable pointer must not cost the best state: then nothing is deleted until it is written again.
    let Ok(best) = pointed_to(run_dir, BEST) else {
        return Ok(());
    };
    let keep = [Some(newest), before, best];
    let stays = |place: &(u64, u64)| {
        // One from beyond the newest will be written again.
        let listed = place.1 == 0 && *place < newest && keep_epochs.contains(&place.0);
        listed || keep.contains(&Some(*place))
    };
    for place in places.into_iter().filter(|place| !stays(place)) {
        let path = run_dir.join(name_of(place));
        disk.perform(Operation::Remove(&path))
            .with_context(|| format!("cannot delete the old checkpoint {}", path.display()))?;
    }
    Ok(())
}

/// The newest intact state of a run directory: what `latest` names, else the newest other checkpoint that is intact.
///
/// It is an error when there are checkpoints and none of them is intact, since starting from the beginning would
/// throw away what was recorded.
pub fn latest_snapshot(run_dir: &Path) -> Result<Found> {
    latest_snapshot_that(run_dir, &mut |_| Ok(()))
}

/// The same among the states that `fits` takes; one that it refuses is passed over like a damaged one.
pub fn latest_snapshot_that(
    run_dir: &Path,
    fits: &mut dyn FnMut(&Snapshot) -> Result<()>,
) -> Result<Found> {
    let mut warnings = Vec::new();
    let named = pointed_to(run_dir, LATEST).unwrap_or_else(|error| {
        warnings.push(format!("{error:#}"));
        None
    });
    let mut candidates = places(run_dir)?;
    let any = !candidates.is_empty() || named.is_some();
    candidates.retain(|place| Some(*place) != named);
    for place in named.into_iter().chain(candidates) {
        let path = run_dir.join(name_of(place));
        let read = checkpoint::read(&path).and_then(|snapshot| {
            fits(&snapshot)
                .with_context(|| format!("checkpoint {} does not fit this run", path.display()))?;
            Ok(snapshot)
        });
        match read {
            Ok(snapshot) => {
                if let Some(warning) = warnings.last_mut() {
                    warning.push_str(&format!("; going on from {}", path.display()));
                }
                let snapshot = Some((snapshot, path));
                return Ok(Found { snapshot, warnings });
            }
            Err(error) => warnings.push(format!("{error:#}")),
        }
    }
    if any {
        bail!(
            "no checkpoint in {} can be used ({}): delete the folder to start this run over",
            run_dir.display(),
            warnings.join("; ")
        );
    }
    let snapshot = None;
    Ok(Found { snapshot, warnings })
}

/// The checkpoints of epochs' ends in a run directory, by the epochs done.
pub fn epoch_checkpoints(run_dir: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let ends = places(run_dir)?.into_iter().filter(|(_, step)| *step == 0);
    let mut ends: Vec<(u64, PathBuf)> = ends
        .map(|place| (place.0, run_dir.join(name_of(place))))
        .collect();
    ends.sort();
    Ok(ends)
}

/// The file of the checkpoint with the lowest test error, or `None` when no state has been called best.
pub fn best_checkpoint(run_dir: &Path) -> Result<Option<PathBuf>> {
    let place = pointed_to(run_dir, BEST)?;
    Ok(place.map(|place| run_dir.join(name_of(place))))
}

#[cfg(test)]
mod tests;
