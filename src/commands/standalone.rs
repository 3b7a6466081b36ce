//! A trained network with all that its own images need, as a checkpoint left it: the dataset is asked for only where the
//! checkpoint does not say what it holds.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use toml::Table;

use super::trained::{headline, locate, warn_of_divergence};
use crate::cli::PlaceArgs;
use crate::config::RunConfig;
use crate::data::{ImageShape, Normalizer};
use crate::engine::{device, setup};
use crate::event::{NetworkIdentity, Position};
use crate::nn::Network;
use crate::record::run_dir::CONFIG;
use crate::record::{RunSummary, read_summary};
use crate::usage;

/// A network that can be used on its own.
pub struct StandaloneNetwork {
    /// The folder that the checkpoint lies in.
    pub folder: PathBuf,
    /// The checkpoint file.
    pub file: PathBuf,
    /// Its configuration.
    pub config: RunConfig,
    /// How far it had been trained.
    pub position: Position,
    /// Classes, image size, constants.
    pub identity: NetworkIdentity,
    /// How pixels are normalized for it.
    pub normalizer: Normalizer,
    /// The network itself.
    pub network: Network,
    /// The end of its run, once it is over.
    summary: Option<RunSummary>,
}

impl StandaloneNetwork {
    /// Loads from a run directory, a checkpoint file, or (with nothing named) the latest run.
    pub fn load(
        named: Option<&Path>,
        checkpoint: &str,
        place: &PlaceArgs,
    ) -> Result<StandaloneNetwork> {
        let (folder, file, snapshot) = locate(named, checkpoint)?;
        let config = match (&snapshot.network, folder.join(CONFIG).is_file()) {
            (Some(identity), false) => described(identity, place)
                .with_context(|| format!("{} does not say what it is", file.display()))?,
            (None, false) => {
                return Err(usage!(
                    "{} is of version 0.2.0 or older and does not say what it is: it is read beside the config.toml of its run",
                    file.display()
                ));
            }
            (_, true) => RunConfig::of_run(&folder, &place.assignments())?,
        };
        device::set_threads(&config);
        let identity = match snapshot.network {
            Some(identity) => identity,
            None => identity_from_data(&config)
                .with_context(|| format!("{} is of an older version and does not hold classes and normalization constants: they come from the dataset", file.display()))?,
        };
        let shape = shape_of(&identity);
        ensure!(
            is_possible(&identity),
            "{} says that its images are {shape:?} in {} classes, which no dataset has",
            file.display(),
            identity.classes.len()
        );
        let normalizer = Normalizer::of(&identity.normalization, shape)?;
        let network = setup::network_for(&config, shape, identity.classes.len())?;
        let restored = network.parameters.restore(&snapshot.tensors);
        restored.with_context(|| format!("{} does not fit its network", file.display()))?;
        let summary = read_summary(&folder);
        warn_of_divergence(&folder, summary.as_ref());
        Ok(StandaloneNetwork {
            folder,
            file,
            config,
            position: snapshot.position,
            identity,
            normalizer,
            network,
            summary,
        })
    }

    /// Method, epoch and file of the network.
    pub fn headline(&self) -> String {
        headline(
            &self.config,
            &self.position,
            self.summary.as_ref(),
            &self.file,
        )
    }

    /// Size of its images.
    pub fn shape(&self) -> ImageShape {
        shape_of(&self.identity)
    }
}

fn shape_of(identity: &NetworkIdentity) -> ImageShape {
    let [channels, height, width] = identity.image;
    ImageShape::new(channels, height, width)
}

/// Whether there can be such a dataset.
fn is_possible(identity: &NetworkIdentity) -> bool {
    let [channels, rows, columns] = identity.image;
    let is_side = |side: usize| (1..=4096).contains(&side);
    matches!(channels, 1 | 3)
        && is_side(rows)
        && is_side(columns)
        && (1..=256).contains(&identity.classes.len())
}

/// The configuration that a checkpoint holds, for this place.
fn described(identity: &NetworkIdentity, place: &PlaceArgs) -> Result<RunConfig> {
    let mut table = Table::try_from(&identity.config)?;
    // Where its weights came from is of no use without the place.
    table.remove("init_from_sha256");
    let told = RunConfig::load(None, &place.assignments())?;
    Ok(RunConfig {
        threads: told.threads,
        device: told.device,
        ..RunConfig::from_table(table)?
    })
}

fn identity_from_data(config: &RunConfig) -> Result<NetworkIdentity> {
    let dataset = setup::load_dataset(config, &setup::data_dir())?;
    let normalizer = Normalizer::fit(config.data_norm, &dataset.train, dataset.shape);
    setup::identity(config, &dataset, &normalizer)
}
