//! What is looked at: a trained network, or one that was never trained.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::super::trained::{RUNS, Trained, newest_run};
use crate::cli::StatsArgs;
use crate::config::RunConfig;
use crate::config::overrides::{Assignment, split};
use crate::data::batches::Normalizer;
use crate::data::{Dataset, Split};
use crate::engine::setup;
use crate::engine::trainer::Trainer;
use crate::error::did_you_mean;
use crate::nn::network::Network;
use crate::probe::images::ProbeImages;
use crate::usage;

/// The run directories that are named, or the latest; none where there is none, or where `--set`
/// describes a network that was never trained.
pub fn named_runs(args: &StatsArgs) -> Result<Vec<PathBuf>> {
    let mut runs = Vec::new();
    for named in &args.runs {
        // A checkpoint stands for the run it belongs to.
        let folder = match named.parent() {
            Some(parent) if named.is_file() => parent,
            _ => named,
        };
        if !folder.join("config.toml").is_file() {
            return Err(usage!(
                "{}: neither a run directory nor a checkpoint file",
                named.display()
            ));
        }
        runs.push(folder.to_path_buf());
    }
    if runs.is_empty() && args.set.is_empty() {
        runs.extend(newest_run()?);
    }
    Ok(runs)
}

/// A short name for each run: its method, with what tells it apart where that is not enough.
pub fn run_labels(runs: &[PathBuf], configs: &[RunConfig]) -> Vec<String> {
    let unique = |labels: &[String]| {
        let mut sorted = labels.to_vec();
        sorted.sort();
        sorted.windows(2).all(|pair| pair[0] != pair[1])
    };
    let labels =
        |label: &dyn Fn(&RunConfig) -> String| configs.iter().map(label).collect::<Vec<_>>();
    let methods = labels(&|config| config.method.name.clone());
    let detailed = labels(&|config| {
        format!(
            "{} bs {} lr {} seed {}",
            config.method.name, config.batch_size, config.lr, config.seed
        )
    });
    let folders: Vec<String> = runs
        .iter()
        .map(|run| {
            run.file_name()
                .unwrap_or(run.as_os_str())
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let candidates = [methods, detailed, folders];
    let chosen = candidates.iter().find(|labels| unique(labels));
    chosen
        .cloned()
        .unwrap_or_else(|| runs.iter().map(|run| run.display().to_string()).collect())
}

/// The configuration of a network that was never trained: `--set` upon the defaults.
pub fn initial_config(args: &StatsArgs) -> Result<RunConfig> {
    let mut assignments = args
        .set
        .iter()
        .map(|text| split(text))
        .collect::<Result<Vec<_>>>()?;
    assignments.extend(threads(args));
    RunConfig::load(None, &assignments)
}

/// The configuration of a run, for this many threads.
pub fn run_config(run: &Path, args: &StatsArgs) -> Result<RunConfig> {
    let assignments: Vec<Assignment> = threads(args).into_iter().collect();
    RunConfig::load(Some(&run.join("config.toml")), &assignments)
}

fn threads(args: &StatsArgs) -> Option<Assignment> {
    args.threads
        .map(|threads| Assignment::flag("--threads", "threads", &threads.to_string()))
}

/// A network with its data.
pub struct Subject {
    /// The run directory; none for a network that was never trained.
    pub folder: Option<PathBuf>,
    /// What it is, for headings.
    pub title: String,
    /// Why this network and not another, where that was not said.
    pub note: String,
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
    /// The network that is named, else the latest run's, else the default one at initialisation.
    ///
    /// With `--set` and no run it is a network of that configuration at initialisation.
    pub fn find(named: Option<&Path>, args: &StatsArgs) -> Result<Subject> {
        let initial = named.is_none() && !args.set.is_empty();
        let run = match named {
            Some(path) => Some(path.to_path_buf()),
            None if initial => None,
            None => newest_run()?,
        };
        if let Some(run) = run {
            let note = if named.is_none() {
                "the latest run"
            } else {
                ""
            };
            return Subject::trained(&run, args, note);
        }
        let note = if initial {
            "a network of this configuration at initialisation".to_string()
        } else {
            format!("there is no run under {RUNS}/: this is the default network at initialisation")
        };
        Subject::initial(initial_config(args)?, note)
    }

    fn trained(run: &Path, args: &StatsArgs, note: &str) -> Result<Subject> {
        let trained = Trained::load(Some(run), &args.checkpoint, args.threads)?;
        Ok(Subject {
            title: format!(
                "{} at epoch {}",
                trained.config.method.name, trained.position.epoch
            ),
            note: note.to_string(),
            folder: Some(trained.folder),
            config: trained.config,
            dataset: trained.dataset,
            normalizer: trained.normalizer,
            network: trained.network,
        })
    }

    fn initial(config: RunConfig, note: String) -> Result<Subject> {
        let dataset = setup::load_dataset(&config, &setup::data_dir())?;
        let network = Trainer::initial_network(&config, &dataset)?;
        Ok(Subject {
            folder: None,
            title: format!("{} at initialisation", config.method.name),
            note,
            normalizer: Normalizer::fit(config.data_norm, &dataset.train, dataset.shape),
            config,
            dataset,
            network,
        })
    }

    /// A line on what is looked at.
    pub fn headline(&self) -> String {
        let place = match &self.folder {
            Some(folder) => format!(" ({})", folder.display()),
            None => String::new(),
        };
        let line = format!("{} on {}{place}", self.title, self.config.dataset);
        match self.note.as_str() {
            "" => line,
            note => format!("{line}\n{note}"),
        }
    }

    /// At most `count` images of the split that was asked for.
    pub fn images(&self, count: usize, split: &str) -> ProbeImages {
        ProbeImages::spread(
            count,
            self.split(split),
            self.dataset.shape,
            &self.normalizer,
        )
    }

    fn split(&self, name: &str) -> &Split {
        match name {
            "train" => &self.dataset.train,
            _ => &self.dataset.test,
        }
    }

    /// Numbers (from 0) of the layers that `--layer` names by number, by name, or all of them.
    pub fn layers(&self, wanted: &str) -> Result<Vec<usize>> {
        let names: Vec<&str> = self.layer_names();
        if wanted == "all" {
            return Ok((0..names.len()).collect());
        }
        let listed = || {
            let numbered = names
                .iter()
                .enumerate()
                .map(|(i, name)| format!("{} {name}", i + 1));
            numbered.collect::<Vec<_>>().join(", ")
        };
        match wanted.parse::<usize>() {
            Ok(number) if (1..=names.len()).contains(&number) => Ok(vec![number - 1]),
            Ok(number) => Err(usage!(
                "--layer {number}: the network has layers 1 to {}: {}",
                names.len(),
                listed()
            )),
            Err(_) => match names.iter().position(|name| *name == wanted) {
                Some(index) => Ok(vec![index]),
                None => Err(usage!(
                    "--layer {wanted}: expected a number, `all` or a layer's name; {}; the layers are {}",
                    did_you_mean(wanted, names.iter().copied()),
                    listed()
                )),
            },
        }
    }

    fn layer_names(&self) -> Vec<&str> {
        let blocks = self.network.blocks.iter();
        blocks.map(|built| built.block.name.as_str()).collect()
    }
}
