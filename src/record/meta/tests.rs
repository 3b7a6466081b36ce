use super::super::files::RealDisk;
use super::*;
use crate::event::EpochSums;
use std::time::{Duration, UNIX_EPOCH};

fn facts() -> Facts {
    Facts {
        tch: "0.26.0".to_owned(),
        libtorch: "2.13.0".to_owned(),
        threads: 2,
        device: "cpu".to_owned(),
        gpu: None,
        command_line: vec!["/home/ada/normprop".to_owned(), "/home/ada/x".to_owned()],
        dataset_sha256: Some("ab".repeat(32)),
        dataset_note: None,
        settings: None,
        started_from: None,
    }
}

fn position(epoch: u64) -> Position {
    Position {
        epoch,
        step_in_epoch: 0,
        step: epoch * 80,
        sums: EpochSums::default(),
        best: None,
        train_s: 0.0,
    }
}

#[test]
fn a_killed_run_that_is_resumed_has_two_sittings() {
    let folder = tempfile::tempdir().unwrap();
    let noon = UNIX_EPOCH + Duration::from_secs(12 * 3600);
    Meta::start(None, &facts(), &position(0), noon)
        .write(&RealDisk, folder.path())
        .unwrap();
    let earlier = read(folder.path()).unwrap();
    let mut resumed = Meta::start(
        earlier,
        &Facts {
            threads: 4,
            ..facts()
        },
        &position(3),
        noon + Duration::from_secs(60),
    );
    resumed.end(Status::Interrupted, noon + Duration::from_secs(90));
    resumed.write(&RealDisk, folder.path()).unwrap();
    let meta = read(folder.path()).unwrap().unwrap();
    assert_eq!(meta, resumed);
    assert_eq!((meta.facts.threads, meta.sittings.len()), (2, 2));
    assert_eq!(meta.started, "1970-01-01T12:00:00.000Z");
    assert_eq!(meta.ended.as_deref(), Some("1970-01-01T12:01:30.000Z"));
    assert_eq!(meta.last_started(), "1970-01-01T12:01:00.000Z");
    assert_eq!(
        (&meta.sittings[0].ended, meta.sittings[0].status),
        (&None, None)
    );
    let second = &meta.sittings[1];
    assert_eq!((second.epoch, second.step, second.threads), (3, 240, 4));
    assert_eq!(second.status, Some(Status::Interrupted));
}

#[test]
fn no_home_folder_is_written_and_the_documented_keys_are() {
    let folder = tempfile::tempdir().unwrap();
    let meta = Meta::start(None, &facts(), &position(0), UNIX_EPOCH);
    meta.write(&RealDisk, folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join(FILE_NAME)).unwrap();
    assert!(!text.contains("ada"), "{text}");
    assert_eq!(meta.facts.command_line, ["normprop", "~/x"]);
    for key in [
        "schema_version",
        "git",
        "rustc",
        "libtorch",
        "cpu",
        "dataset_sha256",
        "ended",
    ] {
        assert!(
            text.contains(&format!("\"{key}\": ")),
            "{key} is missing in {text}"
        );
    }
}

#[test]
fn a_damaged_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read(folder.path()).unwrap(), None);
    std::fs::write(folder.path().join(FILE_NAME), "{").unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("meta.json is damaged"), "{error}");
}

#[test]
fn a_number_that_cannot_be_is_blamed_on_its_file_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let meta = Meta::start(None, &facts(), &position(0), UNIX_EPOCH);
    meta.write(&RealDisk, folder.path()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let (first, sitting) = ("\n  \"threads\": 2", "\n      \"threads\": 2");
    for (written, key) in [(first, "threads"), (sitting, "sittings[0].threads")] {
        for wrong in ["0", "1000000000", "-1", "\"two\""] {
            let damaged = text.replace(written, &written.replace('2', wrong));
            assert_ne!(damaged, text);
            std::fs::write(&path, damaged).unwrap();
            let error = format!("{:#}", read(folder.path()).unwrap_err());
            assert!(
                error.contains("meta.json is damaged") && error.contains(wrong.trim_matches('"')),
                "{error}"
            );
            assert!(
                error.contains(key) || wrong == "-1" || wrong == "\"two\"",
                "{error}"
            );
        }
    }
}

#[test]
fn a_newer_layout_is_refused_whatever_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    std::fs::write(&path, "{\"schema_version\": 2, \"unheard_of\": 1}").unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("newer normprop (schema version 2, this one knows up to 1)"),
        "{error}"
    );
}
