//! What `normprop stats` takes.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// `normprop stats`.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Run directory or checkpoint file [default: the latest run under runs/, else the default network at
    /// initialization]; several for --evolution, --landscape, --modes and --checkpoint all
    #[arg(value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub runs: Vec<PathBuf>,
    /// Layer, by number from 1 or by name, or all
    #[arg(long, value_name = "N", default_value = "all")]
    pub layer: String,
    /// Values read of each layer, about
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub samples: usize,
    /// Bins of the histogram [default: by the rule of Freedman and Diaconis, at most 80]
    #[arg(long, value_name = "N")]
    pub bins: Option<usize>,
    /// Which images: test or train
    #[arg(long, default_value = "test", value_parser = ["test", "train"])]
    pub split: String,
    /// Which checkpoint of a run: last, best, or all that were kept, one after the other (see keep_epochs)
    #[arg(long, default_value = "last", value_parser = ["last", "best", "all"])]
    pub checkpoint: String,
    /// Look at a network of this configuration at initialization instead of at a run
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "runs")]
    pub set: Vec<String>,
    /// CPU threads
    #[arg(long)]
    pub threads: Option<usize>,
    /// Folder for the results [default: stats/ in the run directory, or here]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Instead: mean and std of each layer over the epochs, runs side by side
    #[arg(long, help_heading = "Other probes")]
    pub evolution: bool,
    /// Instead: correlation of each layer's inputs, coherence of its rows, canonical error and its bound
    #[arg(long, help_heading = "Other probes")]
    pub covariance: bool,
    /// Instead: singular values of Jacobians beside the forward std, for each jacobian_scale of normprop
    #[arg(long, help_heading = "Other probes")]
    pub jacobian: bool,
    /// Instead: loss variation, gradient predictiveness and smoothness while the run is trained again
    #[arg(long, help_heading = "Other probes")]
    pub landscape: bool,
    /// Instead: loss and error on the same images as in training and as in evaluation, while the run is trained again
    #[arg(long, help_heading = "Other probes")]
    pub modes: bool,
    /// Images for --jacobian
    #[arg(
        long,
        value_name = "N",
        default_value_t = 32,
        help_heading = "Other probes"
    )]
    pub images: usize,
    /// Steps to train for --landscape and --modes
    #[arg(
        long,
        value_name = "N",
        default_value_t = 200,
        help_heading = "Other probes"
    )]
    pub steps: u64,
    /// Look every so many steps for --landscape and --modes
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        help_heading = "Other probes"
    )]
    pub every: u64,
    /// Step lengths for --landscape, as multiples of the learning rate
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        help_heading = "Other probes",
        default_value = "0.5,1,1.5,2,2.5,3,3.5,4"
    )]
    pub multiples: Vec<f64>,
}
