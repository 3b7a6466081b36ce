//! docs/files.md names every column and key that the program writes, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{normprop, root, tracked};

/// Names by file, or by heading where that names no file.
type Names = BTreeMap<String, BTreeSet<String>>;

/// A comparison with all tables: a sweep, percentiles, two methods.
const EXPERIMENT: &str = r#"
name = "tiny"
methods = ["none", "bn"]
seeds = 2
[sweep]
lrs = [0.01, 0.02]
[run]
model = "mlp"
mlp_widths = [6]
train_subset = 100
test_subset = 50
epochs = 1
batch_size = 20
record_percentiles = 5
threads = 1
"#;

/// The text between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names in the first column of each section's table.
fn documented() -> Names {
    let page = fs::read_to_string(root().join("docs/files.md")).unwrap();
    let mut found = Names::new();
    for section in page.split("\n### ").skip(1) {
        let section = section.split("\n## ").next().unwrap();
        let (heading, text) = section.split_once('\n').unwrap();
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|line| line.split('|').nth(1));
        let names = cells.flat_map(quoted).map(str::to_owned);
        let heading = heading.trim_matches('`').to_owned();
        found.entry(heading).or_default().extend(names);
    }
    found
}

/// The sections that tell of a file: its own, and one that several files share.
fn sections(file: &str, of_all_runs: bool) -> Vec<String> {
    let own = match file {
        "curves.csv" => "metrics.csv".to_owned(),
        _ => file.replace("-through.csv", ".csv"),
    };
    let shared = match (file.ends_with("-through.csv"), of_all_runs) {
        (true, _) => Some("The columns of checkpoints"),
        (false, true) => Some("The columns of a run"),
        (false, false) => None,
    };
    let shared = shared.map(str::to_owned);
    [own].into_iter().chain(shared).collect()
}

/// The names in a table's header or at the top of a JSON document.
fn names_in(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    if path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        let document: Value = serde_json::from_str(&text).unwrap();
        return document.as_object().unwrap().keys().cloned().collect();
    }
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    header.iter().map(str::to_owned).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files_below(&path)),
            false => found.push(path),
        }
    }
    found
}

/// Runs the program, which must succeed; what it prints.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let mut command = normprop(folder);
    let output = command
        .args(arguments)
        .env_remove("NORMPROP_DATA")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names of the probes of a network, and of all probes, as the help lists them.
fn probes(folder: &Path) -> Vec<String> {
    let help = run(folder, &["stats", "--help"]);
    let (_, about) = help.split_once("--probe").unwrap();
    let names = about.lines().skip(1).map(str::trim_start);
    let names = names.skip_while(|line| !line.starts_with("- "));
    let names = names.take_while(|line| !line.starts_with("--"));
    let names = names.filter_map(|line| line.strip_prefix("- ")?.split(':').next());
    names.map(str::to_owned).collect()
}

/// Makes every file that the program makes.
fn make_all(folder: &Path) {
    fs::write(folder.join("tiny.toml"), EXPERIMENT).unwrap();
    run(folder, &["compare", "tiny.toml", "-q"]);
    let settings =
        "model=mlp mlp_widths=[6] train_subset=100 test_subset=50 epochs=1 record_steps=1";
    let set = settings.split(' ').flat_map(|setting| ["--set", setting]);
    let train = [
        "train",
        "-q",
        "--json",
        "--norm",
        "normprop",
        "--threads",
        "1",
    ];
    let summary = run(folder, &train.into_iter().chain(set).collect::<Vec<_>>());
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let trained = summary["run_dir"].as_str().unwrap();
    run(folder, &["eval", trained]);
    let bench = "bench -q --model mlp --batch-sizes 10 --steps 2 --warmup 1 --threads 1 --eval";
    run(folder, &bench.split(' ').collect::<Vec<_>>());
    let names = probes(folder);
    assert!(names.len() >= 6, "{names:?}");
    for name in names.iter().filter(|name| *name != "stream") {
        let look = ["stats", trained, "--probe", name, "--images", "4"];
        run(
            folder,
            &[&look[..], &["--steps", "2", "--every", "1"]].concat(),
        );
    }
    if names.iter().any(|name| name == "stream") {
        look_at_stream(folder);
    }
    for name in ["gaussianity", "covariance", "jacobian"] {
        let look = ["stats", trained, "--probe", name, "--images", "4"];
        run(folder, &[&look[..], &["--checkpoint", "all"]].concat());
    }
}

/// The probe of residual networks, at one network and over checkpoints.
fn look_at_stream(folder: &Path) {
    let settings = "model=resnet depth=8 order=v2 width=0.25 train_subset=40 test_subset=20 epochs=1 batch_size=20";
    let set = settings.split(' ').flat_map(|setting| ["--set", setting]);
    let set: Vec<&str> = set.chain(["--threads", "1"]).collect();
    let look = ["stats", "--probe", "stream", "--images", "4"];
    run(
        folder,
        &[&look[..], &set, &["--out", "stats-stream"]].concat(),
    );
    let train = ["train", "-q", "--json", "--norm", "normprop"];
    let summary = run(folder, &[&train[..], &set].concat());
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let trained = summary["run_dir"].as_str().unwrap();
    run(
        folder,
        &[&look[..], &[trained, "--checkpoint", "all"]].concat(),
    );
}

#[test]
fn every_column_is_documented() {
    let folder = tempfile::tempdir().unwrap();
    make_all(folder.path());
    let kept = tracked().into_iter().filter(|path| {
        path.starts_with(root().join("results"))
            && path.extension().is_some_and(|extension| extension == "csv")
    });
    let made = files_below(folder.path()).into_iter().chain(kept);
    let documented = documented();
    let mut undocumented = BTreeSet::new();
    let mut written = Names::new();
    for path in made {
        let file = path.file_name().unwrap().to_str().unwrap();
        let (csv, in_results) = (
            file.ends_with(".csv"),
            path.iter().any(|part| part == "results"),
        );
        // The columns of confusion.csv are the classes.
        let is_table = csv && file != "confusion.csv";
        let is_document = ["meta.json", "summary.json"].contains(&file);
        if !is_table && !is_document {
            continue;
        }
        let tables_of_runs = ["curves.csv", "layers.csv", "percentiles.csv"];
        let sections = sections(file, in_results && tables_of_runs.contains(&file));
        for name in names_in(&path) {
            let homes = sections.iter().filter(|section| {
                let names = documented.get(*section);
                names.is_some_and(|names| names.contains(&name))
            });
            let homes: Vec<_> = homes.cloned().collect();
            if homes.is_empty() {
                undocumented.insert(format!("{file}: {name}"));
            }
            for section in homes {
                written.entry(section).or_default().insert(name.clone());
            }
        }
    }
    assert!(
        undocumented.is_empty(),
        "docs/files.md lacks {undocumented:#?}"
    );
    for (section, names) in &documented {
        let written = written.get(section);
        let stale = names
            .iter()
            .filter(|name| !written.is_some_and(|all| all.contains(*name)));
        let stale: Vec<_> = stale.collect();
        assert!(
            stale.is_empty(),
            "nothing writes {stale:?} of {section} in docs/files.md"
        );
    }
}
