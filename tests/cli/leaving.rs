//! Going on from the weights of a run, asking it about pictures, and taking its network elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use normprop::data::Split;
use normprop::event::Snapshot;
use normprop::export::proto::Model;
use normprop::record::checkpoint::encode;
use normprop::record::read_checkpoint;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use prost::Message;
use serde_json::Value;
use tch::Tensor;

use crate::common::only_run;
use crate::{assert_keys, document, run, train};

/// A perceptron with batch normalization in `folder`: its run directory and summary.
fn source(folder: &Path) -> (PathBuf, Value) {
    let arguments = ["--json", "--model=mlp", "--norm=bn", "--out=source"];
    let summary = document(&train(folder, &arguments).success());
    (only_run(&folder.join("source")), summary)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_run_starts_from_the_weights_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let (first, summary) = source(folder.path());
    let from = format!("--init-from={}", first.display());
    let arguments = ["--json", "--model=mlp", "--norm=bn", "--epochs=2", &from];
    let longer = train(folder.path(), &arguments)
        .success()
        .stderr(contains("weights from ").and(contains("started fresh").not()));
    let longer = document(&longer);
    let run_dir = folder.path().join(longer["run_dir"].as_str().unwrap());
    let metrics = fs::read_to_string(run_dir.join("metrics.csv")).unwrap();
    let start: Vec<&str> = metrics.lines().nth(1).unwrap().split(',').collect();
    let header: Vec<&str> = metrics.lines().next().unwrap().split(',').collect();
    let column = header.iter().position(|name| *name == "test_loss").unwrap();
    let loss: f64 = start[column].parse().unwrap();
    assert!((loss - summary["test_loss"].as_f64().unwrap()).abs() < 1e-5);

    let from_file = &json(&run_dir.join("meta.json"))["started_from"];
    assert_keys(from_file, &["file", "sha256", "tensors", "fresh", "unused"]);
    assert_eq!(from_file["fresh"], serde_json::json!([]));
    let file = from_file["file"].as_str().unwrap();
    assert!(file.ends_with("checkpoint-1.safetensors"), "{file}");

    // The same command finds the run, from another place of the same checkpoint too.
    train(folder.path(), &arguments)
        .success()
        .stderr(contains("is finished already").and(contains("--init-from")));
    fs::copy(file, folder.path().join("copy.safetensors")).unwrap();
    let copy = [
        "--model=mlp",
        "--norm=bn",
        "--epochs=2",
        "--init-from=copy.safetensors",
    ];
    train(folder.path(), &copy)
        .success()
        .stderr(contains("is finished already"));
    // Once it has a checkpoint of its own it goes on without the other.
    fs::remove_file(run_dir.join("summary.json")).unwrap();
    fs::remove_dir_all(&first).unwrap();
    let resume = format!("--resume={}", run_dir.display());
    let resumed = run(folder.path(), &["train", &resume, "--json"]).success();
    assert_eq!(document(&resumed)["test_loss"], longer["test_loss"]);
}

#[test]
fn what_does_not_fit_another_network_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = source(folder.path());
    let from = format!("--init-from={}", first.display());
    let narrower = [
        "--model=mlp",
        "--norm=none",
        "--set=mlp_widths=[256,9]",
        &from,
    ];
    train(folder.path(), &narrower).success().stderr(
        contains("not taken, started fresh: ")
            .and(contains("([256, 256] there, [9, 256] here)"))
            .and(contains(".bias (not there)"))
            .and(contains("of no use here: "))
            .and(contains(".gamma"))
            .and(contains(
                "bn trained them, and none computes something else",
            )),
    );
    train(folder.path(), &["--model=lstm", "--norm=none", &from])
        .code(2)
        .stderr(contains("no weights in ").and(contains("lstm.weight_input (not there)")));
    train(folder.path(), &["--init-from=nowhere"])
        .code(2)
        .stderr(contains("neither a run directory nor a checkpoint file"));
    let longer = format!("--resume={}", first.display());
    run(folder.path(), &["train", &longer, "--epochs=3"])
        .code(2)
        .stderr(contains("--epochs 3 --init-from "));
}

/// The first test images of each class, as runs of [`train`] see them.
fn test_images() -> (Split, Vec<String>) {
    let dataset = normprop::data::load("fashion-mnist-mini", Path::new(""));
    let dataset = dataset.unwrap().dataset;
    let test = dataset.test.balanced_subset(100, 10).unwrap();
    (test, dataset.classes)
}

/// Writes them as PNG files, `000.png` and so on.
fn write_images(folder: &Path, split: &Split) {
    fs::create_dir_all(folder).unwrap();
    for number in 0..split.len() {
        let pixels = split.image(number).to_vec();
        let picture = image::GrayImage::from_raw(28, 28, pixels).unwrap();
        picture
            .save(folder.join(format!("{number:03}.png")))
            .unwrap();
    }
}

#[test]
fn pictures_get_the_answers_that_the_dataset_gets() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = source(folder.path());
    let (split, classes) = test_images();
    write_images(&folder.path().join("pictures"), &split);
    let place = first.to_str().unwrap();
    let own = document(
        &run(
            folder.path(),
            &["eval", place, "--images", "pictures", "--json"],
        )
        .success(),
    );
    assert_keys(
        &own,
        &[
            "checkpoint",
            "epoch",
            "method",
            "dataset",
            "classes",
            "normalization",
            "refused",
        ],
    );
    let answers = own["images"].as_array().unwrap();
    assert_eq!(answers.len(), 100);
    let mut confusion = vec![vec![0_u64; 10]; 10];
    for (answer, &label) in answers.iter().zip(&split.labels) {
        let all = answer["probabilities"].as_object().unwrap();
        let sum: f64 = all.values().map(|p| p.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9 && all.len() == 10);
        let class = answer["class"].as_str().unwrap();
        let predicted = classes.iter().position(|name| name == class).unwrap();
        confusion[usize::from(label)][predicted] += 1;
        assert_eq!(answer["best"][0]["probability"], all[class]);
    }
    let eval = document(&run(folder.path(), &["eval", place, "--json"]).success());
    assert_eq!(serde_json::json!(confusion), eval["confusion"]);

    // A checkpoint alone is enough; and a photograph is cut and scaled.
    let checkpoint = folder.path().join("alone.safetensors");
    fs::copy(first.join("checkpoint-1.safetensors"), &checkpoint).unwrap();
    let photograph = image::GrayImage::from_fn(90, 60, |x, y| image::Luma([(x * y % 251) as u8]));
    photograph
        .save(folder.path().join("photograph.jpg"))
        .unwrap();
    run(
        folder.path(),
        &[
            "eval",
            "alone.safetensors",
            "--images",
            "photograph.jpg",
            "pictures/000.png",
        ],
    )
    .success()
    .stdout(
        contains("bn after epoch 1")
            .and(contains("90 x 60, of it 60 x 60"))
            .and(contains("gray images of 28 x 28"))
            .and(contains("first"))
            .and(contains(" %")),
    );
}

#[test]
fn a_checkpoint_that_does_not_say_what_it_is_needs_its_run_and_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = source(folder.path());
    let place = first.to_str().unwrap();
    let export = || {
        let arguments = ["export", place, "--to=onnx", "--out=network.onnx"];
        run(folder.path(), &arguments).success();
        fs::read(folder.path().join("network.onnx")).unwrap()
    };
    let with_all = export();
    // As version 0.2.0 wrote it.
    let file = first.join("checkpoint-1.safetensors");
    let snapshot = read_checkpoint(&file).unwrap();
    assert!(snapshot.network.is_some());
    let old = Snapshot {
        network: None,
        ..snapshot
    };
    fs::write(&file, encode(&old).unwrap()).unwrap();
    assert!(export() == with_all);
    fs::copy(&file, folder.path().join("alone.safetensors")).unwrap();
    run(folder.path(), &["export", "alone.safetensors", "--to=onnx"])
        .code(2)
        .stderr(contains("alone.safetensors is of version 0.2.0 or older"));
}

#[test]
fn pictures_that_cannot_be_used_are_named_behind_the_answers() {
    let folder = tempfile::tempdir().unwrap();
    source(folder.path());
    let place = only_run(&folder.path().join("source"));
    let place = place.to_str().unwrap();
    let blue = image::RgbImage::from_pixel(28, 28, image::Rgb([0, 0, 200]));
    blue.save(folder.path().join("blue.png")).unwrap();
    let gray = image::GrayImage::from_pixel(28, 28, image::Luma([200]));
    gray.save(folder.path().join("gray.png")).unwrap();
    fs::write(folder.path().join("text.png"), "text").unwrap();
    let arguments = [
        "eval", place, "--images", "blue.png", "text.png", "gray.png",
    ];
    run(folder.path(), &arguments)
        .code(2)
        .stdout(contains("gray.png").and(contains("blue").not()))
        .stderr(
            contains("blue.png: the pixel in column 0, row 0 has a color")
                .and(contains("text.png: neither a PNG nor a JPEG picture")),
        );
    fs::create_dir(folder.path().join("empty")).unwrap();
    run(folder.path(), &["eval", place, "--images", "empty"])
        .code(2)
        .stderr(contains("no file in this folder ends in .png"));
    run(
        folder.path(),
        &["eval", place, "--images", "gray.png", "--split=train"],
    )
    .code(2)
    .stderr(contains("cannot be used with"));
}

#[test]
fn a_network_leaves_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = source(folder.path());
    let place = first.to_str().unwrap();
    let export = |arguments: &[&str]| {
        let all = [&["export", place, "--json"], arguments].concat();
        document(&run(folder.path(), &all).success())
    };
    let onnx = export(&["--to=onnx", "--checkpoint=best"]);
    assert_eq!(
        (&onnx["opset"], &onnx["folded"]),
        (&17.into(), &true.into())
    );
    assert_eq!(onnx["input"]["shape"], serde_json::json!([null, 1, 28, 28]));
    let file = onnx["files"][0].as_str().unwrap();
    assert!(file.ends_with("export/network.onnx"), "{file}");
    let model = Model::decode(fs::read(file).unwrap().as_slice()).unwrap();
    let property = |key: &str| {
        let mut all = model.metadata_props.iter();
        all.find(|found| found.key == key).unwrap().value.clone()
    };
    assert_eq!(property("method"), "bn");
    assert!(property("classes").starts_with("[\"T-shirt/top\""));

    let torch = export(&["--to=torch", "--out=mine.py"]);
    assert_eq!(
        torch["files"],
        serde_json::json!(["mine.py", "mine.safetensors"])
    );
    let text = fs::read_to_string(folder.path().join("mine.py")).unwrap();
    assert!(
        text.contains("nn.Linear(784, 256)") && text.contains("CLASSES = [\"T-shirt/top\""),
        "{text}"
    );

    let numpy = export(&["--to=numpy", "--out=arrays.npz"]);
    let arrays = Tensor::read_npz(folder.path().join("arrays.npz")).unwrap();
    assert_eq!(numpy["arrays"].as_object().unwrap().len(), arrays.len());
    for (name, tensor) in &arrays {
        assert_eq!(
            numpy["arrays"][name],
            serde_json::json!(tensor.size()),
            "{name}"
        );
    }
    run(folder.path(), &["export", place, "--to=numpy"])
        .success()
        .stdout(contains("input.mean").and(contains("[256, 784]")));
    run(
        folder.path(),
        &["export", place, "--to=torch", "--batch-size=2"],
    )
    .code(2)
    .stderr(contains("--batch-size belongs to --to onnx"));
    run(
        folder.path(),
        &["export", place, "--to=torch", "--out=x.safetensors"],
    )
    .code(2)
    .stderr(contains("ends in .py"));
    run(folder.path(), &["export", place])
        .code(2)
        .stderr(contains("--to <FORMAT>"));
}

#[test]
fn what_does_not_fold_says_so_and_leaves_as_arrays() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, reason) in [
        (
            ["--model=mlp", "--norm=layer-norm"],
            "the layers of layer-norm stay more than",
        ),
        (
            ["--model=lstm", "--norm=layer-norm"],
            "the LSTM of layer-norm is more than a plain one",
        ),
    ] {
        let out = format!("--out={}", arguments[0].trim_start_matches("--model="));
        train(folder.path(), &[&arguments[..], &["-q", &out]].concat()).success();
        let place = only_run(&folder.path().join(out.trim_start_matches("--out=")));
        let place = place.to_str().unwrap();
        for format in ["--to=onnx", "--to=torch"] {
            run(folder.path(), &["export", place, format])
                .code(2)
                .stderr(contains(reason).and(contains("--to numpy writes the parameters")));
        }
        let numpy =
            document(&run(folder.path(), &["export", place, "--to=numpy", "--json"]).success());
        assert_eq!(numpy["folded"], false);
        assert!(numpy["arrays"].as_object().unwrap().len() > 4);
    }
}
