//! `--collect`: which runs are not over.

use anyhow::{Result, bail};

use super::plan::Entry;
use super::state::State;
use crate::cli::OutputArgs;
use crate::errln;

/// Lists the runs that are not over, on stderr and as a line each in the result.
///
/// A sweep (`what` is not empty) has to be over: what comes next depends on what it chooses.
pub fn list(entries: &[Entry], what: &str, output: OutputArgs) -> Result<Vec<String>> {
    let missing: Vec<&Entry> = entries.iter().filter(|entry| !entry.is_done()).collect();
    let lines = groups(&missing);
    if !what.is_empty() && !missing.is_empty() {
        bail!(
            "{what}{} of {} runs are missing, so nothing is chosen yet; the command without --collect runs them:\n{}",
            missing.len(),
            entries.len(),
            lines.join("\n")
        );
    }
    if !missing.is_empty() && !output.quiet {
        errln!(
            "missing are {} of {} runs; the command without --collect runs them:\n{}",
            missing.len(),
            entries.len(),
            lines.join("\n")
        );
    }
    Ok(missing.iter().map(|entry| entry.title()).collect())
}

/// A line for each method, batch size and learning rate, with its seeds.
fn groups(missing: &[&Entry]) -> Vec<String> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for entry in missing {
        let (config, seed) = (&entry.config, seed(entry));
        let name = format!(
            "{}, batch size {}, lr {}",
            entry.label, config.batch_size, config.lr
        );
        match groups.iter_mut().find(|(other, _)| *other == name) {
            Some((_, seeds)) => seeds.push(seed),
            None => groups.push((name, vec![seed])),
        }
    }
    let line =
        |(name, seeds): (String, Vec<String>)| format!("  {name}: seeds {}", seeds.join(" "));
    groups.into_iter().map(line).collect()
}

/// The seed, and how far the run is where it has begun.
fn seed(entry: &Entry) -> String {
    let (seed, epochs) = (entry.config.seed, entry.goal());
    match entry.state {
        State::Unfinished(done) => format!("{seed} ({done} of {epochs} epochs)"),
        _ => seed.to_string(),
    }
}
