//! `normprop compare` and `normprop report` from outside: whole comparisons of tiny networks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Columns of `summary.csv` that hold times, which no two comparisons share.
const TIMES: &[&str] = &["train_s_per_epoch_median"];
/// Nothing here takes nearly as long; it only keeps a broken test from waiting forever.
const PATIENCE: Duration = Duration::from_secs(300);

const TINY: &str = r#"
run.train_subset = 100
run.test_subset = 50
run.width = 0.05
run.epochs = 3
run.probe_images = 20
run.threads = 1
batch_sizes = [10]
seeds = 2
methods = [{ name = "bn", lr = 0.05 }, { name = "normprop", lr = 0.05 }]
"#;

/// A folder with an experiment in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(experiment: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tiny.toml"), experiment).unwrap();
        Place { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_normprop"));
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn succeed(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{arguments:?}: {}\n{stderr}",
            output.status
        );
        output
    }

    /// The run directories, in the order in which they are run.
    fn run_dirs(&self) -> Vec<PathBuf> {
        let plan = self.succeed(&["compare", "tiny.toml", "--dry-run", "--json"]);
        let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
        let runs = plan["runs"].as_array().unwrap().iter();
        runs.map(|run| self.path(run["run_dir"].as_str().unwrap()))
            .collect()
    }
}

/// `summary.csv` without its time columns.
fn timeless(summary: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(summary).unwrap();
    let header = reader.headers().unwrap().clone();
    let timeless = |record: &csv::StringRecord| {
        let fields = header
            .iter()
            .zip(record)
            .filter(|(name, _)| !TIMES.contains(name));
        fields.map(|(_, field)| field.to_owned()).collect()
    };
    let mut rows = vec![timeless(&header)];
    rows.extend(reader.records().map(|record| timeless(&record.unwrap())));
    rows
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts a comparison in a process group of its own.
fn start(place: &Place) -> Child {
    use std::os::unix::process::CommandExt;
    let mut command = place.command(&["compare", "tiny.toml"]);
    command
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn signal(id: i32, signal: i32) {
    // SAFETY: sends a signal to the process, or group, that this test started and has not waited for.
    assert_eq!(unsafe { libc::kill(id, signal) }, 0);
}

/// Waits until a run has trained an epoch.
fn wait_for_epoch(run_dir: &Path) {
    let rows = || {
        std::fs::read_to_string(run_dir.join("metrics.csv")).map_or(0, |text| text.lines().count())
    };
    wait_for(&run_dir.display().to_string(), || rows() >= 3);
}

fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_there() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not get on");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_comparison_makes_its_results_once() {
    let place = Place::new(TINY);
    let first = place.succeed(&["compare", "tiny.toml", "--json", "--jobs", "2"]);
    let document: Value = serde_json::from_slice(&first.stdout).unwrap();
    let rows = &document["rows"];
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!(
        document["conclusions"][0],
        "Nothing is concluded from fewer than 3 seeds; here at most 2 runs of a method are over."
    );
    assert_eq!(
        (rows[0]["method"].as_str(), rows[0]["n"].as_u64()),
        (Some("bn"), Some(2))
    );
    let error = rows[1]["final_test_error_mean"].as_f64().unwrap();
    assert!((0.0..1.0).contains(&error));
    assert!(stderr(&first).contains("[4/4]"), "{}", stderr(&first));
    let results = place.path("results/tiny");
    for name in [
        "curves.csv",
        "summary.csv",
        "layers.csv",
        "paired.csv",
        "differences.csv",
        "manifest.json",
        "report.html",
        "test-error.svg",
        "test-error.png",
    ] {
        assert!(results.join(name).is_file(), "{name}");
    }
    let manifest: Value =
        serde_json::from_str(&std::fs::read_to_string(results.join("manifest.json")).unwrap())
            .unwrap();
    assert_eq!(manifest["runs"].as_array().unwrap().len(), 4);
    assert_eq!(manifest["notes"], Value::Array(Vec::new()));
    let page = std::fs::read_to_string(results.join("report.html")).unwrap();
    assert!(!page.contains("official"));
    assert!(!page.contains("http-equiv=\"refresh\"") && !page.contains("How far it is"));

    let summary = std::fs::read(results.join("summary.csv")).unwrap();
    let again = place.succeed(&["compare", "tiny.toml"]);
    assert!(
        stderr(&again).contains("4 runs, all over"),
        "{}",
        stderr(&again)
    );
    assert_eq!(
        std::fs::read(results.join("summary.csv")).unwrap(),
        summary,
        "nothing was run again"
    );
    let table = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(
        table.contains("Final test error, 2 seeds") && table.contains("- Nothing is concluded"),
        "{table}"
    );
    let details = place.succeed(&["report", "results/tiny", "-v"]);
    let details = String::from_utf8_lossy(&details.stdout).into_owned();
    assert!(
        details.contains("seed by seed") && details.contains("(n = 2, no interval)"),
        "{details}"
    );

    for name in ["report.html", "test-error.svg", "summary.csv"] {
        std::fs::remove_file(results.join(name)).unwrap();
    }
    std::fs::write(
        results.join("train-error.svg"),
        "<svg>an older picture</svg>",
    )
    .unwrap();
    let layers = results.join("layer-mean-bs10.png");
    let drawn = std::fs::metadata(&layers).unwrap().modified().unwrap();
    place.succeed(&["report", "results/tiny"]);
    let older = std::fs::read_to_string(results.join("train-error.svg")).unwrap();
    assert!(
        older.contains("Training error"),
        "what differs is drawn again"
    );
    assert_eq!(
        std::fs::metadata(&layers).unwrap().modified().unwrap(),
        drawn,
        "what is there is not"
    );
    assert!(results.join("report.html").is_file() && results.join("test-error.svg").is_file());
    assert_eq!(
        std::fs::read(results.join("summary.csv")).unwrap(),
        summary,
        "tables are made again"
    );
    place.succeed(&[
        "report",
        "results/tiny",
        "results/tiny",
        "--out",
        "both.html",
    ]);
    assert!(
        std::fs::read_to_string(place.path("both.html"))
            .unwrap()
            .contains("Side by side")
    );
}

#[test]
fn a_comparison_killed_in_its_third_run_ends_as_if_it_had_not_been() {
    let place = Place::new(TINY);
    let third = place.run_dirs()[2].clone();
    let mut comparison = start(&place);
    wait_for_epoch(&third);
    signal(-(comparison.id() as i32), libc::SIGKILL);
    comparison.wait().unwrap();
    // Its run may still be saving when the same command comes again.
    assert!(
        !third.join("summary.json").exists(),
        "the kill came too late for this test to say anything"
    );
    place.succeed(&["compare", "tiny.toml"]);

    let untouched = Place::new(TINY);
    untouched.succeed(&["compare", "tiny.toml"]);
    let summary = |place: &Place| timeless(&place.path("results/tiny/summary.csv"));
    assert_eq!(summary(&place), summary(&untouched));
    assert_eq!(summary(&place).len(), 3);
}

/// Stops a comparison of long runs with a signal to the process (or with `group` to its process group, as a terminal
/// does), and checks that its run saved.
fn stops_with_states_saved(group: bool, number: i32, code: i32) {
    let place = Place::new(&TINY.replace("epochs = 3", "epochs = 2000"));
    let first = place.run_dirs()[0].clone();
    let comparison = start(&place);
    wait_for_epoch(&first);
    let page = place.path("results/tiny/report.html");
    wait_for("its page", || page.is_file());
    let read = || std::fs::read_to_string(&page).unwrap();
    let going_on = read();
    assert!(
        going_on.contains("0 of 4 runs over, 1 running, 3 waiting"),
        "{going_on}"
    );
    assert!(going_on.contains("http-equiv=\"refresh\"") && going_on.contains("<svg"));
    let id = comparison.id() as i32;
    signal(if group { -id } else { id }, number);
    let output = comparison.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("stopped, its state is saved"),
        "{}",
        stderr(&output)
    );
    let meta: Value =
        serde_json::from_str(&std::fs::read_to_string(first.join("meta.json")).unwrap()).unwrap();
    assert_eq!(meta["sittings"][0]["status"], "interrupted");
    assert!(first.join("latest").is_file() && !first.join("summary.json").exists());
    let stopped = read();
    assert!(
        stopped.contains("0 of 4 runs over. No process works on the others"),
        "{stopped}"
    );
    assert!(!stopped.contains("http-equiv=\"refresh\""));
    let files = std::fs::read_dir(place.path("results/tiny")).unwrap();
    assert_eq!(files.count(), 1, "the page, and nothing that counts");
}

#[test]
fn sigterm_stops_the_runs_with_their_states_saved() {
    stops_with_states_saved(false, libc::SIGTERM, 143);
}

#[test]
fn ctrl_c_in_a_terminal_stops_the_runs_with_their_states_saved() {
    stops_with_states_saved(true, libc::SIGINT, 130);
}

#[test]
fn diverged_runs_are_counted_and_passed() {
    let place = Place::new(&TINY.replace("name = \"bn\", lr = 0.05", "name = \"none\", lr = 1e30"));
    let output = place.succeed(&["compare", "tiny.toml", "--json"]);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = &rows["rows"];
    assert_eq!(
        (rows[0]["n"].as_u64(), rows[0]["n_diverged"].as_u64()),
        (Some(0), Some(2))
    );
    assert!(rows[0]["final_test_error_mean"].is_null());
    assert_eq!(
        (rows[1]["n"].as_u64(), rows[1]["n_diverged"].as_u64()),
        (Some(2), Some(0))
    );
    let again = place.succeed(&["compare", "tiny.toml"]);
    let table = String::from_utf8_lossy(&again.stdout).into_owned();
    let row = table.lines().find(|line| line.contains("none")).unwrap();
    assert!(row.trim_end().ends_with("diverged"), "{table}");
}

#[test]
fn a_torn_table_of_a_finished_run_is_computed_again() {
    let place = Place::new(&TINY.replace("seeds = 2", "seeds = 1"));
    place.succeed(&["compare", "tiny.toml"]);
    let summary = place.path("results/tiny/summary.csv");
    let before = timeless(&summary);
    let metrics = place.run_dirs()[1].join("metrics.csv");
    let text = std::fs::read_to_string(&metrics).unwrap();
    std::fs::write(&metrics, &text[..text.len() - 12]).unwrap();
    let run = metrics.parent().unwrap();
    let files = || {
        let paths = std::fs::read_dir(run)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        paths
            .map(|path| (std::fs::read(&path).ok(), path))
            .collect::<BTreeSet<_>>()
    };
    let torn = files();
    for flag in ["--dry-run", "--collect"] {
        let output = place.succeed(&["compare", "tiny.toml", flag]);
        assert!(
            stderr(&output).contains("lost its rows after epoch 2"),
            "{flag}"
        );
        assert!(files() == torn, "{flag} changes nothing");
    }
    let output = place.succeed(&["compare", "tiny.toml"]);
    assert!(
        stderr(&output).contains("lost its rows after epoch 2"),
        "{}",
        stderr(&output)
    );
    assert_eq!(timeless(&summary), before);
    assert_eq!(
        std::fs::read_to_string(&metrics).unwrap().lines().count(),
        5
    );
}

#[test]
fn deleted_or_torn_tables_beside_the_metrics_are_computed_again() {
    let place = Place::new(&format!(
        "run.record_percentiles = 4\n{}",
        TINY.replace("seeds = 2", "seeds = 1")
    ));
    place.succeed(&["compare", "tiny.toml"]);
    let run = place.run_dirs()[1].clone();
    let read = |name: &str| std::fs::read_to_string(run.join(name)).unwrap();
    let (layers, percentiles) = (read("layers.csv"), read("percentiles.csv"));
    std::fs::remove_file(run.join("layers.csv")).unwrap();
    let output = place.succeed(&["compare", "tiny.toml"]);
    assert!(
        stderr(&output).contains("layers.csv lost all its rows"),
        "{}",
        stderr(&output)
    );
    assert_eq!(read("layers.csv"), layers);
    std::fs::write(
        run.join("percentiles.csv"),
        &percentiles[..percentiles.len() - 3],
    )
    .unwrap();
    let output = place.succeed(&["compare", "tiny.toml"]);
    assert!(
        stderr(&output).contains("percentiles.csv lost its rows after epoch 2"),
        "{}",
        stderr(&output)
    );
    assert_eq!(
        (read("layers.csv"), read("percentiles.csv")),
        (layers, percentiles)
    );
}

#[test]
fn a_sweep_chooses_before_the_runs() {
    let sweep = "[sweep]\nlrs = [1e-6, 0.05]\nvalidation_subset = 30\nset = { epochs = 2 }\n";
    let place = Place::new(&format!(
        "{}{sweep}",
        TINY.replace("seeds = 2", "seeds = 1")
    ));
    let plan = place.succeed(&["compare", "tiny.toml", "--dry-run"]);
    assert!(String::from_utf8_lossy(&plan.stdout).contains("6 runs, 0 of them over"));
    assert!(!place.path("runs").exists(), "a plan runs nothing");
    place.succeed(&["compare", "tiny.toml"]);
    let mut reader = csv::Reader::from_path(place.path("results/tiny/sweep.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|other| other == name).unwrap();
    let (chosen, error) = (column("chosen"), column("validation_error_mean"));
    let run_names: Vec<String> = place
        .run_dirs()
        .iter()
        .map(|dir| dir.display().to_string())
        .collect();
    for tried in rows.chunks(2) {
        let errors: Vec<f64> = tried
            .iter()
            .map(|row| row[error].parse().unwrap())
            .collect();
        let best = if errors[1] < errors[0] { 1 } else { 0 };
        let marks: Vec<bool> = tried.iter().map(|row| &row[chosen] == "true").collect();
        assert_eq!(marks, [best == 0, best == 1], "{errors:?}");
        let rate: f64 = tried[best][2].parse().unwrap();
        let name = format!("/runs/tiny/{}-bs10-lr{rate}-s0-", &tried[best][0]);
        assert!(
            run_names.iter().any(|run| run.contains(&name)),
            "{name} in {run_names:?}"
        );
    }
    assert!(place.path("runs/tiny-sweep").is_dir());
    assert!(
        std::fs::read_to_string(place.path("results/tiny/report.html"))
            .unwrap()
            .contains("held out")
    );
}

#[test]
fn what_cannot_be_written_is_named_and_the_rest_is_there() {
    let place = Place::new(
        &TINY
            .replace("seeds = 2", "seeds = 1")
            .replace("epochs = 3", "epochs = 1"),
    );
    place.succeed(&["compare", "tiny.toml"]);
    let results = place.path("results/tiny");
    for name in ["report.html", "test-error.png", "train-error.png"] {
        std::fs::remove_file(results.join(name)).unwrap();
    }
    std::fs::create_dir(results.join("test-error.png")).unwrap();
    for command in [["report", "results/tiny"], ["compare", "tiny.toml"]] {
        let output = place.run(&command);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("test-error.png"),
            "{}",
            stderr(&output)
        );
        let table = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            table.contains("normprop") && !table.contains("report.html"),
            "{table}"
        );
        assert!(results.join("report.html").is_file() && results.join("train-error.png").is_file());
    }
    let output = place.run(&["report", "results/tiny", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["report"].is_null() && document["results"][0]["rows"][1]["n"] == 1);
    // A picture that was torn off is no picture.
    std::fs::remove_dir(results.join("test-error.png")).unwrap();
    let picture = std::fs::read(results.join("train-error.png")).unwrap();
    std::fs::write(
        results.join("train-error.png"),
        &picture[..picture.len() / 2],
    )
    .unwrap();
    place.succeed(&["report", "results/tiny"]);
    assert_eq!(
        std::fs::read(results.join("train-error.png")).unwrap(),
        picture
    );
}

#[test]
fn results_of_another_experiment_are_not_replaced_without_a_word() {
    let place = Place::new(&TINY.replace("seeds = 2", "seeds = 1"));
    let warning = "results/tiny holds the results of 2 other runs, none of which is asked for now";
    let first = place.succeed(&["compare", "tiny.toml"]);
    let more = place.succeed(&["compare", "tiny.toml", "--set", "seeds=2"]);
    for output in [first, more] {
        assert!(
            !stderr(&output).contains("other runs"),
            "{}",
            stderr(&output)
        );
    }
    place.succeed(&["compare", "tiny.toml", "--set", "seeds=1"]);
    let other = place.succeed(&["compare", "tiny.toml", "-q", "--set", "epochs=1"]);
    assert!(stderr(&other).contains(warning), "{}", stderr(&other));
}

#[test]
fn a_plan_of_more_than_twelve_hours_names_its_smaller_experiment() {
    let place = Place::new(&format!("smaller = \"small.toml\"\n{TINY}"));
    let output = place.run(&["compare", "tiny.toml", "--dry-run"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "tiny.toml, line 1: smaller = \"small.toml\": there is no file small.toml";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));

    std::fs::write(place.path("small.toml"), TINY).unwrap();
    let named = "normprop compare small.toml shows the same in less time";
    let short = place.succeed(&["compare", "tiny.toml", "--dry-run"]);
    assert!(!stderr(&short).contains(named), "{}", stderr(&short));
    let long = [
        "compare",
        "tiny.toml",
        "--dry-run",
        "--set",
        "epochs=1000000",
    ];
    let more = ["--set", "seeds=100"];
    let long = place.succeed(&[&long[..], &more].concat());
    assert!(stderr(&long).contains(named), "{}", stderr(&long));
}

#[test]
fn mistakes_end_with_code_2_before_anything_is_run() {
    let place = Place::new(TINY);
    let cases: [(&[&str], &str); 9] = [
        (
            &["compare", "absent.toml"],
            "cannot read experiment absent.toml",
        ),
        (
            &["compare", "tiny.toml", "--set", "epocs=2"],
            "did you mean `epochs`?",
        ),
        (
            &["compare", "tiny.toml", "--set", "seeds=[]"],
            "seeds is empty",
        ),
        (
            &["compare", "tiny.toml", "--set", "batch_sizes=[0]"],
            "must be in [1, 10000000]",
        ),
        (
            &["compare", "tiny.toml", "--set", "batch_sizes=[101]"],
            "larger than the 100 training images",
        ),
        (
            &["compare", "tiny.toml", "--set", "dataset=cifar11"],
            "did you mean `cifar10`?",
        ),
        (
            &["compare", "tiny.toml", "--set", "lr=0.1"],
            "--set lr: method `bn` has a learning rate of its own; use --set 'methods=[{ name = \"bn\", lr = 0.1 }, ...]'",
        ),
        (
            &["compare", "tiny.toml", "--set", "lrs=[0.1, 0.2]"],
            "lr = ... }, ...]'",
        ),
        (&["report", "."], "is not a results folder"),
    ];
    for (arguments, expected) in cases {
        let output = place.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(expected),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
    assert!(!place.path("runs").exists());
}

#[test]
fn more_runs_than_a_comparison_may_have_are_refused_however_it_is_called() {
    let place = Place::new(TINY);
    let ways: [&[&str]; 4] = [
        &[],
        &["--dry-run"],
        &["--collect"],
        &["--launch", "slurm", "--slurm", "partition=none"],
    ];
    for way in ways {
        let many = ["compare", "tiny.toml", "--set", "seeds=99999"];
        let output = place.run(&[&many, way].concat());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{way:?}: {said}");
        assert!(
            said.contains("--set seeds: the comparison asks for more than 100000 runs")
                && said.contains("methods × batch_sizes × seeds = 2 × 1 × 99999 = 199998 runs"),
            "{way:?}: {said}"
        );
    }
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 1);
}

#[test]
fn percentiles_of_a_unit_are_recorded_where_asked_for() {
    let place = Place::new(
        "run.train_subset = 60\nrun.test_subset = 40\nrun.model = \"mlp\"\nrun.mlp_widths = [5, 4]\nrun.activation = \"sigmoid\"\nrun.epochs = 2\n\
         run.record_percentiles = 4\nbatch_sizes = [10]\nmethods = [\"bn\"]\n",
    );
    place.succeed(&["compare", "tiny.toml"]);
    let text = std::fs::read_to_string(place.path("results/tiny/percentiles.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        rows[0].join(","),
        "method,batch_size,lr,seed,step,layer,name,unit,p15,p50,p85,label"
    );
    let steps: Vec<&str> = rows[1..].iter().map(|row| row[4]).collect();
    assert_eq!(steps, ["0", "4", "8", "12"]);
    for row in &rows[1..] {
        let number = |index: usize| row[index].parse::<f64>().unwrap();
        assert!(number(8) <= number(9) && number(9) <= number(10), "{row:?}");
        assert_eq!((row[5], row[6], row[7]), ("2", "layer2", "0"));
    }
    assert!(place.path("results/tiny/percentiles.svg").is_file());
}

#[test]
fn a_damaged_run_directory_stops_no_other_run() {
    let place = Place::new(&TINY.replace("seeds = 2", "seeds = 1"));
    place.succeed(&["compare", "tiny.toml"]);
    let [bn, normprop] = place.run_dirs().try_into().unwrap();
    let results = place.path("results/tiny/summary.csv");
    let expected = timeless(&results);
    std::fs::write(bn.join("summary.json"), "").unwrap();
    let mended = place.succeed(&["compare", "tiny.toml"]);
    assert!(
        stderr(&mended).contains("summary.json is damaged"),
        "{}",
        stderr(&mended)
    );
    assert_eq!(timeless(&results), expected);

    std::fs::write(bn.join("meta.json"), "{").unwrap();
    std::fs::remove_dir_all(&normprop).unwrap();
    let output = place.run(&["compare", "tiny.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("1 of 2 runs failed") && said.contains("meta.json is damaged"),
        "{said}"
    );
    assert!(normprop.join("summary.json").is_file());
    assert_eq!(
        timeless(&results)[1..],
        expected[2..],
        "the other run is reported"
    );
}

#[test]
fn comparisons_that_report_at_once_do_not_disturb_each_other() {
    let place = Place::new(&TINY.replace("seeds = 2", "seeds = 1"));
    place.succeed(&["compare", "tiny.toml"]);
    let expected = timeless(&place.path("results/tiny/summary.csv"));
    let children: Vec<Child> = (0..6).map(|_| start(&place)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert_eq!(timeless(&place.path("results/tiny/summary.csv")), expected);
    let names = std::fs::read_dir(place.path("results/tiny")).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.find(|name| name.ends_with(".tmp")), None);
}
