//! From run directories to a folder of results.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Result;
use serde_json::Value;

use super::plan::PlanEntry;
use crate::config::RunConfig;
use crate::config::experiment::Experiment;
use crate::config::sweep::Sweep;
use crate::event::Status;
use crate::methods;
use crate::record::meta::{Meta, Sitting};
use crate::record::time::rfc3339;
use crate::report::comparison::Results;
use crate::report::comparison::manifest::{
    Cited, Manifest, ManifestMethod, ManifestRun, SCHEMA_VERSION,
};
use crate::report::comparison::results::Runs;
use crate::report::comparison::rows::SweepRow;
use crate::report::comparison::tagged::RunRows;

/// The rows of the runs that have begun. Of thousands, those that have got further are copied again, and no others.
#[derive(Debug, Default)]
pub struct RunsSoFar {
    runs: Runs,
    /// The places in the plan of the runs with curves, and of those with percentiles.
    places: [Vec<usize>; 2],
}

impl RunsSoFar {
    /// Takes in how far the run at a place of the plan is.
    pub fn note(&mut self, place: usize, entry: &PlanEntry) {
        let record = &entry.record;
        if entry.of_sweep || record.epochs.is_empty() {
            return;
        }
        let (runs, [begun, with_percentiles]) = (&mut self.runs, &mut self.places);
        let at = begun.binary_search(&place);
        put(
            &mut runs.curves,
            at,
            RunRows::new(&entry.key, record.epochs.clone()),
        );
        put(
            &mut runs.layers,
            at,
            RunRows::new(&entry.key, record.layers.clone()),
        );
        put(begun, at, place);
        if !record.percentiles.is_empty() {
            let at = with_percentiles.binary_search(&place);
            let rows = record.percentiles.clone();
            put(&mut runs.percentiles, at, RunRows::new(&entry.key, rows));
            put(with_percentiles, at, place);
        }
    }

    /// Lends the rows, which [`RunsSoFar::give_back`] takes back.
    pub fn lend(&mut self) -> Runs {
        std::mem::take(&mut self.runs)
    }

    /// Takes back what was lent.
    pub fn give_back(&mut self, runs: Runs) {
        self.runs = runs;
    }
}

/// Replaces what was found, or puts it where it was missed.
fn put<T>(all: &mut Vec<T>, at: std::result::Result<usize, usize>, one: T) {
    match at {
        Ok(found) => all[found] = one,
        Err(missed) => all.insert(missed, one),
    }
}

/// The results of the runs that are over; the others are left out. Of a sweep's runs the manifest tells which there
/// were, and `sweep` what came of them.
pub fn collect(
    experiment: &Experiment,
    plan: Vec<PlanEntry>,
    sweep: Vec<SweepRow>,
) -> Result<Results> {
    let manifest = manifest(experiment, &plan)?;
    let mut runs = Runs::default();
    let is_shown = |entry: &PlanEntry| !entry.of_sweep && entry.record.summary.is_some();
    for PlanEntry { key, record, .. } in plan.into_iter().filter(is_shown) {
        // Moved, not copied: thousands of runs fill the memory.
        let record = Arc::unwrap_or_clone(record);
        runs.curves.push(RunRows::new(&key, record.epochs));
        runs.layers.push(RunRows::new(&key, record.layers));
        if !record.percentiles.is_empty() {
            let rows = record.percentiles;
            runs.percentiles.push(RunRows::new(&key, rows));
        }
    }
    let name = experiment.name.clone();
    Ok(Results::of(name, Some(manifest), runs, sweep))
}

/// What was compared, on what.
pub fn manifest(experiment: &Experiment, plan: &[PlanEntry]) -> Result<Manifest> {
    let over = plan.iter().filter(|entry| entry.record.summary.is_some());
    let runs: Vec<ManifestRun> = over.map(manifest_run).collect::<Result<_>>()?;
    let metas = plan.iter().filter_map(|entry| entry.record.meta.as_ref());
    let metas: Vec<&Meta> = metas.collect();
    let configs: Vec<&RunConfig> = plan.iter().map(|entry| &entry.config).collect();
    let shared = shared_keys(&configs)?;
    let dataset = configs.first().map(|config| config.dataset.clone());
    let (first, sweep) = (metas.first(), experiment.sweep.as_ref());
    Ok(Manifest {
        schema_version: SCHEMA_VERSION,
        normprop: env!("CARGO_PKG_VERSION").to_owned(),
        experiment: experiment.name.clone(),
        title: experiment.title.clone(),
        collected: rfc3339(SystemTime::now()),
        dataset: dataset.unwrap_or_default(),
        configuration: as_lines(&shared),
        methods: manifest_methods(experiment, plan, &shared)?,
        target_test_error: experiment.target_test_error,
        jobs: most_at_a_time(&metas),
        notes: [experiment.notes.clone(), data_notes(plan)].concat(),
        reference: experiment.reference.as_ref().map(|reference| Cited {
            source: reference.source.clone(),
            label: reference.label.clone(),
            test_error: reference.test_error.clone(),
        }),
        machine: first.map_or(Vec::new(), |meta| machine(meta, &runs)),
        runs,
        sweep: sweep.map_or(Vec::new(), Sweep::describe),
    })
}

/// A sentence for each dataset of which a run says that it is not its publisher's.
fn data_notes(plan: &[PlanEntry]) -> Vec<String> {
    let note = |entry: &PlanEntry| {
        let facts = &entry.record.meta.as_ref()?.facts;
        let note = facts.dataset_note.as_ref()?;
        Some(format!("{} is {note}.", entry.config.dataset))
    };
    let notes: BTreeSet<String> = plan.iter().filter_map(note).collect();
    notes.into_iter().collect()
}

/// How many runs were trained at the same time at most, by the times of their sittings: whether times may be compared
/// does not depend on what the last call of the command was told.
fn most_at_a_time(metas: &[&Meta]) -> usize {
    let sittings = || metas.iter().flat_map(|meta| &meta.sittings);
    // A sitting that was killed has no end and counts as a moment.
    let goes_on = |sitting: &Sitting, moment: &String| {
        sitting.started <= *moment && sitting.ended.as_ref().is_some_and(|ended| moment < ended)
    };
    let at = |moment| {
        sittings()
            .filter(|sitting| goes_on(sitting, moment))
            .count()
    };
    let most = sittings().map(|sitting| at(&sitting.started)).max();
    most.unwrap_or(1).max(1)
}

fn manifest_run(entry: &PlanEntry) -> Result<ManifestRun> {
    let (summary, meta) = (entry.record.summary.as_ref(), entry.record.meta.as_ref());
    Ok(ManifestRun {
        run: entry.directory_name(),
        hash: entry.config.hash8()?,
        key: entry.key.clone(),
        status: summary.map_or(Status::Running, |summary| summary.status),
        threads: meta.map(|meta| meta.facts.threads),
        devices: meta.map_or(Vec::new(), Meta::hardware),
        git_commit: meta.and_then(|meta| Some(meta.git.as_ref()?.commit.clone())),
        dataset_sha256: meta.and_then(|meta| meta.facts.dataset_sha256.clone()),
        parameters: summary.map_or(0, |summary| summary.parameters),
    })
}

/// The keys that have one value in all configurations.
fn shared_keys(configs: &[&RunConfig]) -> Result<BTreeMap<String, Value>> {
    let mut all = configs.iter().map(|config| config.flat());
    let mut shared = all.next().transpose()?.unwrap_or_default();
    for other in all {
        let other = other?;
        shared.retain(|key, value| other.get(key) == Some(value));
    }
    Ok(shared)
}

fn as_lines(keys: &BTreeMap<String, Value>) -> String {
    keys.iter()
        .map(|(key, value)| format!("{key} = {value}\n"))
        .collect()
}

fn manifest_methods(
    experiment: &Experiment,
    plan: &[PlanEntry],
    shared: &BTreeMap<String, Value>,
) -> Result<Vec<ManifestMethod>> {
    let method = |entry: &crate::config::experiment::MethodEntry| {
        let own = plan.iter().filter(|run| run.key.group.label == entry.label);
        let own: Vec<&RunConfig> = own.map(|run| &run.config).collect();
        let mut differs = shared_keys(&own)?;
        let told_elsewhere = ["batch_size", "seed", "method.name"];
        differs
            .retain(|key, _| !shared.contains_key(key) && !told_elsewhere.contains(&key.as_str()));
        Ok(ManifestMethod {
            label: entry.label.clone(),
            method: entry.name.clone(),
            summary: methods::find(&entry.name)?.summary.to_owned(),
            differs: differs
                .iter()
                .map(|(key, value)| format!("{key} = {value}"))
                .collect(),
        })
    };
    experiment.methods.iter().map(method).collect()
}

fn machine(meta: &Meta, runs: &[ManifestRun]) -> Vec<(String, String)> {
    let threads: BTreeSet<u64> = runs.iter().filter_map(|run| run.threads).collect();
    let threads: Vec<String> = threads.iter().map(u64::to_string).collect();
    let devices: BTreeSet<&str> = runs
        .iter()
        .flat_map(|run| run.devices.iter().map(String::as_str))
        .collect();
    let devices = Vec::from_iter(devices);
    let checksums = runs.iter().filter_map(|run| run.dataset_sha256.as_deref());
    let checksums: BTreeSet<&str> = checksums.collect();
    let checksums = Vec::from_iter(checksums).join(", ");
    let checksums = Some(checksums).filter(|text| !text.is_empty());
    let git = meta.git.as_ref().map(|git| {
        let changes = if git.dirty { ", with changes" } else { "" };
        format!("{:.12}{changes}", git.commit)
    });
    let unknown = || "unknown".to_owned();
    [
        ("Processor", meta.cpu.model.clone().unwrap_or_else(unknown)),
        ("Processor features", meta.cpu.flags.join(" ")),
        ("Hardware threads", meta.cpu.cores.to_string()),
        ("Threads a run", threads.join(", ")),
        ("Device", devices.join(", ")),
        ("normprop", meta.normprop.clone()),
        ("Source tree", git.unwrap_or_else(unknown)),
        ("libtorch", meta.facts.libtorch.clone()),
        ("tch", meta.facts.tch.clone()),
        ("rustc", meta.rustc.clone().unwrap_or_else(unknown)),
        ("Dataset SHA-256", checksums.unwrap_or_else(unknown)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EpochSums, Position};
    use crate::record::meta::Facts;
    use std::time::{Duration, UNIX_EPOCH};

    fn sat(from_s: u64, to_s: Option<u64>) -> Meta {
        let facts = Facts::default();
        let position = Position {
            epoch: 0,
            step_in_epoch: 0,
            step: 0,
            sums: EpochSums::default(),
            best: None,
            train_s: 0.0,
        };
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let mut meta = Meta::start(None, &facts, &position, at(from_s));
        if let Some(end) = to_s {
            meta.end(Status::Finished, at(end));
        }
        meta
    }

    fn most(metas: &[Meta]) -> usize {
        most_at_a_time(&metas.iter().collect::<Vec<_>>())
    }

    #[test]
    fn runs_at_the_same_time_are_counted_by_their_sittings() {
        assert_eq!(most(&[]), 1);
        assert_eq!(most(&[sat(0, Some(5)), sat(5, Some(9)), sat(9, None)]), 1);
        assert_eq!(
            most(&[
                sat(0, Some(5)),
                sat(4, Some(9)),
                sat(4, Some(6)),
                sat(6, Some(8))
            ]),
            3
        );
        assert_eq!(most(&[sat(0, None), sat(1, Some(2))]), 1);
    }
}
