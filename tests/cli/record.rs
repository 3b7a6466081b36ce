//! What is said and recorded of the program itself.

use std::fs;
use std::path::Path;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;

use crate::common::only_run;
use crate::{run, train};

#[test]
fn verbose_tells_versions_threads_and_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["-v", "--model=mlp"])
        .success()
        .stderr(
            contains("libtorch 2.13.0 from ")
                .and(contains("data folder data"))
                .and(contains("threads: 1 of "))
                .and(contains("checkpoint saved at epoch 1, step 4")),
        );
    run(folder.path(), &["eval", "-v"])
        .success()
        .stderr(contains("checkpoint-1.safetensors"));
    run(folder.path(), &["methods", "bn", "--verbose", "--json"])
        .success()
        .stderr(contains("libtorch 2.13.0"));
    let plain = train(folder.path(), &["--model=mlp", "--seed=1"]).success();
    let plain = String::from_utf8_lossy(&plain.get_output().stderr).into_owned();
    assert!(!plain.contains("checkpoint"), "{plain}");
}

#[test]
fn the_commit_that_is_recorded_is_the_programs_not_that_of_the_folder() {
    let git = |folder: &Path, arguments: &[&str]| -> Option<String> {
        let output = std::process::Command::new("git")
            .current_dir(folder)
            .args(["-c", "user.name=a", "-c", "user.email=a@b"])
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).unwrap();
        output.status.success().then(|| text.trim().to_string())
    };
    let folder = tempfile::tempdir().unwrap();
    // Another repository that calls itself ours.
    fs::write(
        folder.path().join("Cargo.toml"),
        "[package]\nname = \"normprop\"\n",
    )
    .unwrap();
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "one"]);

    train(folder.path(), &["-q", "--model=mlp"]).success();
    let run_dir = only_run(&folder.path().join("runs"));
    let meta: Value =
        serde_json::from_slice(&fs::read(run_dir.join("meta.json")).unwrap()).unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_repository = git(own, &["rev-parse", "--show-cdup"]).is_some_and(|up| up.is_empty());
    if is_repository {
        let commit = git(own, &["rev-parse", "HEAD"]).unwrap();
        assert_eq!(meta["git"]["commit"], commit.as_str());
        assert!(meta["git"]["dirty"].is_boolean());
    } else {
        assert_eq!(meta["git"], Value::Null);
    }
    assert_eq!(meta["sittings"][0]["git"], meta["git"]);
}

#[test]
fn a_run_of_a_newer_program_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["-q", "--model=mlp"]).success();
    let run_dir = only_run(&folder.path().join("runs"));
    fs::remove_file(run_dir.join("summary.json")).unwrap();
    let meta = run_dir.join("meta.json");
    let text = fs::read_to_string(&meta).unwrap();
    let newer = text.replace("\"schema_version\": 1", "\"schema_version\": 7");
    assert_ne!(newer, text);
    fs::write(&meta, &newer).unwrap();
    let path = run_dir.to_str().unwrap();
    for arguments in [&["train", "--resume", path][..], &["eval", path]] {
        run(folder.path(), arguments).code(2).stderr(contains(
            "newer normprop (schema version 7, this one knows up to 1)",
        ));
    }
    assert_eq!(fs::read_to_string(&meta).unwrap(), newer);
    assert!(!run_dir.join("summary.json").exists());
}
