//! Too little memory.

use std::fs;
use std::process::Command;

use crate::common::{normprop, only_run};
use crate::training::errors;

#[cfg(target_os = "linux")]
#[test]
fn want_of_memory_is_told_in_a_paragraph_and_the_record_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let program = normprop(folder.path());
    // 1.8 GB hold libtorch and this network, but not its activations on 250 images.
    let mut shell = Command::new("sh");
    shell
        .current_dir(folder.path())
        .env_remove("NORMPROP_DATA")
        .env("RUST_BACKTRACE", "1")
        .args(["-c", "ulimit -v 1800000; exec \"$0\" \"$@\""])
        .arg(program.get_program())
        .args(["train", "--width=4", "--epochs=1", "--threads=1"])
        .args(["--set=train_subset=50", "--set=test_subset=250"]);
    let output = shell.output().unwrap();
    let said = errors(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("normprop: there is not enough memory: ") && said.contains("--batch-size"),
        "{said}"
    );
    for words in ["panicked", "unwrap", "frame #", "backtrace"] {
        assert!(!said.contains(words), "{words}: {said}");
    }
    let config = fs::read_to_string(only_run(&folder.path().join("runs")).join("config.toml"));
    assert!(config.unwrap().contains("width = 4.0"));
}
