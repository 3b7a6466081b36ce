//! Runs that older versions left are compared like those of this one.

use super::written::{row, two};
use super::*;

/// Makes a recorded run one of a version that measured no calibration.
fn age(run_dir: &Path) {
    let metrics = run_dir.join("metrics.csv");
    let text = std::fs::read_to_string(&metrics).unwrap();
    let older = text.lines().map(|line| {
        let kept: Vec<&str> = line.split(',').take(13).collect();
        kept.join(",") + "\n"
    });
    std::fs::write(metrics, older.collect::<String>()).unwrap();
    let summary = run_dir.join("summary.json");
    let text = std::fs::read_to_string(&summary).unwrap();
    let mut older: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys = older.as_object_mut().unwrap();
    for key in [
        "test_calibration_error",
        "test_brier_score",
        "tables_sha256",
    ] {
        assert!(keys.remove(key).is_some(), "{key}");
    }
    std::fs::write(summary, older.to_string()).unwrap();
}

#[test]
fn runs_of_an_older_version_leave_empty_what_it_did_not_measure() {
    let runs = tempfile::tempdir().unwrap();
    let (experiment, _) = two(runs.path());
    for entry in look_up(&experiment, runs.path()) {
        age(&entry.run_dir);
    }
    let plan = look_up(&experiment, runs.path());
    let results = collect::collect(&experiment, plan, Vec::new()).unwrap();
    let bn = row(&results, "bn", 50);
    assert!((bn.final_test_error_mean - 0.2).abs() < 1e-12);
    assert!(bn.final_test_calibration_error_mean.is_nan());
    assert!(bn.final_test_brier_score_mean.is_nan());
    let folder = tempfile::tempdir().unwrap();
    results.write(folder.path()).unwrap();
    let mut summary = csv::Reader::from_path(folder.path().join("summary.csv")).unwrap();
    let header = summary.headers().unwrap().clone();
    let place = header
        .iter()
        .position(|name| name == "final_test_brier_score_mean");
    for record in summary.records() {
        assert_eq!(&record.unwrap()[place.unwrap()], "");
    }
    let table = tables::summary(&results);
    assert!(
        !table
            .columns
            .iter()
            .any(|column| column.name == "Brier score")
    );
}
