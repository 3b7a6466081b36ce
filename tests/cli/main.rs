//! Every command of the program: what it does, and what it says when it cannot.

mod bench;
mod commands;
#[path = "../common/mod.rs"]
mod common;
mod data;
mod leaving;
mod mistakes;
#[path = "../common/numpy.rs"]
mod numpy;
mod output;
mod own_data;
mod record;
mod same_run;
mod surroundings;
mod train;

use std::path::Path;

use serde_json::Value;

use common::normprop;

/// `train` for a moment, on few images, with further arguments. The width is a key of the NIN alone.
fn tiny<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec![
        "train",
        "--epochs=1",
        "--threads=1",
        "--set=train_subset=200",
        "--set=test_subset=100",
    ];
    if !arguments
        .iter()
        .any(|argument| argument.starts_with("--model="))
    {
        all.push("--width=0.1");
    }
    all.extend(arguments);
    all
}

/// The program in `folder`, ready to be judged.
fn run(folder: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = assert_cmd::Command::from_std(normprop(folder));
    command.args(arguments).assert()
}

/// [`run`] with the arguments of [`tiny`].
fn train(folder: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    run(folder, &tiny(arguments))
}

/// The one JSON document that stdout holds.
#[track_caller]
fn document(assert: &assert_cmd::assert::Assert) -> Value {
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

/// Asserts that a JSON object has all of these keys.
#[track_caller]
fn assert_keys(document: &Value, keys: &[&str]) {
    for key in keys {
        assert!(document.get(key).is_some(), "no {key} in {document}");
    }
}
