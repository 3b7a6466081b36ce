//! What is told of devices: by the doctor, by a comparison that uses several, by a bench.

use serde_json::{Value, json};

use crate::load::library;
use crate::started::{NAMED, document, program};

#[test]
fn the_doctor_trains_on_every_device_and_says_how_it_computes() {
    let Some(library) = library() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut doctor = program(folder.path(), Some(library), &["doctor", "--json"]);
    let found = document(&mut doctor);
    assert_eq!(found["problems"], json!([]));
    let devices = found["devices"].as_array().unwrap();
    let names: Vec<&Value> = devices.iter().map(|one| &one["device"]).collect();
    assert_eq!(names, ["cpu", "cuda:0"]);
    for device in devices {
        assert_eq!(device["tf32"], false, "{device}");
        assert_eq!(device["deterministic"], true, "{device}");
        assert_eq!(device["problem"], Value::Null, "{device}");
    }
    for (key, expected) in NAMED {
        assert_eq!(devices[1]["gpu"][key], expected, "{found}");
    }
    // A device without room for a tensor does not work.
    let mut doctor = program(folder.path(), Some(library), &["doctor", "--json"]);
    let output = doctor.env("TEST_DEVICE_BYTES", "10").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["devices"][0]["problem"], Value::Null);
    let problem = found["problems"][0].as_str().unwrap();
    assert!(
        problem.starts_with("cuda:0: ") && problem.contains("CUDA out of memory"),
        "{problem}"
    );
    assert!(!problem.contains('\n'), "{problem}");
}

/// Two methods with two seeds each.
const EXPERIMENT: &str = r#"
name = "tiny"
methods = ["none", "normprop"]
seeds = 2
jobs = 2
[run]
model = "mlp"
mlp_widths = [16, 16]
batch_size = 20
epochs = 1
train_subset = 200
test_subset = 50
probe_images = 0
"#;

#[test]
fn a_comparison_uses_every_gpu_and_says_where_it_mixes_devices() {
    let Some(library) = library() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tiny.toml"), EXPERIMENT).unwrap();
    let compare = |library, more: &[&str]| {
        let arguments = [&["compare", "tiny.toml", "--json", "--quiet"], more].concat();
        let mut command = program(folder.path(), library, &arguments);
        document(command.env("TEST_DEVICE_COUNT", "2"))
    };
    let told = compare(Some(library), &["--set=device=cuda"]);
    let mut names = Vec::new();
    for run in normprop::record::list_runs(&folder.path().join("runs/tiny")).unwrap() {
        let text = std::fs::read_to_string(run.join("meta.json")).unwrap();
        let meta: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&meta["device"], &meta["threads"]),
            (&json!("cuda"), &json!(1))
        );
        names.push(meta["gpu"]["name"].as_str().unwrap().to_owned());
    }
    names.sort();
    names.dedup();
    assert_eq!(names, ["test device 0", "test device 1"]);
    // Here each GPU has a name of its own, unlike two of a kind.
    let mixed = told["different_devices"].as_str().unwrap();
    assert!(mixed.contains("on test device 0; "), "{mixed}");

    let told = compare(None, &["--set=seeds=3"]);
    let mixed = told["different_devices"].as_str().unwrap();
    assert!(mixed.contains("2 runs on cpu"), "{mixed}");
    let page = std::fs::read_to_string(folder.path().join("results/tiny/report.html")).unwrap();
    assert!(page.contains("Runs were trained on different devices: 2 runs on cpu"));
}

#[test]
fn a_bench_there_has_peak_and_memory() {
    let Some(library) = library() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let bench = [
        "bench",
        "--json",
        "--quiet",
        "--norm=none,normprop",
        "--widths=0.0625",
        "--batch-sizes=8",
        "--steps=2",
        "--warmup=1",
        "--precision=f32,tf32",
        "--set=train_subset=100",
        "--set=test_subset=50",
        "--set=device=cuda",
    ];
    let found = document(&mut program(folder.path(), Some(library), &bench));
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        assert!(
            number("peak_fraction") > 0.0 && number("peak_rss_mb") > 10.0,
            "{row}"
        );
        let (peak, step) = (number("peak_device_mb"), number("step_device_mb"));
        // Parameters, gradients and velocity are in it, and what a step adds is a part.
        let least = 8e-6 * number("parameters");
        assert!(peak > least && step > 0.0 && step < peak, "{row}");
        assert_eq!(row["threads"], 1, "{row}");
    }
    for (key, expected) in NAMED {
        assert_eq!(found["machine"]["gpu"][key], expected, "{found}");
    }
}
