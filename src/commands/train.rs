//! `normprop train`: resolve the configuration, open the run directory, train or continue, report.

mod place;
mod start;
mod wording;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::trained::{other_images, tell_unread_images};
use crate::cli::{OutputArgs, TrainArgs};
use crate::config::RunConfig;
use crate::config::overrides::Assignment;
use crate::data::Dataset;
use crate::engine::interrupt::Interrupt;
use crate::engine::trainer::Trainer;
use crate::engine::{device, gpu, libtorch, memory, setup, threads};
use crate::error::Failure;
use crate::event::{Observer, Status};
use crate::follow::Follow;
use crate::output::arguments;
use crate::progress::TrainingDisplay;
use crate::record::meta::{self, Facts};
use crate::record::run_dir::CONFIG;
use crate::record::{Owed, Recorder, RunDir, RunSummary, Settings, read_summary};
use crate::{errln, usage};
use place::{moved, stay};
use start::started_from;
use wording::{headline, report, show_plan, start_lines, thread_line};

/// Runs the command.
pub fn run(args: &TrainArgs, output: OutputArgs) -> Result<()> {
    let (mut config, run_path) = resolve(args, output)?;
    if !args.overwrite {
        stay(&mut config, &run_path)?;
    }
    if args.dry_run {
        return show_plan(&config, &run_path, output);
    }
    let (status, summary) = train(&config, &run_path, args, output)?;
    if args.follow {
        // The process that follows reads the run directory; a report in words would only be in the way.
        return match status {
            Status::Diverged => Err(Failure::Diverged("training diverged".into()).into()),
            _ => Ok(()),
        };
    }
    match (status, summary) {
        (Status::Finished, Some(summary)) => report(&summary, output),
        (Status::Diverged, Some(summary)) => {
            // A closed stdout must not make this a success.
            let _ = report(&summary, output);
            Err(Failure::Diverged(format!(
                "training diverged at step {} (lr = {}); its record is complete in {}; a smaller --lr may train",
                summary.steps, summary.key.group.lr, summary.run_dir
            ))
            .into())
        }
        (Status::Paused, _) => {
            let (until, epochs) = (args.until_epoch.unwrap_or_default(), config.epochs);
            let goes_on = "without --until-epoch it goes on";
            output.say(&format!("paused at epoch {until} of {epochs}; {goes_on}"));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The configuration and the run directory that the arguments ask for.
fn resolve(args: &TrainArgs, output: OutputArgs) -> Result<(RunConfig, PathBuf)> {
    let assignments = args.assignments()?;
    let Some(run) = &args.resume else {
        let config = RunConfig::load(args.config.as_deref(), &assignments)?;
        let found = config.locate(&args.out.join(&config.name))?;
        if args.overwrite {
            return Ok((config, found.path));
        }
        if !found.unrecorded.is_empty() {
            let (path, lacks) = (found.path.display(), found.unrecorded.join(", "));
            let lacks = format!("{path} was made without {lacks}; --overwrite starts it over");
            output.say(&lacks);
        }
        return Ok((found.config, found.path));
    };
    let file = run.join(CONFIG);
    if !file.is_file() {
        return Err(usage!(
            "--resume {}: there is no config.toml in it",
            run.display()
        ));
    }
    let recorded = match args.overwrite {
        true => RunConfig::load(Some(&file), &[])?,
        false => RunConfig::of_run(run, &[])?,
    };
    let may_differ = |given: &Assignment| given.key == "threads" || given.key == "device";
    let longer = match assignments.iter().find(|given| given.key == "epochs") {
        Some(given) => format!(
            ". To train its weights for {} epochs more: normprop train --config {} --epochs {} --init-from {}",
            given.value,
            file.display(),
            given.value,
            run.display()
        ),
        None => String::new(),
    };
    let asks_for_more = !assignments.iter().all(may_differ);
    match RunConfig::load(Some(&file), &assignments) {
        Err(error) if !asks_for_more => Err(error),
        Ok(config) if config.flat()? == recorded.flat()? => {
            Ok((config.recorded_in(run).unwrap_or(config), run.clone()))
        }
        // Of another method the recorded options may be unknown, which would say nothing of the mistake.
        _ => Err(usage!(
            "--resume {} takes the run's own configuration; only --threads and --device may differ. Other settings are another run: normprop train --config {} with these flags{longer}",
            run.display(),
            file.display()
        )),
    }
}

/// Trains the run in `path` to its end, or returns at once what is recorded of a run that is over.
fn train(
    config: &RunConfig,
    path: &Path,
    args: &TrainArgs,
    output: OutputArgs,
) -> Result<(Status, Option<RunSummary>)> {
    if args.resume.is_some() {
        RunDir::wait_until_free(path)?;
    }
    if !args.overwrite
        && let Some(summary) = finished(config, path)?
    {
        let path = path.display();
        let over = format!(
            "{path} is finished already; --overwrite starts it over, and --init-from {path} with other settings starts another run from its weights"
        );
        output.say(&over);
        return Ok((summary.status, Some(summary)));
    }
    // The process that follows hands signals on, which a terminal or a scheduler may have sent here too.
    let interrupt = match args.follow {
        true => Interrupt::listen_patiently()?,
        false => Interrupt::listen()?,
    };
    memory::keep_freed();
    // Before the run directory is made or emptied: what cannot start should leave no trace.
    let dataset = setup::load_dataset(config, &setup::data_dir())?;
    let threads = set_threads(config, &dataset, path, args.overwrite)?;
    let mut trainer = Trainer::new(config.clone(), &dataset)?;
    let started_from = started_from(config, &trainer, path, args.overwrite)?;
    let run_dir = open(config, path, args.overwrite)?;
    check_dataset(&dataset, path)?;
    let facts = Facts {
        started_from,
        ..facts(config, &dataset, threads)?
    };
    if let Some(moved) = moved(path, &facts)? {
        errln!("normprop: {moved}");
    }
    let owed = setup::owed(config)?;
    continue_from_checkpoint(&mut trainer, &run_dir, &owed)?;
    trainer.pause_at(args.until_epoch);
    output.say(&headline(config, &dataset, &trainer, threads, path));
    if let Some(started_from) = &facts.started_from {
        output.say(&start_lines(started_from, config));
    }
    if let Some(note) = dataset.verdict.note() {
        output.say(&format!("note: {} is {note}", dataset.name));
    }
    if output.verbose {
        errln!("{}", thread_line(config, threads));
    }
    let settings = Settings {
        owed,
        keep_epochs: config.keep_epochs.clone(),
        tensorboard: config.tensorboard,
        identity: config.identity(trainer.network.parameters.trainable_count()),
        facts,
    };
    let mut recorder = Recorder::new(run_dir, settings);
    let mut progress = TrainingDisplay::new(output.quiet, output.verbose);
    let mut follow = Follow::new(args.follow);
    let observers: &mut [&mut dyn Observer] = &mut [&mut recorder, &mut progress, &mut follow];
    let status = trainer.run(observers, &interrupt)?;
    match interrupt.signal() {
        Some(signal) if status == Status::Interrupted => {
            Err(Failure::Interrupted { signal }.into())
        }
        _ => Ok((status, recorder.summary().cloned())),
    }
}

/// What is recorded of the run in `path`, if it is over. Refuses to continue, or report, a run whose configuration was
/// changed or that was trained on other images than are here; that there are none is said.
fn finished(config: &RunConfig, path: &Path) -> Result<Option<RunSummary>> {
    if path.join(CONFIG).exists() {
        RunConfig::of_run(path, &[])?;
    }
    // Refuses what a newer program made, before anything of it is read or written.
    meta::read(path)?;
    let summary = read_summary(path);
    if summary.is_some() {
        // Compares the configurations.
        RunDir::make(path, &config.to_toml()?)?;
        match setup::load_dataset(config, &setup::data_dir()) {
            Ok(dataset) => check_dataset(&dataset, path)?,
            Err(error) => tell_unread_images("the finished run is", &error),
        }
    }
    Ok(summary)
}

/// The threads asked for; else those that the run was started with, since other sums round differently; else a choice
/// by measurement.
fn set_threads(
    config: &RunConfig,
    dataset: &Dataset,
    path: &Path,
    overwrite: bool,
) -> Result<usize> {
    let recorded = match overwrite {
        true => None,
        false => meta::read(path)?.and_then(|meta| usize::try_from(meta.facts.threads).ok()),
    };
    match (config.threads, recorded) {
        (0, Some(recorded)) => Ok(device::use_threads(recorded)),
        (0, None) => threads::choose(config, dataset),
        (asked, _) => Ok(device::use_threads(asked)),
    }
}

fn open(config: &RunConfig, path: &Path, overwrite: bool) -> Result<RunDir> {
    let text = config.to_toml()?;
    if !overwrite {
        return RunDir::open_or_create(path, &text);
    }
    let (run_dir, foreign) = RunDir::overwrite(path, &text)?;
    for name in foreign {
        errln!(
            "normprop: {} is not a file of a run and was left there",
            path.join(name).display()
        );
    }
    Ok(run_dir)
}

/// Refuses to go on with other images than those the run was started with.
fn check_dataset(dataset: &Dataset, path: &Path) -> Result<()> {
    if let Some(other) = other_images(dataset, path)? {
        bail!("{other}: put those images back, or start over with --overwrite");
    }
    Ok(())
}

/// Continues from the newest intact checkpoint that fits the network.
fn continue_from_checkpoint(trainer: &mut Trainer, run_dir: &RunDir, owed: &Owed) -> Result<()> {
    let found = run_dir.latest_snapshot_that(owed, &mut |snapshot| trainer.resume(snapshot))?;
    for warning in &found.warnings {
        errln!("normprop: {warning}");
    }
    Ok(())
}

/// What is recorded of the run besides its results.
fn facts(config: &RunConfig, dataset: &Dataset, threads: usize) -> Result<Facts> {
    Ok(Facts {
        tch: libtorch::TCH_VERSION.into(),
        libtorch: libtorch::version().into(),
        threads: threads as u64,
        device: config.device_name().to_owned(),
        gpu: gpu::gpu(device::find(&config.device)?),
        command_line: arguments(),
        dataset_sha256: Some(dataset.sha256.clone()),
        dataset_note: dataset.verdict.note().map(str::to_owned),
        settings: Some(config.settings()?),
        started_from: None,
    })
}
