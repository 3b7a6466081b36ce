//! The program itself there: recording, kill -9, continuing.

use std::os::unix::process::ExitStatusExt;

use crate::load::library;
use crate::training::{Training, errors};

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
