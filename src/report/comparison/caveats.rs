//! What the tables and pictures must not be taken for.

use std::collections::BTreeMap;

use super::final_errors::{ends, is_few};
use super::manifest::Cited;
use super::{Manifest, Results, SummaryRow, SweepRow};
use crate::stats::FEWEST_VALUES;
use crate::text::numbers::{counted, holds_every_rate};

/// What the ranks of the table of all figures tell.
const RANKS: &str = "Ranks: seeds drawn with replacement, the same for all methods; \"first\" is the share of draws in which \
    a method is first. They tell how much hangs on the choice among these seeds, not what further seeds would give.";

/// Everything to keep in mind, a sentence each.
pub fn caveats(results: &Results) -> Vec<String> {
    let references = results
        .manifest
        .iter()
        .flat_map(|manifest| &manifest.reference);
    let references = references
        .map(|Cited { source, label, .. }| format!("Reference numbers ({source}): {label}."));
    let (errors, sweep) = (of_errors(results), of_sweep(results));
    [errors, sweep, of_figures(results), references.collect()].concat()
}

/// What to keep in mind with final errors: seeds, and what the experiment itself notes.
pub fn of_errors(results: &Results) -> Vec<String> {
    let notes = results.manifest.iter().flat_map(|manifest| &manifest.notes);
    let mut caveats = of_seeds(results);
    caveats.extend(results.manifest.iter().filter_map(of_devices));
    caveats.extend(notes.cloned());
    caveats
}

/// What to keep in mind with the table of all figures: best epochs and times.
pub fn of_figures(results: &Results) -> Vec<String> {
    let best = "The column \"best\" is the lowest test error of any epoch, chosen on the test set: it is optimistic.";
    let has_draws = |row: &SummaryRow| row.ranked.first_share.is_finite();
    let ranks = results.summary.iter().any(has_draws);
    let ranks = ranks.then(|| RANKS.to_owned());
    let times = results.manifest.iter().flat_map(of_times);
    let all = [best.to_owned()].into_iter().chain(ranks);
    all.chain(times).collect()
}

fn of_seeds(results: &Results) -> Vec<String> {
    let rows = &results.summary;
    let diverged: u64 = rows.iter().map(|row| row.n_diverged).sum();
    let mut caveats = Vec::new();
    if rows.iter().any(|row| row.n > 0 && is_few(row.n)) {
        caveats.push(format!(
            "Fewer than {FEWEST_VALUES} seeds give no interval: a difference may be chance."
        ));
    } else if rows.iter().any(|row| (1..5).contains(&row.n)) {
        caveats.push(
            "With fewer than five seeds intervals are wide and p-values say little.".to_owned(),
        );
    }
    let has_every_rate = |row: &SummaryRow| {
        let (low, high) = ends(row);
        holds_every_rate(low, high)
    };
    if rows.iter().any(has_every_rate) {
        caveats.push("Where seeds disagree, the 95 % interval is all of 0 to 100 %.".to_owned());
    }
    if diverged > 0 {
        let runs = counted(diverged, "run");
        caveats.push(format!("{runs} diverged (the loss was no longer finite). They are counted, but no mean includes them."));
    }
    if results.groups.has_several_rates {
        caveats.push("Where a method has several learning rates, the best was chosen on the test set: its error is optimistic.".to_owned());
    }
    caveats
}

/// What to keep in mind with settings that a sweep chose.
pub fn of_sweep(results: &Results) -> Vec<String> {
    let chosen = || results.sweep.iter().filter(|row| row.chosen);
    // A sweep prefers what never diverged: here the last round had nothing of the kind.
    let of_diverged = |row: &SweepRow| {
        let cell =
            |row: &SweepRow| format!("{} at batch size {}", row.group.label, row.group.batch_size);
        let own = cell(row);
        let is_rival = |other: &SweepRow| cell(other) == own && other.n_diverged == 0;
        match results.sweep.iter().any(is_rival) {
            // Only halving drops what has not diverged.
            true => format!(
                "The setting chosen for {own} diverged with some seed; settings that had not diverged were dropped in an earlier round."
            ),
            false => format!(
                "Every setting that the sweep tried for {own} diverged with some seed; the chosen one diverged least often."
            ),
        }
    };
    let diverged = chosen().filter(|row| row.n_diverged > 0);
    let mut caveats: Vec<String> = diverged.map(of_diverged).collect();
    if chosen().any(|row| row.at_edge) {
        caveats.push("A chosen learning rate lies at the edge of what the sweep tried: a better rate may lie beyond.".to_owned());
    }
    caveats
}

/// That runs were trained on different devices, where they were.
pub fn of_devices(manifest: &Manifest) -> Option<String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let known = manifest.runs.iter().filter(|run| !run.devices.is_empty());
    for run in known {
        *counts.entry(run.devices.join(", then ")).or_default() += 1;
    }
    let is_mixed = counts.len() > 1 || counts.keys().any(|devices| devices.contains(", then "));
    let told = counts
        .iter()
        .map(|(devices, runs)| format!("{} on {devices}", counted(*runs, "run")));
    is_mixed.then(|| {
        format!(
            "Runs were trained on different devices: {}. These round differently, and times on them are not comparable.",
            told.collect::<Vec<_>>().join("; ")
        )
    })
}

fn of_times(manifest: &Manifest) -> Vec<String> {
    let mut caveats = Vec::new();
    if manifest.jobs > 1 {
        caveats.push(format!("{} runs at a time shared the machine: their times are not comparable. normprop bench measures speed.", manifest.jobs));
    }
    let mut threads = manifest.runs.iter().filter_map(|run| run.threads);
    let first = threads.next();
    if threads.any(|threads| Some(threads) != first) {
        caveats.push("Runs used different numbers of threads: their times are not comparable across batch sizes.".to_owned());
    }
    caveats
}
