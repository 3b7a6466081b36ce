//! Jobs as one job array of Slurm: submitted, and waited for where that is asked.

pub mod client;
mod options;
mod pack;
mod script;
pub mod submission;
mod watch;
mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::launch::{Job, Report, Submitted};
use crate::cli::{CompareArgs, LaunchPlace, OutputArgs};
use crate::config::experiment::Experiment;
use crate::engine::interrupt::Interrupt;
use crate::record::{Hold, Taken};
use crate::text::numbers::counted;
use crate::usage;
use client::{SbatchAnswer, States, TaskId};
use options::SlurmOptions;
use script::JobScript;
pub use submission::Submission;
use watch::QueuePlace;

/// Folder in the results folder in which submissions are kept.
const FOLDER: &str = "slurm";
/// A task that is being ended is waited for so long; Slurm itself gives it half a minute.
const ENDING: Duration = Duration::from_secs(90);

/// Submits jobs to Slurm.
#[derive(Debug, Clone)]
pub struct SlurmLauncher {
    options: SlurmOptions,
    /// Where submissions are kept.
    folder: PathBuf,
    experiment: String,
    /// Whether to wait until the jobs are over.
    wait: bool,
    output: OutputArgs,
}

/// A run directory, and the epoch that it is brought to where that is not the last.
type Goal = (PathBuf, Option<u64>);

/// Where the jobs of these goals are in the queue.
type Places = BTreeMap<Goal, QueuePlace>;

fn goal(job: &Job) -> Goal {
    (job.run_dir.clone(), job.until_epoch)
}

impl SlurmLauncher {
    /// The launcher that `--launch slurm` asks for, for an experiment whose results are in `folder`; `None` to run here.
    /// Fails where there is no Slurm.
    pub fn asked_for(
        args: &CompareArgs,
        folder: &Path,
        experiment: &Experiment,
        output: OutputArgs,
    ) -> Result<Option<SlurmLauncher>> {
        let launch = &args.launch;
        match (launch.launch, launch.slurm.first()) {
            (LaunchPlace::Local, None) => return Ok(None),
            (LaunchPlace::Local, Some(text)) => {
                return Err(usage!(
                    "--slurm {text} is of use with --launch slurm only, which was not given"
                ));
            }
            (LaunchPlace::Slurm, _) => {}
        }
        if args.jobs.is_some() {
            return Err(usage!(
                "--jobs is for runs on this machine; with --launch slurm, give --slurm array-limit=N for tasks at a time, and runs-at-once=N for runs of a task at a time"
            ));
        }
        let options = SlurmOptions::parse(&launch.slurm, launch.minutes_per_job)?;
        for run in experiment.foreseen()? {
            options.check_device(run.config.device_name())?;
        }
        client::check()?;
        let folder = folder.join(FOLDER);
        // What cannot stand in a job script is best told before anything starts.
        let name = &experiment.name;
        JobScript::new(name, &folder, (1, 1), &options)?.text()?;
        Ok(Some(SlurmLauncher {
            options,
            folder,
            experiment: name.clone(),
            wait: launch.wait,
            output,
        }))
    }

    /// Runs that a task trains at a time.
    pub fn runs_at_once(&self) -> usize {
        self.options.runs_at_once
    }

    /// Into how many tasks jobs would be put, and what Slurm would say to them. Nothing is submitted or written.
    pub fn test(&self, jobs: &[Job]) -> Result<(usize, String)> {
        let jobs: Vec<&Job> = jobs.iter().collect();
        let tasks = self.pack(&jobs);
        let counts = (tasks.len(), jobs.len());
        let script = JobScript::new(&self.experiment, &self.folder, counts, &self.options)?;
        Ok((tasks.len(), client::test(&script.text()?)?))
    }

    /// Jobs by tasks.
    fn pack<'j>(&self, jobs: &[&'j Job]) -> Vec<Vec<&'j Job>> {
        pack::pack(
            jobs,
            self.options.task_s,
            self.options.runs_at_once,
            client::most_tasks(),
        )
    }

    /// Keeps a second launcher from submitting the same jobs in the meantime.
    fn hold(&self) -> Result<Hold> {
        std::fs::create_dir_all(&self.folder).with_context(|| {
            format!(
                "cannot make {}; choose another folder with --out",
                self.folder.display()
            )
        })?;
        Hold::take(&self.folder).map_err(|error| match error.downcast_ref::<Taken>() {
            Some(taken) => anyhow::anyhow!(
                "another normprop compare{} is submitting the runs of {}: give the command again when it is done",
                if taken.elsewhere { ", on another machine," } else { "" },
                self.folder.display()
            ),
            None => error,
        })
    }

    /// The jobs that tasks in the queue, waiting or running, will see to, by their [`goal`].
    fn queued(&self) -> Result<Places> {
        let accepted = self.accepted()?;
        let ids: Vec<String> = accepted.iter().map(|(_, id)| id.clone()).collect();
        let active = settled(&ids)?;
        let mut queued = Places::new();
        for (submission, id) in &accepted {
            for task in active.keys().filter(|task| task.job == *id) {
                let log = submission.log(task.index);
                for job in submission.task(task.index)? {
                    let (task, log) = (task.clone(), log.clone());
                    queued.insert(goal(&job), QueuePlace { task, log });
                }
            }
        }
        Ok(queued)
    }

    /// The submissions that Slurm took, with their job ids. Of those without one it is asked: sbatch may have said
    /// something else, or this program may have ended before it noted what was said.
    fn accepted(&self) -> Result<Vec<(Submission, String)>> {
        let all = Submission::all(&self.folder)?;
        let mut scripts = match all.iter().any(|(_, id)| id.is_none()) {
            true => client::scripts()?,
            false => BTreeMap::new(),
        };
        let mut accepted = Vec::new();
        for (submission, id) in all {
            if let Some(id) = id {
                accepted.push((submission, id));
            } else if let Some(id) = scripts.remove(&submission.whole_script()?) {
                submission.accept(&id)?;
                accepted.push((submission, id));
            }
        }
        Ok(accepted)
    }

    /// The job id that Slurm gave a submission.
    fn job_id(&self, submission: &Submission) -> Result<String> {
        let script = submission.whole_script()?;
        let said = match client::submit(&script)? {
            SbatchAnswer::Accepted(id) => return Ok(id),
            SbatchAnswer::Unclear(said) => said,
        };
        let unclear = || {
            let name = self.options.value("job-name");
            let name = name.map_or(format!("normprop-{}", self.experiment), str::to_owned);
            format!(
                "sbatch did not say under which job id it took {}: {said:?}; see with `squeue --me` whether there is a job `{name}`. The same command asks Slurm first, and submits only what is not there",
                script.display()
            )
        };
        let found = client::scripts().with_context(unclear)?.remove(&script);
        found.ok_or_else(|| anyhow::anyhow!(unclear()))
    }

    /// Submits jobs as one array, and adds where each is.
    fn submit(&self, jobs: &[&Job], places: &mut Places) -> Result<Submitted> {
        let tasks = self.pack(jobs);
        let submission = Submission::make(&self.folder, &self.experiment, &tasks, &self.options)?;
        let id = self.job_id(&submission)?;
        submission.accept(&id)?;
        for (index, task) in tasks.iter().enumerate() {
            let job = id.clone();
            let place = QueuePlace {
                task: TaskId { job, index },
                log: submission.log(index),
            };
            places.extend(task.iter().map(|job| (goal(job), place.clone())));
        }
        Ok(Submitted {
            job_id: Some(id),
            tasks: tasks.len(),
            runs_submitted: jobs.len(),
            runs_queued: 0,
            script: Some(submission.script()),
        })
    }

    /// Hands jobs over, unless earlier tasks have them, and waits for all where that is asked; else [`Submitted`] is
    /// the error. Each job that was waited for is reported as ended exactly once.
    pub fn run(
        &self,
        jobs: &[Job],
        interrupt: &Interrupt,
        report: &mut dyn FnMut(Report),
    ) -> Result<()> {
        check_writable(jobs)?;
        let hold = self.hold()?;
        let mut places = self.queued()?;
        let is_new = |job: &&Job| !places.contains_key(&goal(job));
        let new: Vec<&Job> = jobs.iter().filter(is_new).collect();
        let mut submitted = Submitted::default();
        if !new.is_empty() {
            submitted = self.submit(&new, &mut places)?;
        }
        submitted.runs_queued = jobs.len() - new.len();
        drop(hold);
        if !self.wait {
            return Err(submitted.into());
        }
        let submitted = sentence(&submitted);
        self.output.say(&format!("normprop: {submitted}"));
        let places: Vec<&QueuePlace> = jobs.iter().map(|job| &places[&goal(job)]).collect();
        watch::watch(jobs, &places, interrupt, report)
    }
}

/// The active tasks of these arrays, once none of them is just being ended: such a task still holds its run, and may be
/// gone or queued again in a moment.
fn settled(ids: &[String]) -> Result<States> {
    let begun = Instant::now();
    loop {
        let mut active = client::active(ids)?;
        let ending = |state: &String| state == "COMPLETING";
        if begun.elapsed() > ENDING {
            // Its node may be lost for good. The next holder of its run looks at the lease.
            active.retain(|_, state| !ending(state));
        }
        if !active.values().any(ending) {
            return Ok(active);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// What was submitted, in words.
pub fn sentence(submitted: &Submitted) -> String {
    let runs = |count: usize| counted(count as u64, "run");
    let new = submitted.job_id.as_ref().map(|id| {
        let (runs, tasks) = (runs(submitted.runs_submitted), submitted.tasks as u64);
        format!("{runs} in {} submitted as job {id}", counted(tasks, "task"))
    });
    let queued = Some(submitted.runs_queued).filter(|count| *count > 0);
    let queued = queued.map(|count| format!("{} with tasks submitted before", runs(count)));
    let parts: Vec<String> = new.into_iter().chain(queued).collect();
    parts.join("; ")
}

/// Fails where run directories cannot be made, which otherwise every task would find by itself.
fn check_writable(jobs: &[Job]) -> Result<()> {
    let folders: BTreeSet<&Path> = jobs.iter().filter_map(|job| job.run_dir.parent()).collect();
    for folder in folders {
        let attempt = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
        if let Err(error) = attempt {
            bail!(
                "the tasks could not write to {}: {error}; choose a folder with --runs that this machine and the cluster's nodes share",
                folder.display()
            );
        }
    }
    Ok(())
}
