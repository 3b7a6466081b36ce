//! What a probe is: a name, a line of help, and what it does.

use std::path::PathBuf;

use anyhow::Result;

use super::over_checkpoints::follow;
use super::{NetworkProbe, Output, Subject};
use crate::cli::StatsArgs;

/// What a probe does at one network.
type LookAtNetwork = fn(&Subject, &StatsArgs, &mut Output) -> Result<()>;

/// A probe as `--probe NAME` finds it.
pub struct Probe {
    /// Its name.
    pub name: &'static str,
    /// A line of help.
    pub about: &'static str,
    /// Looks at one network; none for a probe of whole runs.
    pub at_network: Option<LookAtNetwork>,
    /// Looks at runs side by side: at their checkpoints where the probe is of a network, else at what it follows
    /// through training by itself.
    pub at_runs: fn(&[PathBuf], &StatsArgs, &mut Output) -> Result<()>,
}

impl Probe {
    /// The probe of a network that `P` describes.
    pub const fn of_network<P: NetworkProbe>() -> Probe {
        Probe {
            name: P::NAME,
            about: P::ABOUT,
            at_network: Some(P::look),
            at_runs: follow::<P>,
        }
    }
}
