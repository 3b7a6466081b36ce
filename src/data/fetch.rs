//! Getting a dataset: download or copy, check, unpack, put in place all at once.
//!
//! Everything happens in a hidden folder beside the dataset's own; only a set that could be read in full is
//! moved to its place, by renaming. What a broken download left there is continued by the next call.

mod download;
mod origin;
#[cfg(test)]
pub(in crate::data) mod samples;
mod staging;
#[cfg(test)]
mod test_server;
mod unpack;

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::load::{load_entry, load_from};
use super::{CatalogueEntry, OwnData, Verdict, catalogue};
use crate::usage;
use download::Client;
pub use download::FetchProgress;
use origin::Origin;
use staging::Staging;

/// Puts the dataset called `name` under `data_dir`, from its official address or from `from`: a file, a
/// folder, or an address (http, https, file).
///
/// A good copy that is already there is kept. The official download must have its known SHA-256; what comes
/// from elsewhere must be readable in full, and [`super::verify::verify`] says how it compares.
/// `progress` is told the bytes done and expected of the current file; fewer than before begin the next file.
pub fn fetch(
    name: &str,
    data_dir: &Path,
    from: Option<&str>,
    progress: FetchProgress,
) -> Result<()> {
    if OwnData::named(name)?.is_some() {
        return Err(usage!(
            "{name} is data of your own, which are not fetched; normprop data verify {name} reads them"
        ));
    }
    let (entry, client) = (catalogue::find(name)?, Client::new());
    fetch_entry(entry, data_dir, from, &client, progress)
}

fn fetch_entry(
    entry: &CatalogueEntry,
    data_dir: &Path,
    from: Option<&str>,
    client: &Client,
    progress: FetchProgress,
) -> Result<()> {
    if entry.is_embedded() {
        return Ok(());
    }
    let origin = Origin::parse(from, entry)?;
    if has_good_copy(entry, data_dir)? {
        return Ok(());
    }
    let staging = Staging::open(entry, data_dir)?;
    let context = || format!("cannot fetch dataset `{}`", entry.name);
    staging
        .fill(&origin, client, progress)
        .with_context(context)
        .inspect_err(|_| staging.tidy())?;
    check(entry, &staging.files)
        .with_context(context)
        .inspect_err(|_| staging.discard())?;
    install(entry, &staging.files, &entry.own_folder(data_dir))?;
    staging.discard();
    Ok(())
}

/// Whether all files are in `folder` and can be read in full.
fn check(entry: &CatalogueEntry, folder: &Path) -> Result<()> {
    let missing = entry.missing_files(folder);
    ensure!(
        missing.is_empty(),
        "what came does not hold {}",
        missing.join(", ")
    );
    load_from(entry, Some(folder)).map(|_| ())
}

/// Whether a copy is there that is the official one. A readable copy of another size or content is somebody's own and
/// is not overwritten.
fn has_good_copy(entry: &CatalogueEntry, data_dir: &Path) -> Result<bool> {
    let Ok(loaded) = load_entry(entry, data_dir) else {
        return Ok(false);
    };
    if loaded.dataset.verdict == Verdict::Official {
        return Ok(true);
    }
    let own = entry.own_folder(data_dir);
    ensure!(
        loaded.folder.as_ref() != Some(&own),
        "{} holds a readable copy of `{}` that is not the official one ({} training and {} test images); \
         it is left alone and can be used. To fetch the official one, move that folder away first",
        own.display(),
        entry.name,
        loaded.dataset.train.len(),
        loaded.dataset.test.len()
    );
    Ok(false)
}

/// Moves complete files to their place: the whole folder at once, or into a folder that is already there,
/// file by file.
fn install(entry: &CatalogueEntry, files: &Path, place: &Path) -> Result<()> {
    let context = || format!("cannot move the files to {}", place.display());
    if !place.exists() {
        return std::fs::rename(files, place).with_context(context);
    }
    for (name, _) in entry.files() {
        let Some(source) = entry.find_file(files, name) else {
            continue;
        };
        let target = place.join(source.file_name().unwrap_or_default());
        std::fs::rename(&source, &target).with_context(context)?;
        for name in entry.format.names_on_disk(name) {
            let other = place.join(name);
            if other != target && other.is_file() {
                std::fs::remove_file(&other).with_context(context)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
