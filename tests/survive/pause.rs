//! A training that is stopped at an epoch on purpose, as a sweep does, and goes on later.

use crate::training::{FOUR_EPOCHS, Training, errors};

/// Trains until an epoch; the run must be unfinished then.
#[track_caller]
fn train_until(training: &Training, epoch: u64) {
    let mut command = training.command();
    let output = command
        .arg(format!("--until-epoch={epoch}"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    let said = format!("paused at epoch {epoch} of 4");
    assert!(errors(&output).contains(&said), "{}", errors(&output));
    let run = training.run_dir();
    assert!(!run.join("summary.json").exists());
    let rows = std::fs::read_to_string(run.join("metrics.csv")).unwrap();
    assert_eq!(rows.lines().count() as u64, 2 + epoch, "{rows}");
    let latest = std::fs::read_to_string(run.join("latest")).unwrap();
    assert_eq!(latest, format!("checkpoint-{epoch}.safetensors\n"));
}

#[test]
fn pauses_change_nothing() {
    let expected = Training::new(FOUR_EPOCHS, 1).finish();
    let training = Training::new(FOUR_EPOCHS, 1);
    for epoch in [1, 3, 3] {
        train_until(&training, epoch);
    }
    let meta = std::fs::read_to_string(training.run_dir().join("meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
    let sittings = meta["sittings"].as_array().unwrap().iter();
    let sittings: Vec<_> = sittings
        .map(|sitting| {
            (
                sitting["epoch"].as_u64().unwrap(),
                sitting["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(sittings, [(0, "paused"), (1, "paused"), (3, "paused")]);
    training.finish().assert_equals(&expected);
}

#[test]
fn a_kill_between_pauses_changes_nothing() {
    let expected = Training::new(FOUR_EPOCHS, 1).finish();
    let training = Training::new(FOUR_EPOCHS, 1);
    train_until(&training, 1);
    let mut child = training.start_until(40);
    child.kill().unwrap();
    child.wait().unwrap();
    train_until(&training, 2);
    training.finish().assert_equals(&expected);
}

#[test]
fn beyond_the_end_there_is_nothing_to_pause_at() {
    let training = Training::new(FOUR_EPOCHS, 1);
    let output = training.command().arg("--until-epoch=9").output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    assert!(training.run_dir().join("summary.json").is_file());
}
