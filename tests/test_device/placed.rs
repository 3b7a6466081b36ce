//! Where a run is: what is recorded of the device, where a run continues, and who looks at it there.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::only_run;
use crate::load::library;
use crate::started::{NAMED, SMALL, document, done, meta, program};
use crate::training::errors;

/// Trains until after an epoch and leaves the run unfinished.
fn begun(folder: &Path, library: Option<&Path>, more: &[&str]) {
    let arguments = [&["train", "--until-epoch=1"], SMALL, more].concat();
    done(&mut program(folder, library, &arguments));
}

#[test]
fn a_run_stays_on_its_device_until_it_is_told_otherwise_and_says_when_it_moves() {
    let Some(library) = library() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    begun(folder.path(), Some(library), &["--device=cuda"]);
    let devices = |meta: &Value| -> Vec<Value> {
        let sittings = meta["sittings"].as_array().unwrap();
        sittings.iter().map(|one| one["device"].clone()).collect()
    };
    let first = meta(folder.path());
    for (key, expected) in NAMED {
        assert_eq!(first["gpu"][key], expected, "{first}");
        assert_eq!(first["sittings"][0]["gpu"][key], expected, "{first}");
    }
    assert_eq!(first["threads"], 1);

    // The same run by its own flags, without a word of the device: it is not there now, which is no reason to move.
    let again = [&["train", "--until-epoch=1"], SMALL].concat();
    let refused = program(folder.path(), None, &again).output().unwrap();
    assert!(errors(&refused).contains("device = \"cuda\": this libtorch sees 0 CUDA devices"));
    let stayed = done(&mut program(folder.path(), Some(library), &again));
    assert!(
        !errors(&stayed).contains("and continues on"),
        "{}",
        errors(&stayed)
    );
    assert_eq!(devices(&meta(folder.path())), ["cuda", "cuda"]);

    let run = only_run(&folder.path().join("runs"));
    let run = run.to_str().unwrap();
    let moved = program(
        folder.path(),
        None,
        &["train", "--quiet", "--resume", run, "--device=cpu"],
    )
    .output()
    .unwrap();
    let said = "was on test device 0 and continues on cpu";
    assert!(errors(&moved).contains(said), "{}", errors(&moved));
    let last = meta(folder.path());
    assert_eq!(devices(&last), ["cuda", "cuda", "cpu"]);
    assert!(last["sittings"][2].get("gpu").is_none(), "{last}");
}

#[test]
fn what_is_looked_at_on_another_device_is_the_same() {
    let Some(library) = library() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let train = [&["train", "--precision=f64", "--threads=1"], SMALL].concat();
    done(&mut program(folder.path(), None, &train));
    let eval = |device: &str| {
        let arguments = ["eval", "--json", "--threads=1", "--device", device];
        document(&mut program(folder.path(), Some(library), &arguments))
    };
    let (here, there) = (eval("cpu"), eval("cuda"));
    assert_eq!(here["confusion"], there["confusion"]);
    let loss = |found: &Value| found["loss"].as_f64().unwrap();
    assert!((loss(&here) / loss(&there) - 1.0).abs() < 1e-12);

    let tables = [
        ("gaussianity", "gaussianity"),
        ("covariance", "covariance"),
        ("jacobian", "jacobian"),
        ("landscape", "landscape"),
        ("train-eval-gap", "modes"),
    ];
    for (probe, file) in tables {
        let table = |device: &str| {
            let out = format!("{probe}-{device}");
            let arguments = [
                "stats",
                "--quiet",
                "--threads=1",
                "--steps=4",
                "--every=2",
                "--probe",
                probe,
                "--device",
                device,
                "--out",
                &out,
            ];
            done(&mut program(folder.path(), Some(library), &arguments));
            let path = folder.path().join(out).join(format!("{file}.csv"));
            numbers(&std::fs::read_to_string(path).unwrap())
        };
        let (here, there) = (table("cpu"), table("cuda"));
        assert_eq!(here.len(), there.len(), "{probe}");
        assert!(here.len() > 4, "{probe}");
        for (one, other) in here.iter().zip(&there) {
            let scale = one.abs().max(other.abs()).max(1e-3);
            assert!(
                (one - other).abs() <= 1e-6 * scale,
                "{probe}: {one} and {other}"
            );
        }
    }
}

/// The numbers of a table, line by line.
fn numbers(text: &str) -> Vec<f64> {
    let cells = text.lines().skip(1).flat_map(|line| line.split(','));
    cells.filter_map(|cell| cell.parse().ok()).collect()
}

#[test]
fn too_little_memory_there_is_told_with_what_needs_less() {
    let Some(library) = library() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&["train", "--device=cuda"], SMALL].concat();
    let mut train = program(folder.path(), Some(library), &arguments);
    let output = train.env("TEST_DEVICE_BYTES", "100000").output().unwrap();
    let said = errors(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in [
        "memory of the GPU",
        "--batch-size",
        "--jobs",
        "Tried to allocate",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn tf32_is_recorded_where_it_can_be_computed() {
    let Some(library) = library() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    begun(
        folder.path(),
        Some(library),
        &[
            "--device=cuda",
            "--precision=tf32",
            "--set=deterministic=false",
        ],
    );
    let settings = &meta(folder.path())["settings"];
    assert_eq!(
        (&settings["precision"], &settings["deterministic"]),
        (&json!("tf32"), &json!(false))
    );
    // Looking at it on the CPU is possible, training it there is not.
    done(&mut program(folder.path(), None, &["eval"]));
    let run = only_run(&folder.path().join("runs"));
    let resume = ["train", "--device=cpu", "--resume", run.to_str().unwrap()];
    let refused = program(folder.path(), None, &resume).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        errors(&refused).contains("precision = \"tf32\""),
        "{}",
        errors(&refused)
    );
}
