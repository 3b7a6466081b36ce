//! A run is what its configuration and its images were when it was started.

use std::fs;

use predicates::str::contains;

use crate::common::only_run;
use crate::{run, train};

#[test]
fn a_run_whose_configuration_was_changed_is_neither_continued_nor_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["-q"]).success();
    let run_dir = only_run(folder.path());
    let path = run_dir.to_str().unwrap();
    let config = run_dir.join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let changed = text.replace("\nepochs = 1\n", "\nepochs = 3\n");
    let harmless = format!("\u{feff}# mine\n{text}").replace('\n', "\r\n");

    fs::write(&config, &changed).unwrap();
    for arguments in [
        &["train", "--resume", path][..],
        &["eval", path],
        &["stats", path],
    ] {
        run(folder.path(), arguments)
            .code(2)
            .stderr(contains("epochs was 1, is 3"))
            .stderr(contains("other settings are another run"));
    }
    train(folder.path(), &[])
        .code(2)
        .stderr(contains("epochs was 1, is 3"));
    fs::write(&config, &harmless).unwrap();
    for arguments in [&["train", "--resume", path][..], &["eval", path]] {
        run(folder.path(), arguments).success();
    }

    // The same of a run that is not over.
    fs::remove_file(run_dir.join("summary.json")).unwrap();
    fs::write(&config, &changed).unwrap();
    run(folder.path(), &["train", "--resume", path])
        .code(2)
        .stderr(contains("epochs was 1, is 3"));
    fs::write(&config, &harmless).unwrap();
    run(folder.path(), &["train", "--resume", path]).success();
    assert!(run_dir.join("summary.json").is_file());
}
