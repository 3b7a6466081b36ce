//! What the tables and pictures must not be taken for.

use super::manifest::Manifest;
use super::results::Results;
use super::rows::SweepRow;

/// Everything to keep in mind, a sentence each.
pub fn caveats(results: &Results) -> Vec<String> {
    let mut caveats = of_seeds(results);
    caveats.extend(of_sweep(results));
    caveats.push("The column \"best\" takes the lowest test error of any epoch: it is chosen on the test set.".to_owned());
    if let Some(manifest) = &results.manifest {
        caveats.extend(of_manifest(manifest));
    }
    caveats
}

fn of_seeds(results: &Results) -> Vec<String> {
    let rows = &results.summary;
    let diverged: u64 = rows.iter().map(|row| row.n_diverged).sum();
    let mut caveats = Vec::new();
    if rows.iter().any(|row| row.n == 1) {
        caveats.push(
            "One seed only (n = 1): no interval, and no telling a difference from chance."
                .to_owned(),
        );
    } else if rows.iter().any(|row| (2..5).contains(&row.n)) {
        caveats
            .push("Fewer than five seeds: intervals are wide, and p-values say little.".to_owned());
    }
    if diverged > 0 {
        caveats.push(format!("{diverged} runs diverged (their loss stopped being finite); they are counted, and are in no mean."));
    }
    if results.groups.has_several_rates {
        caveats.push("Several learning rates a method: the best of them was chosen on the test set, which flatters it.".to_owned());
    }
    caveats
}

fn of_sweep(results: &Results) -> Vec<String> {
    let chosen = || results.sweep.iter().filter(|row| row.chosen);
    // What never diverged is preferred, so that here nothing was left to prefer in the last round.
    let of_diverged = |row: &SweepRow| {
        let cell = format!("{} at batch size {}", row.group.label, row.group.batch_size);
        let is_rival = |other: &SweepRow| {
            let (own, other_group) = (&row.group, &other.group);
            (&other_group.label, other_group.batch_size) == (&own.label, own.batch_size)
                && other.n_diverged == 0
        };
        if results.sweep.iter().any(is_rival) {
            // Only halving leaves behind what has not diverged.
            format!(
                "The setting chosen for {cell} diverged with some seed after others had been left behind, which had not diverged by then."
            )
        } else {
            format!(
                "Every setting that the sweep tried for {cell} diverged with some seed; the chosen one did so least often."
            )
        }
    };
    let diverged = chosen().filter(|row| row.n_diverged > 0);
    let mut caveats: Vec<String> = diverged.map(of_diverged).collect();
    if chosen().any(|row| row.at_edge) {
        caveats.push("A chosen learning rate lies at the edge of what the sweep tried: a better one may lie beyond.".to_owned());
    }
    caveats
}

fn of_manifest(manifest: &Manifest) -> Vec<String> {
    let mut caveats = Vec::new();
    if manifest.jobs > 1 {
        caveats.push(format!("{} runs at a time shared the machine: their times are not comparable. normprop bench measures speed.", manifest.jobs));
    }
    let mut threads = manifest.runs.iter().filter_map(|run| run.threads);
    let first = threads.next();
    if threads.any(|threads| Some(threads) != first) {
        caveats.push("Runs used different numbers of threads: their times are not comparable across batch sizes.".to_owned());
    }
    if let Some(reference) = &manifest.reference {
        let (source, label) = (&reference.source, &reference.label);
        caveats.push(format!("Reference numbers ({source}): {label}."));
    }
    caveats.extend(manifest.notes.iter().cloned());
    caveats
}
