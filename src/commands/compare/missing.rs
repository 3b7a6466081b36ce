//! `--collect`: which runs are not over.

use anyhow::{Result, bail};

use super::plan::PlanEntry;
use super::state::State;
use crate::cli::OutputArgs;
use crate::run_key::{GroupKey, grouped};

/// Lists the runs that are not over, on stderr and as a line each in the result.
///
/// A sweep (`what` is not empty) has to be over: what comes next depends on what it chooses.
pub fn list(entries: &[PlanEntry], what: &str, output: OutputArgs) -> Result<Vec<String>> {
    let missing: Vec<&PlanEntry> = entries.iter().filter(|entry| !entry.is_done()).collect();
    let runs = format!("{} of {} runs", missing.len(), entries.len());
    let groups = groups(&missing).join("\n");
    let remedy = format!("the command without --collect runs them:\n{groups}");
    if !what.is_empty() && !missing.is_empty() {
        bail!("{what}{runs} are missing, so nothing is chosen yet; {remedy}");
    }
    if !missing.is_empty() {
        output.say(&format!("missing are {runs}; {remedy}"));
    }
    Ok(missing.iter().map(|entry| entry.key.to_string()).collect())
}

/// A line for each method, batch size and learning rate, with its seeds.
fn groups(missing: &[&PlanEntry]) -> Vec<String> {
    let groups = grouped(missing.iter().copied(), |entry| &entry.key.group);
    let line = |(key, group): (&GroupKey, Vec<&PlanEntry>)| {
        let seeds: Vec<String> = group.into_iter().map(seed).collect();
        format!("  {key}: seeds {}", seeds.join(" "))
    };
    groups.into_iter().map(line).collect()
}

/// The seed, and how far the run is where it has begun.
fn seed(entry: &PlanEntry) -> String {
    let (seed, epochs) = (entry.key.seed, entry.goal());
    match entry.state {
        State::Unfinished => format!("{seed} ({} of {epochs} epochs)", entry.epochs_done()),
        _ => seed.to_string(),
    }
}
