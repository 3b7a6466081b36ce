//! Data of one's own, from files to a trained network.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;

use crate::numpy::{npy, write_npz};
use crate::{document, run};

/// A folder `pictures` of three classes that differ in their level, with twelve training and four test pictures of each.
fn write_pictures(folder: &Path, size: u32, has_color: bool) {
    for (part, count) in [("train", 12), ("test", 4)] {
        for (class, name) in ["ant", "bee", "cow"].into_iter().enumerate() {
            let own = folder.join("pictures").join(part).join(name);
            fs::create_dir_all(&own).unwrap();
            for number in 0..count {
                let picture = RgbImage::from_fn(size, size, |x, y| {
                    let level = (80 * class as u32 + (7 * x + 13 * y + number) % 40) as u8;
                    Rgb([level, level, if has_color { 255 - level } else { level }])
                });
                picture.save(own.join(format!("{number:02}.png"))).unwrap();
            }
        }
    }
}

/// An array of bytes.
fn bytes(extents: &str, values: &[u8]) -> Vec<u8> {
    npy("|u1", extents, values)
}

/// Forty images of 12 x 12 pixels in three channels behind the rows and columns, of two classes, without test images.
fn arrays() -> [(&'static str, Vec<u8>); 2] {
    let pixel = |index: usize| (index / 432 % 2 * 150 + index % 97) as u8;
    let pixels: Vec<u8> = (0..40 * 432).map(pixel).collect();
    let labels: Vec<u8> = (0..40).map(|index| index % 2).collect();
    [
        ("x_train", bytes("40, 12, 12, 3", &pixels)),
        ("y_train", bytes("40,", &labels)),
    ]
}

/// Trains for a moment and tells how the run ended.
fn train(folder: &Path, dataset: &str, network: &[&str]) -> Value {
    let dataset = format!("--dataset={dataset}");
    let common = ["train", &dataset, "--epochs=1", "--batch-size=6"];
    let arguments = [&common[..], &["--threads=1", "--json"], network].concat();
    document(&run(folder, &arguments).success())
}

#[test]
fn every_network_fits_itself_to_the_size_the_channels_and_the_classes_of_pictures() {
    let networks: [&[&str]; 3] = [
        &["--model=mlp", "--set=mlp_widths=[8]"],
        &["--model=nin", "--width=0.05"],
        &["--model=resnet", "--set=depth=8", "--width=0.25"],
    ];
    for (size, has_color) in [(8, false), (21, true)] {
        let folder = tempfile::tempdir().unwrap();
        write_pictures(folder.path(), size, has_color);
        for network in networks {
            let ended = train(folder.path(), "folder:pictures", network);
            assert_eq!(ended["status"], "finished", "{ended}");
            assert_eq!((&ended["steps"], &ended["epochs"]), (&6.into(), &1.into()));
            let eval = document(&run(folder.path(), &["eval", "--json"]).success());
            assert_eq!(
                (&eval["images"], &eval["error"]),
                (&12.into(), &ended["test_error"])
            );
            let classes = eval["per_class"].as_array().unwrap().iter();
            let classes: Vec<&str> = classes.filter_map(|row| row["class"].as_str()).collect();
            assert_eq!(classes, ["ant", "bee", "cow"]);
        }
        // The network then answers with the names of the folders.
        let picture = "pictures/test/bee/00.png";
        let told =
            document(&run(folder.path(), &["eval", "--json", "--images", picture]).success());
        assert_eq!(told["classes"], serde_json::json!(["ant", "bee", "cow"]));
    }
}

#[test]
fn an_archive_of_arrays_is_trained_on_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    write_npz(&folder.path().join("data.npz"), &arrays());
    let ended = train(
        folder.path(),
        "npz:data.npz",
        &["--model=nin", "--width=0.05"],
    );
    // Every fifth image of a class is held out for the test: 32 images remain, five batches of six and one of two.
    assert_eq!(
        (&ended["status"], &ended["steps"]),
        (&"finished".into(), &6.into())
    );
    assert_eq!(ended["dataset"], "npz:data.npz");
    let report = run(folder.path(), &["data", "verify", "npz:data.npz", "--json"]).success();
    let report = document(&report);
    assert_eq!(report["shape"], serde_json::json!([3, 12, 12]));
    assert_eq!(report["train"]["class_counts"], serde_json::json!([16, 16]));
    assert_eq!(report["test"]["class_counts"], serde_json::json!([4, 4]));
    assert_eq!(report["verdict"], "own");
    // What is trained on is what was verified.
    let run_dir = folder.path().join(ended["run_dir"].as_str().unwrap());
    let meta = fs::read_to_string(run_dir.join("meta.json")).unwrap();
    assert!(meta.contains(report["sha256"].as_str().unwrap()), "{meta}");
}

#[test]
fn pictures_are_verified_and_those_of_other_sizes_need_a_size() {
    let folder = tempfile::tempdir().unwrap();
    write_pictures(folder.path(), 16, false);
    let verify = |name: &str| run(folder.path(), &["data", "verify", name, "--json"]);
    let report = document(&verify("folder:pictures").success());
    assert_eq!(report["shape"], serde_json::json!([1, 16, 16]));
    assert_eq!(
        report["train"]["class_counts"],
        serde_json::json!([12, 12, 12])
    );
    run(folder.path(), &["data", "verify", "folder:pictures"])
        .success()
        .stdout(contains("ant").and(contains("36 images")));
    let wide = RgbImage::from_pixel(30, 20, Rgb([9, 9, 9]));
    wide.save(folder.path().join("pictures/train/cow/99.png"))
        .unwrap();
    let refused = contains("99.png: 30 x 20 pixels").and(contains("@SIZE"));
    verify("folder:pictures").code(2).stderr(refused);
    let arguments = [
        "train",
        "--dataset=folder:pictures",
        "--model=mlp",
        "--epochs=1",
    ];
    run(folder.path(), &arguments)
        .code(2)
        .stderr(contains("@SIZE"));
    assert!(!folder.path().join("runs").exists(), "nothing was begun");
    let report = document(&verify("folder:pictures@12").success());
    assert_eq!(
        (&report["shape"], &report["train"]["images"]),
        (&serde_json::json!([1, 12, 12]), &37.into())
    );
    let ended = train(folder.path(), "folder:pictures@12", &["--model=mlp"]);
    // The image that is left over joins the batch before it.
    assert_eq!(ended["steps"], 6);
}

#[test]
fn what_is_wrong_with_own_data_is_named_before_a_run_begins() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |dataset: &str, expected: &str| {
        let both = [
            vec!["data", "verify", dataset],
            vec!["train", "--model=mlp", "--epochs=1", "--dataset", dataset],
        ];
        for arguments in both {
            let said = run(folder.path(), &arguments).code(2);
            said.stderr(contains(expected));
        }
        assert!(!folder.path().join("runs").exists(), "{dataset}");
    };
    write_pictures(folder.path(), 8, true);
    let bees = folder.path().join("pictures/train/bee");
    fs::remove_dir_all(&bees).unwrap();
    fs::create_dir(&bees).unwrap();
    refused(
        "folder:pictures",
        "train/bee: there is no picture of this class",
    );
    refused("folder:elsewhere", "there is no folder elsewhere/train");

    let [x, y] = arrays();
    write_npz(&folder.path().join("data.npz"), std::slice::from_ref(&x));
    refused("npz:data.npz", "the array y_train is missing");
    // A header that claims more than memory holds.
    let endless = ("x_train", bytes("4294967296, 4294967296", &[0; 64]));
    write_npz(&folder.path().join("data.npz"), &[endless, y.clone()]);
    refused("npz:data.npz", "x_train: is ");
    let labels = ("y_train", bytes("40,", &[7; 40]));
    write_npz(&folder.path().join("data.npz"), &[x.clone(), labels]);
    refused("npz:data.npz", "labels up to 7, but no image of class 0");
    write_npz(&folder.path().join("data.npz"), &[x, y]);
    let path = folder.path().join("data.npz");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    refused(
        "npz:data.npz",
        "data.npz: is no whole archive of numpy.savez",
    );
}
