//! Random search with successive halving from outside: whole sweeps of tiny networks.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Nothing here takes nearly as long; it only keeps a broken test from waiting forever.
const PATIENCE: Duration = Duration::from_secs(300);

/// Four settings for each of two methods: judged after epoch 1, two of them after epoch 2, one trained to its end.
const TINY: &str = r#"
run.train_subset = 100
run.test_subset = 50
run.width = 0.05
run.epochs = 4
run.probe_images = 0
run.threads = 1
run.batch_size = 10
methods = ["bn", "normprop"]
[sweep]
only = true
search = "random"
samples = 4
range = { lr = { low = 1e-5, high = 0.1 }, momentum = { low = 0.5, high = 0.9, scale = "linear" } }
halving = { first_epochs = 1, factor = 2 }
validation_subset = 30
"#;

/// The program, run in `folder`.
fn normprop(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_normprop"));
    command.current_dir(folder);
    command
}

struct Place {
    folder: TempDir,
}

impl Place {
    fn new(experiment: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tiny.toml"), experiment).unwrap();
        Place { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the comparison; returns stdout and stderr.
    #[track_caller]
    fn compare(&self, arguments: &[&str]) -> (String, String) {
        let mut command = normprop(self.folder.path());
        let output = command
            .args(["compare", "tiny.toml"])
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{}\n{err}", output.status);
        (out, err)
    }

    fn sweep_csv(&self) -> String {
        fs::read_to_string(self.path("results/tiny/sweep.csv")).unwrap()
    }

    /// For each run of the sweep, by name: epochs done and sittings.
    fn runs(&self) -> BTreeMap<String, (u64, usize)> {
        let folder = self.path("runs/tiny-sweep");
        let entries = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap());
        let mut runs = BTreeMap::new();
        for entry in entries.filter(|entry| entry.path().is_dir()) {
            let epochs = rows(&entry.path()).saturating_sub(1);
            let meta = fs::read_to_string(entry.path().join("meta.json")).unwrap_or("{}".into());
            let meta: Value = serde_json::from_str(&meta).unwrap();
            let sittings = meta["sittings"].as_array().map_or(0, Vec::len);
            runs.insert(entry.file_name().into_string().unwrap(), (epochs, sittings));
        }
        runs
    }
}

/// Rows of a run's `metrics.csv`, the one before training among them.
fn rows(run: &Path) -> u64 {
    let text = fs::read_to_string(run.join("metrics.csv")).unwrap_or_default();
    (text.lines().count() as u64).saturating_sub(1)
}

/// `metrics.csv` without the columns that no two runs share.
fn timeless(run: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(run.join("metrics.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let measured = ["train_s", "eval_s", "images_per_s", "rss_mb"];
    let keep = |record: csv::StringRecord| {
        let fields = header
            .iter()
            .zip(&record)
            .filter(|(name, _)| !measured.contains(name));
        fields.map(|(_, field)| field.to_owned()).collect()
    };
    reader
        .records()
        .map(|record| keep(record.unwrap()))
        .collect()
}

/// Epochs and sittings, sorted.
fn stages(place: &Place) -> Vec<(u64, usize)> {
    let mut stages: Vec<_> = place.runs().into_values().collect();
    stages.sort_unstable();
    stages
}

/// Of each method two settings were left after one epoch, one after two, and one went to the end.
const STAGES: [(u64, usize); 8] = [
    (1, 1),
    (1, 1),
    (1, 1),
    (1, 1),
    (2, 2),
    (2, 2),
    (4, 3),
    (4, 3),
];

#[test]
fn a_search_trains_the_better_settings_on_and_records_all() {
    let place = Place::new(TINY);
    let (plan, _) = place.compare(&["--dry-run", "--json"]);
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let until = plan["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["until_epoch"].as_u64());
    let until: Vec<_> = until.collect();
    assert_eq!(until[..4], [None, Some(2), Some(1), Some(1)]);
    assert!(!place.path("runs").exists(), "a plan runs nothing");

    let (_, said) = place.compare(&[]);
    assert!(said.contains("sweep, round 3: "), "{said}");
    assert!(
        said.contains("error on held-out images") && said.contains("after epoch 2"),
        "{said}"
    );
    assert_eq!(stages(&place), STAGES);
    let table = place.sweep_csv();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|other| other == name).unwrap();
    let (chosen, epochs, error) = (
        column("chosen"),
        column("epochs"),
        column("validation_error_mean"),
    );
    assert_eq!(
        header.iter().rev().take(2).collect::<Vec<_>>(),
        ["epochs", "rung"]
    );
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    for tried in records.chunks(4) {
        let mut reached: Vec<&str> = tried.iter().map(|row| &row[epochs]).collect();
        reached.sort_unstable();
        assert_eq!(reached, ["1", "1", "2", "4"]);
        let best: Vec<_> = tried.iter().filter(|row| &row[chosen] == "true").collect();
        assert_eq!((best.len(), &best[0][epochs]), (1, "4"));
        assert!(
            tried
                .iter()
                .all(|row| row[error].parse::<f64>().unwrap() < 1.0)
        );
        // The settings of both methods are the same draws.
        let draws = |rows: &[csv::StringRecord]| -> Vec<(String, String)> {
            let draw = |row: &csv::StringRecord| {
                (
                    row[column("lr")].to_owned(),
                    row[column("settings")].to_owned(),
                )
            };
            rows.iter().map(draw).collect()
        };
        assert_eq!(draws(tried), draws(&records[..4]));
    }
    let manifest = fs::read_to_string(place.path("results/tiny/manifest.json")).unwrap();
    assert!(
        manifest.contains("drawn with seed 0: lr log-uniformly from 0.00001 to 0.1"),
        "{manifest}"
    );

    let (_, said) = place.compare(&[]);
    assert!(said.contains("sweep: 8 runs, all over"), "{said}");
    assert_eq!(stages(&place), STAGES, "nothing was run again");
    place.compare(&["--overwrite"]);
    assert_eq!(stages(&place), STAGES, "each run was started anew once");
    assert_eq!(place.sweep_csv(), table);
}

#[test]
fn a_search_killed_in_its_second_round_ends_as_if_it_had_not_been() {
    let untouched = Place::new(TINY);
    untouched.compare(&[]);

    let place = Place::new(TINY);
    let mut command = normprop(place.folder.path());
    command.args(["compare", "tiny.toml"]).process_group(0);
    let mut search = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !place.runs().values().any(|(epochs, _)| *epochs == 2) {
        assert!(
            begun.elapsed() < PATIENCE,
            "the second round does not begin"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    // SAFETY: sends a signal to the group of the process that this test started and has not waited for.
    assert_eq!(
        unsafe { libc::kill(-(search.id() as i32), libc::SIGKILL) },
        0
    );
    search.wait().unwrap();
    assert!(
        !place.path("results/tiny/sweep.csv").exists(),
        "the kill came too late for this test to say anything"
    );
    place.compare(&[]);

    assert_eq!(place.sweep_csv(), untouched.sweep_csv());
    let epochs = |place: &Place| -> Vec<(String, u64)> {
        let runs = place.runs().into_iter();
        runs.map(|(name, (epochs, _))| (name, epochs)).collect()
    };
    assert_eq!(epochs(&place), epochs(&untouched));
    for (name, _) in epochs(&place) {
        let run = |place: &Place| timeless(&place.path("runs/tiny-sweep").join(&name));
        assert_eq!(run(&place), run(&untouched), "{name}");
    }
}

#[test]
fn what_is_chosen_does_not_depend_on_the_test_set() {
    let place = Place::new(TINY);
    place.compare(&[]);
    let other = Place::new(&TINY.replace("test_subset = 50", "test_subset = 20"));
    other.compare(&[]);
    assert_eq!(place.sweep_csv(), other.sweep_csv());
    let config = |place: &Place| {
        let name = place.runs().into_keys().next().unwrap();
        fs::read_to_string(place.path("runs/tiny-sweep").join(name).join("config.toml")).unwrap()
    };
    assert!(
        config(&place).contains("test_subset = 50") && config(&other).contains("test_subset = 20")
    );
}

#[test]
fn what_was_chosen_is_run() {
    let whole = TINY
        .replace("only = true\n", "")
        .replace("[\"bn\", \"normprop\"]", "[\"bn\"]");
    let place = Place::new(&whole);
    place.compare(&[]);
    let table = place.sweep_csv();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let chosen = reader
        .records()
        .map(Result::unwrap)
        .find(|row| &row[8] == "true")
        .unwrap();
    let rate: f64 = chosen[2].parse().unwrap();
    let run = fs::read_dir(place.path("runs/tiny"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let name = run.file_name().into_string().unwrap();
    assert!(name.starts_with(&format!("bn-bs10-lr{rate}-s0-")), "{name}");
    let config = fs::read_to_string(run.path().join("config.toml")).unwrap();
    let momentum = chosen[3].replace('=', " = ");
    assert!(
        config.contains(&momentum) && config.contains("holdout = 0.0"),
        "{momentum}\n{config}"
    );
    let page = fs::read_to_string(place.path("results/tiny/report.html")).unwrap();
    assert!(page.contains("Successive halving: after 1 epoch"));
}
