//! What users get wrong: the message says what, where and what to do; the code is 2.

use std::fs;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

use crate::{run, train};

/// Each mistake is refused with code 2 and a message that has all of `parts`, before anything is written.
#[track_caller]
fn refused(arguments: &[&str], parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let said = train(folder.path(), arguments).code(2).stdout("");
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(
        parts.iter().all(|part| said.contains(part)),
        "{arguments:?}: {said}"
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "{arguments:?} left something behind"
    );
}

#[test]
fn unknown_names_get_the_nearest_known_one() {
    refused(
        &["--norm=normpropp"],
        &["normpropp", "did you mean `normprop`?"],
    );
    refused(&["--dataset=cifar-10"], &["did you mean `cifar10`?"]);
    refused(&["--activation=rellu"], &["did you mean `relu`?"]);
    refused(&["--model=ninn"], &["ninn", "did you mean `nin`?"]);
    refused(
        &["--model=mlp", "--width=0.1"],
        &["`width` is a key of model = \"nin\"", "mlp_widths"],
    );
    refused(&["--set", "epocs=3"], &["epocs", "did you mean `epochs`?"]);
    refused(
        &["--set", "method.centre_rows=true"],
        &["did you mean `center_rows`?"],
    );
    refused(
        &["--set", "method.jacobian_scale=maybe"],
        &["init, fixed, none"],
    );
    refused(
        &["--norm=none", "--set", "method.center_rows=true"],
        &["`none` has no option `center_rows`"],
    );
    refused(&["--batchsize=3"], &["--batch-size"]);
}

#[test]
fn wrong_values_are_named_with_their_key() {
    refused(&["--epochs=many"], &["many", "epochs"]);
    refused(&["--batch-size=0"], &["batch_size = 0"]);
    refused(&["--momentum=1"], &["momentum = 1"]);
    refused(&["--width=-1"], &["width = -1"]);
    refused(&["--lr=nan"], &["lr = nan"]);
    refused(&["--set", "lr"], &["expected key=value"]);
    refused(
        &["--schedule=triangle"],
        &["normprop: --schedule: schedule = \"triangle\"", "cosine"],
    );
    refused(&["--set=method=bn"], &["--set method: ", "method.name=bn"]);
    refused(&["--set", "train_subset=9999"], &["9999", "4000"]);
    refused(&["--set", "name=a/b"], &["name = \"a/b\""]);
    refused(
        &["--set=name=123"],
        &["name = 123: expected a text in quotes"],
    );
    refused(&["--lr=0"], &["--lr: lr = 0 trains nothing"]);
    refused(&["--set=lr=0.2", "--lr=0.1"], &["give the same key"]);
    for seed in [&["--seed", "-1"][..], &["--seed=-1"], &["--set=seed=-1"]] {
        refused(seed, &["seed = -1: expected a whole number of at least 0"]);
    }
}

#[test]
fn what_cannot_be_trained_is_refused() {
    refused(
        &["--batch-size=201"],
        &["batch_size = 201", "200 training images"],
    );
    refused(
        &["--norm=bn", "--model=mlp", "--batch-size=1"],
        &["bn", "batch_size = 1", "normprop"],
    );
    refused(
        &["--data-norm=batch", "--batch-size=1"],
        &["data_norm = \"batch\"", "data_norm = \"global\""],
    );
    refused(&["--threads=5000000000"], &["--threads: ", "[0, 1024]"]);
    refused(&["--width=1e5"], &["--width: ", "[0.001, 1000]"]);
    refused(&["--width=50"], &["e9 weights", "choose a smaller width"]);
    refused(
        &["--model=mlp", "--set=mlp_widths=[100000000000]"],
        &["--set mlp_widths: ", "[1, 1000000]"],
    );
    refused(&["--device=cuda:99"], &["cuda:99", "--device cpu"]);
    refused(&["--device=gpu"], &["cpu, cuda or cuda:N"]);
    refused(&["--resume=nowhere"], &["nowhere", "config.toml"]);
    refused(&["--config=nowhere.toml"], &["nowhere.toml"]);
}

#[test]
fn bounds_belong_to_their_keys() {
    refused(
        &["--lr=1e300"],
        &["--lr: lr = 1e300: must be 0 or in [1e-30, 1e30]"],
    );
    refused(
        &["--lr=1e-300"],
        &["--lr: lr = 1e-300: must be 0 or in [1e-30, 1e30]"],
    );
    refused(
        &["--activation=leaky:1e308"],
        &["--activation: ", "`1e308` must be in [-1000, 1000]"],
    );
    refused(
        &["--epochs=1000001"],
        &["epochs = 1000001: must be in [0, 1000000]"],
    );
    refused(
        &["--seed=99999999999999999999"],
        &["--seed: ", "expected at most 9223372036854775807"],
    );
    refused(
        &["--norm=kalman", "--set=method.fallback_ratio=1e300"],
        &["method.fallback_ratio = 1e300: expected number in [0, 1e30]"],
    );
    let long = "a".repeat(300);
    refused(
        &[&format!("--set=name={long}")],
        &["--set name: name has 300 bytes: at most 200 are possible"],
    );
    for (flag, most) in [("--out", 240), ("--resume", 255), ("--config", 255)] {
        let most = format!("a name in it has 300 bytes, at most {most} are possible");
        refused(&[&format!("{flag}={long}")], &[flag, &most]);
    }
}

#[test]
fn a_wrong_file_is_shown_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("epochs = 3\nwidth = \"wide\"\n", "line 2", "width"),
        ("epochs = 3\nbatch_size = 2.5\n", "line 2", "batch_size"),
        ("# a comment\n\nepocs = 3\n", "line 3", "epocs"),
        ("epochs = \n", "line 1", "epochs"),
        (
            "epochs = 3\nwidth = -1\n",
            "wrong.toml, line 2: ",
            "width = -1",
        ),
        (
            "epocs = 3\n",
            "wrong.toml, line 1: ",
            "did you mean `epochs`?",
        ),
        (
            "epochs = 3\nlr = 1e300\n",
            "wrong.toml, line 2: ",
            "lr = 1e300: must be 0 or in [1e-30, 1e30]",
        ),
        (
            "[method]\nname = \"bm\"\n",
            "wrong.toml, line 2: ",
            "did you mean `bn`?",
        ),
    ];
    for (text, line, key) in cases {
        fs::write(folder.path().join("wrong.toml"), text).unwrap();
        run(folder.path(), &["train", "--config", "wrong.toml"])
            .code(2)
            .stderr(
                contains("wrong.toml")
                    .and(contains(line))
                    .and(contains(key)),
            );
    }
    fs::write(folder.path().join("wrong.toml"), [0xff, 0xfe]).unwrap();
    run(folder.path(), &["train", "--config", "wrong.toml"])
        .code(2)
        .stderr(contains("wrong.toml"));
}

#[test]
fn an_experiment_names_the_line_of_what_cannot_be_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("wrong.toml"),
        "methods = [\"bn\"]\nrun.width = -1\n",
    )
    .unwrap();
    run(folder.path(), &["compare", "wrong.toml"])
        .code(2)
        .stderr(contains(
            "wrong.toml, line 2: width = -1: expected number in [0.001, 1000]",
        ));
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn threads_are_bounded_where_a_run_is_looked_at_too() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["-q", "--model=mlp"]).success();
    run(folder.path(), &["eval", "--threads=5000000000"])
        .code(2)
        .stderr(contains(
            "--threads: threads = 5000000000: must be in [0, 1024]",
        ));
}

#[test]
fn a_dataset_that_is_not_here_names_the_command_that_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["--dataset=cifar10"]).code(1).stderr(
        contains("dataset `cifar10` is not here").and(contains("normprop data fetch cifar10")),
    );
    assert!(!folder.path().join("runs").exists());
}
