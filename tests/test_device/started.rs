//! The program, started with the device or without.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::common::{normprop, only_run};
use crate::training::errors;

/// A network that trains in a moment.
pub const SMALL: &[&str] = &[
    "--model=mlp",
    "--set=mlp_widths=[16, 16]",
    "--batch-size=20",
    "--epochs=2",
    "--set=train_subset=200",
    "--set=test_subset=100",
    "--set=probe_images=0",
];
/// What the device says of itself.
pub const NAMED: [(&str, &str); 3] = [
    ("name", "test device 0"),
    ("cuda", "13.2"),
    ("cudnn", "9.20.1"),
];

/// The program in a folder, with the device where there is a library.
pub fn program(folder: &Path, library: Option<&Path>, arguments: &[&str]) -> Command {
    let mut command = normprop(folder);
    command.args(arguments).env_remove("CUDA_VISIBLE_DEVICES");
    if let Some(library) = library {
        command.env("LD_PRELOAD", library);
    }
    command
}

/// Runs a command that has to succeed.
#[track_caller]
pub fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    output
}

/// The JSON that such a command prints.
#[track_caller]
pub fn document(command: &mut Command) -> Value {
    serde_json::from_slice(&done(command).stdout).unwrap()
}

/// `meta.json` of the only run in a folder.
pub fn meta(folder: &Path) -> Value {
    let text = std::fs::read_to_string(only_run(&folder.join("runs")).join("meta.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}
