//! kill -9 at every rename, unlink, fsync and write of a run, and of a comparison with its runs.
//!
//! Some places are tried each time, all with `NORMPROP_TEST_EVERY_KILL=1 cargo test --release --test survive campaign`.
//! Needs a C compiler, and is skipped where there is none.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::common::normprop;
use crate::training::{Outcome, Training, errors};

/// So many places are tried unless all are asked for.
const PLACES: u64 = 8;
/// The page of a comparison that goes on is written by the clock: a slow call has some pages more than another one. So
/// many operations may be missing at the end.
const OF_SOME_PAGES: u64 = 20;

const THREE_EPOCHS: &[&str] = &[
    "--norm=spectral-norm",
    "--batch-size=25",
    "--epochs=3",
    "--set=train_subset=100",
    "--set=test_subset=20",
    "--set=probe_images=10",
];
const COMPARISON: &str = r#"
methods = [{ name = "bn", lr = 0.05 }, { name = "none", lr = 0.05 }]
batch_sizes = [25]
run.epochs = 1
run.train_subset = 50
run.test_subset = 20
run.probe_images = 10
run.record_steps = 1
run.width = 0.05
run.threads = 1
"#;

/// The library that kills, and what it counts.
struct Killer {
    folder: TempDir,
}

impl Killer {
    /// `None` where there is no C compiler.
    fn build() -> Option<Killer> {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/survive/kill_at.c");
        let mut compile = Command::new("cc");
        compile
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("kill_at.so"));
        match compile.arg(source).arg("-ldl").status() {
            Ok(status) if status.success() => Some(Killer { folder }),
            other => {
                eprintln!("skipped: no C compiler here ({other:?})");
                None
            }
        }
    }

    fn counter(&self) -> PathBuf {
        self.folder.path().join("counter")
    }

    /// Runs a command that works in `root`, until the operation with this number.
    fn run(&self, command: &mut Command, root: &Path, at: u64) -> Output {
        fs::write(self.counter(), [0; 8]).unwrap();
        command
            .env("LD_PRELOAD", self.folder.path().join("kill_at.so"))
            .env("KILL_COUNTER", self.counter())
            .env("KILL_ROOT", root.canonicalize().unwrap())
            .env("KILL_AT", at.to_string());
        command.output().unwrap()
    }

    /// Operations of the last command.
    fn count(&self) -> u64 {
        u64::from_ne_bytes(fs::read(self.counter()).unwrap().try_into().unwrap())
    }

    /// The places to try of so many: others each time, unless all are asked for.
    fn places(&self) -> impl Iterator<Item = u64> + use<> {
        let count = self.count();
        let step = match std::env::var_os("NORMPROP_TEST_EVERY_KILL") {
            Some(_) => 1,
            None => (count / PLACES).max(1),
        };
        let now_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        eprintln!("{count} places, every {step}");
        (1 + now_s % step..=count).step_by(step as usize)
    }
}

/// The names in a folder and those below it, but those that are numbered by starts.
fn names(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(names(&path));
        } else if !path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("lease-")
        {
            found.insert(path);
        }
    }
    found
}

/// The names below `root`, without it.
fn names_below(root: &Path) -> BTreeSet<PathBuf> {
    let below = |path: PathBuf| path.strip_prefix(root).unwrap().to_path_buf();
    names(root).into_iter().map(below).collect()
}

#[test]
fn a_run_killed_at_any_file_operation_ends_as_if_it_had_not_been() {
    let Some(killer) = Killer::build() else {
        return;
    };
    let training = Training::new(THREE_EPOCHS, 1);
    let root = |training: &Training| training.run_dir();
    let output = killer.run(&mut training.command(), training.folder(), u64::MAX >> 1);
    assert!(output.status.success(), "{}", errors(&output));
    let expected = Outcome::read(&root(&training));
    let expected_names = names_below(&root(&training));
    assert!(killer.count() > 60, "{}", killer.count());
    for at in killer.places() {
        let training = Training::new(THREE_EPOCHS, 1);
        let output = killer.run(&mut training.command(), training.folder(), at);
        assert!(!output.status.success(), "operation {at} did not come");
        eprintln!("killed at operation {at}");
        training.finish().assert_equals(&expected);
        assert_eq!(
            names_below(&root(&training)),
            expected_names,
            "operation {at}"
        );
    }
}

/// A comparison in a folder of its own.
fn compare(folder: &Path) -> Command {
    fs::write(folder.join("tiny.toml"), COMPARISON).unwrap();
    let mut command = normprop(folder);
    command.args(["compare", "tiny.toml", "--jobs=1"]);
    command
}

/// The outcomes of the runs, and all names.
fn compared(folder: &Path) -> (Vec<Outcome>, BTreeSet<PathBuf>) {
    let runs = normprop::record::list_runs(&folder.join("runs")).unwrap();
    (
        runs.iter().map(|run| Outcome::read(run)).collect(),
        names_below(folder),
    )
}

#[test]
fn a_comparison_killed_at_any_file_operation_ends_as_if_it_had_not_been() {
    let Some(killer) = Killer::build() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let output = killer.run(&mut compare(folder.path()), folder.path(), u64::MAX >> 1);
    assert!(output.status.success(), "{}", errors(&output));
    let (expected, expected_names) = compared(folder.path());
    assert_eq!(expected.len(), 2);
    let count = killer.count();
    for at in killer.places() {
        let folder = tempfile::tempdir().unwrap();
        let output = killer.run(&mut compare(folder.path()), folder.path(), at);
        if output.status.success() {
            assert!(at + OF_SOME_PAGES > count, "operation {at} did not come");
            continue;
        }
        eprintln!("killed at operation {at}");
        let output = compare(folder.path()).output().unwrap();
        assert!(
            output.status.success(),
            "operation {at}: {}",
            errors(&output)
        );
        let (outcomes, names) = compared(folder.path());
        assert_eq!(names, expected_names, "operation {at}");
        for (outcome, expected) in outcomes.iter().zip(&expected) {
            outcome.assert_equals(expected);
        }
    }
}
