//! Where a trained network is looked at: flags that several commands take.

use clap::Args;

use crate::config::overrides::Assignment;

/// Where a network that was trained is looked at.
#[derive(Debug, Clone, Default, Args)]
pub struct PlaceArgs {
    /// CPU threads
    #[arg(long)]
    pub threads: Option<usize>,
    /// cpu, cuda or cuda:N, wherever it was trained [default: cpu]
    #[arg(long)]
    pub device: Option<String>,
}

impl PlaceArgs {
    /// The flags as configuration assignments.
    pub fn assignments(&self) -> Vec<Assignment> {
        let threads = self.threads.map(|threads| threads.to_string());
        let given = [("threads", threads), ("device", self.device.clone())];
        let given = given.into_iter();
        given
            .filter_map(|(key, value)| Some(Assignment::flag(&format!("--{key}"), key, &value?)))
            .collect()
    }
}
