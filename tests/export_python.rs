//! Exported networks in the programs that they are for: PyTorch, ONNX Runtime and NumPy compute what we do.
//!
//! The interpreter is `python3`, or the one that `NORMPROP_PYTHON` names. A test whose package it lacks says that it is
//! skipped: `pip install torch numpy onnx onnxruntime`.

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use common::{normprop, only_run};
use serde_json::Value;

/// Pictures that are compared.
const IMAGES: usize = 20;

const NETWORKS: [&[&str]; 7] = [
    &["--norm=weight-norm", "--model=lstm"],
    &["--norm=bn", "--width=0.1"],
    &["--norm=normprop", "--width=0.1", "--activation=leaky:0.2"],
    &["--norm=weight-norm", "--model=mlp", "--activation=gelu"],
    &[
        "--norm=bn",
        "--model=resnet",
        "--set=depth=8",
        "--set=width=0.25",
        "--set=shortcut=A",
        "--activation=prelu",
    ],
    &[
        "--norm=normprop",
        "--model=resnet",
        "--set=depth=8",
        "--set=width=0.25",
    ],
    &[
        "--norm=bn",
        "--model=resnet",
        "--set=depth=8",
        "--set=width=0.25",
        "--set=order=v1",
    ],
];

/// Prints the probabilities that a file's network gives to raw images, as JSON.
const SCRIPT: &str = "
import importlib.util, json, sys
import numpy as np
kind, file, raw = sys.argv[1:]
images = np.fromfile(raw, dtype=np.uint8).reshape(-1, 1, 28, 28).astype(np.float32) / np.float32(255)
if kind == 'torch':
    import torch
    spec = importlib.util.spec_from_file_location('exported', file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with torch.no_grad():
        logits = module.load()(torch.from_numpy(images)).double().numpy()
else:
    import onnx, onnxruntime
    onnx.checker.check_model(file, full_check=True)
    session = onnxruntime.InferenceSession(file, providers=['CPUExecutionProvider'])
    logits = session.run(['logits'], {'images': images})[0].astype(np.float64)
exp = np.exp(logits - logits.max(1, keepdims=True))
print(json.dumps((exp / exp.sum(1, keepdims=True)).tolist()))
";

/// The interpreter, where it has these packages.
fn python(test: &str, packages: &[&str]) -> Option<String> {
    let python = std::env::var("NORMPROP_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let imports = format!("import {}", packages.join(", "));
    let found = Command::new(&python).args(["-c", &imports]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    let missing = packages.join(", ");
    let line = format!("skipped: {test}: {python} lacks one of {missing}");
    let _ = writeln!(std::io::stderr(), "{line}");
    None
}

fn run(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = normprop(folder).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    output.stdout
}

/// What `eval --images` says, `[image][class]`.
fn ours(folder: &Path, place: &str) -> Vec<Vec<f64>> {
    let said = run(folder, &["eval", place, "--images", "pictures", "--json"]);
    let said: Value = serde_json::from_slice(&said).unwrap();
    let answers = said["images"].as_array().unwrap().iter();
    let row = |answer: &Value| {
        let all = answer["probabilities"].as_object().unwrap().values();
        all.map(|p| p.as_f64().unwrap()).collect()
    };
    answers.map(row).collect()
}

fn compare(python: &str, kind: &str) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let dataset = normprop::data::load("fashion-mnist-mini", Path::new(""));
    let test = dataset.unwrap().dataset.test;
    fs::create_dir(folder.join("pictures")).unwrap();
    let mut raw = Vec::new();
    for number in 0..IMAGES {
        raw.extend(test.image(number));
        let picture = image::GrayImage::from_raw(28, 28, test.image(number).to_vec()).unwrap();
        picture
            .save(folder.join(format!("pictures/{number:02}.png")))
            .unwrap();
    }
    fs::write(folder.join("raw"), raw).unwrap();
    fs::write(folder.join("run.py"), SCRIPT).unwrap();
    for (number, network) in NETWORKS.into_iter().enumerate() {
        let out = format!("--out=runs{number}");
        let quick = [
            "train",
            "-q",
            "--epochs=1",
            "--threads=1",
            "--set=train_subset=200",
            "--set=test_subset=10",
            &out,
        ];
        run(folder, &[&quick[..], network].concat());
        let place = only_run(&folder.join(format!("runs{number}")));
        let place = place.to_str().unwrap();
        let ours = ours(folder, place);
        let file = if kind == "torch" {
            "network.py"
        } else {
            "network.onnx"
        };
        run(folder, &["export", place, "--to", kind, "--out", file]);
        let theirs = Command::new(python)
            .current_dir(folder)
            .args(["run.py", kind, file, "raw"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&theirs.stderr);
        assert!(theirs.status.success(), "{network:?}: {said}");
        let theirs: Vec<Vec<f64>> = serde_json::from_slice(&theirs.stdout).unwrap();
        assert_eq!((ours.len(), theirs.len()), (IMAGES, IMAGES));
        let pairs = ours.iter().flatten().zip(theirs.iter().flatten());
        let gap = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        eprintln!("{kind} {network:?}: largest difference {gap:e}");
        assert!(gap < 1e-5, "{network:?}: {gap:e}");
        let most = ours.iter().flatten().fold(0.0_f64, |most, p| most.max(*p));
        assert!(
            most > 0.15,
            "{network:?}: nothing was learned, so equal answers mean little"
        );
    }
}

#[test]
fn pytorch_computes_what_we_do() {
    if let Some(python) = python("pytorch_computes_what_we_do", &["torch", "numpy"]) {
        compare(&python, "torch");
    }
}

#[test]
fn onnx_runtime_computes_what_we_do() {
    let packages = ["onnx", "onnxruntime", "numpy"];
    if let Some(python) = python("onnx_runtime_computes_what_we_do", &packages) {
        compare(&python, "onnx");
    }
}
