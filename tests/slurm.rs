//! `normprop compare --launch slurm` on a real Slurm of one node, which `scripts/slurm-local` starts for this test.
//!
//! That needs root and Debian's packages slurm-wlm and munge, installed or installable; elsewhere these tests say that
//! they are skipped.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Nothing here takes nearly as long; it only keeps a broken test from waiting forever.
const PATIENCE: Duration = Duration::from_secs(300);
/// Columns of `summary.csv` that hold times, which no two comparisons share.
const TIMES: &[&str] = &["train_s_per_epoch_median"];
/// Jobs that this test's Slurm knows at most, so that its queue can be filled.
const MOST_JOBS: &str = "40";

const TINY: &str = r#"
run.train_subset = 100
run.test_subset = 50
run.width = 0.05
run.epochs = 2
run.probe_images = 20
run.threads = 1
batch_sizes = [10]
methods = [{ name = "bn", lr = 0.05 }, { name = "normprop", lr = 0.05 }]
"#;

/// A Slurm of one node, stopped and deleted with this value.
struct Cluster {
    folder: TempDir,
}

impl Cluster {
    /// Starts it where that can be; elsewhere says that `test` is skipped, and why.
    fn start(test: &str) -> Option<Cluster> {
        let skip = |reason: &str| {
            // Past the test harness, which shows nothing of tests that pass.
            let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
            None
        };
        // SAFETY: asks for a number and cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            return skip("a Slurm of one node needs root");
        }
        if !Path::new("/etc/debian_version").is_file() {
            return skip("scripts/slurm-local knows the packages of Debian only");
        }
        let cluster = Cluster {
            folder: tempfile::tempdir().unwrap(),
        };
        let output = cluster.script("start").output().unwrap();
        match output.status.code() {
            Some(0) => Some(cluster),
            Some(3) => skip(stderr(&output).trim()),
            _ => panic!("scripts/slurm-local start: {}", stderr(&output)),
        }
    }

    fn script(&self, what: &str) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(root.join("scripts/slurm-local"));
        // A port that nobody listens on, the next one most likely neither.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        command
            .arg(what)
            .env("SLURM_LOCAL", self.path())
            .env(
                "SLURM_LOCAL_PORT",
                free.local_addr().unwrap().port().to_string(),
            )
            .env("SLURM_LOCAL_CPUS", "2")
            .env("SLURM_LOCAL_MAX_JOBS", MOST_JOBS);
        command
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("slurm")
    }

    /// A command that finds this Slurm.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("SLURM_CONF", self.path().join("slurm.conf"))
            .env("OMP_WAIT_POLICY", "passive");
        command
    }

    #[track_caller]
    fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program, arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", stderr(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // What cannot be stopped cannot be helped here.
        let _ = self.script("stop").output();
    }
}

/// A folder with an experiment in it.
struct Place<'c> {
    cluster: Option<&'c Cluster>,
    folder: TempDir,
}

impl Place<'_> {
    fn new<'c>(cluster: Option<&'c Cluster>, experiment: &str) -> Place<'c> {
        // A name that scripts must quote.
        let folder = tempfile::Builder::new()
            .prefix("it's a \"$(touch PWNED)\" # 100%j; touch PWNED ")
            .tempdir()
            .unwrap();
        std::fs::write(folder.path().join("tiny.toml"), experiment).unwrap();
        Place { cluster, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_normprop");
        let mut command = match self.cluster {
            Some(cluster) => cluster.command(program, &["compare", "tiny.toml"]),
            None => {
                let mut command = Command::new(program);
                command.args(["compare", "tiny.toml"]);
                command
            }
        };
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    #[track_caller]
    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = stderr(&output);
        assert!(
            output.status.success(),
            "{arguments:?}: {}\n{said}",
            output.status
        );
        String::from_utf8_lossy(&output.stdout).into_owned() + &said
    }

    /// The command fails with this code, and says each of `parts`.
    #[track_caller]
    fn fail(&self, arguments: &[&str], code: i32, parts: &[&str]) {
        let output = self.run(arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{arguments:?}: no `{part}` in: {said}");
        }
    }

    /// Submits the runs, a task each, and returns the document.
    #[track_caller]
    fn submit(&self) -> Value {
        let said = self.run(&["--launch", "slurm", "--minutes-per-job", "0", "--json"]);
        assert!(said.status.success(), "{}", stderr(&said));
        serde_json::from_slice(&said.stdout).unwrap()
    }

    fn run_dirs(&self) -> Vec<PathBuf> {
        let plan = self.run(&["--dry-run", "--json"]);
        let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
        let runs = plan["runs"].as_array().unwrap().iter();
        runs.map(|run| self.path(run["run_dir"].as_str().unwrap()))
            .collect()
    }

    /// `summary.csv` without its time columns.
    fn summary(&self) -> Vec<Vec<String>> {
        let mut reader = csv::Reader::from_path(self.path("results/tiny/summary.csv")).unwrap();
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

    fn log(&self, submission: u32, task: u32) -> String {
        let path = self.path(&format!("results/tiny/slurm/{submission}/log-{task}.txt"));
        std::fs::read_to_string(path).unwrap_or_default()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn rows(run_dir: &Path) -> usize {
    std::fs::read_to_string(run_dir.join("metrics.csv")).map_or(0, |text| text.lines().count())
}

fn sittings(run_dir: &Path) -> usize {
    let meta = std::fs::read_to_string(run_dir.join("meta.json")).unwrap();
    let meta: Value = serde_json::from_str(&meta).unwrap();
    meta["sittings"].as_array().unwrap().len()
}

// One test, because one cluster is enough, and each part leaves it as it found it.
#[test]
fn comparisons_on_a_real_slurm() {
    let Some(cluster) = Cluster::start("comparisons_on_a_real_slurm") else {
        return;
    };
    a_waiting_comparison_equals_a_local_one(&cluster);
    the_page_shows_what_slurm_trains_while_it_is_waited_for(&cluster);
    what_was_stopped_is_finished_by_the_same_command(&cluster);
    the_rounds_of_a_halving_go_on_from_each_other(&cluster);
    what_slurm_refuses_is_told(&cluster);
}

fn a_waiting_comparison_equals_a_local_one(cluster: &Cluster) {
    let (here, there) = (Place::new(None, TINY), Place::new(Some(cluster), TINY));
    here.succeed(&[]);
    let tested = there.succeed(&["--launch", "slurm", "--dry-run", "--minutes-per-job", "60"]);
    assert!(
        tested.contains("1 task of one job array") && tested.contains("to start at"),
        "{tested}"
    );
    assert!(
        !there.path("results").exists() && !there.path("runs").exists(),
        "a plan writes nothing"
    );
    there.fail(
        &["--collect"],
        1,
        &["missing are 2 of 2 runs", "no run is over"],
    );

    let waited = [
        "--launch",
        "slurm",
        "--wait",
        "--minutes-per-job",
        "0",
        "--slurm",
        "time=00:30:00",
    ];
    let said = there.succeed(&waited);
    assert!(
        said.contains("2 runs in 2 tasks submitted as job"),
        "{said}"
    );
    assert!(said.contains("[2/2]"), "{said}");
    assert_eq!(there.summary(), here.summary());
    assert_eq!(there.summary().len(), 3);
    let script = std::fs::read_to_string(there.path("results/tiny/slurm/1/job.sh")).unwrap();
    assert!(script.contains("#SBATCH --array=0-1\n"), "{script}");
    assert!(!there.path("PWNED").exists());
    let again = there.succeed(&waited);
    assert!(again.contains("2 runs, all over"), "{again}");
    assert!(
        !there.path("results/tiny/slurm/2").exists(),
        "nothing was submitted again"
    );
}

fn the_page_shows_what_slurm_trains_while_it_is_waited_for(cluster: &Cluster) {
    // Long enough to be met while they run.
    let long = TINY.replace("epochs = 2", "epochs = 60");
    let place = Place::new(Some(cluster), &long);
    let arguments = ["--launch", "slurm", "--wait", "--minutes-per-job", "0"];
    let mut waiting = place.command(&arguments);
    let mut waiting = waiting
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let page =
        || std::fs::read_to_string(place.path("results/tiny/report.html")).unwrap_or_default();
    let is_on_its_way =
        |page: &str| page.contains("of 2 runs over, ") && page.contains("http-equiv=\"refresh\"");
    wait_until("the page of runs on their way", || is_on_its_way(&page()));
    assert!(waiting.wait().unwrap().success());
    let last = page();
    assert!(!is_on_its_way(&last) && !last.contains("How far it is"));
    assert!(last.contains("2 runs, collected") && last.contains("What came out"));
}

fn the_rounds_of_a_halving_go_on_from_each_other(cluster: &Cluster) {
    let halving = "[sweep]\nonly = true\nlrs = [0.05, 0.1]\nvalidation_subset = 30\n\
                   halving = { first_epochs = 1, factor = 2 }\n";
    let text = TINY.replace("epochs = 2", "epochs = 4") + halving;
    let (here, there) = (Place::new(None, &text), Place::new(Some(cluster), &text));
    here.succeed(&[]);
    let said = there.succeed(&["--launch=slurm", "--wait", "--slurm=runs-at-once=2"]);
    let script = std::fs::read_to_string(there.path("results/tiny/slurm/1/job.sh")).unwrap();
    assert!(script.trim_end().ends_with(" --jobs 2"), "{script}");
    assert!(
        said.contains("4 runs in 1 task submitted as job")
            && said.contains("2 runs in 1 task submitted as job"),
        "{said}"
    );
    let sweep =
        |place: &Place| std::fs::read_to_string(place.path("results/tiny/sweep.csv")).unwrap();
    assert_eq!(sweep(&there), sweep(&here));
}

fn what_was_stopped_is_finished_by_the_same_command(cluster: &Cluster) {
    // Long enough to be met while they run.
    let long = TINY.replace("epochs = 2", "epochs = 60");
    let (here, there) = (Place::new(None, &long), Place::new(Some(cluster), &long));
    let submitted = there.submit();
    let job = submitted["job_id"].as_str().unwrap();
    assert_eq!(
        (&submitted["tasks"], &submitted["runs_submitted"]),
        (&2.into(), &2.into())
    );
    let runs = there.run_dirs();
    for run in &runs {
        wait_until("the third row", || rows(run) > 3);
    }

    // The same command while they run, and the script by hand: neither runs anything twice.
    let again = there.submit();
    assert_eq!(
        (&again["job_id"], &again["runs_queued"]),
        (&Value::Null, &2.into())
    );
    let script = there.path("results/tiny/slurm/1/job.sh");
    let by_hand = cluster.ask(
        "sbatch",
        &["--parsable", "--array=0", script.to_str().unwrap()],
    );
    cluster.ask(
        "scancel",
        &["--signal=USR1", "--batch", &format!("{job}_0")],
    );
    cluster.ask("scancel", &[&format!("{job}_1")]);
    wait_until("the log's end", || {
        there
            .log(1, 0)
            .contains("the state is saved, and the task is queued again")
    });
    wait_until("the end of the canceled task", || {
        !cluster
            .ask("squeue", &["--noheader", "--array", "--format=%F_%K"])
            .contains(&format!("{job}_1"))
    });
    for run in &runs {
        assert!(
            !run.join("summary.json").exists(),
            "it was stopped too late for this test to say anything"
        );
    }
    cluster.command("scancel", &[&by_hand]).output().unwrap();
    let missing = there.run(&["--collect"]);
    assert!(
        stderr(&missing).contains("of 60 epochs)"),
        "{}",
        stderr(&missing)
    );

    let said = there.succeed(&["--launch", "slurm", "--wait", "--minutes-per-job", "0"]);
    assert!(
        said.contains("1 run in 1 task submitted as job")
            && said.contains("1 run with tasks submitted before"),
        "{said}"
    );
    here.succeed(&[]);
    assert_eq!(there.summary(), here.summary());
    assert_eq!(sittings(&runs[1]), 2, "stopped once, continued once");
}

fn what_slurm_refuses_is_told(cluster: &Cluster) {
    let place = Place::new(Some(cluster), TINY);
    let slurm = |options: &'static str| {
        [
            "--launch",
            "slurm",
            "--slurm",
            options,
            "--minutes-per-job",
            "0",
        ]
    };
    place.fail(
        &slurm("partition=nowhere"),
        1,
        &["sbatch refused", "invalid partition"],
    );
    place.fail(&slurm("nonsense=1"), 1, &["sbatch refused", "nonsense"]);
    assert!(!place.path("results/tiny/slurm/1/job-id").exists());

    let full = Place::new(Some(cluster), &format!("{TINY}seeds = {MOST_JOBS}\n"));
    full.fail(
        &slurm("hold"),
        1,
        &["Slurm's queue is full, so nothing was submitted"],
    );
    assert_eq!(
        cluster.ask("squeue", &["--noheader", "--states=PENDING"]),
        ""
    );

    let held = normprop::record::Hold::take(&place.path("results/tiny/slurm")).unwrap();
    place.fail(
        &slurm("hold"),
        1,
        &["another normprop compare is submitting the runs"],
    );
    drop(held);

    std::fs::write(place.path("file"), "").unwrap();
    let mut arguments = slurm("hold").to_vec();
    arguments.extend(["--runs", "file/runs"]);
    place.fail(
        &arguments,
        1,
        &["the tasks could not write to file/runs/tiny", "--runs"],
    );
    let mut arguments = slurm("hold").to_vec();
    arguments.extend(["--out", "file/results"]);
    place.fail(&arguments, 1, &["file/results/tiny", "--out"]);
}

/// Commands that stand in for Slurm's: `sbatch` notes the script and prints the file `answer`, `squeue` prints the file
/// `queue`, or fails where there is none.
struct Fakes<'p>(&'p Place<'p>);

impl Fakes<'_> {
    fn new<'p>(place: &'p Place<'p>) -> Fakes<'p> {
        let fake = |name: &str, text: &str| {
            use std::os::unix::fs::PermissionsExt;
            let path = place.path("bin").join(name);
            std::fs::write(
                &path,
                format!("#!/bin/sh\ncd \"$(dirname \"$0\")/..\"\n{text}\n"),
            )
            .unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        };
        std::fs::create_dir(place.path("bin")).unwrap();
        fake(
            "sbatch",
            r#"[ "$1" = --version ] || { echo "$2" >>submitted; cat answer; }"#,
        );
        fake(
            "squeue",
            r#"case $* in *--me*) cat queue ;; *) sed 's/|.*/|0|PENDING/' queue ;; esac"#,
        );
        fake("scontrol", "");
        Fakes(place)
    }

    /// Submits the runs, one task; the exit code, the document and what was said.
    fn submit(&self, answer: &str, queue: Option<&str>) -> (Option<i32>, Value, String) {
        std::fs::write(self.0.path("answer"), answer).unwrap();
        match queue {
            Some(queue) => std::fs::write(self.0.path("queue"), queue).unwrap(),
            None => std::fs::remove_file(self.0.path("queue")).unwrap(),
        }
        let mut command = self.0.command(&["--launch", "slurm", "--json"]);
        let path = std::env::join_paths([self.0.path("bin"), "/usr/bin".into(), "/bin".into()]);
        let output = command.env("PATH", path.unwrap()).output().unwrap();
        let document = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), document, stderr(&output))
    }

    fn submitted(&self) -> String {
        std::fs::read_to_string(self.0.path("submitted")).unwrap()
    }
}

#[test]
fn a_cluster_that_greets_gets_the_runs_once() {
    let place = Place::new(None, TINY);
    let slurm = Fakes::new(&place);
    let (code, document, said) = slurm.submit("Welcome to the cluster!\n17\n", Some(""));
    assert_eq!(
        (code, &document["job_id"]),
        (Some(0), &"17".into()),
        "{said}"
    );
    let (code, document, said) = slurm.submit("18\n", Some("17|somewhere\n"));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        (&document["job_id"], &document["runs_queued"]),
        (&Value::Null, &2.into())
    );
    assert_eq!(slurm.submitted().lines().count(), 1);
}

#[test]
fn slurm_is_asked_before_runs_are_submitted_a_second_time() {
    let place = Place::new(None, TINY);
    let slurm = Fakes::new(&place);
    let (code, _, said) = slurm.submit("Thank you\n", Some(""));
    assert_eq!(code, Some(1));
    assert!(
        said.contains("Thank you") && said.contains("a job `normprop-tiny`"),
        "{said}"
    );

    let (code, _, said) = slurm.submit("18\n", None);
    assert_eq!(code, Some(1));
    assert!(said.contains("squeue cannot tell which jobs"), "{said}");
    assert_eq!(
        slurm.submitted().lines().count(),
        1,
        "it could not be asked"
    );

    let queue = format!("3|/other/job.sh\n17|{}", slurm.submitted());
    let (code, document, said) = slurm.submit("18\n", Some(&queue));
    assert_eq!(
        (code, &document["runs_queued"]),
        (Some(0), &2.into()),
        "{said}"
    );
    let noted = std::fs::read_to_string(place.path("results/tiny/slurm/1/job-id")).unwrap();
    assert_eq!(
        (noted.as_str(), slurm.submitted().lines().count()),
        ("17\n", 1)
    );

    // Unclear at first, but in the queue.
    std::fs::remove_dir_all(place.path("results")).unwrap();
    let (code, document, said) = slurm.submit("Thank you\n", Some(&queue));
    assert_eq!(
        (code, &document["job_id"]),
        (Some(0), &"17".into()),
        "{said}"
    );
}

#[test]
fn a_name_with_a_line_break_never_reaches_a_script() {
    let name = r#"name = "x\ntouch PWNED\n#SBATCH --uid=root\n#""#;
    let place = Place::new(None, &format!("{name}\n{TINY}"));
    Fakes::new(&place);
    place.fail(
        &["--launch", "slurm", "--dry-run"],
        2,
        &["tiny.toml, line 1", "one line of text"],
    );
    assert!(!place.path("results").exists());
}

#[test]
fn mistakes_end_with_code_2_before_anything_is_submitted() {
    let place = Place::new(None, TINY);
    let cases: [(&[&str], &str); 7] = [
        (&["--slurm", "partition=gpu"], "--launch slurm only"),
        (&["--launch", "slurm", "--jobs", "2"], "array-limit=N"),
        (
            &[
                "--launch=slurm",
                "--set=device=cuda",
                "--slurm=partition=gpu",
            ],
            "gres=gpu:1",
        ),
        (
            &["--launch", "slurm", "--slurm", "array-limit=0"],
            "1 or more",
        ),
        (
            &["--launch", "slurm", "--slurm", "time=00:01:00"],
            "at least 5 minutes",
        ),
        (
            &["--launch", "slurm", "--minutes-per-job=-1"],
            "expected a number of minutes",
        ),
        (&["--launch", "cloud"], "possible values: local, slurm"),
    ];
    for (arguments, expected) in cases {
        place.fail(arguments, 2, &[expected]);
    }
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 1);
}

#[test]
fn without_slurm_the_command_says_what_is_missing() {
    let place = Place::new(None, TINY);
    let output = Command::new(env!("CARGO_BIN_EXE_normprop"))
        .args(["compare", "tiny.toml", "--launch", "slurm"])
        .current_dir(place.folder.path())
        .env("PATH", place.folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("there is no sbatch on the PATH"), "{said}");
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 1);
}

#[test]
fn a_task_that_is_none_is_named() {
    let place = Place::new(None, TINY);
    let output = Command::new(env!("CARGO_BIN_EXE_normprop"))
        .args(["compare-task", "nowhere", "3"])
        .current_dir(place.folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("has no task 3"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn what_is_missing_is_listed_beside_what_is_there() {
    let place = Place::new(None, TINY);
    place.fail(
        &["--collect"],
        1,
        &["missing are 2 of 2 runs", "no run is over"],
    );
    place.succeed(&[]);
    let all = place.succeed(&["--collect"]);
    assert!(!all.contains("missing"), "{all}");
    let said = place.succeed(&["--collect", "--set", "seeds=3"]);
    assert!(
        said.contains("missing are 4 of 6 runs")
            && said.contains("bn, batch size 10, lr 0.05: seeds 1 2"),
        "{said}"
    );
    assert_eq!(place.summary().len(), 3);
    assert_eq!(
        std::fs::read_dir(place.path("runs/tiny")).unwrap().count(),
        2,
        "nothing was run"
    );
    let sweep = Place::new(
        None,
        &format!("{TINY}[sweep]\nlrs = [0.05, 0.1]\nvalidation_subset = 30\n"),
    );
    sweep.fail(
        &["--collect"],
        1,
        &["4 of 4 runs are missing, so nothing is chosen yet"],
    );
}
