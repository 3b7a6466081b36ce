//! From run directories to a folder of results.

use std::collections::BTreeMap;
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde_json::Value;

use super::plan::Entry;
use crate::config::RunConfig;
use crate::config::experiment::Experiment;
use crate::config::sweep::Sweep;
use crate::event::{EpochRow, LayerRow, PercentileRow};
use crate::methods;
use crate::record::meta::{self, Meta};
use crate::record::time::rfc3339;
use crate::record::{read_layers, read_metrics, read_percentiles, read_summary};
use crate::report::comparison::Results;
use crate::report::comparison::manifest::{
    Cited, Manifest, ManifestMethod, ManifestRun, SCHEMA_VERSION,
};
use crate::report::comparison::results::Runs;
use crate::report::comparison::rows::SweepRow;
use crate::report::comparison::tagged::{RunRows, Tag};

/// Reads the runs that are over; the others are left out.
pub fn collect(experiment: &Experiment, plan: &[Entry], sweep: Vec<SweepRow>) -> Result<Results> {
    let (mut collected, mut runs) = (Runs::default(), Vec::new());
    let mut metas: Vec<Meta> = Vec::new();
    for entry in plan {
        let context = || format!("cannot collect {}", entry.run_dir.display());
        let Some(summary) = read_summary(&entry.run_dir).with_context(context)? else {
            continue;
        };
        let meta = meta::read(&entry.run_dir).with_context(context)?;
        let tag = tag(entry);
        let rows: Vec<EpochRow> = read_metrics(&entry.run_dir).with_context(context)?;
        collected.curves.push(RunRows {
            tag: tag.clone(),
            rows,
        });
        let rows: Vec<LayerRow> = read_layers(&entry.run_dir).with_context(context)?;
        collected.layers.push(RunRows {
            tag: tag.clone(),
            rows,
        });
        let rows: Vec<PercentileRow> = read_percentiles(&entry.run_dir).with_context(context)?;
        if !rows.is_empty() {
            collected.percentiles.push(RunRows { tag, rows });
        }
        runs.push(manifest_run(entry, &summary, meta.as_ref())?);
        metas.extend(meta);
    }
    let manifest = manifest(experiment, plan, &metas, runs)?;
    Ok(Results::of(
        experiment.name.clone(),
        Some(manifest),
        collected,
        sweep,
    ))
}

/// What a sweep tried, and which runs tried it: all there is of an experiment that is a sweep and no more.
pub fn collect_sweep(
    experiment: &Experiment,
    tried: &[Entry],
    rows: Vec<SweepRow>,
) -> Result<Results> {
    let (mut runs, mut metas) = (Vec::new(), Vec::new());
    for entry in tried {
        let context = || format!("cannot collect {}", entry.run_dir.display());
        let meta = meta::read(&entry.run_dir).with_context(context)?;
        if let Some(summary) = read_summary(&entry.run_dir).with_context(context)? {
            runs.push(manifest_run(entry, &summary, meta.as_ref())?);
        }
        metas.extend(meta);
    }
    let manifest = manifest(experiment, tried, &metas, runs)?;
    Ok(Results::of(
        experiment.name.clone(),
        Some(manifest),
        Runs::default(),
        rows,
    ))
}

fn manifest(
    experiment: &Experiment,
    plan: &[Entry],
    metas: &[Meta],
    runs: Vec<ManifestRun>,
) -> Result<Manifest> {
    let configs: Vec<&RunConfig> = plan.iter().map(|entry| &entry.config).collect();
    let shared = shared_keys(&configs)?;
    Ok(Manifest {
        schema_version: SCHEMA_VERSION,
        normprop: env!("CARGO_PKG_VERSION").to_owned(),
        experiment: experiment.name.clone(),
        title: experiment.title.clone(),
        collected: rfc3339(SystemTime::now()),
        dataset: configs
            .first()
            .map_or(String::new(), |config| config.dataset.clone()),
        configuration: as_lines(&shared),
        methods: manifest_methods(experiment, plan, &shared)?,
        target_test_error: experiment.target_test_error,
        jobs: most_at_a_time(metas),
        notes: experiment.notes.clone(),
        reference: experiment.reference.as_ref().map(|reference| Cited {
            source: reference.source.clone(),
            label: reference.label.clone(),
            test_error: reference.test_error.clone(),
        }),
        machine: metas
            .first()
            .map_or(Vec::new(), |meta| machine(meta, &runs)),
        runs,
        sweep: experiment
            .sweep
            .as_ref()
            .map_or(Vec::new(), Sweep::describe),
    })
}

/// How many runs were trained at the same time at most, by the times of their sittings: whether times may be compared
/// does not depend on what the last call of the command was told.
fn most_at_a_time(metas: &[Meta]) -> usize {
    let sittings = || metas.iter().flat_map(|meta| &meta.sittings);
    // A sitting that was killed has no end and counts as a moment.
    let spans = sittings().map(|sitting| {
        (
            &sitting.started,
            sitting.ended.as_ref().unwrap_or(&sitting.started),
        )
    });
    let spans: Vec<_> = spans.collect();
    let at = |moment: &String| {
        spans
            .iter()
            .filter(|(start, end)| *start <= moment && moment < *end)
            .count()
    };
    spans
        .iter()
        .map(|(start, _)| at(start))
        .max()
        .unwrap_or(1)
        .max(1)
}

fn tag(entry: &Entry) -> Tag {
    Tag {
        method: entry.config.method.name.clone(),
        batch_size: entry.config.batch_size as u64,
        lr: entry.config.lr,
        seed: entry.config.seed,
        label: entry.label.clone(),
    }
}

fn manifest_run(
    entry: &Entry,
    summary: &crate::event::Summary,
    meta: Option<&Meta>,
) -> Result<ManifestRun> {
    Ok(ManifestRun {
        run: entry.config.run_name()?,
        hash: entry.config.hash8()?,
        label: entry.label.clone(),
        batch_size: entry.config.batch_size as u64,
        lr: entry.config.lr,
        seed: entry.config.seed,
        status: summary.status,
        threads: meta.map(|meta| meta.threads),
        git_commit: meta.and_then(|meta| Some(meta.git.as_ref()?.commit.clone())),
        dataset_sha256: meta.and_then(|meta| meta.dataset_sha256.clone()),
        parameters: summary.parameters,
    })
}

/// A configuration as dotted keys with their values.
fn flat(config: &RunConfig) -> Result<BTreeMap<String, Value>> {
    let mut keys = BTreeMap::new();
    if let Value::Object(fields) = serde_json::to_value(config)? {
        for (key, value) in fields {
            match value {
                Value::Object(inner) => keys.extend(
                    inner
                        .into_iter()
                        .map(|(name, value)| (format!("{key}.{name}"), value)),
                ),
                value => {
                    keys.insert(key, value);
                }
            }
        }
    }
    Ok(keys)
}

/// The keys that have one value in all configurations.
fn shared_keys(configs: &[&RunConfig]) -> Result<BTreeMap<String, Value>> {
    let mut all = configs.iter().map(|config| flat(config));
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
    plan: &[Entry],
    shared: &BTreeMap<String, Value>,
) -> Result<Vec<ManifestMethod>> {
    let method = |entry: &crate::config::experiment::MethodEntry| {
        let own: Vec<&RunConfig> = plan
            .iter()
            .filter(|run| run.label == entry.label)
            .map(|run| &run.config)
            .collect();
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
    let mut threads: Vec<u64> = runs.iter().filter_map(|run| run.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let threads: Vec<String> = threads.iter().map(u64::to_string).collect();
    let git = meta.git.as_ref().map_or("unknown".to_owned(), |git| {
        let commit: String = git.commit.chars().take(12).collect();
        if git.dirty {
            format!("{commit}, with changes")
        } else {
            commit
        }
    });
    let unknown = || "unknown".to_owned();
    [
        ("Processor", meta.cpu.model.clone().unwrap_or_else(unknown)),
        ("Processor features", meta.cpu.flags.join(" ")),
        ("Hardware threads", meta.cpu.cores.to_string()),
        ("Threads a run", threads.join(", ")),
        ("Device", meta.device.clone()),
        ("normprop", meta.normprop.clone()),
        ("Source tree", git),
        ("libtorch", meta.libtorch.clone()),
        ("tch", meta.tch.clone()),
        ("rustc", meta.rustc.clone().unwrap_or_else(unknown)),
        (
            "Dataset SHA-256",
            meta.dataset_sha256.clone().unwrap_or_else(unknown),
        ),
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
        let facts = Facts {
            tch: String::new(),
            libtorch: String::new(),
            threads: 1,
            device: String::new(),
            command_line: Vec::new(),
            dataset_sha256: None,
        };
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
            meta.end(crate::event::Status::Finished, at(end));
        }
        meta
    }

    #[test]
    fn runs_at_the_same_time_are_counted_by_their_sittings() {
        assert_eq!(most_at_a_time(&[]), 1);
        assert_eq!(
            most_at_a_time(&[sat(0, Some(5)), sat(5, Some(9)), sat(9, None)]),
            1
        );
        assert_eq!(
            most_at_a_time(&[
                sat(0, Some(5)),
                sat(4, Some(9)),
                sat(4, Some(6)),
                sat(6, Some(8))
            ]),
            3
        );
        assert_eq!(most_at_a_time(&[sat(0, None), sat(1, Some(2))]), 1);
    }
}
