//! Jobs as child processes of this program on this machine.

mod child;

use std::cell::LazyCell;
use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};

use super::gpus::{Gpus, VISIBLE};
use super::launch::{Job, Outcome, Report};
use super::plan::share;
use crate::engine::interrupt::Interrupt;
use crate::follow::RunProgress;
use crate::record::RunDir;
use crate::record::meta::{self, Meta};
use child::{ChildLine, end_with_parent, read_lines, terminate};

/// How often children and signals are looked after.
const POLL: Duration = Duration::from_millis(25);
/// So many last lines of a child's stderr explain a failure.
const KEPT_LINES: usize = 20;

/// Runs so many children at a time.
#[derive(Debug, Clone)]
pub struct LocalLauncher {
    /// Children at a time.
    pub parallel: usize,
    /// Cores that they share.
    pub cores: usize,
}

/// A child and the threads that read what it writes.
struct Running {
    job: usize,
    child: Child,
    /// The place of its GPU among several.
    gpu: Option<usize>,
    readers: Vec<JoinHandle<()>>,
    /// Last lines of stderr.
    lines: Vec<String>,
}

impl LocalLauncher {
    /// Brings every job to its end and reports on the way; after a signal, starts no more and stops those running.
    ///
    /// Each job that was started is reported as ended exactly once. An error means that jobs cannot be run at all.
    pub fn run(
        &self,
        jobs: &[Job],
        interrupt: &Interrupt,
        report: &mut dyn FnMut(Report),
    ) -> Result<()> {
        let make = |job: &Job| {
            RunDir::wait_until_free(&job.run_dir)?;
            RunDir::make(&job.run_dir, &job.config)
        };
        let made: Vec<Result<()>> = jobs.iter().map(make).collect();
        let (sender, receiver) = channel();
        let starter = Starter {
            program: std::env::current_exe()
                .context("cannot find this program to start it again")?,
            share: share(self.cores, self.parallel),
            gpus: LazyCell::new(Gpus::here),
            sender,
        };
        let mut waiting = jobs.iter().zip(made).enumerate();
        let mut running: Vec<Running> = Vec::new();
        let mut stopping = false;
        loop {
            if !stopping && interrupt.signal().is_some() {
                stopping = true;
                running.iter().for_each(|one| terminate(&one.child));
            }
            while !stopping && running.len() < self.parallel.max(1) {
                let Some((index, (job, made))) = waiting.next() else {
                    break;
                };
                let started = made.and_then(|()| starter.start(job, index, &running));
                report(Report::Started(index));
                match started {
                    Ok(one) => running.push(one),
                    Err(error) => {
                        report(Report::Ended(index, Outcome::Failed(format!("{error:#}"))));
                    }
                }
            }
            if running.is_empty() {
                return Ok(());
            }
            if let Ok(line) = receiver.recv_timeout(POLL) {
                take(line, &mut running, report);
            }
            drain(&receiver, &mut running, report);
            reap(&receiver, &mut running, stopping, report)?;
        }
    }
}

/// What the children have in common.
struct Starter {
    program: PathBuf,
    /// Threads of a run that says nothing of them.
    share: usize,
    /// Looked for when the first run needs one.
    gpus: LazyCell<Gpus>,
    sender: Sender<ChildLine>,
}

impl Starter {
    /// Starts the child of a job, beside those that are running.
    fn start(&self, job: &Job, index: usize, running: &[Running]) -> Result<Running> {
        // A run that is continued keeps the threads it was started with, since other sums round differently, and its
        // device.
        let recorded = meta::read(&job.run_dir)?;
        let started_with = recorded.as_ref().map(|meta| meta.facts.threads);
        let started_with = started_with.and_then(|threads| usize::try_from(threads).ok());
        let threads = job.threads.or(started_with).unwrap_or(self.share);
        let device = job.device.as_deref();
        let device = device.or(recorded.as_ref().map(Meta::last_device));
        let device = device.unwrap_or("cpu");
        let mut command = self.command(job, threads, device);
        // `cuda` is any of them, so that what is recorded does not depend on what else was running.
        let gpu = match device {
            "cuda" => {
                let busy: Vec<usize> = running.iter().filter_map(|one| one.gpu).collect();
                self.gpus.least_busy(&busy)
            }
            _ => None,
        };
        if let Some(place) = gpu {
            command.env(VISIBLE, self.gpus.name(place));
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let out = out.map(|out| read_lines(out, index, false, &self.sender));
        let err = err.map(|err| read_lines(err, index, true, &self.sender));
        Ok(Running {
            job: index,
            child,
            gpu,
            readers: out.into_iter().chain(err).collect(),
            lines: Vec::new(),
        })
    }

    fn command(&self, job: &Job, threads: usize, device: &str) -> Command {
        // In one word, so that a path that begins with a dash is no option.
        let mut resume = OsString::from("--resume=");
        resume.push(&job.run_dir);
        let mut command = Command::new(&self.program);
        command
            .args(["train", "--quiet", "--follow"])
            .arg(resume)
            .args(["--threads", &threads.to_string(), "--device", device])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C goes to every process of the terminal's group, and with the signal that we
            // hand on the child would take it for the second one, which ends it unsaved.
            .process_group(0);
        if let Some(epoch) = job.until_epoch {
            command.args(["--until-epoch", &epoch.to_string()]);
        }
        end_with_parent(&mut command);
        command
    }
}

/// Takes in the lines that are there.
fn drain(receiver: &Receiver<ChildLine>, running: &mut [Running], report: &mut dyn FnMut(Report)) {
    for line in receiver.try_iter() {
        take(line, running, report);
    }
}

fn take(line: ChildLine, running: &mut [Running], report: &mut dyn FnMut(Report)) {
    if !line.is_stderr {
        if let Ok(progress) = serde_json::from_str::<RunProgress>(&line.text) {
            report(Report::Progress(line.job, progress));
        }
    } else if let Some(one) = running.iter_mut().find(|one| one.job == line.job) {
        one.lines.push(line.text);
        if one.lines.len() > KEPT_LINES {
            one.lines.remove(0);
        }
    }
}

/// Reports the children that ended.
fn reap(
    receiver: &Receiver<ChildLine>,
    running: &mut Vec<Running>,
    stopping: bool,
    report: &mut dyn FnMut(Report),
) -> Result<()> {
    let mut index = 0;
    while let Some(one) = running.get_mut(index) {
        let Some(status) = one.child.try_wait().context("cannot wait for a run")? else {
            index += 1;
            continue;
        };
        for reader in std::mem::take(&mut one.readers) {
            // A reader that panicked has nothing more to say.
            let _ = reader.join();
        }
        drain(receiver, running, report);
        let one = running.remove(index);
        let outcome = outcome(status, &one.lines, stopping);
        if matches!(outcome, Outcome::Finished) {
            for line in one.lines {
                report(Report::Message(one.job, line));
            }
        }
        report(Report::Ended(one.job, outcome));
    }
    Ok(())
}

fn outcome(status: ExitStatus, lines: &[String], stopping: bool) -> Outcome {
    match status.code() {
        Some(0) => Outcome::Finished,
        Some(3) => Outcome::Diverged,
        Some(129 | 130 | 138 | 140 | 143 | 152) => Outcome::Stopped,
        Some(_) if !lines.is_empty() => Outcome::Failed(lines.join("\n")),
        Some(code) => Outcome::Failed(format!("it ended with exit code {code} and said nothing")),
        // Killed by a signal: by ours, when it had not yet begun to listen for it.
        None if stopping => Outcome::Stopped,
        None => {
            // The system kills so where memory runs out; at other signals there is nothing to guess.
            let memory = match status.signal() {
                Some(libc::SIGKILL) => "; if memory ran out, use fewer --jobs",
                _ => "",
            };
            Outcome::Failed(format!(
                "it was ended by a {status}{memory}; the same command continues it"
            ))
        }
    }
}
