//! Whether the runs of a comparison were trained on the same images, which are those that are here.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::plan::PlanEntry;
use crate::commands::trained::tell_unread_images;
use crate::data;
use crate::engine::setup;
use crate::text::numbers::counted;

/// Run directories that a message names; the others are counted.
const NAMED: usize = 3;

/// Refuses runs that were trained on other images than are here, or with `accept` tells of each such set of images in
/// a sentence for the page. Where no images are here, runs are held against each other.
pub fn check(entries: &[PlanEntry], accept: bool) -> Result<Vec<String>> {
    let mut datasets: BTreeMap<&str, BTreeMap<&str, Vec<&PlanEntry>>> = BTreeMap::new();
    for entry in entries {
        let meta = entry.record.meta.as_ref();
        if let Some(sha256) = meta.and_then(|meta| meta.facts.dataset_sha256.as_deref()) {
            let checksums = datasets.entry(&entry.config.dataset).or_default();
            checksums.entry(sha256).or_default().push(entry);
        }
    }
    let mut told = Vec::new();
    for (name, mut checksums) in datasets {
        let there = match checksum_here(name) {
            Some(sha256) => {
                checksums.remove(sha256.as_str());
                format!("those here have {sha256}")
            }
            // One set of images agrees with itself.
            None if checksums.len() == 1 => continue,
            None => "the images of all runs should be the same".to_owned(),
        };
        told.extend(checksums.iter().map(|(sha256, runs)| {
            format!(
                "{} trained on images of {name} with SHA-256 {sha256}, {there}: {}",
                counted(runs.len() as u64, "run"),
                names(runs)
            )
        }));
    }
    if told.is_empty() || accept {
        let note = |told| format!("Accepted with --accept-other-data: {told}.");
        return Ok(told.into_iter().map(note).collect());
    }
    bail!(
        "results of different images do not belong into one table:\n{}\nPut the images back (NORMPROP_DATA names their folder), choose another folder with --runs, start these runs over (delete their folders), or accept this with --accept-other-data",
        told.join("\n")
    )
}

/// The checksum of the dataset's images here; where they cannot be read, that is said.
fn checksum_here(name: &str) -> Option<String> {
    let found = data::checksum(name, &setup::data_dir());
    found
        .inspect_err(|error| tell_unread_images("finished runs are", error))
        .ok()
}

fn names(runs: &[&PlanEntry]) -> String {
    let named = runs.iter().take(NAMED);
    let mut names: Vec<String> = named.map(|run| run.directory_name()).collect();
    if let Some(more @ 1..) = runs.len().checked_sub(NAMED) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}
