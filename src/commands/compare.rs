//! `normprop compare`: from an experiment file to runs, tables, pictures and a report.

pub mod choose;
pub mod collect;
mod display;
mod estimate;
pub mod launch;
mod local;
mod missing;
pub mod plan;
mod slurm;
pub mod state;
pub mod task;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cli::{CompareArgs, OutputArgs};
use crate::config::experiment::Experiment;
use crate::config::overrides;
use crate::config::sweep::Candidate;
use crate::engine::interrupt::Interrupt;
use crate::engine::threads;
use crate::error::Failure;
use crate::record::RunDir;
use crate::report::Terminal;
use crate::report::bench::Bench;
use crate::report::comparison::{Manifest, Results, page, tables};
use crate::{errln, out, outln};
use choose::Choice;
use display::Display;
use launch::{Away, Job, Launched, Launcher, Outcome, Report};
use local::LocalLauncher;
use plan::Entry;
use slurm::SlurmLauncher;

/// Runs the command.
pub fn run(args: &CompareArgs, output: OutputArgs) -> Result<()> {
    let assignments = args
        .set
        .iter()
        .map(|set| overrides::split(set))
        .collect::<Result<Vec<_>>>()?;
    let experiment = Experiment::load(&args.file, &assignments)?;
    let folder = args.out.join(&experiment.name);
    // Refuses results of a newer version, or damaged ones, before anything is run.
    let earlier = Manifest::read(&folder)?;
    Bench::read(&folder)?;
    let slurm = SlurmLauncher::asked_for(args, &folder, &experiment.name, output.quiet)?;
    let session = Session {
        args,
        output,
        parallel: match slurm {
            // On another machine, each run has its own cores.
            Some(_) => 1,
            None => args.jobs.map_or(experiment.jobs, usize::from),
        },
        slurm,
        interrupt: Interrupt::listen()?,
    };
    if args.dry_run {
        return session.show(&experiment);
    }
    match session.run(&experiment, earlier.as_ref(), &folder) {
        Err(error) => match error.downcast_ref::<Away>() {
            Some(away) => session.tell(away),
            None => Err(error),
        },
        done => done,
    }
}

/// Says that results of other runs are going to be replaced, while there is still time to choose another folder.
fn warn_of_other_results(
    earlier: Option<&Manifest>,
    entries: &[Entry],
    folder: &Path,
) -> Result<()> {
    let Some(earlier) = earlier else {
        return Ok(());
    };
    let hashes = entries.iter().map(|entry| entry.config.hash8());
    if earlier.has_none_of(&hashes.collect::<Result<Vec<String>>>()?) {
        errln!(
            "normprop: {} holds the results of {} other runs{}, none of which is asked for now; they are replaced at the end (another --out keeps them)",
            folder.display(),
            earlier.runs.len(),
            match earlier.title.as_str() {
                "" => String::new(),
                title => format!(" (\"{title}\")"),
            }
        );
    }
    Ok(())
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
    /// `None` to run here.
    slurm: Option<SlurmLauncher>,
    interrupt: Interrupt,
}

impl Session<'_> {
    /// Brings the sweep and the runs to their end, and reports.
    fn run(
        &self,
        experiment: &Experiment,
        earlier: Option<&Manifest>,
        folder: &Path,
    ) -> Result<()> {
        if experiment.is_only_a_sweep() {
            let (planned, _) = self.sweep_plan(experiment)?;
            warn_of_other_results(earlier, &planned, folder)?;
        }
        let choice = self.sweep(experiment)?;
        if experiment.is_only_a_sweep() {
            let results = collect::collect_sweep(experiment, &choice.tried, choice.rows)?;
            write(&results, folder)?;
            return self.report(&results, folder);
        }
        let runs = experiment.expand(&|label, batch_size| choice.keys(label, batch_size))?;
        let mut entries = plan::look_up(runs, &self.args.runs, self.args.overwrite)?;
        warn_of_other_results(earlier, &entries, folder)?;
        let failed = self.execute(&mut entries, "")?;

        let mut results = collect::collect(experiment, &entries, choice.rows)?;
        results.bench = Bench::read(folder)?;
        if results.curves.is_empty() {
            bail!(
                "no run is over, so there is nothing to compare:\n{}",
                failed.join("\n")
            );
        }
        write(&results, folder)?;
        self.report(&results, folder)?;
        match failed.len() {
            0 => Ok(()),
            // They are not failures, and were listed.
            _ if self.args.launch.collect => Ok(()),
            count => bail!(
                "{count} of {} runs failed; the same command tries them again:\n{}",
                entries.len(),
                failed.join("\n")
            ),
        }
    }

    /// `--dry-run`: the plan on stdout.
    fn show(&self, experiment: &Experiment) -> Result<()> {
        let (sweep, candidates) = self.sweep_plan(experiment)?;
        let choice = match sweep.iter().all(|entry| entry.state.is_over()) {
            true => choose::choose(&sweep, &candidates)?,
            false => Choice::default(),
        };
        let runs = experiment.expand(&|label, batch_size| choice.keys(label, batch_size))?;
        let runs = plan::look_up(runs, &self.args.runs, self.args.overwrite)?;
        let (mut all, sweep_runs) = ([sweep, runs].concat(), candidates.len());
        estimate::fill_in(
            &mut all,
            self.parallel,
            self.slurm.is_some(),
            &self.interrupt,
            self.output.quiet,
        )?;
        let tested = self.test(&all)?;
        if self.output.json {
            let mut document = plan::document(&all, self.parallel);
            if let Some((tasks, said)) = tested {
                document["slurm"] = serde_json::json!({ "tasks": tasks, "test": said });
            }
            outln!("{}", serde_json::to_string_pretty(&document)?)?;
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
        if let Some((tasks, said)) = tested {
            outln!("{} of one job array; {said}", slurm::several(tasks, "task"))?;
        }
        Ok(())
    }

    /// What Slurm would say to the runs that are not over.
    fn test(&self, entries: &[Entry]) -> Result<Option<(usize, String)>> {
        let left = entries.iter().filter(|entry| !entry.state.is_over());
        let jobs: Vec<Job> = left.map(Entry::job).collect::<Result<_>>()?;
        match &self.slurm {
            Some(slurm) if !jobs.is_empty() => slurm.test(&jobs).map(Some),
            _ => Ok(None),
        }
    }

    fn sweep_plan(&self, experiment: &Experiment) -> Result<(Vec<Entry>, Vec<Candidate>)> {
        let (runs, candidates) = experiment.expand_sweep()?.into_iter().unzip();
        Ok((
            plan::look_up(runs, &self.args.runs, self.args.overwrite)?,
            candidates,
        ))
    }

    /// Runs the sweep, if there is one, and chooses.
    fn sweep(&self, experiment: &Experiment) -> Result<Choice> {
        let (mut entries, candidates) = self.sweep_plan(experiment)?;
        if entries.is_empty() {
            return Ok(Choice::default());
        }
        let failed = self.execute(&mut entries, "sweep: ")?;
        if !failed.is_empty() {
            bail!(
                "{} runs of the sweep failed; the same command tries them again:\n{}",
                failed.len(),
                failed.join("\n")
            );
        }
        choose::choose(&entries, &candidates)
    }

    /// Brings every run to its end, and returns a line for each that failed.
    fn execute(&self, entries: &mut [Entry], what: &str) -> Result<Vec<String>> {
        if self.args.launch.collect {
            return missing::list(entries, what, self.output);
        }
        estimate::fill_in(
            entries,
            self.parallel,
            self.slurm.is_some(),
            &self.interrupt,
            self.output.quiet,
        )?;
        self.say(&format!(
            "{}{what}{}",
            plan::table(entries).render(&Terminal::detect()),
            plan::sentence(entries, self.parallel)
        ));
        let left: Vec<usize> = (0..entries.len())
            .filter(|&index| !entries[index].state.is_over())
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
            jobs.push(entry.job()?);
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
        let launched = self
            .launcher()
            .run(&jobs, &self.interrupt, &mut on_report)?;
        display.finish();
        match launched {
            Launched::Ended => Ok(failed),
            Launched::Away(away) => Err(away.into()),
        }
    }

    fn launcher(&self) -> Box<dyn Launcher> {
        match &self.slurm {
            Some(slurm) => Box::new(slurm.clone()),
            None => Box::new(LocalLauncher {
                parallel: self.parallel,
                cores: threads::cores(),
            }),
        }
    }

    /// Empties the run directory where that was asked for.
    fn prepare(&self, entry: &Entry) -> Result<()> {
        if self.args.overwrite {
            RunDir::wait_until_free(&entry.run_dir)?;
            RunDir::overwrite(&entry.run_dir, &entry.config.to_toml()?)?;
        }
        Ok(())
    }

    /// Tells what was handed over, and how to go on.
    fn tell(&self, away: &Away) -> Result<()> {
        if self.output.json {
            outln!("{}", serde_json::to_string_pretty(away)?)?;
            return Ok(());
        }
        if let Some(script) = &away.script {
            outln!("{}", script.display())?;
        }
        self.say(&format!(
            "{}; the same command submits again what was lost, with --wait it waits and reports, with --collect it reports what is there",
            slurm::sentence(away)
        ));
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
