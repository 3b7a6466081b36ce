//! `normprop bench`: what it measures and writes, never how fast.

use std::fs;
use std::path::Path;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;

use crate::{assert_keys, document, run};

/// A bench that takes a moment.
const TINY: &[&str] = &[
    "bench",
    "--widths=0.0625",
    "--threads=1",
    "--steps=3",
    "--warmup=1",
    "--set=train_subset=100",
    "--set=test_subset=50",
];

fn bench(folder: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    run(folder, &[TINY, arguments].concat())
}

fn row<'a>(rows: &'a [Value], norm: &str, batch_size: u64) -> &'a Value {
    let found = rows
        .iter()
        .find(|row| row["norm"] == norm && row["batch_size"] == batch_size);
    found.unwrap_or_else(|| panic!("no row of {norm} at {batch_size}"))
}

#[test]
fn every_method_is_measured_in_every_setting_and_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let said =
        document(&bench(folder.path(), &["--json", "--eval", "--batch-sizes=1,8"]).success());
    let rows = said["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    let number = |row: &Value, key: &str| row[key].as_f64().unwrap_or(f64::NAN);
    for row in rows {
        assert_keys(
            row,
            &[
                "norm",
                "model",
                "width",
                "batch_size",
                "precision",
                "threads",
                "step_ms",
                "ratio_to_none",
                "ratio_to_bn",
                "images_per_s",
                "peak_fraction",
                "not_measured",
            ],
        );
        assert_eq!((&row["rounds"], &row["threads"]), (&3.into(), &1.into()));
        for key in [
            "step_ms",
            "forward_ms",
            "backward_ms",
            "update_ms",
            "eval_ms",
            "eval_ratio_to_none",
            "ratio_to_bn_high",
            "peak_fraction",
            "gflop_per_s",
        ] {
            assert!(number(row, key) > 0.0, "{key}: {row}");
        }
        if cfg!(target_os = "linux") {
            let (peak, step) = (number(row, "peak_rss_mb"), number(row, "step_rss_mb"));
            assert!(peak > 10.0 && step >= 0.0 && step < peak, "{row}");
        }
        let (low, high) = (number(row, "step_ms_q1"), number(row, "step_ms_q3"));
        let median = number(row, "step_ms");
        assert!(number(row, "step_ms_min") <= low && low <= median && median <= high);
        let images = 1e3 * number(row, "batch_size") / median;
        assert!((number(row, "images_per_s") / images - 1.0).abs() < 1e-9);
    }
    let none = row(rows, "none", 8);
    assert_eq!(
        (&none["ratio_to_none"], &none["ratio_to_none_low"]),
        (&1.0.into(), &1.0.into())
    );
    let ratio = number(row(rows, "bn", 8), "step_ms") / number(none, "step_ms");
    assert!((number(row(rows, "bn", 8), "ratio_to_none") / ratio - 1.0).abs() < 1e-9);
    assert_keys(
        &said["machine"],
        &[
            "cpu",
            "libtorch",
            "command_line",
            "product_peaks",
            "load_before",
            "started",
            "ended",
        ],
    );
    assert_eq!(
        said["machine"]["product_peaks"].as_array().unwrap().len(),
        1
    );

    let out = folder.path().join("results/bench");
    for name in [
        "bench.csv",
        "machine.json",
        "step-time.svg",
        "step-time.png",
    ] {
        assert!(fs::metadata(out.join(name)).unwrap().len() > 100, "{name}");
    }
    let table = fs::read_to_string(out.join("bench.csv")).unwrap();
    assert!(table.starts_with(
        "norm,model,width,batch_size,precision,threads,step_ms,ratio_to_none,ratio_to_bn,images_per_s,"
    ));
    let written = normprop::report::bench::Bench::read(&out).unwrap().unwrap();
    assert_eq!(serde_json::to_value(&written.rows).unwrap(), said["rows"]);
    assert_eq!(
        serde_json::to_value(written.machine).unwrap(),
        said["machine"]
    );
}

#[test]
fn a_method_that_cannot_be_measured_does_not_keep_the_others_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "bench",
        "--model=mlp",
        "--norm=none,bn",
        "--batch-sizes=1,4,101",
        "--precision=f32,f64",
        "--steps=2",
        "--warmup=0",
        "--set=mlp_widths=[4]",
        "--set=train_subset=100",
        "--out=here",
    ];
    run(folder.path(), &arguments)
        .success()
        .stdout(
            contains("bn at batch size 1 was not measured: bn has no statistics")
                .and(contains("none at batch size 101, f64 was not measured"))
                .and(contains("/ f32"))
                .and(contains("quartiles")),
        )
        .stderr(contains("[1/3] batch size 1: 2 rounds of 2"));
    let written = normprop::report::bench::Bench::read(&folder.path().join("here")).unwrap();
    let rows = written.unwrap().rows;
    let measured: Vec<(&str, u64, &str)> = rows
        .iter()
        .filter(|row| row.step_ms > 0.0)
        .map(|row| (row.norm.as_str(), row.batch_size, row.precision.as_str()))
        .collect();
    let expected = [
        ("none", 1, "f32"),
        ("none", 1, "f64"),
        ("none", 4, "f32"),
        ("bn", 4, "f32"),
        ("none", 4, "f64"),
        ("bn", 4, "f64"),
    ];
    assert_eq!(measured, expected);
    assert_eq!(rows.len(), 12);
    assert!(
        rows.iter()
            .all(|row| row.is_measured() == (row.rounds == 2))
    );
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_measured() {
    let refused = |arguments: &[&str], part: &str| {
        let folder = tempfile::tempdir().unwrap();
        bench(folder.path(), arguments)
            .code(2)
            .stdout("")
            .stderr(contains(part));
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "{arguments:?}"
        );
    };
    refused(&["--norm=none,normpropp"], "did you mean `normprop`?");
    refused(&["--set=epocs=1"], "did you mean `epochs`?");
    refused(&["--set=batch_size=4"], "--batch-sizes");
    refused(&["--precision=f31"], "f31");
    refused(&["--steps=0"], "--steps");
    refused(&["--model=mlp"], "mlp_widths");
    let folder = tempfile::tempdir().unwrap();
    let nothing = ["bench", "--model=mlp", "--norm=bn", "--batch-sizes=1"];
    run(folder.path(), &nothing).code(2).stderr(contains(
        "there is nothing to measure: bn has no statistics",
    ));
}
