//! `normprop compare`: from an experiment file to runs, tables, pictures and a report.

pub mod choose;
pub mod collect;
mod display;
mod estimate;
pub mod launch;
mod local;
pub mod plan;
pub mod search;
pub mod state;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cli::{CompareArgs, OutputArgs};
use crate::config::experiment::Experiment;
use crate::config::overrides;
use crate::engine::interrupt::Interrupt;
use crate::error::Failure;
use crate::record::RunDir;
use crate::report::Terminal;
use crate::report::bench::Bench;
use crate::report::comparison::{Manifest, Results, page, tables};
use crate::{errln, out, outln};
use choose::Choice;
use display::Display;
use launch::{Launcher, Outcome, Report};
use local::LocalLauncher;
use plan::Entry;
use search::Search;
use state::State;

/// Runs the command.
pub fn run(args: &CompareArgs, output: OutputArgs) -> Result<()> {
    let assignments = args
        .set
        .iter()
        .map(|set| overrides::split(set))
        .collect::<Result<Vec<_>>>()?;
    let experiment = Experiment::load(&args.file, &assignments)?;
    let parallel = args.jobs.map_or(experiment.jobs, usize::from);
    let folder = args.out.join(&experiment.name);
    // Refuses results of a newer version, or damaged ones, before anything is run.
    Manifest::read(&folder)?;
    Bench::read(&folder)?;
    let session = Session {
        args,
        output,
        parallel,
        interrupt: Interrupt::listen()?,
    };
    if args.dry_run {
        return session.show(&experiment);
    }
    let choice = session.sweep(&experiment)?;
    if experiment.is_only_a_sweep() {
        let results = collect::collect_sweep(&experiment, &choice.tried, choice.rows)?;
        write(&results, &folder)?;
        return session.report(&results, &folder);
    }
    let runs = experiment.expand(&|label, batch_size| choice.keys(label, batch_size))?;
    let mut entries = plan::look_up(runs, &args.runs, args.overwrite)?;
    let failed = session.execute(&mut entries, "")?;

    let mut results = collect::collect(&experiment, &entries, choice.rows)?;
    results.bench = Bench::read(&folder)?;
    if results.curves.is_empty() {
        bail!(
            "no run is over, so there is nothing to compare:\n{}",
            failed.join("\n")
        );
    }
    write(&results, &folder)?;
    session.report(&results, &folder)?;
    match failed.len() {
        0 => Ok(()),
        count => bail!(
            "{count} of {} runs failed; the same command tries them again:\n{}",
            entries.len(),
            failed.join("\n")
        ),
    }
}

fn write(results: &Results, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    results.write(folder)?;
    page::save(results, folder)
}

/// What the parts of one call of the command share.
struct Session<'a> {
    args: &'a CompareArgs,
    output: OutputArgs,
    parallel: usize,
    interrupt: Interrupt,
}

impl Session<'_> {
    /// `--dry-run`: the plan on stdout.
    fn show(&self, experiment: &Experiment) -> Result<()> {
        let mut search = self.search(experiment)?;
        let choice = match search.catch_up()? {
            true => search.choice(),
            false => Choice::default(),
        };
        search.look_ahead();
        let runs = experiment.expand(&|label, batch_size| choice.keys(label, batch_size))?;
        let runs = plan::look_up(runs, &self.args.runs, self.args.overwrite)?;
        let sweep_runs = search.entries.len();
        let mut all = [search.entries, runs].concat();
        estimate::fill_in(&mut all, self.parallel)?;
        if self.output.json {
            outln!(
                "{}",
                serde_json::to_string_pretty(&plan::document(&all, self.parallel))?
            )?;
            return Ok(());
        }
        let (sweep, runs) = all.split_at(sweep_runs);
        let terminal = Terminal::detect();
        if !sweep.is_empty() {
            outln!(
                "sweep on held-out training images:\n{}",
                plan::table(sweep).render(&terminal)
            )?;
        }
        if !sweep.is_empty() && !runs.is_empty() {
            outln!("runs (learning rates and other swept keys are chosen after the sweep):")?;
        }
        if !runs.is_empty() {
            out!("{}", plan::table(runs).render(&terminal))?;
        }
        outln!("{}", plan::sentence(&all, self.parallel))?;
        Ok(())
    }

    /// The sweep at its beginning, without runs where the experiment has none.
    fn search(&self, experiment: &Experiment) -> Result<Search> {
        let (runs, candidates): (_, Vec<_>) = experiment.expand_sweep()?.into_iter().unzip();
        let entries = plan::look_up(runs, &self.args.runs, self.args.overwrite)?;
        let halving = experiment.sweep.as_ref().and_then(|sweep| sweep.halving);
        Ok(Search::new(entries, &candidates, halving))
    }

    /// Runs the sweep, if there is one, and chooses.
    fn sweep(&self, experiment: &Experiment) -> Result<Choice> {
        let mut search = self.search(experiment)?;
        let mut decided = search.catch_up()?;
        if decided && !search.entries.is_empty() {
            let over = plan::sentence(&search.entries, self.parallel);
            self.say(&format!("sweep: {over}"));
        }
        while !decided {
            let title = search.title();
            let failed = self.execute(&mut search.entries, &title)?;
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

    /// Brings every run to its goal, and returns a line for each that failed.
    fn execute(&self, entries: &mut [Entry], what: &str) -> Result<Vec<String>> {
        estimate::fill_in(entries, self.parallel)?;
        self.say(&format!(
            "{}{what}{}",
            plan::table(entries).render(&Terminal::detect()),
            plan::sentence(entries, self.parallel)
        ));
        let left: Vec<usize> = (0..entries.len())
            .filter(|&index| !entries[index].is_done())
            .collect();
        let mut failed = Vec::new();
        if !left.is_empty() && self.interrupt.signal().is_none() {
            let waiting: Vec<&Entry> = left.iter().map(|&index| &entries[index]).collect();
            failed = self.launch(&waiting)?;
        }
        if let Some(signal) = self.interrupt.signal() {
            return Err(Failure::Interrupted { signal }.into());
        }
        for index in left {
            entries[index].state = state::inspect(&entries[index].run_dir, &entries[index].config)?;
        }
        Ok(failed)
    }

    fn launch(&self, waiting: &[&Entry]) -> Result<Vec<String>> {
        let mut jobs = Vec::with_capacity(waiting.len());
        for entry in waiting {
            self.prepare(entry)?;
            jobs.push(entry.job(self.parallel));
        }
        let mut failed = Vec::new();
        let mut display = Display::new(waiting, self.output.quiet);
        let mut on_report = |report: Report| {
            display.show(waiting, &report);
            if let Report::Ended(index, Outcome::Failed(reason)) = &report
                && let Some(entry) = waiting.get(*index)
            {
                failed.push(format!("{}: {reason}", entry.title()));
            }
        };
        let mut launcher = LocalLauncher {
            parallel: self.parallel,
        };
        launcher.run(&jobs, &self.interrupt, &mut on_report)?;
        display.finish();
        Ok(failed)
    }

    /// Makes the run directory with its configuration in it, from where the child takes it.
    fn prepare(&self, entry: &Entry) -> Result<()> {
        let config = entry.config.to_toml()?;
        // What is there of a run that this call of the command has begun is not to be thrown away.
        if self.args.overwrite && entry.state == State::New {
            RunDir::overwrite(&entry.run_dir, &config)?;
        } else {
            RunDir::open_or_create(&entry.run_dir, &config)?;
        }
        Ok(())
    }

    fn report(&self, results: &Results, folder: &Path) -> Result<()> {
        if self.output.json {
            outln!("{}", serde_json::to_string_pretty(&results.summary)?)?;
            return Ok(());
        }
        print_tables(results)?;
        let page: PathBuf = folder.join(page::PAGE);
        outln!("{}", page.display())?;
        Ok(())
    }

    fn say(&self, text: &str) {
        if !self.output.quiet {
            errln!("{text}");
        }
    }
}

/// The tables of a comparison on stdout.
pub fn print_tables(results: &Results) -> Result<()> {
    let terminal = Terminal::detect();
    for table in [
        tables::sweep(results),
        tables::summary(results),
        tables::paired(results),
    ] {
        if !table.rows.is_empty() {
            outln!("{}", table.render(&terminal))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
