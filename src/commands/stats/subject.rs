//! What is looked at: a trained network, or one that was never trained.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::super::trained::{RUNS, Trained, newest_run};
use crate::cli::StatsArgs;
use crate::config::RunConfig;
use crate::config::overrides::{Assignment, split};
use crate::data::normalizer::Normalizer;
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
    let telling = telling_labels(configs, &[]);
    let folders: Vec<String> = runs
        .iter()
        .map(|run| {
            run.file_name()
                .unwrap_or(run.as_os_str())
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let candidates = [methods, telling, folders];
    let chosen = candidates.iter().find(|labels| unique(labels));
    chosen
        .cloned()
        .unwrap_or_else(|| runs.iter().map(|run| run.display().to_string()).collect())
}

/// Each run's method, with whatever tells it from others of that method but the keys that are to be `ignored`.
pub fn telling_labels(configs: &[RunConfig], ignored: &[&str]) -> Vec<String> {
    let settings: Vec<_> = configs
        .iter()
        .map(|config| settings(config, ignored))
        .collect();
    let differs = |method: &str, setting: &(String, String)| {
        let mut same_method = configs.iter().zip(&settings);
        same_method.any(|(config, other)| config.method.name == method && !other.contains(setting))
    };
    let label = |(config, own): (&RunConfig, &Vec<(String, String)>)| {
        let method = &config.method.name;
        let telling = own.iter().filter(|setting| differs(method, setting));
        let telling = telling.map(|(key, value)| format!(" {key}={value}"));
        format!("{method}{}", telling.collect::<String>())
    };
    configs.iter().zip(&settings).map(label).collect()
}

/// Every setting of a run, those of the method by their own names.
fn settings(config: &RunConfig, ignored: &[&str]) -> Vec<(String, String)> {
    let written = config.to_toml().unwrap_or_default();
    let mut table: toml::Table = written.parse().unwrap_or_default();
    if let Some(toml::Value::Table(method)) = table.remove("method") {
        table.extend(method);
    }
    table.retain(|key, _| !ignored.contains(&key));
    let entries = table.into_iter();
    entries
        .map(|(key, value)| (key, value.to_string().trim_matches('"').to_owned()))
        .collect()
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
        blocks.map(|built| built.node.name()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(assignments: &[&str]) -> RunConfig {
        let given = assignments.iter().map(|text| split(text).unwrap());
        RunConfig::load(None, &given.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn runs_are_told_apart_by_what_differs_within_a_method() {
        let configs = [
            config(&["method.name=bn", "seed=0"]),
            config(&["method.name=bn", "seed=1"]),
            config(&["method.name=normprop", "lr=0.1"]),
            config(&["method.name=normprop", "lr=0.1", "method.center_rows=true"]),
        ];
        let expected = [
            "bn",
            "bn",
            "normprop center_rows=false",
            "normprop center_rows=true",
        ];
        assert_eq!(telling_labels(&configs, &["seed"]), expected);
        let runs = ["a", "b", "c", "d"].map(PathBuf::from);
        assert_eq!(
            run_labels(&runs[..2], &configs[..2]),
            ["bn seed=0", "bn seed=1"]
        );
        assert_eq!(run_labels(&runs[1..3], &configs[1..3]), ["bn", "normprop"]);
        let twins = [configs[0].clone(), configs[0].clone()];
        assert_eq!(run_labels(&runs[..2], &twins), ["a", "b"]);
    }
}
