//! Slurm's own commands: what is asked of them, and what they say.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::usage;

/// Tasks of an array at most, where Slurm does not tell: its default.
const MOST_TASKS: usize = 1001;

/// A task of a job array.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId {
    /// The array's job id.
    pub job: String,
    /// Its number in the array.
    pub index: usize,
}

/// The state that Slurm gives a task, such as `PENDING` or `RUNNING`.
pub type States = BTreeMap<TaskId, String>;

/// Refuses to go on where there is no Slurm.
pub fn check() -> Result<()> {
    run("sbatch", &["--version"]).map(|_| ())
}

/// What sbatch made of a job script that it did not refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SbatchAnswer {
    /// It is in the queue, with this job id.
    Accepted(String),
    /// It may be in the queue: this was said in place of a job id.
    Unclear(String),
}

/// Submits a job script, given by its whole path.
pub fn submit(script: &Path) -> Result<SbatchAnswer> {
    let mut child = sbatch(&[OsStr::new("--parsable"), script.as_ref()], Stdio::null())?;
    let mut said = Vec::new();
    let mut full = false;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            // It now sleeps and tries again, for two minutes in all. Here it is asleep, so ending it submits nothing.
            if line.contains("sleeping and retrying") {
                full = true;
                let _ = child.kill();
            }
            said.push(line);
        }
    }
    let mut printed = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut printed)?;
    }
    let status = child.wait().context("cannot wait for sbatch")?;
    match (job_id(&printed), full) {
        (Some(id), _) => Ok(SbatchAnswer::Accepted(id.to_owned())),
        (None, true) => bail!(
            "Slurm's queue is full, so nothing was submitted; what is there is kept, and the same command submits the runs when there is room ({})",
            said.join("; ")
        ),
        (None, false) if status.success() => Ok(SbatchAnswer::Unclear(printed + &said.join("\n"))),
        (None, false) => bail!(
            "sbatch refused {} ({status}); change --slurm, or the script, and give the same command again:\n{}",
            script.display(),
            said.join("\n")
        ),
    }
}

/// The job id in what sbatch printed: the one line that is `17`, or `17;cluster`. A cluster may greet before or after it.
pub fn job_id(printed: &str) -> Option<&str> {
    let first_fields = printed.lines().map(|line| line.trim().split(';').next());
    let mut ids = first_fields
        .flatten()
        .filter(|id| id.parse::<u64>().is_ok());
    ids.next().filter(|_| ids.next().is_none())
}

/// The user's jobs that are in the queue, waiting or running: their ids by the job scripts they were submitted with.
pub fn scripts() -> Result<BTreeMap<PathBuf, String>> {
    let output = run("squeue", &["--noheader", "--me", "--format=%F|%o"])?;
    if !output.status.success() {
        let said = text(&output.stderr);
        bail!("squeue cannot tell which jobs are in the queue: {said}");
    }
    let text = text(&output.stdout);
    let lines = text.lines().filter_map(|line| line.split_once('|'));
    let script = |(id, script): (&str, &str)| (script.trim_end().into(), id.trim().to_owned());
    Ok(lines.map(script).collect())
}

/// Whether Slurm would take a job script, without submitting it: what it says.
pub fn test(script: &str) -> Result<String> {
    let mut child = sbatch(&[OsStr::new("--test-only")], Stdio::piped())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(script.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let said = text(&output.stderr);
    if !output.status.success() {
        bail!("sbatch would refuse this; change --slurm:\n{said}");
    }
    Ok(said)
}

/// The tasks of these arrays that are in the queue, waiting or running.
pub fn active(jobs: &[String]) -> Result<States> {
    if jobs.is_empty() {
        return Ok(States::new());
    }
    let list = format!("--jobs={}", jobs.join(","));
    let format = "--format=%F|%K|%T";
    let output = run("squeue", &["--noheader", "--array", &list, format])?;
    let said = text(&output.stderr);
    // A job that ended some minutes ago is forgotten; of several, squeue passes over those.
    if !output.status.success() && !said.contains("Invalid job id") {
        bail!("squeue cannot tell which tasks are in the queue: {said}");
    }
    Ok(states(&text(&output.stdout)))
}

/// How tasks of an array ended, where the cluster keeps accounts; `None` where it does not.
pub fn accounts(job: &str) -> Option<States> {
    let job = format!("--jobs={job}");
    let arguments = [
        "--noheader",
        "--parsable2",
        "--allocations",
        &job,
        "--format=JobID,State",
    ];
    let output = run("sacct", &arguments).ok()?;
    let told = output.status.success();
    told.then(|| account_states(&text(&output.stdout)))
}

/// How many tasks an array may have.
pub fn most_tasks() -> usize {
    let told = || {
        let text = text(&run("scontrol", &["show", "config"]).ok()?.stdout);
        let line = text.lines().find(|line| line.starts_with("MaxArraySize"))?;
        line.split_once('=')?.1.trim().parse().ok()
    };
    told().unwrap_or(MOST_TASKS)
}

/// Ends this task and puts it into the queue again.
pub fn requeue(task: &TaskId) -> Result<()> {
    let name = format!("{}_{}", task.job, task.index);
    let output = run("scontrol", &["requeue", &name])?;
    if !output.status.success() {
        bail!(
            "scontrol would not requeue {name}: {}; the states are saved, and the command that submitted it submits it again",
            text(&output.stderr)
        );
    }
    Ok(())
}

/// Starts sbatch with all that it says to be read.
fn sbatch(arguments: &[&OsStr], stdin: Stdio) -> Result<Child> {
    let mut command = Command::new("sbatch");
    command.args(arguments).stdin(stdin);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    child.map_err(|error| cannot_start("sbatch", error))
}

/// What a program wrote.
fn text(written: &[u8]) -> String {
    String::from_utf8_lossy(written).trim().to_owned()
}

fn run(program: &str, arguments: &[&str]) -> Result<Output> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    output.map_err(|error| cannot_start(program, error))
}

fn cannot_start(program: &str, error: std::io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => usage!(
            "--launch slurm: there is no {program} on the PATH: work on a login node of the cluster, load its Slurm (often `module load slurm`), or leave --launch slurm out"
        ),
        _ => anyhow!(error).context(format!("cannot start {program}")),
    }
}

/// Reads `job|index|state` lines; an index that is a list (`[3-7]`) does not occur with `--array`.
pub fn states(text: &str) -> States {
    let line = |line: &str| {
        let mut fields = line.trim().split('|');
        let (job, index, state) = (fields.next()?, fields.next()?, fields.next()?);
        let (job, index) = (job.to_owned(), index.parse().ok()?);
        Some((TaskId { job, index }, state.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

/// Reads `job_index|state` lines; the state may go on, as in `CANCELLED by 1000`.
pub fn account_states(text: &str) -> States {
    let line = |line: &str| {
        let (name, state) = line.trim().split_once('|')?;
        let (job, index) = name.split_once('_')?;
        let (job, index) = (job.to_owned(), index.parse().ok()?);
        Some((TaskId { job, index }, state.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(job: &str, index: usize) -> TaskId {
        let job = job.to_owned();
        TaskId { job, index }
    }

    #[test]
    fn a_job_id_is_found_among_greetings() {
        for (printed, id) in [
            ("17\n", Some("17")),
            ("17;cluster\n", Some("17")),
            ("Welcome to the cluster!\n17\n", Some("17")),
            ("17\r\n\nYou have 3 jobs.\n", Some("17")),
            ("Submitted. Thank you\n", None),
            ("", None),
            ("2026\n17\n", None),
        ] {
            assert_eq!(job_id(printed), id, "{printed}");
        }
    }

    #[test]
    fn what_squeue_prints_is_read() {
        let states = states("17|0|RUNNING\n17|12|PENDING\n\n18|N/A|RUNNING\n");
        assert_eq!(states.len(), 2);
        assert_eq!(states[&id("17", 0)], "RUNNING");
        assert_eq!(states[&id("17", 12)], "PENDING");
    }

    #[test]
    fn what_sacct_prints_is_read() {
        let states = account_states(
            "17_0|CANCELLED by 1000\n17_3|OUT_OF_MEMORY\n17_[4-9]|PENDING\n20|FAILED\n",
        );
        assert_eq!(states.len(), 2);
        assert_eq!(states[&id("17", 0)], "CANCELLED by 1000");
        assert_eq!(states[&id("17", 3)], "OUT_OF_MEMORY");
    }
}
