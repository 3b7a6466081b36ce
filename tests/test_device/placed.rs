//! Where a run is: what is recorded of the device, where a run goes on, who looks at it there, and how runs are spread.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::common::{normprop, only_run};
use crate::load::library;
use crate::training::errors;

/// A network that trains in a moment.
const SMALL: &[&str] = &[
    "--model=mlp",
    "--set=mlp_widths=[16, 16]",
    "--batch-size=20",
    "--epochs=2",
    "--set=train_subset=200",
    "--set=test_subset=100",
    "--set=probe_images=0",
];
/// What the device says of itself.
const NAMED: [(&str, &str); 3] = [
    ("name", "test device 0"),
    ("cuda", "13.2"),
    ("cudnn", "9.20.1"),
];

/// The program in a folder, with the device where there is a library.
fn program(folder: &Path, library: Option<&Path>, arguments: &[&str]) -> Command {
    let mut command = normprop(folder);
    command.args(arguments).env_remove("CUDA_VISIBLE_DEVICES");
    if let Some(library) = library {
        command.env("LD_PRELOAD", library);
    }
    command
}

#[track_caller]
fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    output
}

#[track_caller]
fn document(command: &mut Command) -> Value {
    serde_json::from_slice(&done(command).stdout).unwrap()
}

fn meta(folder: &Path) -> Value {
    let text = std::fs::read_to_string(only_run(&folder.join("runs")).join("meta.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

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
        !errors(&stayed).contains("goes on on"),
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
    let said = "was on test device 0 and goes on on cpu";
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
