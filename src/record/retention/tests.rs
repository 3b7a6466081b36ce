use super::super::files::RealDisk;
use super::*;
use crate::event::{ElementType, EpochSums, NamedTensor};
use std::fs;

fn state(epoch: u64, step_in_epoch: u64) -> Snapshot {
    let weight = NamedTensor {
        name: "weight".to_owned(),
        element: ElementType::F64,
        shape: vec![1],
        bytes: (epoch as f64 + 0.5).to_le_bytes().to_vec(),
    };
    let position = Position {
        epoch,
        step_in_epoch,
        step: epoch * 100 + step_in_epoch,
        sums: EpochSums::default(),
        best: None,
        train_s: 0.0,
    };
    Snapshot {
        network: None,
        tensors: vec![weight],
        position,
    }
}

fn save_epochs(folder: &Path, epochs: &[(u64, bool)]) {
    for (epoch, best) in epochs {
        save(&RealDisk, folder, &state(*epoch, 0), *best, &[]).unwrap();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn damage(folder: &Path, name: &str) {
    let mut bytes = fs::read(folder.join(name)).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 4;
    fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn names_round_trip_and_others_are_not_taken_for_checkpoints() {
    for place in [(0, 0), (7, 0), (7, 1), (u64::MAX, u64::MAX)] {
        assert_eq!(parse_name(&name_of(place)), Some(place));
    }
    assert_eq!(
        name_of(place_of(&state(4, 0).position)),
        "checkpoint-4.safetensors"
    );
    assert_eq!(
        name_of(place_of(&state(4, 9).position)),
        "checkpoint-4-9.safetensors"
    );
    for name in [
        "checkpoint-.safetensors",
        "checkpoint-04.safetensors",
        "checkpoint-+4.safetensors",
        "checkpoint-4-0.safetensors",
        "checkpoint-4-1-2.safetensors",
        "checkpoint-99999999999999999999.safetensors",
        "checkpoint-4.safetensors.tmp",
        "../checkpoint-4.safetensors",
    ] {
        assert_eq!(parse_name(name), None, "{name}");
    }
}

#[test]
fn epochs_that_are_listed_stay_and_those_beyond_the_newest_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let save_listed = |epoch, step| {
        let state = state(epoch, step);
        let best = (epoch, step) == (0, 0);
        save(&RealDisk, path, &state, best, &[1, 5]).unwrap();
    };
    for epoch in 0..=5 {
        save_listed(epoch, 0);
        save_listed(epoch, 3);
    }
    let listed = |epochs: &[&str]| {
        let mut all: Vec<String> = epochs
            .iter()
            .map(|epoch| format!("checkpoint-{epoch}.safetensors"))
            .collect();
        all.extend(["best".to_owned(), "latest".to_owned()]);
        all.sort();
        all
    };
    assert_eq!(names(path), listed(&["0", "1", "5", "5-3"]));
    // Going on from epoch 2 makes those after it void, listed or not.
    save_listed(2, 0);
    assert_eq!(names(path), listed(&["0", "1", "2"]));
}

#[test]
fn the_last_two_and_the_best_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    save_epochs(path, &[(1, true), (2, true), (3, false), (4, false)]);
    save(&RealDisk, path, &state(4, 7), false, &[]).unwrap();
    let kept = [
        "best",
        "checkpoint-2.safetensors",
        "checkpoint-4-7.safetensors",
        "checkpoint-4.safetensors",
        "latest",
    ];
    assert_eq!(names(path), kept);
    assert_eq!(
        fs::read_to_string(path.join(LATEST)).unwrap(),
        "checkpoint-4-7.safetensors\n"
    );
    let best = best_checkpoint(path).unwrap().unwrap();
    assert_eq!(checkpoint::read(&best).unwrap(), state(2, 0));
    let found = latest_snapshot(path).unwrap();
    assert_eq!(found.snapshot.unwrap().0, state(4, 7));
    assert!(found.warnings.is_empty());
}

#[test]
fn a_damaged_latest_is_named_and_the_one_before_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    save_epochs(path, &[(1, true), (2, false), (3, false)]);
    damage(path, "checkpoint-3.safetensors");
    let found = latest_snapshot(path).unwrap();
    let (snapshot, file) = found.snapshot.unwrap();
    assert_eq!(
        (snapshot, file),
        (state(2, 0), path.join("checkpoint-2.safetensors"))
    );
    assert_eq!(found.warnings.len(), 1);
    let warning = &found.warnings[0];
    assert!(
        warning.contains(
            "checkpoint-3.safetensors is damaged: its content does not match its SHA-256"
        ),
        "{warning}"
    );
    assert!(warning.ends_with("checkpoint-2.safetensors"), "{warning}");
    // The older best is the last resort, and what lies beyond the new state is deleted once that is safe.
    damage(path, "checkpoint-2.safetensors");
    let found = latest_snapshot(path).unwrap();
    assert_eq!(
        (found.snapshot.unwrap().0, found.warnings.len()),
        (state(1, 0), 2)
    );
    save(&RealDisk, path, &state(1, 5), false, &[]).unwrap();
    assert_eq!(
        names(path),
        [
            "best",
            "checkpoint-1-5.safetensors",
            "checkpoint-1.safetensors",
            "latest"
        ]
    );
}

#[test]
fn an_intact_state_of_something_else_is_named_and_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    save_epochs(path, &[(1, true), (2, false)]);
    let mut before_epoch_2 = |snapshot: &Snapshot| match snapshot.position.epoch {
        2 => bail!("it is too large"),
        _ => Ok(()),
    };
    let found = latest_snapshot_that(path, &mut before_epoch_2).unwrap();
    assert_eq!(found.snapshot.unwrap().0, state(1, 0));
    let warning = &found.warnings[0];
    assert!(
        warning
            .contains("checkpoint-2.safetensors does not fit this run: it is too large; going on"),
        "{warning}"
    );
    let error = latest_snapshot_that(path, &mut |_| bail!("no")).unwrap_err();
    assert!(error.to_string().contains("can be used"), "{error}");
}

#[test]
fn a_missing_or_unreadable_pointer_is_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    save_epochs(path, &[(1, true), (2, false)]);
    fs::write(path.join(LATEST), "checkpoint-2.safe").unwrap();
    let found = latest_snapshot(path).unwrap();
    assert_eq!(found.snapshot.unwrap().0, state(2, 0));
    assert!(found.warnings[0].contains("latest does not hold the name of a checkpoint"));
    fs::remove_file(path.join(LATEST)).unwrap();
    assert_eq!(
        latest_snapshot(path).unwrap().snapshot.unwrap().0,
        state(2, 0)
    );
    fs::write(path.join(LATEST), "checkpoint-8.safetensors\n").unwrap();
    let found = latest_snapshot(path).unwrap();
    assert_eq!(found.snapshot.unwrap().0, state(2, 0));
    assert!(found.warnings[0].contains("checkpoint-8.safetensors cannot be read"));
    // A pointer to the best state that cannot be read costs no checkpoint.
    fs::write(path.join(BEST), "\u{0}").unwrap();
    save_epochs(path, &[(3, false), (4, false)]);
    assert_eq!(names(path).len(), 6);
    assert!(best_checkpoint(path).is_err());
}

#[test]
fn nothing_written_is_a_fresh_start_and_nothing_intact_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let none = Found {
        snapshot: None,
        warnings: Vec::new(),
    };
    assert_eq!(latest_snapshot(path).unwrap(), none);
    assert_eq!(best_checkpoint(path).unwrap(), None);
    save_epochs(path, &[(1, false), (2, false)]);
    damage(path, "checkpoint-1.safetensors");
    damage(path, "checkpoint-2.safetensors");
    let error = latest_snapshot(path).unwrap_err().to_string();
    assert!(
        error.contains("checkpoint-1") && error.contains("checkpoint-2"),
        "{error}"
    );
    assert!(error.contains("delete the folder"));
}

#[test]
fn the_best_state_is_named_again_where_the_name_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    save(&RealDisk, path, &state(1, 0), true, &[]).unwrap();
    save(&RealDisk, path, &state(2, 0), false, &[]).unwrap();
    std::fs::remove_file(path.join("best")).unwrap();
    let mut position = state(2, 0).position;
    position.best = Some((0.5, 1));
    tidy(&RealDisk, path, &position, &[]).unwrap();
    let best = best_checkpoint(path).unwrap().unwrap();
    assert!(best.ends_with("checkpoint-1.safetensors") && best.is_file());
}
