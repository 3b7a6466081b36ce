//! `normprop stats` as a user meets it: files, columns, JSON, and what it says to mistakes.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

const GAUSSIANITY: &str =
    "layer,name,n,mean,std,skewness,excess_kurtosis,ks,ks_p,anderson_darling,shapiro_w,shapiro_p";
const HISTOGRAM: &str = "layer,unit,bin_low,bin_high,count,density,normal_density";

fn normprop(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("normprop").unwrap();
    command
        .current_dir(folder)
        .env("NORMPROP_DATA", folder.join("no-data"));
    command
}

/// The command under test, on one thread: tests run side by side.
fn stats(folder: &Path) -> Command {
    let mut command = normprop(folder);
    command.args(["stats", "--threads", "1"]);
    command
}

/// A run of one epoch on 200 images; its directory.
fn train(folder: &Path, method: &str) -> PathBuf {
    train_longer(folder, method, &[])
}

/// The same with further arguments.
fn train_longer(folder: &Path, method: &str, further: &[&str]) -> PathBuf {
    let output = normprop(folder)
        .args([
            "train",
            "-q",
            "--threads",
            "1",
            "--norm",
            method,
            "--width",
            "0.05",
        ])
        .args([
            "--set",
            "epochs=1",
            "--set",
            "train_subset=200",
            "--set",
            "test_subset=100",
            "--set",
            "probe_images=20",
            "--json",
        ])
        .args(further)
        .assert()
        .success();
    let summary: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    folder.join(summary["run_dir"].as_str().unwrap())
}

struct Csv {
    header: String,
    rows: Vec<Vec<String>>,
}

impl Csv {
    fn read(path: &Path) -> Csv {
        let mut reader = csv::Reader::from_path(path).unwrap();
        let fields = |record: &csv::StringRecord| record.iter().map(str::to_string).collect();
        let header: Vec<String> = fields(reader.headers().unwrap());
        let rows = reader.records().map(|record| fields(&record.unwrap()));
        Csv {
            rows: rows.collect(),
            header: header.join(","),
        }
    }

    fn column(&self, name: &str) -> Vec<&str> {
        let place = self
            .header
            .split(',')
            .position(|column| column == name)
            .unwrap();
        self.rows.iter().map(|row| row[place].as_str()).collect()
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        self.column(name)
            .into_iter()
            .map(|field| field.parse().unwrap())
            .collect()
    }
}

fn assert_pictures(folder: &Path, stems: &[&str]) {
    for stem in stems {
        let svg = std::fs::read_to_string(folder.join(format!("{stem}.svg"))).unwrap();
        assert!(svg.contains("<svg") && svg.ends_with("</svg>\n"), "{stem}");
        let png = std::fs::read(folder.join(format!("{stem}.png"))).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() > 5_000, "{stem}");
    }
}

#[test]
fn a_layer_at_initialization_has_all_files_and_the_sizes_first() {
    let folder = tempfile::tempdir().unwrap();
    stats(folder.path())
        .args(["--layer", "3", "--samples", "4000", "--bins", "30"])
        .assert()
        .success()
        .stderr(contains(
            "there is no run under runs/: this is the default network at initialization",
        ))
        .stdout(
            contains("KS distance")
                .and(contains("Layer 3 (conv1b)"))
                .and(contains("effect sizes first")),
        );
    let results = folder.path().join("stats");
    let rows = Csv::read(&results.join("gaussianity.csv"));
    assert_eq!((rows.header.as_str(), rows.rows.len()), (GAUSSIANITY, 1));
    assert_eq!(
        (rows.column("layer")[0], rows.column("name")[0]),
        ("3", "conv1b")
    );
    // 24 channels at ⌈4000/24⌉ = 167 sites.
    assert_eq!(rows.numbers("n"), [4008.0]);

    let histogram = Csv::read(&results.join("histogram.csv"));
    assert_eq!(
        (histogram.header.as_str(), histogram.rows.len()),
        (HISTOGRAM, 30 * 25)
    );
    let counts = histogram.numbers("count");
    let is_pooled: Vec<bool> = histogram
        .column("unit")
        .iter()
        .map(|unit| *unit == "pooled")
        .collect();
    let total = |pooled: bool| -> f64 {
        counts
            .iter()
            .zip(&is_pooled)
            .filter(|(_, is)| **is == pooled)
            .map(|(count, _)| count)
            .sum()
    };
    assert_eq!((total(true), total(false)), (4008.0, 4008.0));
    assert_eq!(histogram.column("unit").last(), Some(&"23"));

    let units = Csv::read(&results.join("gaussianity-units.csv"));
    assert_eq!(units.rows.len(), 25);
    assert_eq!(units.numbers("ks")[0], rows.numbers("ks")[0]);
    assert!(
        units
            .numbers("ks_fitted_lilliefors_p")
            .iter()
            .all(|p| (0.0..=1.0).contains(p))
    );
    assert_pictures(&results, &["histogram", "qq"]);
}

#[test]
fn json_is_the_rows_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let output = stats(folder.path())
        .args(["--json", "--samples", "500", "--out", "here"])
        .args(["--set", "width=0.05", "--set", "method.name=bn"])
        .assert()
        .success()
        .stderr(contains("bn at initialization"));
    let document: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    let rows = document.as_array().unwrap();
    let table = Csv::read(&folder.path().join("here/gaussianity.csv"));
    assert_eq!((rows.len(), table.rows.len()), (9, 9));
    for (row, cells) in rows.iter().zip(&table.rows) {
        let object = row.as_object().unwrap();
        let keys: Vec<&str> = object.keys().map(String::as_str).collect();
        assert_eq!(keys.join(","), GAUSSIANITY);
        for (value, cell) in object.values().zip(cells) {
            match value {
                Value::Number(number) => {
                    assert_eq!(number.as_f64().unwrap(), cell.parse::<f64>().unwrap())
                }
                other => assert_eq!(other.as_str().unwrap(), cell),
            }
        }
    }
    assert!(!folder.path().join("stats").exists());
}

#[test]
fn the_latest_run_is_taken_and_results_go_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = train(folder.path(), "normprop");
    stats(folder.path())
        .args(["--layer", "conv2a", "--samples", "500", "--split", "train"])
        .assert()
        .success()
        .stderr(contains("normprop at epoch 1").and(contains("the latest run")));
    let after = Csv::read(&run.join("stats/gaussianity.csv"));
    assert_eq!(after.column("name"), ["conv2a"]);

    let named = |path: &Path| {
        stats(folder.path())
            .args([
                "--layer",
                "5",
                "--samples",
                "500",
                "--split",
                "train",
                "--out",
                "other",
            ])
            .arg(path)
            .assert()
            .success();
        Csv::read(&folder.path().join("other/gaussianity.csv")).rows
    };
    assert_eq!(named(&run.join("checkpoint-1.safetensors")), after.rows);
    assert_ne!(
        named(&run.join("checkpoint-0.safetensors")),
        after.rows,
        "before training"
    );
}

#[test]
fn runs_lie_side_by_side_over_their_epochs_and_along_their_gradients() {
    let folder = tempfile::tempdir().unwrap();
    let runs = [train(folder.path(), "bn"), train(folder.path(), "normprop")];
    stats(folder.path())
        .args(["--evolution", "--landscape", "--out", "both", "--json"])
        .args(["--steps", "3", "--every", "2", "--multiples", "0.5,2"])
        .args(&runs)
        .assert()
        .success()
        .stdout(contains("\"evolution\": [").and(contains("\"landscape\": [")));
    let both = folder.path().join("both");
    let evolution = Csv::read(&both.join("evolution.csv"));
    assert_eq!(
        evolution.header,
        "run,epoch,layer,name,pre_mean,pre_std,post_mean,post_std"
    );
    // Two runs, epochs 0 and 1, eight hidden layers.
    assert_eq!(evolution.rows.len(), 2 * 2 * 8);
    let layers = Csv::read(&runs[1].join("layers.csv"));
    assert_eq!(evolution.column("pre_std")[16..], layers.column("pre_std"));
    assert_eq!(evolution.column("run")[15..17], ["bn", "normprop"]);

    let landscape = Csv::read(&both.join("landscape.csv"));
    assert_eq!(
        landscape.header,
        "run,step,lr,loss,gradient_norm,loss_min,loss_max,gradient_change_min,gradient_change_max,\
         relative_change_min,relative_change_max,smoothness"
    );
    assert_eq!(
        landscape.column("run"),
        ["bn", "bn", "normprop", "normprop"]
    );
    assert_eq!(landscape.column("step"), ["0", "2", "0", "2"]);
    assert!(
        landscape
            .numbers("smoothness")
            .iter()
            .all(|beta| *beta > 0.0)
    );
    assert_pictures(&both, &["evolution", "landscape"]);

    // The pictures can be drawn again from the tables alone.
    let picture = both.join("landscape.svg");
    let drawn = std::fs::read(&picture).unwrap();
    std::fs::remove_file(&picture).unwrap();
    normprop(folder.path())
        .args(["report", "both"])
        .assert()
        .success()
        .stdout(contains("evolution.svg").and(contains("landscape.svg")));
    assert_eq!(std::fs::read(&picture).unwrap(), drawn);
}

#[test]
fn covariance_and_jacobians_of_every_layer() {
    let folder = tempfile::tempdir().unwrap();
    let run = train(folder.path(), "bn");
    stats(folder.path())
        .args([
            "--covariance",
            "--jacobian",
            "--samples",
            "300",
            "--images",
            "3",
        ])
        .assert()
        .success()
        .stdout(contains("Proposition 1").and(contains(
            "jacobian_scale = init at initialization and jacobian_scale = fixed at initialization: singular",
        )));
    let results = run.join("stats");
    let covariance = Csv::read(&results.join("covariance.csv"));
    assert_eq!(
        covariance.header,
        "layer,name,basis,dimensions,sites,input_variance,mean_abs_correlation,chance_correlation,\
         effective_dimensions,rows,coherence,mean_abs_cosine,pre_variance,canonical_error,\
         canonical_error_relative,bound"
    );
    assert_eq!(covariance.rows.len(), 9);
    assert_eq!(covariance.column("rows"), ["effective"; 9]);
    assert!(
        covariance
            .numbers("coherence")
            .iter()
            .all(|mu| (0.0..=1.0).contains(mu))
    );

    let jacobian = Csv::read(&results.join("jacobian.csv"));
    assert_eq!(
        jacobian.header,
        "network,layer,name,inputs,outputs,exact,images,mean_square,mean_square_error,smallest,median,\
         largest,gain_from_top,pre_std,pre_unit_std"
    );
    // The run and the three choices, nine layers each.
    assert_eq!(jacobian.rows.len(), 4 * 9);
    let squares = jacobian.numbers("mean_square");
    let mean = |network: usize| squares[9 * network..][..8].iter().sum::<f64>() / 8.0;
    let (init, fixed, none) = (mean(1), mean(2), mean(3));
    assert!(
        (init / fixed - 1.0).abs() < 1e-3,
        "the same function at the start"
    );
    assert!(none > 1.2 * init, "{none} {init}");
    let values = Csv::read(&results.join("jacobian-network.csv"));
    assert_eq!(values.header, "network,index,images,mean,min,max");
    assert_eq!(values.rows.len(), 4 * 10);
    assert!(!results.join("gaussianity.csv").exists());
    assert_pictures(&results, &["covariance", "jacobian"]);
}

#[test]
fn the_stream_of_a_residual_network() {
    let folder = tempfile::tempdir().unwrap();
    let small = [
        "--set",
        "model=resnet",
        "--set",
        "depth=8",
        "--set",
        "width=0.25",
    ];
    stats(folder.path())
        .args(["--probe", "stream", "--images", "6", "--out", "start"])
        .args(small)
        .args(["--set", "method.name=bn"])
        .assert()
        .success()
        .stdout(contains("residual = naive").and(contains("gradient ratio")));
    let start = Csv::read(&folder.path().join("start/stream.csv"));
    assert_eq!(
        start.header,
        "network,units,name,channels,images,second_moment,second_moment_predicted,variance,variance_predicted,\
         squared_mean,squared_mean_predicted,similarity,similarity_predicted,gradient,gradient_predicted,\
         gradient_ratio,gradient_ratio_predicted,nonlinearity,nonlinearity_predicted,correlation,correlation_std"
    );
    // bn, the three rules and none, each in front of three units and behind them.
    assert_eq!(start.rows.len(), 5 * 4);
    assert_eq!(start.column("name")[..4], ["s1u1", "s2u1", "s3u1", "end"]);
    assert_eq!(
        start.column("network")[4],
        "residual = alpha-beta at initialization"
    );
    assert_eq!(start.column("variance_predicted")[3], "");
    assert!(
        start.column("variance_predicted")[4..]
            .iter()
            .all(|v| !v.is_empty())
    );
    assert!(start.numbers("gradient").iter().all(|square| *square > 0.0));
    assert_pictures(&folder.path().join("start"), &["stream"]);

    normprop(folder.path())
        .args([
            "train",
            "-q",
            "--threads",
            "1",
            "--norm",
            "normprop",
            "--epochs",
            "1",
        ])
        .args(small)
        .args(["--set", "train_subset=100", "--set", "test_subset=50"])
        .assert()
        .success();
    let run = |arguments: &[&str]| {
        stats(folder.path())
            .args(["--probe", "stream", "--images", "4", "--out", "run"])
            .args(arguments)
            .assert()
            .success()
    };
    run(&[]).stdout(contains("normprop at epoch 1").and(contains("sqrt2").not()));
    let trained = Csv::read(&folder.path().join("run/stream.csv"));
    assert_eq!(trained.rows.len(), 4);
    run(&["--checkpoint", "all", "--json"]).stdout(contains("\"gradient_ratio_predicted\""));
    let through = Csv::read(&folder.path().join("run/stream-through.csv"));
    assert_eq!(through.rows.len(), 2 * 4);
    assert_eq!(through.column("variance")[4..], trained.column("variance"));
    assert_pictures(&folder.path().join("run"), &["stream", "stream-through"]);

    for model in ["nin", "lstm"] {
        stats(folder.path())
            .args(["--probe", "stream", "--set"])
            .arg(format!("model={model}"))
            .assert()
            .code(2)
            .stderr(contains("the probe stream looks at residual networks"));
    }
}

#[test]
fn every_checkpoint_that_was_kept_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let runs = [train(folder.path(), "bn"), train(folder.path(), "normprop")];
    let through = |probe: &[&str]| {
        stats(folder.path())
            .args(["--checkpoint", "all", "--samples", "300", "--out", "all"])
            .args(probe)
            .args(&runs)
            .assert()
            .success()
    };
    through(&[]).stdout(contains("KS to N(0,1)"));
    through(&["--probe", "covariance"]).stdout(contains("beyond the bound"));
    through(&["--probe", "jacobian", "--images", "2", "--layer", "1"])
        .stdout(contains("gradient from top"));
    let all = folder.path().join("all");
    let gaussianity = Csv::read(&all.join("gaussianity-through.csv"));
    assert_eq!(
        gaussianity.header,
        "run,seed,epoch,layer,name,n,mean,std,skewness,excess_kurtosis,ks,ks_fitted,ks_of_units,\
         ks_fitted_of_units"
    );
    // Two runs, the states before training and after its epoch, nine layers.
    assert_eq!(gaussianity.rows.len(), 2 * 2 * 9);
    assert_eq!(gaussianity.column("epoch")[8..10], ["0", "1"]);
    assert_eq!(gaussianity.column("run")[17..19], ["bn", "normprop"]);
    // The last state is the one that is looked at without the flag.
    stats(folder.path())
        .args(["--samples", "300", "--out", "last"])
        .arg(&runs[1])
        .assert()
        .success();
    let last = Csv::read(&folder.path().join("last/gaussianity.csv"));
    for column in ["std", "ks", "excess_kurtosis"] {
        assert_eq!(gaussianity.column(column)[27..], last.column(column));
    }
    let covariance = Csv::read(&all.join("covariance-through.csv"));
    assert_eq!(covariance.rows.len(), 2 * 2 * 9);
    assert!(covariance.numbers("bound").iter().all(|bound| *bound > 0.0));
    let jacobian = Csv::read(&all.join("jacobian-through.csv"));
    assert!(
        jacobian
            .header
            .starts_with("run,seed,epoch,layer,name,inputs,")
    );
    assert_eq!(jacobian.rows.len(), 2 * 2 * 9);
    let through = [
        "gaussianity-through",
        "covariance-through",
        "jacobian-through",
    ];
    assert_pictures(&all, &through);
}

#[test]
fn checkpoints_of_the_epochs_that_are_named_stay() {
    let folder = tempfile::tempdir().unwrap();
    let longer = ["--set", "epochs=5", "--set", "keep_epochs=[0, 2]"];
    let run = train_longer(folder.path(), "normprop", &longer);
    stats(folder.path())
        .args(["--checkpoint", "all", "--samples", "100", "--out", "all"])
        .args(["--layer", "1"])
        .arg(&run)
        .assert()
        .success();
    let all = Csv::read(&folder.path().join("all/gaussianity-through.csv"));
    let epochs = all.column("epoch");
    for epoch in ["0", "2", "4", "5"] {
        assert!(epochs.contains(&epoch), "{epochs:?}");
    }
    // The best may be one more.
    assert!(epochs.len() <= 5, "{epochs:?}");
    normprop(folder.path())
        .args(["train", "--epochs", "2", "--set", "keep_epochs=[3]"])
        .assert()
        .code(2)
        .stderr(contains(
            "keep_epochs names epoch 3, but the training has 2",
        ));
}

#[test]
fn the_two_modes_of_batch_normalization_differ_and_those_of_normprop_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let runs = [train(folder.path(), "bn"), train(folder.path(), "normprop")];
    stats(folder.path())
        .args(["--modes", "--steps", "3", "--every", "2", "--out", "modes"])
        .args(&runs)
        .assert()
        .success()
        .stdout(contains("largest"));
    let modes = Csv::read(&folder.path().join("modes/modes.csv"));
    assert_eq!(
        modes.header,
        "run,step,images,training_loss,evaluation_loss,training_error,evaluation_error"
    );
    assert_eq!(modes.column("run"), ["bn", "bn", "normprop", "normprop"]);
    // Two batches of 50 of the 100 test images.
    assert_eq!(modes.column("images"), ["100"; 4]);
    let (training, evaluation) = (
        modes.numbers("training_loss"),
        modes.numbers("evaluation_loss"),
    );
    assert!((training[0] - evaluation[0]).abs() > 1e-3);
    assert!((training[3] - evaluation[3]).abs() < 1e-6);
    assert_pictures(&folder.path().join("modes"), &["modes"]);
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], said: &str| {
        stats(folder.path())
            .args(arguments)
            .assert()
            .code(2)
            .stderr(contains(said));
    };
    let small = ["--set", "width=0.05"];
    let with_small = |arguments: &[&'static str]| [&small, arguments].concat();
    refused(
        &with_small(&["--layer", "12"]),
        "layers 1 to 9: 1 conv1, 2 conv1a",
    );
    refused(&with_small(&["--layer", "0"]), "layers 1 to 9");
    refused(&with_small(&["--layer", "conv2c"]), "did you mean `conv2");
    refused(&["--samples", "0"], "'0' for '--samples <N>'");
    refused(
        &["--checkpoint", "all", "--probe", "landscape"],
        "follows training by itself",
    );
    refused(&["--checkpoint", "all"], "name one, or train one");
    refused(&["--bins", "0"], "0 is not in 1..=10000");
    refused(&["--multiples", "1,-2"], "expected a positive number");
    refused(&["--evolution"], "name one");
    refused(
        &["nowhere"],
        "neither a run directory nor a checkpoint file",
    );
    refused(
        &["nowhere", "--evolution"],
        "neither a run directory nor a checkpoint file",
    );
    refused(&["a", "b"], "2 runs were given");
    refused(
        &["--probe", "covarianc"],
        "a similar value exists: 'covariance'",
    );
    refused(&["--set", "widht=1"], "did you mean `width`?");
    refused(&["a", "--set", "width=1"], "cannot be used with");
}
