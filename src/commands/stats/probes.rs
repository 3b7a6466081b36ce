//! The probes: a file each, and a line here.

mod covariance;
mod evolution;
mod gaussianity;
mod jacobian;
mod landscape;
mod stream;
mod train_eval_gap;

use std::path::Path;

use anyhow::Result;
use clap::Command;
use clap::builder::{PossibleValue, PossibleValuesParser};

use super::probe::Probe;

/// Every probe; the first is the one without `--probe`.
pub static PROBES: &[Probe] = &[
    Probe::of_network::<gaussianity::Gaussian>(),
    Probe::of_network::<covariance::Canonical>(),
    Probe::of_network::<jacobian::Jacobians>(),
    Probe::of_network::<stream::ResidualStream>(),
    evolution::PROBE,
    landscape::PROBE,
    train_eval_gap::PROBE,
];

/// Draws the pictures again whose tables a folder has; returns their names.
pub fn redraw(folder: &Path) -> Result<Vec<String>> {
    let mut drawn = Vec::new();
    for probe in PROBES {
        if probe.picture.redraw(folder)? {
            drawn.push((probe.picture.stem)());
        }
    }
    Ok(drawn)
}

/// The program's command line with the names of the probes and their help.
pub fn with_probes(program: Command) -> Command {
    let value = |probe: &Probe| PossibleValue::new(probe.name).help(probe.about);
    let values = PossibleValuesParser::new(PROBES.iter().map(value));
    program.mut_subcommand("stats", |stats| {
        stats.mut_arg("probe", |argument| argument.value_parser(values))
    })
}
