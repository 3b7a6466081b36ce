//! `normprop compare`: from an experiment file to runs, tables, pictures and a report.

pub mod choose;
pub mod collect;
mod display;
mod estimate;
mod execute;
mod gpus;
pub mod launch;
mod live;
mod local;
mod missing;
mod networks;
pub mod plan;
mod same_data;
pub mod search;
pub mod slurm;
mod smaller;
pub mod state;
pub mod task;

use std::cell::RefCell;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::cli::{CompareArgs, OutputArgs};
use crate::config::experiment::Experiment;
use crate::config::overrides;
use crate::engine::interrupt::Interrupt;
use crate::output::{print_json, print_tables, wrapped};
use crate::record::files;
use crate::record::row::to_json;
use crate::report::bench::Bench;
use crate::report::comparison::caveats::of_devices;
use crate::report::comparison::conclusion::{RULES, conclusions};
use crate::report::comparison::{Manifest, Results, page, pivot, tables};
use crate::text::Terminal;
use crate::text::numbers::counted;
use crate::{errln, out, outln};
use execute::Session;
use launch::{Job, Submitted};
use live::LiveSubject;
use plan::PlanEntry;
use slurm::SlurmLauncher;

/// Runs the command.
pub fn run(args: &CompareArgs, output: OutputArgs) -> Result<()> {
    let assignments = args.set.iter().map(|set| overrides::split(set));
    let assignments = assignments.collect::<Result<Vec<_>>>()?;
    let mut experiment = Experiment::load(&args.file, &assignments)?;
    let folder = args.out.join(&experiment.name);
    // Refuses results of a newer version, or damaged ones, before anything is run.
    let earlier = Manifest::read(&folder)?;
    Bench::read(&folder)?;
    let slurm = SlurmLauncher::asked_for(args, &folder, &experiment, output)?;
    let session = Session {
        args,
        output,
        parallel: match &slurm {
            // On another machine, the runs of a task share its cores.
            Some(slurm) => slurm.runs_at_once(),
            None => args.jobs.map_or(experiment.jobs, usize::from),
        },
        slurm,
        interrupt: Interrupt::listen()?,
        epochs_s: RefCell::default(),
    };
    if !args.collect {
        networks::check(&experiment)?;
    }
    if args.dry_run {
        return session.show(&experiment);
    }
    match session.run(&mut experiment, earlier.as_ref(), &folder) {
        Err(error) => match error.downcast_ref::<Submitted>() {
            Some(submitted) => session.tell(submitted),
            None => Err(error),
        },
        done => done,
    }
}

/// Says that results of other runs are going to be replaced, while there is still time to choose another folder.
fn warn_of_other_results(earlier: Option<&Manifest>, entries: &[PlanEntry], folder: &Path) {
    let names: Vec<String> = entries.iter().map(PlanEntry::directory_name).collect();
    if let Some(earlier) = earlier.filter(|earlier| earlier.has_none_of(&names)) {
        let title = match earlier.title.as_str() {
            "" => String::new(),
            title => format!(" (\"{title}\")"),
        };
        errln!(
            "normprop: {} holds the results of {} other runs{title}, none of which is asked for now; they are replaced (another --out keeps them)",
            folder.display(),
            earlier.runs.len()
        );
    }
}

fn write(results: &Results, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // So that the files are of one process. Where folders cannot be locked, each file still is.
    let lock = std::fs::File::open(folder);
    if lock.as_ref().is_ok_and(|folder| folder.lock().is_ok()) {
        files::remove_leftovers(folder)?;
    }
    results.write(folder)?;
    page::save(results, folder)
}

impl Session<'_> {
    /// Brings the sweep and the runs to their end, and reports.
    fn run(
        &self,
        experiment: &mut Experiment,
        earlier: Option<&Manifest>,
        folder: &Path,
    ) -> Result<()> {
        let search = self.search(experiment)?;
        if experiment.smaller.is_some() && !self.args.collect {
            let (all, _) = self.whole_plan(experiment, search.clone())?;
            self.tell_smaller(experiment, &all);
        }
        let accept = self.args.accept_other_data;
        let of_sweep = same_data::check(&search.entries, accept)?;
        experiment.notes.extend(of_sweep);
        if experiment.is_only_a_sweep() {
            warn_of_other_results(earlier, &search.entries, folder);
        }
        let mut subject = LiveSubject {
            experiment: experiment.clone(),
            sweep: Vec::new(),
            folder: folder.to_owned(),
        };
        let choice = self.sweep(search, &subject)?;
        if experiment.is_only_a_sweep() {
            let results = collect::collect(experiment, choice.tried, choice.rows)?;
            return self.report(&results, folder);
        }
        let runs = experiment.expand(&|label, batch_size| choice.keys(label, batch_size))?;
        let mut entries = plan::look_up(runs, &self.args.runs, self.args.overwrite, false)?;
        let of_runs = same_data::check(&entries, accept)?;
        experiment.notes.extend(of_runs);
        warn_of_other_results(earlier, &entries, folder);
        subject.sweep.clone_from(&choice.rows);
        let failed = self.execute(&mut entries, "", &subject)?;
        let asked = entries.len();

        let mut results = collect::collect(experiment, entries, choice.rows)?;
        results.bench = Bench::read(folder)?;
        if results.runs.curves.is_empty() {
            bail!(
                "no run is over, so there is nothing to compare:\n{}",
                failed.join("\n")
            );
        }
        self.report(&results, folder)?;
        match failed.len() {
            0 => Ok(()),
            // They are not failures, and were listed.
            _ if self.args.collect => Ok(()),
            count => bail!(
                "{count} of {asked} runs failed; the same command tries them again:\n{}",
                failed.join("\n")
            ),
        }
    }

    /// `--dry-run`: the plan on stdout.
    fn show(&self, experiment: &Experiment) -> Result<()> {
        let search = self.search(experiment)?;
        let (all, sweep_runs) = self.whole_plan(experiment, search)?;
        let tested = self.test(&all)?;
        if self.output.json {
            let mut document = plan::document(&all, self.parallel)?;
            if let Some((tasks, said)) = tested {
                document["slurm"] = json!({ "tasks": tasks, "test": said });
            }
            return print_json(&document);
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
        self.tell_smaller(experiment, &all);
        if let Some((tasks, said)) = tested {
            outln!("{} of one job array; {said}", counted(tasks as u64, "task"))?;
        }
        Ok(())
    }

    /// What Slurm would say to the runs that are still to do.
    fn test(&self, entries: &[PlanEntry]) -> Result<Option<(usize, String)>> {
        let left = entries.iter().filter(|entry| entry.is_left());
        let jobs: Vec<Job> = left.map(PlanEntry::job).collect::<Result<_>>()?;
        match &self.slurm {
            Some(slurm) if !jobs.is_empty() => slurm.test(&jobs).map(Some),
            _ => Ok(None),
        }
    }

    /// Tells what was handed over, and how to go on.
    fn tell(&self, submitted: &Submitted) -> Result<()> {
        if self.output.json {
            return print_json(submitted);
        }
        if let Some(script) = &submitted.script {
            outln!("{}", script.display())?;
        }
        self.output.say(&format!(
            "{}; the same command submits again what was lost, with --wait it waits and reports, with --collect it reports what is there",
            slurm::sentence(submitted)
        ));
        Ok(())
    }

    /// Writes the results and shows them, the latter even where they cannot be written.
    fn report(&self, results: &Results, folder: &Path) -> Result<()> {
        let written = write(results, folder);
        if self.output.json {
            print_json(&document(results)?)?;
        } else {
            print_results(results, self.output)?;
            if written.is_ok() {
                outln!("{}", folder.join(page::PAGE).display())?;
            }
        }
        written
    }
}

/// What came out, on stdout: methods by batch sizes and conclusions; before these, when verbose, every row.
pub fn print_results(results: &Results, output: OutputArgs) -> Result<()> {
    if output.verbose {
        print_tables([
            tables::sweep(results),
            tables::summary(results),
            tables::to_target(results),
            tables::paired(results),
        ])?;
    }
    print_tables(match results.summary.is_empty() {
        true => [pivot::chosen(results)],
        false => [pivot::errors(results)],
    })?;
    let conclusions = conclusions(results);
    for sentence in &conclusions {
        out!("{}", wrapped(&format!("- {sentence}\n")))?;
    }
    if let Some(mixed) = results.manifest.as_ref().and_then(of_devices) {
        out!("{}", wrapped(&format!("{mixed}\n")))?;
    }
    if output.verbose && !conclusions.is_empty() {
        out!("{}", wrapped(&format!("{RULES}\n")))?;
    }
    Ok(())
}

/// What came out, for `--json`.
pub fn document(results: &Results) -> Result<Value> {
    Ok(json!({
        "experiment": results.name,
        "rows": to_json(&results.summary)?,
        "conclusions": conclusions(results),
        "different_devices": results.manifest.as_ref().and_then(of_devices),
    }))
}

#[cfg(test)]
mod tests;
