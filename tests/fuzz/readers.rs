//! How the files of each target are read.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use normprop::commands::compare::slurm::client::{account_states, job_id, states};
use normprop::commands::compare::slurm::submission::Submission;
use normprop::commands::compare::state;
use normprop::config::RunConfig;
use normprop::config::experiment::Experiment;
use normprop::config::overrides::{self, Assignment};
use normprop::data::{self, fetch::fetch};
use normprop::event::{EpochRow, LayerRow, PercentileRow, StepRow};
use normprop::record::lease::{Lease, Timing};
use normprop::record::row::Row;
use normprop::record::table::CsvTable;
use normprop::record::{self, RunRecord};
use normprop::report::bench::Bench;
use normprop::report::comparison::{Results, page};

use crate::valid;

pub fn load(name: &str, folder: &Path) -> Result<()> {
    data::load(name, folder.parent().unwrap_or(folder)).map(drop)
}

pub fn unpack(folder: &Path) -> Result<()> {
    let archive = folder.join("digits.tar");
    fetch(
        "mnist",
        &folder.join("data"),
        archive.to_str(),
        &mut |_, _| {},
    )
}

pub fn experiments(folder: &Path) -> Result<()> {
    for name in valid::EXPERIMENTS {
        Experiment::load(&folder.join(name), &[])?;
    }
    Ok(())
}

/// What `--set` is given, a line each.
pub fn set(folder: &Path) -> Result<()> {
    for name in ["run.txt", "experiment.txt"] {
        // An argument that is not UTF-8 is refused before this.
        let text = String::from_utf8_lossy(&fs::read(folder.join(name))?).into_owned();
        let assignments: Vec<Assignment> =
            text.lines().map(overrides::split).collect::<Result<_>>()?;
        match name {
            "run.txt" => RunConfig::load(None, &assignments).map(drop)?,
            _ => Experiment::parse(valid::EXPERIMENT, "e.toml", "e", &assignments).map(drop)?,
        }
    }
    Ok(())
}

pub fn checkpoints(folder: &Path) -> Result<()> {
    let _ = record::latest_snapshot(folder)?;
    record::best_checkpoint(folder)?;
    for (_, file) in record::epoch_checkpoints(folder)? {
        record::read_checkpoint(&file)?;
    }
    Ok(())
}

pub fn run_record(folder: &Path) -> Result<()> {
    record::runs_by_start(folder)?;
    let record = RunRecord::read(folder)?;
    let _ = (record.epoch(), record.epoch_s());
    Ok(())
}

/// The tables as a run that goes on takes them up.
pub fn tables(folder: &Path) -> Result<()> {
    fn scan<R: Row>(folder: &Path) -> Result<()> {
        CsvTable::<R>::in_folder(folder).scan(2).map(drop)
    }
    scan::<EpochRow>(folder)?;
    scan::<LayerRow>(folder)?;
    scan::<StepRow>(folder)?;
    scan::<PercentileRow>(folder)
}

pub fn run_state(folder: &Path) -> Result<()> {
    let config = RunConfig::load(Some(&folder.join("config.toml")), &[])?;
    state::inspect(folder, &config).map(drop)
}

pub fn report(folder: &Path) -> Result<()> {
    let (results, _) = Results::read(folder)?;
    page::page(&results, None).render();
    Ok(())
}

pub fn bench(folder: &Path) -> Result<()> {
    if let Some(bench) = Bench::read(folder)? {
        bench.table();
    }
    Ok(())
}

pub fn slurm_answers(folder: &Path) -> Result<()> {
    let said = |name: &str| {
        fs::read(folder.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    states(&said("squeue")?);
    account_states(&said("sacct")?);
    job_id(&said("sbatch")?);
    Ok(())
}

pub fn submission(folder: &Path) -> Result<()> {
    Submission::all(folder.parent().unwrap_or(folder))?;
    Submission::at(folder).task(0).map(drop)
}

/// Takes a folder, with a watch so short that a case ends.
pub fn lease(folder: &Path) -> Result<()> {
    let timing = Timing {
        beat: Duration::from_micros(300),
        expiry: Duration::from_millis(1),
        empty: Duration::from_micros(300),
    };
    Lease::take_as(folder, Some("here"), timing)
        .map(drop)
        .map_err(Into::into)
}
