//! The command line, declared: help, completions and man pages are generated from this.

mod compare;
mod paths;
mod place;
mod stats;
mod train;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::errln;

pub use compare::{CompareArgs, LaunchArgs, LaunchPlace, TaskArgs};
pub use place::PlaceArgs;
pub use stats::StatsArgs;
pub use train::TrainArgs;

/// Heading of the switches that every command takes: among a command's own they would stand in no order.
const OUTPUT: &str = "Output";

/// Compares normalization methods for neural networks.
#[derive(Debug, Parser)]
#[command(name = "normprop", version, about)]
#[command(propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Switches that every command takes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Switches that every command takes.
#[derive(Debug, Clone, Copy, Args)]
pub struct OutputArgs {
    /// Print one JSON document on stdout; everything else goes to stderr
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub json: bool,
    /// Print results and errors only
    #[arg(short, long, global = true, help_heading = OUTPUT, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more: versions, folders, threads, saved checkpoints, and every row of a comparison
    #[arg(short, long, global = true, help_heading = OUTPUT)]
    pub verbose: bool,
}

impl OutputArgs {
    /// Says something on stderr, unless it is to be quiet.
    pub fn say(self, line: &str) {
        if !self.quiet {
            errln!("{line}");
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train one network with one method
    // A flag given twice counts as given last, so that scripts can append to a command.
    #[command(args_override_self = true, allow_negative_numbers = true)]
    #[command(
        after_help = "Example: a NIN with NormProp, one image a step, on the embedded data:\n  normprop train --norm normprop --batch-size 1"
    )]
    Train(Box<TrainArgs>),
    /// Measure a trained network: test error with its interval, per-class table, confusion matrix
    #[command(
        after_help = "Example: the latest run:\n  normprop eval\nExample: what it says of pictures of one's own:\n  normprop eval --images shoe.png shirt.jpg"
    )]
    Eval(EvalArgs),
    /// Write a trained network for other programs: ONNX, PyTorch, NumPy
    #[command(
        after_help = "Example: the best checkpoint of the latest run, for ONNX Runtime:\n  normprop export --checkpoint best --to onnx --out network.onnx"
    )]
    Export(ExportArgs),
    /// Look inside a network: is the pre-activation Gaussian?
    #[command(
        after_help = "Example: histogram, moments and tests of the third layer of the latest run:\n  normprop stats --layer 3"
    )]
    Stats(Box<StatsArgs>),
    /// Run an experiment: methods against each other, with intervals, pictures and a report
    #[command(
        after_help = "Example: NormProp against batch normalization on the embedded data:\n  normprop compare experiments/quick.toml"
    )]
    Compare(CompareArgs),
    /// Finish the runs of one task of a job array: the job scripts of normprop compare call this
    #[command(
        hide = true,
        after_help = "Example, in a job script:\n  normprop compare-task results/quick/slurm/1 $SLURM_ARRAY_TASK_ID"
    )]
    CompareTask(TaskArgs),
    /// Draw the report of a comparison again from its CSV files, or show several side by side
    #[command(after_help = "Example:\n  normprop report results/quick")]
    Report(ReportArgs),
    /// Measure training steps, methods in turn: times, ratios with intervals, phases, memory
    #[command(
        after_help = "Example: no normalization, batch normalization and NormProp at batch sizes 1 and 64:\n  normprop bench"
    )]
    Bench(Box<BenchArgs>),
    /// List the normalization methods, or describe one
    #[command(after_help = "Example:\n  normprop methods normprop")]
    Methods(MethodsArgs),
    /// List the keys of experiment files and configurations, with values, defaults and meaning
    #[command(after_help = "Example: what can be said of learning rates:\n  normprop keys lr")]
    Keys(KeysArgs),
    /// List, fetch or verify datasets
    #[command(
        subcommand,
        after_help = "Example: CIFAR-10 from a copy that you already have:\n  normprop data fetch cifar10 --from ~/Downloads/cifar-10-binary.tar.gz"
    )]
    Data(DataCommand),
    /// Show versions, device, threads and the place of libtorch, and name what is wrong
    #[command(after_help = "Example:\n  normprop doctor")]
    Doctor,
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  normprop completions bash > ~/.local/share/bash-completion/completions/normprop"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  normprop man | man -l -")]
    Man,
}

/// `normprop bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Methods, or all
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    #[arg(default_value = "none,bn,normprop")]
    pub norm: Vec<String>,
    /// Images per step
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    #[arg(default_value = "1,64")]
    pub batch_sizes: Vec<usize>,
    /// Multiplies the NIN's channels [default: 0.25]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub widths: Vec<f64>,
    /// Network: nin, mlp, lstm, resnet or wide-resnet
    #[arg(long, default_value = "nin")]
    pub model: String,
    /// Dataset, see `normprop data list`
    #[arg(long, default_value = "fashion-mnist-mini")]
    pub dataset: String,
    /// Number formats
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    #[arg(default_value = "f32")]
    pub precision: Vec<String>,
    /// CPU threads [default: chosen by batch size]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Rounds to measure; each is a step of every method [default: at least 20 and for 10 s, at most 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub steps: Option<u64>,
    /// Rounds before these [default: for 1 s]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    pub warmup: Option<u64>,
    /// Measure evaluation too
    #[arg(long)]
    pub eval: bool,
    /// Override any other configuration key; method.OPTION goes to the methods that have that option
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Folder for bench.csv, machine.json and the picture; normprop report shows them if it holds a comparison
    #[arg(long, value_name = "DIR", default_value = "results/bench", value_hint = ValueHint::DirPath, value_parser = paths::to_write())]
    pub out: PathBuf,
    /// Read a configuration from stdin and print the memory that its steps need: bench calls itself this way
    #[arg(long, hide = true)]
    pub peak_memory: bool,
}

/// `normprop report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folders of results, as normprop compare makes them; in one of normprop stats or bench, the pictures are drawn again
    #[arg(required = true, value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = paths::to_read())]
    pub folders: Vec<PathBuf>,
    /// File to write [default: DIR/report.html, or for several side-by-side.html beside the first]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::to_write())]
    pub out: Option<PathBuf>,
}

/// `normprop eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Run directory or checkpoint file [default: the latest run under runs/]
    #[arg(value_hint = ValueHint::AnyPath, value_parser = paths::to_read())]
    pub run: Option<PathBuf>,
    /// Which checkpoint of a run: last or best
    #[arg(long, default_value = "last", value_parser = ["last", "best"])]
    pub checkpoint: String,
    /// Which images: test or train
    #[arg(long, default_value = "test", value_parser = ["test", "train"], conflicts_with = "images")]
    pub split: String,
    /// Your own pictures instead, as PNG or JPEG files or folders of them: the network's answer for each
    #[arg(long, value_name = "FILE|FOLDER", num_args = 1.., value_hint = ValueHint::AnyPath, value_parser = paths::to_read())]
    pub images: Vec<PathBuf>,
    /// Where it is computed.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Folder for the tables and pictures [default: eval-SPLIT/ in the run directory]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = paths::to_write(), conflicts_with = "images")]
    pub out: Option<PathBuf>,
}

/// `normprop export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Run directory or checkpoint file [default: the latest run under runs/]
    #[arg(value_hint = ValueHint::AnyPath, value_parser = paths::to_read())]
    pub run: Option<PathBuf>,
    /// Which checkpoint of a run: last or best
    #[arg(long, default_value = "last", value_parser = ["last", "best"])]
    pub checkpoint: String,
    /// onnx: a file for ONNX Runtime and others; torch: a Python file and its weights; numpy: arrays with names
    #[arg(long, value_name = "FORMAT", value_parser = ["onnx", "torch", "numpy"])]
    pub to: String,
    /// File to write [default: export/network.onnx, .py or .npz in the run directory]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = paths::to_write())]
    pub out: Option<PathBuf>,
    /// Images at a time that an ONNX file is for [default: any number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub batch_size: Option<u32>,
}

/// `normprop methods`.
#[derive(Debug, Args)]
pub struct MethodsArgs {
    /// Describe this method
    pub name: Option<String>,
    /// Print the table and every method in Markdown, as docs/methods.md has them
    #[arg(long, conflicts_with = "name")]
    pub markdown: bool,
}

/// `normprop keys`.
#[derive(Debug, Args)]
pub struct KeysArgs {
    /// Show only keys whose names contain this
    pub pattern: Option<String>,
    /// Print them as a page in Markdown
    #[arg(long, conflicts_with = "pattern")]
    pub markdown: bool,
    /// Print the JSON Schema of experiment files, for editors
    #[arg(long, conflicts_with_all = ["pattern", "markdown"])]
    pub schema: bool,
}

/// `normprop data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// List the datasets and which of them are on this machine
    #[command(after_help = "Example:\n  normprop data list --json")]
    List,
    /// Download a dataset into data/
    #[command(
        after_help = "Example: CIFAR-10 from a copy that you already have:\n  normprop data fetch cifar10 --from ~/Downloads/cifar-10-binary.tar.gz"
    )]
    Fetch {
        /// Dataset name
        name: String,
        /// Take it from this file, folder or address instead of the official address
        #[arg(long, value_name = "FILE-or-URL")]
        from: Option<String>,
    },
    /// Check a dataset: counts, labels, checksums
    #[command(
        after_help = "Examples:\n  normprop data verify cifar10\n  normprop data verify folder:pictures@32"
    )]
    Verify {
        /// Dataset name, or folder:PATH or npz:PATH for data of your own
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            let shown = command.get_after_help().map(ToString::to_string);
            assert!(
                shown.is_some_and(|text| text.starts_with("Example")),
                "{}",
                command.get_name()
            );
        }
    }
}
