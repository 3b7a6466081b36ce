//! What `normprop train` takes.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueHint};
use serde::Serialize;
use toml::Table;

use super::paths;
use crate::config::overrides::{Assignment, split};
use crate::usage;

/// `normprop train`.
#[derive(Debug, Default, Args)]
pub struct TrainArgs {
    /// Keys of the configuration that have a flag of their own.
    #[command(flatten)]
    pub keys: KeyFlags,
    /// Configuration file in TOML; flags override it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::to_read())]
    pub config: Option<PathBuf>,
    /// Override any configuration key, such as train_subset=1000 or method.center_rows=true
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Folder that run directories are made in
    #[arg(long, value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath, value_parser = paths::to_write())]
    pub out: PathBuf,
    /// Continue the run in this directory (its own configuration is used)
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath, value_parser = paths::to_read(), conflicts_with = "config")]
    pub resume: Option<PathBuf>,
    /// Start over where the run exists already
    #[arg(long)]
    pub overwrite: bool,
    /// Show the resolved configuration and the network, and train nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write progress to stdout, a JSON object a line: how normprop compare follows its runs
    #[arg(long, hide = true)]
    pub follow: bool,
    /// Stop after this epoch and leave the run unfinished: how normprop compare judges settings early
    #[arg(long, hide = true, value_name = "EPOCH")]
    pub until_epoch: Option<u64>,
}

/// Keys of the configuration that have a flag of their own, by the names of the keys; `norm` is `method.name`.
#[derive(Debug, Default, Args, Serialize)]
pub struct KeyFlags {
    /// Normalization method, see `normprop methods`
    #[arg(long, value_name = "METHOD")]
    pub norm: Option<String>,
    /// Dataset, see `normprop data list`; folder:PATH or npz:PATH for data of your own
    #[arg(long)]
    pub dataset: Option<String>,
    /// Network: nin, mlp, lstm, resnet or wide-resnet
    #[arg(long)]
    pub model: Option<String>,
    /// Multiplies the NIN's channels
    #[arg(long)]
    pub width: Option<String>,
    /// Activation, such as relu, leaky:0.1, elu, selu, gelu, silu, tanh
    #[arg(long)]
    pub activation: Option<String>,
    /// Images per step
    #[arg(long)]
    pub batch_size: Option<String>,
    /// Passes over the training images
    #[arg(long)]
    pub epochs: Option<String>,
    /// Learning rate [default: the method's at this batch size]
    #[arg(long)]
    pub lr: Option<String>,
    /// What moves the parameters: sgd, adam, adamw or rmsprop
    #[arg(long)]
    pub optimizer: Option<String>,
    /// Momentum of sgd and rmsprop
    #[arg(long)]
    pub momentum: Option<String>,
    /// Weight decay of the weights
    #[arg(long)]
    pub weight_decay: Option<String>,
    /// Learning-rate schedule: cosine, constant or step
    #[arg(long)]
    pub schedule: Option<String>,
    /// Augmentation: none, flip or crop-flip
    #[arg(long)]
    pub augment: Option<String>,
    /// Data normalization: global, global-pixel, batch or none
    #[arg(long)]
    pub data_norm: Option<String>,
    /// Seed of every random stream
    #[arg(long)]
    pub seed: Option<String>,
    /// CPU threads [default: one or all cores, by timing a few steps]
    #[arg(long)]
    pub threads: Option<String>,
    /// Start from the weights of this run, or of this checkpoint file: a new run with a schedule of its own
    #[arg(long, value_name = "RUN|FILE", value_hint = ValueHint::AnyPath)]
    pub init_from: Option<String>,
    /// cpu, cuda or cuda:N
    #[arg(long)]
    pub device: Option<String>,
    /// f32, bf16 (parameters stay f32) or f64
    #[arg(long)]
    pub precision: Option<String>,
}

impl TrainArgs {
    /// The flags as configuration assignments, in front of those of `--set`.
    pub fn assignments(&self) -> Result<Vec<Assignment>> {
        let mut assignments = Vec::new();
        for (name, value) in Table::try_from(&self.keys)? {
            let flag = format!("--{}", name.replace('_', "-"));
            let key = match name.as_str() {
                "norm" => "method.name",
                key => key,
            };
            let value = value.as_str().unwrap_or_default();
            assignments.push(Assignment::flag(&flag, key, value));
        }
        if self.keys.init_from.is_some() {
            // The checksum in a configuration file is of the file that it names.
            assignments.push(Assignment::flag("--init-from", "init_from_sha256", ""));
        }
        let flags = assignments.len();
        for text in &self.set {
            let set = split(text)?;
            if let Some(flag) = assignments[..flags].iter().find(|flag| flag.key == set.key) {
                let origin = &flag.origin;
                return Err(usage!(
                    "{origin} and --set {text} give the same key: leave one of them out"
                ));
            }
            assignments.push(set);
        }
        // In a file, 0 stands for the method's own rate; who writes it here means something else.
        let zero = |given: &&Assignment| given.key == "lr" && given.value.parse() == Ok(0.0);
        match assignments.iter().find(zero) {
            Some(lr) => Err(usage!(
                "{}: lr = 0 trains nothing; for the method's own rate leave it out",
                lr.origin
            )),
            None => Ok(assignments),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn assignments(arguments: &[&str]) -> Result<Vec<Assignment>> {
        let cli = Cli::parse_from([&["normprop", "train"], arguments].concat());
        let Command::Train(args) = cli.command else {
            panic!("expected train")
        };
        args.assignments()
    }

    #[test]
    fn flags_become_assignments_and_set_comes_last() {
        let given = [
            "--norm",
            "bn",
            "--set",
            "momentum=0.5",
            "--lr",
            "0.1",
            "--seed",
            "-1",
        ];
        let expected = [
            Assignment::flag("--norm", "method.name", "bn"),
            Assignment::flag("--lr", "lr", "0.1"),
            Assignment::flag("--seed", "seed", "-1"),
            Assignment::set("momentum", "0.5"),
        ];
        assert_eq!(assignments(&given).unwrap(), expected);
    }

    #[test]
    fn a_key_given_twice_and_a_rate_of_zero_are_refused() {
        let refusal = |given: &[&str]| assignments(given).unwrap_err().to_string();
        let twice = refusal(&["--set", "lr=0.2", "--lr", "0.1"]);
        assert!(
            twice.contains("--lr and --set lr=0.2 give the same key"),
            "{twice}"
        );
        for given in [["--lr", "0"], ["--lr", "0.0"], ["--set", "lr=0"]] {
            assert!(
                refusal(&given).contains("lr = 0 trains nothing"),
                "{given:?}"
            );
        }
        assert!(assignments(&["--set", "epochs=1", "--set", "epochs=2"]).is_ok());
    }
}
