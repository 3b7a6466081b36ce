//! Dataset files that are cut short, mislabeled, or exchanged between two sittings.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::common::{normprop, only_run};
use crate::training::errors;

/// Label byte and 3×32×32 pixels.
const RECORD_BYTES: usize = 3073;
const FILES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];

/// A CIFAR-10 of ten images a file, one of each class, brighter for higher classes.
fn write_cifar10(folder: &Path) {
    let cifar10 = folder.join("data/cifar-10-batches-bin");
    fs::create_dir_all(&cifar10).unwrap();
    for (number, name) in FILES.iter().enumerate() {
        let record = |label: u8| {
            let pixel = move |i: usize| ((i * (31 + number)) % 97) as u8 + 12 * label;
            std::iter::once(label).chain((0..RECORD_BYTES - 1).map(pixel))
        };
        let bytes: Vec<u8> = (0..10).flat_map(record).collect();
        fs::write(cifar10.join(name), bytes).unwrap();
    }
}

fn change(folder: &Path, name: &str, change: impl Fn(&mut Vec<u8>)) {
    let path = folder.join("data/cifar-10-batches-bin").join(name);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn train(folder: &Path, more: &[&str]) -> Output {
    let mut command = normprop(folder);
    command.args([
        "train",
        "--dataset=cifar10",
        "--width=0.05",
        "--batch-size=10",
        "--epochs=2",
        "--threads=1",
    ]);
    command
        .args(more)
        .env("NORMPROP_DATA", "data")
        .output()
        .unwrap()
}

#[track_caller]
fn assert_refused(output: &Output, parts: &[&str]) {
    assert_eq!(output.status.code(), Some(1));
    let said = errors(output);
    assert!(parts.iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn damaged_files_are_named_with_the_place_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    write_cifar10(folder.path());
    change(folder.path(), "data_batch_3.bin", |bytes| {
        bytes.truncate(2 * RECORD_BYTES + 7)
    });
    let remedy = "normprop data fetch cifar10";
    let cut = "record 2 has only 7 of its 3073 bytes";
    assert_refused(
        &train(folder.path(), &[]),
        &["data_batch_3.bin: byte 6146", cut, remedy],
    );
    let verify = normprop(folder.path())
        .args(["data", "verify", "cifar10"])
        .output()
        .unwrap();
    assert_refused(&verify, &["data_batch_3.bin", cut]);

    write_cifar10(folder.path());
    change(folder.path(), "test_batch.bin", |bytes| {
        bytes[4 * RECORD_BYTES] = 10
    });
    let label = "record 4 has label 10, but the labels go from 0 to 9";
    assert_refused(
        &train(folder.path(), &[]),
        &["test_batch.bin", label, remedy],
    );
    assert!(
        !folder.path().join("runs").exists(),
        "what could not start left something behind"
    );
}

#[test]
fn damage_costs_nothing_that_was_recorded_and_other_images_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_cifar10(folder.path());
    let output = train(folder.path(), &[]);
    assert!(output.status.success(), "{}", errors(&output));
    let run = only_run(&folder.path().join("runs"));
    let recorded = || fs::read_to_string(run.join("metrics.csv")).unwrap();
    let whole = recorded();
    assert_eq!(whole.lines().count(), 4);

    change(folder.path(), "data_batch_1.bin", |bytes| bytes.truncate(1));
    assert_refused(
        &train(folder.path(), &["--overwrite"]),
        &["data_batch_1.bin"],
    );
    assert_eq!(recorded(), whole);

    // As if it had been killed before its end; then the images are exchanged.
    fs::remove_file(run.join("summary.json")).unwrap();
    write_cifar10(folder.path());
    change(folder.path(), "data_batch_2.bin", |bytes| bytes[100] ^= 1);
    assert_refused(
        &train(folder.path(), &[]),
        &["differ from those that the run in", "put those images back"],
    );
    assert_eq!(recorded(), whole);
    write_cifar10(folder.path());
    let output = train(folder.path(), &[]);
    assert!(
        output.status.success() && run.join("summary.json").is_file(),
        "{}",
        errors(&output)
    );
}

#[test]
fn runs_on_other_images_are_neither_mixed_nor_reported_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    write_cifar10(folder.path());
    let experiment = |methods: &str| {
        let text = format!(
            "methods = {methods}\nbatch_sizes = [10]\nseeds = 1\n[run]\ndataset = \"cifar10\"\nwidth = 0.05\nepochs = 1\nprobe_images = 0\nthreads = 1\n"
        );
        fs::write(folder.path().join("m.toml"), text).unwrap();
    };
    let run = |data: &str, arguments: &[&str]| {
        let mut command = normprop(folder.path());
        command.args(arguments).env("NORMPROP_DATA", data);
        command.output().unwrap()
    };
    let compare = ["compare", "m.toml"];
    experiment("[\"none\"]");
    let output = run("data", &compare);
    assert!(output.status.success(), "{}", errors(&output));
    let page = || fs::read_to_string(folder.path().join("results/m/report.html")).unwrap();
    let not_official =
        "cifar10 is not the official set: results on it are results on a subset or a variant.";
    assert_eq!(page().matches(not_official).count(), 1);

    let output = run("nowhere", &compare);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(errors(&output).contains("they cannot be read: dataset `cifar10` is not here"));

    change(folder.path(), "data_batch_2.bin", |bytes| bytes[100] ^= 1);
    experiment("[\"none\", \"bn\"]");
    let of_other_images = ["1 run trained on images of cifar10", "--accept-other-data"];
    for arguments in [&compare[..], &["compare", "m.toml", "--dry-run"]] {
        assert_refused(&run("data", arguments), &of_other_images);
    }
    let output = run("data", &["compare", "m.toml", "--accept-other-data"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(page().contains(not_official));
    assert!(page().contains("Accepted with --accept-other-data: 1 run trained"));
    // Without images here, the runs are held against each other.
    assert_refused(
        &run("nowhere", &compare),
        &["1 run trained", "should be the same"],
    );

    let none = fs::read_dir(folder.path().join("runs/m")).unwrap();
    let mut none = none.map(|entry| entry.unwrap().path());
    let none = none.find(|path| path.to_string_lossy().contains("/none-"));
    let none = none.unwrap();
    let none = none.to_str().unwrap();
    let differ = ["differ from those that the run in"];
    assert_refused(&run("data", &["train", "--resume", none]), &differ);
    for command in ["eval", "stats"] {
        let said = errors(&run("data", &[command, none]));
        assert!(said.contains(differ[0]), "{said}");
    }
}
