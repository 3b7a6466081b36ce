//! `normprop data`.

use std::fs;
use std::path::Path;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

use crate::{assert_keys, document, run};

/// A folder `name` with an MNIST of 20 training and 10 test images in plain IDX files.
fn write_mnist(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (prefix, images) in [("train", 20_u32), ("t10k", 10)] {
        let head = |magic: u32, sizes: &[u32]| -> Vec<u8> {
            std::iter::once(magic)
                .chain(sizes.iter().copied())
                .flat_map(u32::to_be_bytes)
                .collect()
        };
        let mut pixels = head(0x803, &[images, 28, 28]);
        pixels.extend((0..images * 784).map(|i| (i % 251) as u8));
        let mut labels = head(0x801, &[images]);
        labels.extend((0..images).map(|i| (i % 10) as u8));
        fs::write(folder.join(format!("{prefix}-images-idx3-ubyte")), pixels).unwrap();
        fs::write(folder.join(format!("{prefix}-labels-idx1-ubyte")), labels).unwrap();
    }
}

#[test]
fn the_list_says_what_there_is_and_what_is_here() {
    let folder = tempfile::tempdir().unwrap();
    let list = document(&run(folder.path(), &["data", "list", "--json"]).success());
    let list = list.as_array().unwrap();
    let names: Vec<&str> = list
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    for name in [
        "fashion-mnist-mini",
        "fashion-mnist",
        "mnist",
        "cifar10",
        "cifar100",
        "svhn",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    for entry in list {
        assert_keys(
            entry,
            &[
                "name",
                "title",
                "classes",
                "shape",
                "train_images",
                "test_images",
                "here",
                "license",
            ],
        );
        if ["mnist", "cifar10", "fashion-mnist-mini"]
            .iter()
            .any(|name| entry["name"] == *name)
        {
            assert_eq!(entry["here"], entry["name"] == "fashion-mnist-mini");
        }
    }
    run(folder.path(), &["data", "list"])
        .success()
        .stdout(contains("in the program").and(contains("cifar10")));
}

#[test]
fn verify_counts_and_names_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let report = document(
        &run(
            folder.path(),
            &["data", "verify", "fashion-mnist-mini", "--json"],
        )
        .success(),
    );
    assert_keys(
        &report,
        &[
            "name", "folder", "files", "shape", "classes", "train", "test", "sha256", "verdict",
        ],
    );
    assert_eq!(
        (&report["train"]["images"], &report["test"]["images"]),
        (&4000.into(), &1000.into())
    );
    run(folder.path(), &["data", "verify", "fashion-mnist-mini"])
        .success()
        .stdout(contains("everything fits the official set"));
    run(folder.path(), &["data", "verify", "cifar10"])
        .code(1)
        .stderr(contains("normprop data fetch cifar10"));
    run(folder.path(), &["data", "verify", "cifar-10"])
        .code(2)
        .stderr(contains("did you mean `cifar10`?"));
    run(folder.path(), &["data", "fetch", "mnits"])
        .code(2)
        .stderr(contains("did you mean `mnist`?"));
}

#[test]
fn fetch_from_a_local_folder_puts_the_set_in_place_for_training() {
    let folder = tempfile::tempdir().unwrap();
    write_mnist(&folder.path().join("copy"));
    run(folder.path(), &["data", "fetch", "mnist", "--from", "copy"])
        .success()
        .stdout(
            contains("20 images, labels 0 to 9, 2 to 2 a class")
                .and(contains("not the official set")),
        );
    assert!(
        folder
            .path()
            .join("data/mnist/train-images-idx3-ubyte")
            .is_file()
    );
    // It can be trained on, but whoever asks whether it is the official one is told no.
    run(folder.path(), &["data", "verify", "mnist"])
        .code(1)
        .stdout(contains("not the official content"))
        .stderr(contains("train-images-idx3-ubyte").and(contains("normprop data fetch mnist")));
    let report = run(folder.path(), &["data", "verify", "mnist", "--json"]).code(1);
    assert_eq!(document(&report)["train"]["images"], 20);
    assert_eq!(document(&report)["verdict"], "other-counts");
    let list = document(&run(folder.path(), &["data", "list", "--json"]).success());
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["name"] == "mnist" && entry["here"] == true)
    );
    let arguments = [
        "train",
        "--dataset=mnist",
        "--model=mlp",
        "--batch-size=5",
        "--epochs=1",
        "--threads=1",
        "--json",
    ];
    let trained = run(folder.path(), &arguments).success();
    assert_eq!(document(&trained)["steps"], 4);
    trained.stderr(contains("note: mnist is not the official set"));
    run(
        folder.path(),
        &["data", "fetch", "cifar10", "--from", "copy"],
    )
    .code(1)
    .stderr(contains("cannot fetch dataset `cifar10`"));
    run(
        folder.path(),
        &["data", "fetch", "cifar10", "--from", "nowhere"],
    )
    .failure()
    .stderr(contains("nowhere"));
}
