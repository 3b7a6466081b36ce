//! What a submission leaves in `slurm/<number>/` of the results folder: a job script, a file for each task, a log for
//! each task, and the job id.
//!
//! Each task has a file of its own, so that a thousand tasks that start at once read a kilobyte each instead of the
//! whole plan.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::super::launch::Job;
use super::options::SlurmOptions;
use super::script::JobScript;
use crate::record::files::{self, read_text_if_there};
use crate::usage;

/// Name of the job script.
const SCRIPT: &str = "job.sh";
/// Name of the file with the job id; without it the submission was refused, cut short, or answered without an id.
const JOB_ID: &str = "job-id";

/// The folder of one submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    folder: PathBuf,
}

impl Submission {
    /// Makes the next folder under `parent`, with a file for each task and the script.
    pub fn make(
        parent: &Path,
        experiment: &str,
        tasks: &[Vec<&Job>],
        options: &SlurmOptions,
    ) -> Result<Submission> {
        let submission = Submission::next(parent)?;
        for (index, jobs) in tasks.iter().enumerate() {
            submission.put(&task_file(index), &serde_json::to_string_pretty(jobs)?)?;
        }
        let runs = tasks.iter().map(Vec::len).sum();
        let counts = (tasks.len(), runs);
        let script = JobScript::new(experiment, &submission.folder, counts, options)?;
        submission.put(SCRIPT, &script.text()?)?;
        Ok(submission)
    }

    /// Every submission under `parent`, oldest first, with its job id where that was noted.
    pub fn all(parent: &Path) -> Result<Vec<(Submission, Option<String>)>> {
        let mut found = Vec::new();
        for number in numbers(parent)? {
            let folder = parent.join(number.to_string());
            let id = read_text_if_there(&folder.join(JOB_ID))?;
            let id = id.map(|id| id.trim().to_owned());
            found.push((Submission { folder }, id));
        }
        Ok(found)
    }

    /// A folder that is thought to be one.
    pub fn at(folder: &Path) -> Submission {
        Submission {
            folder: folder.to_owned(),
        }
    }

    /// The job script.
    pub fn script(&self) -> PathBuf {
        self.folder.join(SCRIPT)
    }

    /// The job script by its whole path, as Slurm knows it.
    pub fn whole_script(&self) -> Result<PathBuf> {
        std::path::absolute(self.script()).context("cannot tell the current folder")
    }

    /// The file that a task writes to.
    pub fn log(&self, index: usize) -> PathBuf {
        self.folder.join(format!("log-{index}.txt"))
    }

    /// Notes that it was accepted.
    pub fn accept(&self, job_id: &str) -> Result<()> {
        self.put(JOB_ID, &format!("{job_id}\n"))
    }

    /// The jobs of a task.
    pub fn task(&self, index: usize) -> Result<Vec<Job>> {
        let path = self.folder.join(task_file(index));
        let Some(text) = read_text_if_there(&path)? else {
            return Err(usage!(
                "{} is not there: the folder is no submission of normprop compare, or has no task {index}",
                path.display()
            ));
        };
        serde_json::from_str(&text).with_context(|| {
            format!(
                "{} is damaged; normprop compare submits its runs again",
                path.display()
            )
        })
    }

    fn next(parent: &Path) -> Result<Submission> {
        let number = numbers(parent)?.last().map_or(1, |last| last + 1);
        let folder = parent.join(number.to_string());
        std::fs::create_dir(&folder).map_err(|error| files::write_failure(error, &folder, None))?;
        Ok(Submission { folder })
    }

    fn put(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        // Its readers are started later; the file need not be whole at every moment.
        std::fs::write(&path, text)
            .map_err(|error| files::write_failure(error, &path, Some(text.len())))
    }
}

fn task_file(index: usize) -> String {
    format!("task-{index}.json")
}

/// The numbers of the submissions under `parent`, in order.
fn numbers(parent: &Path) -> Result<Vec<u64>> {
    let context = || format!("cannot list {}", parent.display());
    let entries = match std::fs::read_dir(parent) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(context)?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.with_context(context)?.file_name();
        numbers.extend(name.to_string_lossy().parse::<u64>().ok());
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str) -> Job {
        Job {
            title: name.to_owned(),
            run_dir: name.into(),
            config: "epochs = 1\n".to_owned(),
            threads: Some(1),
            device: Some("cuda".to_owned()),
            epochs: 1,
            estimate_s: None,
            until_epoch: None,
        }
    }

    #[test]
    fn a_submission_reads_back_and_is_numbered() {
        let parent = tempfile::tempdir().unwrap();
        let (a, b, c) = (job("a"), job("b"), job("c"));
        let tasks = vec![vec![&a, &b], vec![&c]];
        let options = SlurmOptions::parse(
            &["partition=gpu,array-limit=2,comment=two words".into()],
            0.0,
        )
        .unwrap();
        let make = || Submission::make(parent.path(), "quick", &tasks, &options).unwrap();
        let first = make();
        assert_eq!(first.task(0).unwrap(), [a.clone(), b.clone()]);
        assert_eq!(first.task(1).unwrap(), std::slice::from_ref(&c));
        assert!(
            first
                .task(2)
                .unwrap_err()
                .to_string()
                .contains("has no task 2")
        );
        let second = make();
        second.accept("17").unwrap();
        assert_eq!(second.folder, parent.path().join("2"));
        let all = Submission::all(parent.path()).unwrap();
        assert_eq!(
            all,
            [(first.clone(), None), (second, Some("17".to_owned()))]
        );

        let text = std::fs::read_to_string(first.script()).unwrap();
        for line in [
            "#SBATCH --job-name=normprop-quick",
            "#SBATCH --array=0-1%2",
            "#SBATCH --requeue",
            "#SBATCH --signal=B:USR1@120",
            "#SBATCH --partition=gpu",
            "#SBATCH --comment='two words'",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}: {text}");
        }
        let last = text.lines().last().unwrap();
        let folder = first.folder.display();
        assert!(last.ends_with(&format!("compare-task {folder} \"$SLURM_ARRAY_TASK_ID\"")));
    }
}
