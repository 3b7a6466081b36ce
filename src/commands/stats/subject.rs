//! What is looked at: a trained network, or one that was never trained.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::StatsArgs;
use crate::commands::trained::{RUNS, Trained, newest_run, run_folder};
use crate::config::RunConfig;
use crate::config::overrides::split;
use crate::data::{Dataset, Normalizer};
use crate::engine::{Trainer, setup};
use crate::error::did_you_mean;
use crate::nn::network::Network;
use crate::probe::images::ProbeImages;
use crate::usage;

/// The run directories that are named, or the latest; none where there is none, or where `--set`
/// describes a network that was never trained.
pub fn named_runs(args: &StatsArgs) -> Result<Vec<PathBuf>> {
    let runs = args.runs.iter().map(|named| run_folder(named));
    let mut runs = runs.collect::<Result<Vec<_>>>()?;
    if runs.is_empty() && args.set.is_empty() {
        runs.extend(newest_run()?);
    }
    Ok(runs)
}

/// The configuration of a network that was never trained: `--set` upon the defaults.
pub fn initial_config(args: &StatsArgs) -> Result<RunConfig> {
    let given = args.set.iter().map(|text| split(text));
    let mut assignments = given.collect::<Result<Vec<_>>>()?;
    assignments.extend(args.place.assignments());
    RunConfig::load(None, &assignments)
}

/// The configurations of runs, for the place that was asked for.
pub fn run_configs(runs: &[PathBuf], args: &StatsArgs) -> Result<Vec<RunConfig>> {
    let assignments = args.place.assignments();
    let config = |run: &PathBuf| RunConfig::of_run(run, &assignments);
    runs.iter().map(config).collect()
}

/// The places (from 0) of the layers that `--layer` names by number, by name, or all of them.
pub fn choose_layers(names: &[&str], wanted: &str) -> Result<Vec<usize>> {
    if wanted == "all" {
        return Ok((0..names.len()).collect());
    }
    let is_wanted =
        |(number, name): (usize, &&str)| number.to_string() == wanted || *name == wanted;
    let place = (1..).zip(names).position(is_wanted);
    place.map(|place| vec![place]).ok_or_else(|| {
        let hint = match wanted.parse::<u64>() {
            Ok(_) => String::new(),
            Err(_) => did_you_mean(wanted, names.iter().copied()) + "; ",
        };
        let listed = (1..)
            .zip(names)
            .map(|(number, name)| format!("{number} {name}"));
        usage!(
            "--layer {wanted}: {hint}there are layers 1 to {}: {}",
            names.len(),
            listed.collect::<Vec<_>>().join(", ")
        )
    })
}

/// A network with its data.
pub struct Subject {
    /// The run directory; none for a network that was never trained.
    pub folder: Option<PathBuf>,
    /// What it is, for headings.
    pub title: String,
    /// A line on what is looked at, and why this network and not another where that was not said.
    pub headline: String,
    /// The configuration.
    pub config: RunConfig,
    /// The dataset.
    pub dataset: Dataset,
    /// How images are normalized.
    pub normalizer: Normalizer,
    /// The network.
    pub network: Network,
}

impl Subject {
    /// The network that is named, else the latest run's, else the default one at initialization.
    ///
    /// With `--set` and no run it is a network of that configuration at initialization.
    pub fn find(named: Option<&Path>, args: &StatsArgs) -> Result<Subject> {
        let newest = match named {
            None if args.set.is_empty() => newest_run()?,
            _ => None,
        };
        match (named, newest) {
            (Some(run), _) => Subject::trained(run, args, ""),
            (None, Some(run)) => Subject::trained(&run, args, "\nthe latest run"),
            (None, None) => Subject::initial(args),
        }
    }

    fn trained(run: &Path, args: &StatsArgs, note: &str) -> Result<Subject> {
        let trained = Trained::load(Some(run), &args.checkpoint, &args.place)?;
        let later = trained.diverged_later();
        let (config, folder) = (trained.config, trained.folder);
        let title = format!(
            "{} at epoch {}{later}",
            config.method.name(),
            trained.position.epoch
        );
        Ok(Subject {
            headline: format!("{title} on {} ({}){note}", config.dataset, folder.display()),
            title,
            folder: Some(folder),
            config,
            dataset: trained.dataset,
            normalizer: trained.normalizer,
            network: trained.network,
        })
    }

    fn initial(args: &StatsArgs) -> Result<Subject> {
        let config = initial_config(args)?;
        let dataset = setup::load_dataset(&config, &setup::data_dir())?;
        let title = format!("{} at initialization", config.method.name());
        let note = match args.set.is_empty() {
            true => format!(
                "there is no run under {RUNS}/: this is the default network at initialization"
            ),
            false => "a network of this configuration at initialization".into(),
        };
        Ok(Subject {
            folder: None,
            headline: format!("{title} on {}\n{note}", config.dataset),
            title,
            normalizer: Normalizer::fit(config.data_norm, &dataset.train, dataset.shape),
            network: Trainer::initialized(&config, &dataset)?.network,
            config,
            dataset,
        })
    }

    /// At most `count` images of the split that was asked for.
    pub fn images(&self, count: usize, split: &str) -> ProbeImages {
        let dataset = &self.dataset;
        ProbeImages::spread(count, dataset.split(split), dataset.shape, &self.normalizer)
    }

    /// Places (from 0) of the layers that `--layer` names.
    pub fn layers(&self, args: &StatsArgs) -> Result<Vec<usize>> {
        let blocks = self.network.blocks.iter();
        let names: Vec<&str> = blocks.map(|built| built.node.name()).collect();
        choose_layers(&names, &args.layer)
    }
}
