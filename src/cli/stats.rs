//! What `normprop stats` takes.

use std::path::PathBuf;

use clap::{Args, ValueHint, value_parser};

use super::paths;
use super::place::PlaceArgs;

/// Heading of the options that some probes take.
const OF_PROBES: &str = "Options of single probes";

/// `normprop stats`.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Run directory or checkpoint file [default: the latest run under runs/, else the default network at
    /// initialization]; several for the probes of whole runs and for --checkpoint all
    #[arg(value_name = "RUN", value_hint = ValueHint::AnyPath, value_parser = paths::to_read())]
    pub runs: Vec<PathBuf>,
    /// What to look at; several are separated by commas [default: gaussianity]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub probe: Vec<String>,
    /// Layer, by number from 1 or by name, or all
    #[arg(long, value_name = "N", default_value = "all")]
    pub layer: String,
    /// Values read of each layer, about
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = value_parser!(u64).range(1..=10_000_000))]
    pub samples: u64,
    /// Bins of the histogram [default: by the rule of Freedman and Diaconis, at most 80]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=10_000))]
    pub bins: Option<u64>,
    /// Which images: test or train
    #[arg(long, default_value = "test", value_parser = ["test", "train"])]
    pub split: String,
    /// Which checkpoint of a run: last, best, or all that were kept, one after the other (see keep_epochs)
    #[arg(long, default_value = "last", value_parser = ["last", "best", "all"])]
    pub checkpoint: String,
    /// Look at a network of this configuration at initialization instead of at a run
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "runs")]
    pub set: Vec<String>,
    /// Where it is computed.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Folder for the results [default: stats/ in the run directory, or here]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = paths::to_write())]
    pub out: Option<PathBuf>,
    /// Images for the probes jacobian and stream
    #[arg(long, value_name = "N", default_value_t = 32, help_heading = OF_PROBES, value_parser = value_parser!(u64).range(1..=1_000_000_000))]
    pub images: u64,
    /// Steps to train for the probes landscape and train-eval-gap
    #[arg(long, value_name = "N", default_value_t = 200, help_heading = OF_PROBES, value_parser = value_parser!(u64).range(1..=1_000_000_000))]
    pub steps: u64,
    /// Look every so many steps for the probes landscape and train-eval-gap
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = OF_PROBES, value_parser = value_parser!(u64).range(1..=1_000_000_000))]
    pub every: u64,
    /// Step lengths for the probe landscape, as multiples of the learning rate
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = positive)]
    #[arg(help_heading = OF_PROBES, default_value = "0.5,1,1.5,2,2.5,3,3.5,4")]
    pub multiples: Vec<f64>,
    /// The flags of version 0.2 in place of `--probe`
    #[command(flatten)]
    pub earlier: EarlierProbeFlags,
}

/// `--evolution` and so on, which `--probe` has taken the place of.
#[derive(Debug, Args)]
pub struct EarlierProbeFlags {
    /// --probe evolution
    #[arg(long, hide = true)]
    pub evolution: bool,
    /// --probe covariance
    #[arg(long, hide = true)]
    pub covariance: bool,
    /// --probe jacobian
    #[arg(long, hide = true)]
    pub jacobian: bool,
    /// --probe landscape
    #[arg(long, hide = true)]
    pub landscape: bool,
    /// --probe train-eval-gap
    #[arg(long, hide = true)]
    pub modes: bool,
}

fn positive(text: &str) -> Result<f64, &'static str> {
    let number = text.parse().unwrap_or(f64::NAN);
    (number > 0.0 && number <= 1e6)
        .then_some(number)
        .ok_or("expected a positive number of at most 1e6")
}

impl StatsArgs {
    /// The probes that are named, by `--probe` or by an earlier flag.
    pub fn probe_names(&self) -> Vec<&str> {
        let earlier = [
            ("evolution", self.earlier.evolution),
            ("covariance", self.earlier.covariance),
            ("jacobian", self.earlier.jacobian),
            ("landscape", self.earlier.landscape),
            ("train-eval-gap", self.earlier.modes),
        ];
        let earlier = earlier.into_iter().filter(|(_, given)| *given);
        let named = self.probe.iter().map(String::as_str);
        named.chain(earlier.map(|(name, _)| name)).collect()
    }
}
