//! `normprop stats`: what goes on inside a network, as figures, tests and pictures.

mod columns;
mod labels;
mod network_probe;
mod output;
mod over_checkpoints;
mod probe;
mod probes;
mod retrain;
mod subject;
mod trends;
mod variants;

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::{OutputArgs, StatsArgs};
use crate::engine::device;
use crate::usage;
pub(crate) use columns::{Columns, ProbeTable, TableField, TableRow};
pub(crate) use network_probe::NetworkProbe;
pub(crate) use output::Output;
pub(crate) use probe::{Probe, TablePicture};
use probes::PROBES;
pub use probes::{redraw, with_probes};
pub(crate) use subject::Subject;
use subject::named_runs;
pub(crate) use trends::{Gathered, Trends, layer_panel};

/// Folder of the results, inside the run directory or, without one, where the program was started.
const FOLDER: &str = "stats";

/// Runs the probes that were asked for.
pub fn run(args: &StatsArgs, switches: OutputArgs) -> Result<()> {
    let probes = probes(args);
    check(args, &probes)?;
    let at_network =
        args.checkpoint != "all" && probes.iter().any(|probe| probe.at_network.is_some());
    let first = args.runs.first().map(PathBuf::as_path);
    let subject = at_network.then(|| Subject::find(first, args)).transpose()?;
    let runs = named_runs(args)?;
    let place = match &subject {
        Some(subject) => subject.folder.as_ref(),
        None => runs.first(),
    };
    let own = place.map_or_else(|| PathBuf::from(FOLDER), |run| run.join(FOLDER));
    let mut output = Output::new(args.out.clone().unwrap_or(own), switches);
    if let Some(subject) = &subject {
        device::set_threads(&subject.config);
        output.say(&subject.headline);
    }
    for probe in probes {
        match (probe.at_network, &subject) {
            (Some(look), Some(subject)) => look(subject, args, &mut output)?,
            _ => (probe.at_runs)(&runs, args, &mut output)?,
        }
    }
    output.finish()
}

/// The probes that are named, in the order of the registry; the first one where none is.
fn probes(args: &StatsArgs) -> Vec<&'static Probe> {
    let mut named = args.probe_names();
    if named.is_empty() {
        named.extend(PROBES.first().map(|probe| probe.name));
    }
    let is_named = |probe: &&Probe| named.contains(&probe.name);
    PROBES.iter().filter(is_named).collect()
}

fn check(args: &StatsArgs, probes: &[&Probe]) -> Result<()> {
    let of_runs = probes.iter().find(|probe| probe.at_network.is_none());
    let all = args.checkpoint == "all";
    if let Some(probe) = of_runs.filter(|_| all) {
        return Err(usage!(
            "--checkpoint all: the probe {} follows training by itself; leave the flag out",
            probe.name
        ));
    }
    let of_network = probes.iter().find(|probe| probe.at_network.is_some());
    if let Some(probe) = of_network.filter(|_| args.runs.len() > 1 && !all) {
        return Err(usage!(
            "{} runs were given; the probe {} looks at one, or with --checkpoint all at the checkpoints of several",
            args.runs.len(),
            probe.name
        ));
    }
    Ok(())
}
