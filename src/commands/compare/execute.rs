//! Brings the runs of a comparison to their goals, round by round where there is a sweep.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};

use super::choose::Choice;
use super::display::RunsDisplay;
use super::estimate::{self, EpochTimes};
use super::launch::{Outcome, Report};
use super::live::{LivePage, LiveSubject};
use super::local::LocalLauncher;
use super::plan::{self, PlanEntry};
use super::search::SweepSearch;
use super::slurm::SlurmLauncher;
use super::state::{State, mend};
use super::{missing, same_data, smaller};
use crate::cli::{CompareArgs, OutputArgs};
use crate::config::experiment::Experiment;
use crate::engine::device;
use crate::engine::interrupt::Interrupt;
use crate::error::Failure;
use crate::record::RunDir;
use crate::text::Terminal;

/// What the parts of one call of the command share.
pub(super) struct Session<'a> {
    pub(super) args: &'a CompareArgs,
    pub(super) output: OutputArgs,
    pub(super) parallel: usize,
    /// `None` to run here.
    pub(super) slurm: Option<SlurmLauncher>,
    pub(super) interrupt: Interrupt,
    /// How long an epoch takes, as far as this call of the command has estimated it.
    pub(super) epochs_s: RefCell<EpochTimes>,
}

impl Session<'_> {
    /// The sweep at its beginning, without runs where the experiment has none.
    pub(super) fn search(&self, experiment: &Experiment) -> Result<SweepSearch> {
        let (runs, candidates): (_, Vec<_>) = experiment.expand_sweep()?.into_iter().unzip();
        let entries = plan::look_up(runs, &self.args.runs, self.args.overwrite, true)?;
        let halving = experiment.sweep.as_ref().and_then(|sweep| sweep.halving);
        Ok(SweepSearch::new(entries, &candidates, halving))
    }

    /// The runs of a sweep at its beginning, as far as they can be foreseen, with the other runs behind them, how long
    /// each takes, and how many are the sweep's.
    pub(super) fn whole_plan(
        &self,
        experiment: &Experiment,
        mut search: SweepSearch,
    ) -> Result<(Vec<PlanEntry>, usize)> {
        let choice = match search.catch_up()? {
            true => search.choice(),
            false => Choice::default(),
        };
        search.look_ahead();
        let runs = experiment.expand(&|label, batch_size| choice.keys(label, batch_size))?;
        let runs = plan::look_up(runs, &self.args.runs, self.args.overwrite, false)?;
        let sweep_runs = search.entries.len();
        let mut all = [search.entries, runs].concat();
        same_data::check(&all, self.args.accept_other_data)?;
        let estimated = self.estimate(&mut all);
        estimated.map_err(|error| smaller::where_data_is_missing(experiment, error))?;
        Ok((all, sweep_runs))
    }

    /// Names the experiment that shows the same in less time, where this one takes long.
    pub(super) fn tell_smaller(&self, experiment: &Experiment, plan: &[PlanEntry]) {
        if let Some(sentence) = smaller::where_long(experiment, plan, self.parallel) {
            self.output.say(&format!("normprop: {sentence}"));
        }
    }

    /// Runs the sweep, if there is one, and chooses.
    pub(super) fn sweep(&self, mut search: SweepSearch, subject: &LiveSubject) -> Result<Choice> {
        let mut decided = search.catch_up()?;
        if decided && !search.entries.is_empty() {
            let over = plan::sentence(&search.entries, self.parallel);
            self.output.say(&format!("sweep: {over}"));
        }
        while !decided {
            let title = search.title();
            let failed = self.execute(&mut search.entries, &title, subject)?;
            if !failed.is_empty() {
                bail!(
                    "{} runs of the sweep failed; the same command tries them again:\n{}",
                    failed.len(),
                    failed.join("\n")
                );
            }
            decided = search.judge()?;
        }
        Ok(search.choice())
    }

    /// Fills in how long the runs will take.
    pub(super) fn estimate(&self, entries: &mut [PlanEntry]) -> Result<bool> {
        let (elsewhere, quiet) = (self.slurm.is_some(), self.output.quiet);
        let mut epochs_s = self.epochs_s.borrow_mut();
        let known = &mut *epochs_s;
        estimate::fill_in(
            entries,
            known,
            self.parallel,
            elsewhere,
            &self.interrupt,
            quiet,
        )
    }

    /// Brings every run to its goal, and returns a line for each that failed.
    pub(super) fn execute(
        &self,
        entries: &mut [PlanEntry],
        what: &str,
        subject: &LiveSubject,
    ) -> Result<Vec<String>> {
        if self.args.collect {
            return missing::list(entries, what, self.output);
        }
        self.estimate(entries)?;
        self.output.say(&format!(
            "{}{what}{}",
            plan::table(entries).render(&Terminal::detect()),
            plan::sentence(entries, self.parallel)
        ));
        let problems = entries.iter().filter_map(|entry| {
            let problem = entry.problem.as_ref()?;
            Some(format!("{}: {problem}", entry.key))
        });
        let mut failed: Vec<String> = problems.collect();
        let all = entries.to_vec();
        let mut left: Vec<&mut PlanEntry> = entries.iter_mut().filter(|e| e.is_left()).collect();
        if !left.is_empty() && self.interrupt.signal().is_none() {
            self.launch(&left, all, subject, &mut failed)?;
        }
        if let Some(signal) = self.interrupt.signal() {
            return Err(Failure::Interrupted { signal }.into());
        }
        left.iter_mut().for_each(|entry| entry.look());
        Ok(failed)
    }

    /// Launches those of `all` that wait, and adds a line for each that fails.
    fn launch(
        &self,
        waiting: &[&mut PlanEntry],
        all: Vec<PlanEntry>,
        subject: &LiveSubject,
        failed: &mut Vec<String>,
    ) -> Result<()> {
        let (mut ready, mut jobs): (Vec<&PlanEntry>, _) = (Vec::new(), Vec::new());
        for entry in waiting {
            match self.prepare(entry) {
                Ok(()) => {
                    ready.push(entry);
                    jobs.push(entry.job()?);
                }
                Err(error) => failed.push(format!("{}: {error:#}", entry.key)),
            }
        }
        let by_path: BTreeMap<&Path, usize> = (0..)
            .zip(&all)
            .map(|(place, entry)| (entry.run_dir.as_path(), place))
            .collect();
        let places = ready.iter().map(|entry| by_path[entry.run_dir.as_path()]);
        let places: Vec<usize> = places.collect();
        let live = LivePage::start(subject.clone(), all, places);
        let mut display = RunsDisplay::new(&ready, self.parallel, self.output.quiet);
        let mut on_report = |report: Report| {
            display.show(&report);
            live.hear(&report, display.left_s());
            if let Report::Ended(index, Outcome::Failed(reason)) = report {
                failed.push(format!("{}: {reason}", ready[index].key));
            }
        };
        let here = LocalLauncher {
            parallel: self.parallel,
            cores: device::cores(),
        };
        let ended = match &self.slurm {
            Some(slurm) => slurm.run(&jobs, &self.interrupt, &mut on_report),
            None => here.run(&jobs, &self.interrupt, &mut on_report),
        };
        display.finish();
        live.end();
        ended
    }

    /// Empties the run directory where that was asked for, and takes back the end of a run that lost rows.
    fn prepare(&self, entry: &PlanEntry) -> Result<()> {
        if let Some(loss) = entry.loss {
            mend(&entry.run_dir, loss)?;
        }
        // What is there of a run that this call of the command has begun is not to be thrown away.
        if self.args.overwrite && entry.state == State::New {
            RunDir::wait_until_free(&entry.run_dir)?;
            RunDir::overwrite(&entry.run_dir, &entry.config.to_toml()?)?;
        }
        Ok(())
    }
}
