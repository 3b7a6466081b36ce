//! The program itself there: recording, kill -9, continuing.

use std::os::unix::process::ExitStatusExt;

use crate::load::library;
use crate::training::{Outcome, Training, errors};

/// Two epochs of 40 steps.
const TWO_EPOCHS: &[&str] = &[
    "--batch-size=3",
    "--epochs=2",
    "--set=train_subset=120",
    "--set=test_subset=20",
    "--set=probe_images=10",
    "--augment=crop-flip",
    "--device=cuda",
];

#[test]
fn kills_change_nothing_there() {
    let Some(library) = library() else {
        return;
    };
    let expected = Training::new(TWO_EPOCHS, 1).preloading(library).finish();
    let training = Training::new(TWO_EPOCHS, 1).preloading(library);
    for steps in [1, 15, 50] {
        let mut child = training.start_until(steps);
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    }
    training.finish().assert_equals(&expected);
    let meta = std::fs::read_to_string(training.run_dir().join("meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
    let sittings = meta["sittings"].as_array().unwrap();
    assert!(
        sittings.len() == 4 && sittings.iter().all(|sitting| sitting["device"] == "cuda"),
        "{meta}"
    );
}

#[test]
fn kills_and_signals_between_readings_change_nothing_there() {
    let Some(library) = library() else {
        return;
    };
    // What is recorded is read: the steps between are read together with it.
    let arguments = [TWO_EPOCHS, &["--set=record_steps=8"]].concat();
    let expected = Training::new(&arguments, 1).preloading(library).finish();
    let training = Training::new(&arguments, 1).preloading(library);
    let mut between = 0;
    for rows in [1, 3, 7] {
        let output = training.interrupt_after(rows);
        let told = errors(&output).matches("not have a deterministic").count();
        assert_eq!(told, 1, "{}", errors(&output));
        let saved = Outcome::read(&training.run_dir());
        let steps = saved
            .checkpoints
            .values()
            .map(|(_, position)| position.step);
        between += u64::from(steps.max().unwrap() % 8 != 0);
        let mut child = training.start_until(rows + 1);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(between > 0);
    training.finish().assert_equals(&expected);
}

#[test]
fn without_it_there_is_no_such_device() {
    let output = Training::new(TWO_EPOCHS, 1).run();
    if library().is_some() {
        assert_eq!(output.status.code(), Some(2));
        assert!(
            errors(&output).contains("this libtorch sees 0 CUDA devices"),
            "{}",
            errors(&output)
        );
    }
}
