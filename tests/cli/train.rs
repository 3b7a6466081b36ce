//! `normprop train`.

use std::fs;
use std::path::Path;

use normprop::nn::residual::Order;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_match};
use serde_json::Value;

use crate::common::only_run;
use crate::{assert_keys, document, run, tiny, train};

const SUMMARY_KEYS: &[&str] = &[
    "status",
    "method",
    "dataset",
    "batch_size",
    "lr",
    "seed",
    "test_error",
    "test_loss",
    "train_loss",
    "train_error",
    "best_test_error",
    "epochs",
    "steps",
    "train_s",
    "images_per_s",
    "parameters",
    "run_dir",
];

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_training_records_everything_and_is_reported_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let first = train(
        folder.path(),
        &["--json", "--set=tensorboard=true", "--set=record_steps=2"],
    )
    .success();
    let summary = document(&first);
    assert_keys(&summary, SUMMARY_KEYS);
    assert_eq!(
        (&summary["status"], &summary["method"]),
        (&"finished".into(), &"normprop".into())
    );
    assert_eq!(
        (&summary["epochs"], &summary["steps"]),
        (&1.into(), &4.into())
    );
    let error = summary["test_error"].as_f64().unwrap();
    assert!(
        (0.0..=1.0).contains(&error) && (error * 100.0).fract().abs() < 1e-9,
        "{error} of 100 images"
    );

    let run_dir = only_run(&folder.path().join("runs"));
    assert_eq!(
        folder.path().join(summary["run_dir"].as_str().unwrap()),
        run_dir
    );
    let name = run_dir.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("normprop-bs50-lr0.02-s0-"), "{name}");
    let there = entries(&run_dir);
    for file in [
        "best",
        "checkpoint-0.safetensors",
        "checkpoint-1.safetensors",
        "config.toml",
        "latest",
        "layers.csv",
        "meta.json",
        "metrics.csv",
        "steps.csv",
        "summary.json",
    ] {
        assert!(
            there.iter().any(|name| name == file),
            "no {file} in {there:?}"
        );
    }
    assert!(
        there
            .iter()
            .any(|name| name.starts_with("events.out.tfevents.")),
        "{there:?}"
    );
    let recorded: Value =
        serde_json::from_slice(&fs::read(run_dir.join("summary.json")).unwrap()).unwrap();
    assert_eq!(recorded, summary);
    let meta: Value =
        serde_json::from_slice(&fs::read(run_dir.join("meta.json")).unwrap()).unwrap();
    assert_keys(
        &meta,
        &[
            "schema_version",
            "git",
            "rustc",
            "tch",
            "libtorch",
            "cpu",
            "threads",
            "device",
            "command_line",
            "dataset_sha256",
            "started",
            "ended",
        ],
    );

    let arguments = ["--json", "--set=tensorboard=true", "--set=record_steps=2"];
    let again = train(folder.path(), &arguments)
        .success()
        .stderr(contains("is finished already"));
    assert_eq!(document(&again), summary);
    assert_eq!(entries(&run_dir), there);

    let anew = train(folder.path(), &[&arguments[..], &["--overwrite"]].concat()).success();
    assert!(!String::from_utf8_lossy(&anew.get_output().stderr).contains("over already"));
    assert_eq!(document(&anew)["test_loss"], summary["test_loss"]);
}

#[test]
fn every_method_trains_and_says_so_in_words() {
    for method in normprop::methods::METHODS {
        let folder = tempfile::tempdir().unwrap();
        let mut arguments = vec!["--norm", method.name, "--batch-size=20"];
        if method.needs_residual {
            let is_v1 = method.residual_orders == [Order::PostActivation];
            let order = if is_v1 { "order=v1" } else { "order=v2" };
            arguments.extend(["--model=resnet", "--set=depth=8", "--set", order]);
        }
        train(folder.path(), &arguments)
            .success()
            .stdout(
                is_match(format!("^{}: test error \\d+\\.\\d\\d? %, test loss .*, lowest test error \\d+\\.\\d\\d? %,", method.name)).unwrap().and(contains("runs/train/")),
            )
            .stderr(is_match("epoch 1/1: train loss .*, train error \\d+\\.\\d\\d? %, test error \\d+\\.\\d\\d? %,").unwrap().and(contains(" % before training")));
    }
}

#[test]
fn quiet_says_only_the_result() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["-q", "--model=mlp"])
        .success()
        .stderr("")
        .stdout(contains("test error"));
}

#[test]
fn a_configuration_file_and_flags_give_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    let config = "width = 0.1\nepochs = 3\ntrain_subset = 200\n[method]\nname = \"normprop\"\ncenter_rows = true\n";
    fs::write(folder.path().join("small.toml"), config).unwrap();
    let plan = |arguments: &[&str]| {
        document(
            &run(
                folder.path(),
                &[&["train", "--dry-run", "--json"], arguments].concat(),
            )
            .success(),
        )
    };
    let by_file = plan(&["--config", "small.toml"]);
    let by_flags = plan(&[
        "--width=0.1",
        "--epochs=3",
        "--set",
        "train_subset=200",
        "--set",
        "method.center_rows=true",
    ]);
    assert_eq!(by_file["run_dir"], by_flags["run_dir"]);
    assert_keys(
        &by_file,
        &[
            "run_dir",
            "config",
            "parameters",
            "train_images",
            "test_images",
            "steps_per_epoch",
            "steps",
        ],
    );
    assert_eq!(
        (&by_file["steps_per_epoch"], &by_file["steps"]),
        (&4.into(), &12.into())
    );
    let overridden = plan(&["--config", "small.toml", "--epochs=4"]);
    assert_eq!(overridden["config"]["epochs"], 4);
    assert_ne!(overridden["run_dir"], by_file["run_dir"]);

    // The configuration that a run writes repeats it.
    train(folder.path(), &["-q"]).success();
    let recorded = only_run(&folder.path().join("runs"));
    let repeated = plan(&["--config", recorded.join("config.toml").to_str().unwrap()]);
    assert_eq!(
        folder.path().join(repeated["run_dir"].as_str().unwrap()),
        recorded
    );
}

#[test]
fn numbers_and_names_are_read_as_people_write_them() {
    let folder = tempfile::tempdir().unwrap();
    let config = |arguments: &[&str]| {
        let all = [&["train", "--dry-run", "--json"], arguments].concat();
        document(&run(folder.path(), &all).success())["config"].clone()
    };
    for (given, key, meant) in [
        ("--lr=.1", "lr", Value::from(0.1)),
        ("--lr=1.", "lr", 1.0.into()),
        ("--precision=bfloat16", "precision", "bf16".into()),
        ("--set=precision=bfloat16", "precision", "bf16".into()),
        (
            "--dataset=FASHION-MNIST-MINI",
            "dataset",
            "fashion-mnist-mini".into(),
        ),
    ] {
        assert_eq!(config(&[given])[key], meant, "{given}");
    }
    assert_eq!(config(&["--lr", ".1"])["lr"], 0.1);
    // Known by its name in capitals, though its files are not here.
    run(folder.path(), &["train", "--dataset=MNIST"])
        .code(1)
        .stderr(contains("dataset `mnist` is not here"));
}

#[test]
fn a_dry_run_shows_the_plan_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["--dry-run"]).success().stdout(
        contains("epochs = 1")
            .and(contains("conv1.weight"))
            .and(contains("would run in runs/train/")),
    );
    assert_eq!(entries(folder.path()), Vec::<String>::new());
}

#[test]
fn resume_continues_where_the_run_lies() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["-q", "--out", "a"]).success();
    let run_dir = only_run(&folder.path().join("a"));
    let path = run_dir.to_str().unwrap();
    run(folder.path(), &["train", "--resume", path])
        .success()
        .stderr(contains("is finished already"));
    run(folder.path(), &["train", "--resume", path, "--epochs=2"])
        .code(2)
        .stderr(contains("only --threads and --device may differ"));
    run(folder.path(), &["train", "--resume", path, "--norm=bn"])
        .code(2)
        .stderr(contains("takes the run's own configuration"));
    fs::remove_file(run_dir.join("summary.json")).unwrap();
    let arguments = ["train", "--resume", path, "--threads=2", "--json"];
    let continued = run(folder.path(), &arguments)
        .success()
        .stderr(contains("continuing from epoch 1, step 4"));
    assert_eq!(document(&continued)["epochs"], 1);
    let checkpoints = ["checkpoint-0.safetensors", "checkpoint-1.safetensors"];
    for name in checkpoints {
        fs::write(run_dir.join(name), "damaged").unwrap();
    }
    let anew = ["train", "--resume", path, "--overwrite", "--json"];
    let anew = run(folder.path(), &anew)
        .success()
        .stderr(contains("continuing from").not());
    assert_eq!(document(&anew)["run_dir"], path);
}

#[test]
fn divergence_ends_with_3_and_a_complete_record() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--norm=none", "--lr=1e6", "--epochs=3", "--json"];
    let diverged = train(folder.path(), &arguments)
        .code(3)
        .stderr(contains("diverged").and(contains("--lr")));
    let summary = document(&diverged);
    assert_eq!(summary["status"], "diverged");
    assert_keys(&summary, SUMMARY_KEYS);
    let run_dir = only_run(&folder.path().join("runs"));
    let metrics = fs::read_to_string(run_dir.join("metrics.csv")).unwrap();
    let lines: Vec<&str> = metrics.lines().collect();
    assert!(
        lines.len() == 3 && lines[1].contains(",running,") && lines[2].contains(",diverged,"),
        "{metrics}"
    );
    let recorded: Value =
        serde_json::from_slice(&fs::read(run_dir.join("summary.json")).unwrap()).unwrap();
    assert_eq!(recorded, summary);
    let meta = fs::read_to_string(run_dir.join("meta.json")).unwrap();
    assert!(meta.contains("\"status\": \"diverged\""), "{meta}");
    // Asked again, it is reported with the same code.
    assert_eq!(document(&train(folder.path(), &arguments).code(3)), summary);
}

#[test]
fn weights_that_the_last_step_destroyed_are_divergence() {
    let folder = tempfile::tempdir().unwrap();
    // One step: the loss before it is finite, and nothing comes after it but the evaluation.
    let arguments = [
        "--norm=none",
        "--lr=1e30",
        "--set=train_subset=50",
        "--json",
    ];
    let diverged = train(folder.path(), &arguments)
        .code(3)
        .stderr(contains("diverged at step 1"));
    let summary = document(&diverged);
    assert_eq!(
        (&summary["status"], &summary["steps"], &summary["epochs"]),
        (&"diverged".into(), &1.into(), &1.into())
    );
    assert!(summary["train_loss"].as_f64().unwrap().is_finite());
    let run_dir = only_run(&folder.path().join("runs"));
    let metrics = fs::read_to_string(run_dir.join("metrics.csv")).unwrap();
    assert!(metrics.contains(",diverged,"), "{metrics}");
    // The last state that is kept is one to go on from.
    let there = entries(&run_dir);
    assert!(there.iter().any(|name| name == "checkpoint-0.safetensors"));
    assert!(
        !there.iter().any(|name| name.starts_with("checkpoint-1")),
        "{there:?}"
    );
    assert_eq!(document(&train(folder.path(), &arguments).code(3)), summary);
}

#[test]
fn no_epoch_at_all_has_no_rate() {
    let folder = tempfile::tempdir().unwrap();
    let said = train(folder.path(), &["--model=mlp", "--epochs=0"])
        .success()
        .stdout(contains("0 epochs"));
    let said = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
    assert!(
        !said.contains("NaN") && !said.contains("images/s"),
        "{said}"
    );
}

#[test]
fn a_reader_of_the_log_who_leaves_does_not_end_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::common::normprop(folder.path());
    command
        .args(tiny(&[]))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(
        only_run(&folder.path().join("runs"))
            .join("summary.json")
            .is_file()
    );
}
