//! Runs killed at every file operation, and the recorder's other promises.

use super::fake_run::{
    DiskFault, EPOCHS, FaultyDisk, Loop, STEPS_PER_EPOCH, scratch, settings, sit,
};
use super::files::RealDisk;
use super::*;
use crate::event::{EpochRow, Event, Observer, Status};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

/// All that must not depend on kills: every file but those with times of day, and the summary without its folder.
pub(super) fn outcome(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // The number of leases is that of sittings.
        if name != "meta.json"
            && !lease::is_lease_name(&name)
            && !tensorboard::is_event_file_name(&name)
        {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    let mut summary = read_summary(path).unwrap();
    summary.run_dir.clear();
    files.insert(
        "summary.json".to_owned(),
        format!("{summary:?}").into_bytes(),
    );
    files
}

/// Names the files in which two outcomes differ; empty when they are equal.
pub(super) fn differences(
    left: &BTreeMap<String, Vec<u8>>,
    right: &BTreeMap<String, Vec<u8>>,
) -> Vec<String> {
    let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let differing = names
        .into_iter()
        .filter(|name| left.get(*name) != right.get(*name));
    differing.cloned().collect()
}

/// What an uninterrupted run leaves, and how many file operations it took.
pub(super) fn uninterrupted() -> (BTreeMap<String, Vec<u8>>, u64) {
    let folder = scratch();
    let disk = FaultyDisk::sound();
    sit(folder.path(), disk.clone()).unwrap();
    (outcome(folder.path()), disk.count.load(Ordering::Relaxed))
}

#[test]
fn an_uninterrupted_run_leaves_the_documented_files() {
    let (files, _) = uninterrupted();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert!(
        names.contains(&"checkpoint-4.safetensors")
            && names.contains(&"checkpoint-3-2.safetensors")
    );
    for name in [
        "best",
        "config.toml",
        "latest",
        "layers.csv",
        "lock",
        "metrics.csv",
        "steps.csv",
        "summary.json",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let lines = |name: &str| files[name].iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!(lines("metrics.csv"), 1 + EPOCHS + 1);
    assert_eq!(lines("layers.csv"), 1 + 2 * (EPOCHS + 1));
    assert_eq!(lines("steps.csv"), 1 + EPOCHS * STEPS_PER_EPOCH / 2);
}

#[test]
fn a_kill_at_any_file_operation_changes_nothing_in_the_end() {
    let (expected, operations) = uninterrupted();
    for good in 0..operations {
        for done_256ths in [100, 256] {
            let folder = scratch();
            let disk = FaultyDisk::failing_after(good, DiskFault::Kill, done_256ths);
            assert!(sit(folder.path(), disk).is_err());
            // Killed after its very last file operation, the run is over and is not started again.
            if read_summary(folder.path()).is_none() {
                sit(folder.path(), FaultyDisk::sound()).unwrap();
            }
            let differences = differences(&outcome(folder.path()), &expected);
            assert!(
                differences.is_empty(),
                "operation {good}, {done_256ths}/256: {differences:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_series_of_kills_changes_nothing_in_the_end(
        kills in proptest::collection::vec((0..120_u64, 0..=256_usize), 1..12),
    ) {
        let (expected, _) = uninterrupted();
        let folder = scratch();
        for (good, done_256ths) in kills {
            let disk = FaultyDisk::failing_after(good, DiskFault::Kill, done_256ths);
            if read_summary(folder.path()).is_none() {
                let _ = sit(folder.path(), disk);
            }
        }
        if read_summary(folder.path()).is_none() {
            sit(folder.path(), FaultyDisk::sound()).unwrap();
        }
        prop_assert_eq!(differences(&outcome(folder.path()), &expected), Vec::<String>::new());
    }
}

/// A finished run of which the summary was taken away, so that it may be taken up again.
fn unfinished(path: &Path) {
    sit(path, FaultyDisk::sound()).unwrap();
    fs::remove_file(path.join("summary.json")).unwrap();
}

#[test]
fn a_damaged_latest_checkpoint_costs_time_but_no_result() {
    let (expected, _) = uninterrupted();
    let folder = scratch();
    unfinished(folder.path());
    let latest = folder.path().join("checkpoint-4.safetensors");
    let bytes = fs::read(&latest).unwrap();
    fs::write(&latest, &bytes[..bytes.len() / 2]).unwrap();
    sit(folder.path(), FaultyDisk::sound()).unwrap();
    assert_eq!(
        differences(&outcome(folder.path()), &expected),
        Vec::<String>::new()
    );
}

/// What is left of a table whose lines were picked by number, the header's being 0.
fn pick(path: &Path, stays: impl Fn(usize) -> bool) {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.split_inclusive('\n').enumerate();
    let picked: String = lines
        .filter(|(number, _)| stays(*number))
        .map(|(_, line)| line)
        .collect();
    assert!(picked.len() < text.len(), "{}", path.display());
    fs::write(path, picked).unwrap();
}

#[test]
fn the_run_goes_on_from_the_newest_state_that_all_tables_reach() {
    let (expected, _) = uninterrupted();
    // The last two checkpoints are those after two of the three steps of epoch 4, and after epoch 4.
    for (table, lost) in [
        ("metrics.csv", 5),
        ("layers.csv", 9),
        ("layers.csv", 10),
        ("steps.csv", 6),
    ] {
        let folder = scratch();
        unfinished(folder.path());
        pick(&folder.path().join(table), |number| number != lost);
        sit(folder.path(), RealDisk).unwrap();
        let differences = differences(&outcome(folder.path()), &expected);
        assert!(
            differences.is_empty(),
            "{table} without line {lost}: {differences:?}"
        );
    }
}

#[test]
fn tables_that_reach_no_checkpoint_are_an_error_and_stay_as_they_are() {
    for table in ["metrics.csv", "layers.csv", "steps.csv"] {
        for all_after in [false, true] {
            let folder = scratch();
            unfinished(folder.path());
            let path = folder.path().join(table);
            pick(&path, |number| number < 1 || !all_after && number > 1);
            let damaged = fs::read(&path).unwrap();
            let error = sit(folder.path(), RealDisk).err().unwrap().to_string();
            let lacks = format!("{table} lacks rows from before epoch");
            assert!(
                error.contains(&lacks) && error.contains("put the file back"),
                "{error}"
            );
            assert_eq!(fs::read(&path).unwrap(), damaged);
        }
    }
}

#[test]
fn a_run_that_is_over_is_not_taken_up() {
    let folder = scratch();
    let recorder = sit(folder.path(), RealDisk).unwrap();
    let summary = recorder.summary().unwrap().clone();
    assert_eq!((summary.epochs, summary.status), (EPOCHS, Status::Finished));
    let read = read_summary(folder.path()).unwrap();
    // As text, since the training error of the fake run is NaN.
    assert_eq!(format!("{read:?}"), format!("{summary:?}"));
    drop(recorder);
    let error = sit(folder.path(), RealDisk).err().unwrap().to_string();
    assert!(error.contains("is already over"), "{error}");
}

#[test]
fn an_interrupted_run_has_an_end_time_but_no_summary() {
    let folder = scratch();
    unfinished(folder.path());
    let run_dir = RunDir::open_on(folder.path(), "epochs = 4\n", RealDisk).unwrap();
    let (snapshot, _) = run_dir
        .latest_snapshot_that(&settings().owed, &mut |_| Ok(()))
        .unwrap()
        .snapshot
        .unwrap();
    let position = snapshot.position;
    let mut recorder = Recorder::new(run_dir, settings());
    recorder
        .on(&Event::Started {
            epochs: 9,
            steps_per_epoch: STEPS_PER_EPOCH,
            position,
        })
        .unwrap();
    recorder
        .on(&Event::Ended {
            status: Status::Interrupted,
        })
        .unwrap();
    assert!(recorder.summary().is_none() && read_summary(folder.path()).is_none());
    let meta = meta::read(folder.path()).unwrap().unwrap();
    let sitting = meta.sittings.last().unwrap();
    assert_eq!(
        (meta.sittings.len(), sitting.epoch, sitting.status),
        (2, EPOCHS, Some(Status::Interrupted))
    );
    assert!(meta.ended.is_some());
}

#[test]
fn a_diverged_run_is_summarized_with_what_it_reached() {
    let folder = scratch();
    unfinished(folder.path());
    let mut rows: Vec<EpochRow> = read_metrics(folder.path()).unwrap();
    let run_dir = RunDir::open_on(folder.path(), "epochs = 4\n", RealDisk).unwrap();
    let (snapshot, _) = run_dir
        .latest_snapshot_that(&settings().owed, &mut |_| Ok(()))
        .unwrap()
        .snapshot
        .unwrap();
    let mut recorder = Recorder::new(run_dir, settings());
    let position = snapshot.position.clone();
    recorder
        .on(&Event::Started {
            epochs: 9,
            steps_per_epoch: STEPS_PER_EPOCH,
            position,
        })
        .unwrap();
    let mut row = rows.remove(4);
    (row.epoch, row.test_error, row.status) = (5, f64::NAN, Status::Diverged);
    recorder
        .on(&Event::Epoch {
            row,
            layers: Vec::new(),
        })
        .unwrap();
    recorder
        .on(&Event::Ended {
            status: Status::Diverged,
        })
        .unwrap();
    let summary = read_summary(folder.path()).unwrap();
    assert_eq!((summary.status, summary.epochs), (Status::Diverged, 5));
    assert!(summary.test_error.is_nan() && summary.best_test_error < 1.0);
    // A state whose epoch has no row could not be resumed, so it is refused.
    let mut early = snapshot;
    early.position.epoch = 6;
    let error = recorder
        .on(&Event::Snapshot {
            snapshot: early,
            best: false,
        })
        .unwrap_err();
    assert!(
        error.to_string().contains("before the epoch's row"),
        "{error}"
    );
}

#[test]
fn nothing_optional_is_written_unless_asked_for() {
    let folder = scratch();
    let run_dir = RunDir::open_on(folder.path(), "", RealDisk).unwrap();
    let mut settings = settings();
    (settings.owed.steps_every, settings.tensorboard) = (0, false);
    let mut recorder = Recorder::new(run_dir, settings);
    Loop::new(None).run(&mut recorder).unwrap();
    let names = outcome(folder.path());
    assert!(!names.contains_key("steps.csv") && names.contains_key("summary.json"));
    let entries = fs::read_dir(folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("events")).count(), 0);
}
