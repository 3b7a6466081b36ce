//! The commands beside training: eval, methods, doctor.

use std::fs;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

use crate::common::only_run;
use crate::{assert_keys, document, run, train};

#[test]
fn eval_measures_the_latest_run_or_the_one_named() {
    let folder = tempfile::tempdir().unwrap();
    let summary =
        document(&train(folder.path(), &["--json", "--model=mlp", "--epochs=2"]).success());
    let eval = document(&run(folder.path(), &["eval", "--json"]).success());
    assert_keys(
        &eval,
        &[
            "status",
            "test_error",
            "test_loss",
            "train_loss",
            "epochs",
            "steps",
            "train_s",
            "images_per_s",
            "run_dir",
            "checkpoint",
            "epoch",
            "split",
            "images",
            "error",
            "loss",
            "error_ci_low",
            "error_ci_high",
            "per_class",
            "confusion",
            "files",
        ],
    );
    assert_eq!(
        (&eval["images"], &eval["epoch"], &eval["split"]),
        (&100.into(), &2.into(), &"test".into())
    );
    assert_eq!(eval["error"], summary["test_error"]);
    assert_eq!(eval["calibration_error"], summary["test_calibration_error"]);
    assert_eq!(eval["brier_score"], summary["test_brier_score"]);
    let number = |key: &str| eval[key].as_f64().unwrap();
    assert!((number("loss") - summary["test_loss"].as_f64().unwrap()).abs() < 1e-6);
    assert!(number("error_ci_low") < number("error") && number("error") < number("error_ci_high"));
    let confusion: Vec<Vec<u64>> = serde_json::from_value(eval["confusion"].clone()).unwrap();
    let right: u64 = (0..10).map(|class| confusion[class][class]).sum();
    assert_eq!(confusion.iter().flatten().sum::<u64>(), 100);
    assert!((1.0 - right as f64 / 100.0 - number("error")).abs() < 1e-12);
    assert_eq!(eval["per_class"].as_array().unwrap().len(), 10);

    let run_dir = only_run(&folder.path().join("runs"));
    for name in [
        "confusion.csv",
        "per_class.csv",
        "confusion.svg",
        "confusion.png",
        "learning-curve.svg",
    ] {
        assert!(
            fs::metadata(run_dir.join("eval-test").join(name))
                .unwrap()
                .len()
                > 100,
            "{name}"
        );
    }
    let table = fs::read_to_string(run_dir.join("eval-test/per_class.csv")).unwrap();
    assert!(
        table.starts_with("class,images,error,error_ci_low,error_ci_high\nT-shirt/top,10,"),
        "{table}"
    );

    run(
        folder.path(),
        &[
            "eval",
            run_dir.to_str().unwrap(),
            "--split=train",
            "--checkpoint=best",
        ],
    )
    .success()
    .stdout(
        contains("train error")
            .and(contains("on 200 images"))
            .and(contains("Ankle boot")),
    );
    let checkpoint = run_dir.join("checkpoint-1.safetensors");
    let first = document(
        &run(
            folder.path(),
            &["eval", "--json", checkpoint.to_str().unwrap()],
        )
        .success(),
    );
    assert_eq!(first["epoch"], 1);
}

#[test]
fn eval_of_an_unfinished_run_has_every_key_too() {
    let folder = tempfile::tempdir().unwrap();
    let summary =
        document(&train(folder.path(), &["--json", "--model=mlp", "--epochs=2"]).success());
    let run_dir = only_run(&folder.path().join("runs"));
    let of_finished = document(&run(folder.path(), &["eval", "--json"]).success());
    fs::remove_file(run_dir.join("summary.json")).unwrap();
    let eval = document(&run(folder.path(), &["eval", "--json"]).success());
    assert_eq!(eval["status"], "running");
    for (key, value) in of_finished.as_object().unwrap() {
        if key != "status" {
            assert_eq!(&eval[key], value, "{key}");
        }
    }
    assert_eq!(
        (&eval["epochs"], &eval["steps"], &eval["train_loss"]),
        (&2.into(), &8.into(), &summary["train_loss"])
    );

    // Before the first epoch is over, what only an epoch tells is null.
    let metrics = fs::read_to_string(run_dir.join("metrics.csv")).unwrap();
    let start: Vec<&str> = metrics.lines().take(2).collect();
    fs::write(run_dir.join("metrics.csv"), start.join("\n") + "\n").unwrap();
    let checkpoint = run_dir.join("checkpoint-1.safetensors");
    let arguments = ["eval", "--json", checkpoint.to_str().unwrap()];
    let eval = document(&run(folder.path(), &arguments).success());
    assert_eq!(
        (&eval["epochs"], &eval["steps"], &eval["train_loss"]),
        (&0.into(), &4.into(), &serde_json::Value::Null)
    );
    assert!(eval["train_s"].as_f64().unwrap() > 0.0);
}

#[test]
fn eval_says_what_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["eval"])
        .code(2)
        .stderr(contains("normprop train"));
    run(folder.path(), &["eval", "nowhere"])
        .code(2)
        .stderr(contains("nowhere: neither a run directory nor"));
    fs::write(folder.path().join("some.file"), "text").unwrap();
    run(folder.path(), &["eval", "some.file"])
        .code(1)
        .stderr(contains("some.file is damaged"));
}

#[test]
fn results_are_shown_where_they_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["-q", "--model=mlp"]).success();
    let own = only_run(&folder.path().join("runs")).join("eval-test");
    fs::write(folder.path().join("file"), "").unwrap();
    fs::write(&own, "not a folder").unwrap();
    let shown = || contains("test error ").and(contains("on 100 images"));
    let unwritable = || contains("cannot make the folder");
    for out in [&[][..], &["--out=file/eval"]] {
        run(folder.path(), &[&["eval"], out].concat())
            .code(1)
            .stdout(shown().and(contains("confusion matrix").not()))
            .stderr(unwritable());
    }
    let eval = run(folder.path(), &["eval", "--json", "--out=file/eval"]).code(1);
    assert!(document(&eval)["error"].is_number());
    assert!(document(&eval)["files"].is_null());
    run(folder.path(), &["eval", "--out=elsewhere"]).success();
    assert!(folder.path().join("elsewhere/confusion.png").is_file());

    run(
        folder.path(),
        &["stats", "--samples=500", "--out=file/stats"],
    )
    .code(1)
    .stdout(contains("KS distance"))
    .stderr(contains("gaussianity.csv, ").and(unwritable()));
}

#[test]
fn a_state_from_before_a_divergence_is_called_that() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["-q", "--norm=none", "--lr=1e30"]).code(3);
    let run_dir = only_run(&folder.path().join("runs"));
    let told = || contains(" diverged at step 2: its checkpoints are from before that");
    run(folder.path(), &["eval", "-q"])
        .success()
        .stdout(contains("none after epoch 0, before its training diverged"))
        .stderr(told());
    let eval = run(folder.path(), &["eval", "--json"])
        .success()
        .stderr(told());
    assert_eq!(document(&eval)["status"], "diverged");
    for probe in ["gaussianity", "jacobian", "evolution"] {
        run(
            folder.path(),
            &[
                "stats",
                "-q",
                "--samples=500",
                "--images=2",
                "--probe",
                probe,
            ],
        )
        .success()
        .stderr(told());
    }
    run(
        folder.path(),
        &[
            "stats",
            "-q",
            "--samples=500",
            "--checkpoint=all",
            run_dir.to_str().unwrap(),
        ],
    )
    .success()
    .stderr(told());
    let picture = fs::read_to_string(run_dir.join("stats/histogram.svg")).unwrap();
    assert!(picture.contains("none at epoch 0, before its training diverged"));
}

#[test]
fn methods_are_listed_and_described() {
    let folder = tempfile::tempdir().unwrap();
    let all = document(&run(folder.path(), &["methods", "--json"]).success());
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), normprop::methods::METHODS.len());
    for method in all {
        assert_keys(
            method,
            &[
                "name",
                "summary",
                "acts_on",
                "uses_batch_statistics",
                "train_equals_eval",
                "batch_size_one_conv",
                "batch_size_one_fc",
                "options",
                "year",
                "paper",
            ],
        );
        let name = method["name"].as_str().unwrap();
        let one = document(&run(folder.path(), &["methods", name, "--json"]).success());
        assert_eq!(one, *method);
        run(folder.path(), &["methods", name])
            .success()
            .stdout(contains(method["summary"].as_str().unwrap()));
    }
    run(folder.path(), &["methods"])
        .success()
        .stdout(contains("normprop").and(contains("bn")));
    run(folder.path(), &["methods", "--markdown"])
        .success()
        .stdout(contains("\n| normprop ").and(contains("\n| ---")));
    run(folder.path(), &["methods", "bm"])
        .code(2)
        .stderr(contains("did you mean `bn`?"));
}

#[test]
fn doctor_finds_nothing_wrong_here() {
    let folder = tempfile::tempdir().unwrap();
    let found = document(&run(folder.path(), &["doctor", "--json"]).success());
    assert_keys(
        &found,
        &[
            "normprop",
            "tch",
            "libtorch",
            "cpu",
            "torch_threads",
            "cuda_devices",
            "data_dir",
            "datasets",
        ],
    );
    assert_eq!(found["problems"], serde_json::json!([]));
    assert_eq!(found["normprop"], env!("CARGO_PKG_VERSION"));
    run(folder.path(), &["doctor"])
        .success()
        .stdout(contains("libtorch       2.13.0"));
}
