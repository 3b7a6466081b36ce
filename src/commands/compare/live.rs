//! The page of a comparison while its runs are trained. A thread of its own writes it again when they have got further,
//! so that nothing waits for it; what goes wrong here costs no run, and comes up again when the results are written.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::collect::{self, RunsSoFar};
use super::launch::{Outcome, Report};
use super::plan::PlanEntry;
use super::state::State;
use crate::config::experiment::Experiment;
use crate::event::Status;
use crate::record::RunRecord;
use crate::report::bench::Bench;
use crate::report::comparison::rows::SweepRow;
use crate::report::comparison::so_far::SoFar;
use crate::report::comparison::{Results, page};
use crate::run_key::{Grouped, grouped};
use crate::text::Table;

/// The least time between two pages.
const EVERY: Duration = Duration::from_secs(10);
/// Between two pages lies at least so many times as long as the last one took to make.
const RARENESS: u32 = 50;
/// How often is looked whether a page is due.
const POLL: Duration = Duration::from_millis(500);

/// What the page is of, beside the runs.
#[derive(Debug, Clone)]
pub struct LiveSubject {
    /// The comparison.
    pub experiment: Experiment,
    /// What its sweep tried, where it is over.
    pub sweep: Vec<SweepRow>,
    /// The folder of its results.
    pub folder: PathBuf,
}

/// The page, as long as runs are trained.
pub struct LivePage {
    sender: Sender<Heard>,
    writer: JoinHandle<()>,
}

/// What became of a run, and how many seconds all of them will still take.
struct Heard {
    place: usize,
    standing: RunStanding,
    left_s: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunStanding {
    Waiting,
    Running,
    Over,
    Failed,
}

impl LivePage {
    /// The page of `entries`; `places` says which of them are trained now, in the order in which reports name them.
    pub fn start(subject: LiveSubject, entries: Vec<PlanEntry>, places: Vec<usize>) -> LivePage {
        let (sender, receiver) = channel();
        let writer =
            std::thread::spawn(move || Writer::new(subject, entries).run(&places, &receiver));
        LivePage { sender, writer }
    }

    /// Takes in what happened to one of the runs.
    pub fn hear(&self, report: &Report, left_s: f64) {
        let (place, standing) = match report {
            Report::Started(place) | Report::Progress(place, _) => (*place, RunStanding::Running),
            Report::Ended(place, Outcome::Finished | Outcome::Diverged) => {
                (*place, RunStanding::Over)
            }
            Report::Ended(place, Outcome::Stopped) => (*place, RunStanding::Waiting),
            Report::Ended(place, Outcome::Failed(_)) => (*place, RunStanding::Failed),
            Report::Message(..) => return,
        };
        // A writer that is gone writes no more pages, and that is all.
        let _ = self.sender.send(Heard {
            place,
            standing,
            left_s,
        });
    }

    /// Ends the writing; where runs are left that nobody trains, the page says so.
    pub fn end(self) {
        drop(self.sender);
        let _ = self.writer.join();
    }
}

/// What writes the page.
struct Writer {
    subject: LiveSubject,
    entries: Vec<PlanEntry>,
    standings: Vec<RunStanding>,
    /// Their rows, from the first page on.
    runs: RunsSoFar,
    /// Epochs that were done when the last page was written, or at the beginning.
    epochs: u64,
    left_s: f64,
    /// When the last page was ready, and how long it took.
    last: Option<(Instant, Duration)>,
}

impl Writer {
    fn new(subject: LiveSubject, entries: Vec<PlanEntry>) -> Writer {
        let standing = |entry: &PlanEntry| match (entry.is_done(), &entry.problem) {
            (true, _) => RunStanding::Over,
            (false, Some(_)) => RunStanding::Failed,
            (false, None) => RunStanding::Waiting,
        };
        Writer {
            standings: entries.iter().map(standing).collect(),
            runs: RunsSoFar::default(),
            epochs: epochs(&entries),
            left_s: f64::NAN,
            last: None,
            subject,
            entries,
        }
    }

    fn run(mut self, places: &[usize], receiver: &Receiver<Heard>) {
        let take = |writer: &mut Writer, heard: Heard| {
            writer.standings[places[heard.place]] = heard.standing;
            writer.left_s = heard.left_s;
        };
        loop {
            match receiver.recv_timeout(POLL) {
                Ok(heard) => take(&mut self, heard),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            for heard in receiver.try_iter() {
                take(&mut self, heard);
            }
            if self.is_due() && self.look() {
                self.write(true);
            }
        }
        let is_over = self.standings.iter().all(|it| *it == RunStanding::Over);
        if self.last.is_some() && !is_over {
            self.look();
            self.write(false);
        }
    }

    fn is_due(&self) -> bool {
        let pause = |took: Duration| EVERY.max(took * RARENESS);
        self.last
            .is_none_or(|(at, took)| at.elapsed() >= pause(took))
    }

    /// Reads how far the runs are that were not over. Whether that is further than on the last page.
    fn look(&mut self) -> bool {
        let standings = self.standings.iter_mut();
        for (place, (entry, standing)) in self.entries.iter_mut().zip(standings).enumerate() {
            let is_read = entry.state.is_over() || *standing == RunStanding::Waiting;
            // A table that is just being written is read up to its last whole row.
            if let (false, Ok(record)) = (is_read, RunRecord::read(&entry.run_dir)) {
                entry.state = match record.summary.as_ref().map(|summary| summary.status) {
                    Some(Status::Diverged) => State::Diverged,
                    Some(_) => State::Finished,
                    None => State::Unfinished,
                };
                entry.record = Arc::new(record);
                self.runs.note(place, entry);
                if entry.is_done() {
                    *standing = RunStanding::Over;
                }
            }
        }
        let before = std::mem::replace(&mut self.epochs, epochs(&self.entries));
        self.epochs > before
    }

    fn write(&mut self, is_going_on: bool) {
        let begun = Instant::now();
        // Told when the results are written, which go to the same folder.
        let _ = self.try_to_write(is_going_on);
        self.last = Some((Instant::now(), begun.elapsed()));
    }

    fn try_to_write(&mut self, is_going_on: bool) -> Result<()> {
        let LiveSubject {
            experiment,
            sweep,
            folder,
        } = &self.subject;
        std::fs::create_dir_all(folder)?;
        let lock = File::open(folder)?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Ok(());
        }
        let manifest = collect::manifest(experiment, &self.entries)?;
        if self.last.is_none() {
            for (place, entry) in self.entries.iter().enumerate() {
                self.runs.note(place, entry);
            }
        }
        let (name, runs) = (experiment.name.clone(), self.runs.lend());
        let mut results = Results::of(name, Some(manifest), runs, sweep.clone());
        results.bench = Bench::read(folder).unwrap_or_default();
        let page = self.so_far(is_going_on).page(&results);
        let saved = page.save(&folder.join(page::PAGE));
        self.runs.give_back(results.runs);
        saved
    }

    fn so_far(&self, is_going_on: bool) -> SoFar {
        let count = |standing| self.standings.iter().filter(|it| **it == standing).count();
        SoFar {
            over: count(RunStanding::Over),
            running: count(RunStanding::Running),
            waiting: count(RunStanding::Waiting),
            failed: count(RunStanding::Failed),
            left_s: self.left_s,
            is_going_on,
            groups: groups(&self.entries),
        }
    }
}

/// Epochs that are done of all runs.
fn epochs(entries: &[PlanEntry]) -> u64 {
    entries.iter().map(|entry| entry.record.epoch()).sum()
}

/// The runs by groups: how many are over, and how many epochs are done.
fn groups(entries: &[PlanEntry]) -> Table {
    let over = |(_, runs): &Grouped<PlanEntry>| runs.iter().filter(|run| run.is_done()).count();
    let sum = |runs: &[&PlanEntry], of: fn(&PlanEntry) -> u64| {
        runs.iter().map(|run| of(run)).sum::<u64>()
    };
    Table::of(&grouped(entries, |entry| &entry.key.group))
        .left("method", |(key, _): &Grouped<PlanEntry>| key.label.clone())
        .right("batch size", |(key, _)| key.batch_size.to_string())
        .right("lr", |(key, _)| key.lr.to_string())
        .right("runs", |(_, runs)| runs.len().to_string())
        .right("over", |group| over(group).to_string())
        .right("epochs", |(_, runs)| {
            let goals = sum(runs, PlanEntry::goal);
            format!("{} of {goals}", sum(runs, PlanEntry::epochs_done))
        })
        .build()
}

#[cfg(test)]
mod tests;
