//! The tables of the terminal and the page.

use super::errors::{error_text, points};
use super::groups::has_several_rates;
use super::results::Results;
use super::rows::{PairedRow, SummaryRow, SweepRow};
use crate::text::numbers::{p_value, percent, significant};
use crate::text::{Align, Table};

/// One row a group.
pub fn summary(results: &Results) -> Table {
    let manifest = results.manifest.as_ref();
    let target = manifest.and_then(|manifest| manifest.target_test_error);
    let reference = manifest.and_then(|manifest| manifest.reference.as_ref());
    let parallel = manifest.is_some_and(|manifest| manifest.jobs > 1);
    let to_target = target.map(|target| format!("epochs to {} %", significant(100.0 * target, 3)));
    let seconds = if parallel {
        "s/epoch (not comparable)"
    } else {
        "s/epoch"
    };
    let mut columns = vec![
        ("method", Align::Left),
        ("batch size", Align::Right),
        ("lr", Align::Right),
        ("n", Align::Right),
        ("final test error (95 % interval)", Align::Right),
        ("best", Align::Right),
    ];
    columns.extend(to_target.as_deref().map(|name| (name, Align::Right)));
    columns.extend([(seconds, Align::Right), ("diverged", Align::Right)]);
    let cited = reference.map(|reference| format!("reference ({})", reference.label));
    columns.extend(cited.as_deref().map(|name| (name, Align::Right)));
    let mut table = Table::new(columns);
    for row in in_order(results) {
        let mut cells = vec![
            row.label.clone(),
            row.batch_size.to_string(),
            row.lr.to_string(),
            row.n.to_string(),
            error_text(row),
            percent(row.best_test_error_mean, 1),
        ];
        if target.is_some() {
            cells.push(to_target_text(row));
        }
        cells.push(significant(row.train_s_per_epoch_median, 3));
        cells.push(if row.n_diverged == 0 {
            "0".into()
        } else {
            format!("{} of {}", row.n_diverged, row.n + row.n_diverged)
        });
        if let Some(reference) = reference {
            cells.push(
                reference
                    .test_error
                    .get(&row.label)
                    .map_or("–".into(), |error| percent(*error, 2)),
            );
        }
        table.push(cells);
    }
    table
}

/// The rows by batch size, then method, then learning rate.
fn in_order(results: &Results) -> Vec<&SummaryRow> {
    let labels = results.labels();
    let sizes = super::groups::batch_sizes(results);
    let mut rows: Vec<&SummaryRow> = results.summary.iter().collect();
    rows.sort_by_key(|row| {
        let size = sizes.iter().position(|size| *size == row.batch_size);
        (size, labels.iter().position(|label| *label == row.label))
    });
    rows
}

fn to_target_text(row: &SummaryRow) -> String {
    match (
        row.epochs_to_target.is_finite(),
        row.n_reached_target == row.n,
    ) {
        (true, true) => significant(row.epochs_to_target, 3),
        (true, false) => format!(
            "{} ({} of {})",
            significant(row.epochs_to_target, 3),
            row.n_reached_target,
            row.n
        ),
        (false, _) => format!("not reached ({} of {})", row.n_reached_target, row.n),
    }
}

/// Differences from the first method; without rows where there is one method only.
pub fn paired(results: &Results) -> Table {
    let mut table = Table::new([
        ("method", Align::Left),
        ("batch size", Align::Right),
        ("lr", Align::Right),
        ("pairs", Align::Right),
        ("difference (95 % interval)", Align::Right),
        ("p", Align::Right),
        ("p (Holm)", Align::Right),
    ]);
    for row in &results.paired {
        table.push([
            row.label.clone(),
            row.batch_size.to_string(),
            row.lr.to_string(),
            row.n_pairs.to_string(),
            difference_text(row),
            p_value(row.p),
            p_value(row.p_holm),
        ]);
    }
    if let Some(first) = results.paired.first() {
        table.caption = format!(
            "Final test error less that of {}, seed by seed (below 0 is better)",
            first.baseline_label
        );
    }
    table
}

fn difference_text(row: &PairedRow) -> String {
    match row.n_pairs {
        0 => "no pair of finished runs".to_owned(),
        1 => format!("{} (n = 1, no interval)", points(row.difference_mean)),
        _ => {
            let (low, high) = (
                100.0 * row.difference_ci_low,
                100.0 * row.difference_ci_high,
            );
            format!("{} [{low:+.2}, {high:+.2}]", points(row.difference_mean))
        }
    }
}

/// What the sweep tried; without rows where there was none.
pub fn sweep(results: &Results) -> Table {
    let mut table = Table::new([
        ("method", Align::Left),
        ("batch size", Align::Right),
        ("lr", Align::Right),
        ("settings", Align::Left),
        ("n", Align::Right),
        ("diverged", Align::Right),
        ("epochs", Align::Right),
        ("validation error", Align::Right),
        ("", Align::Left),
    ]);
    for row in &results.sweep {
        let mark = match (row.chosen, row.at_edge) {
            (true, _) if row.n_diverged > 0 => "chosen, though it diverged",
            (true, true) => "chosen, at the edge",
            (true, false) => "chosen",
            (false, _) => "",
        };
        let epochs = match row.epochs {
            0 => String::new(),
            known => known.to_string(),
        };
        table.push([
            row.label.clone(),
            row.batch_size.to_string(),
            row.lr.to_string(),
            row.settings.clone(),
            row.n.to_string(),
            row.n_diverged.to_string(),
            epochs,
            percent(row.validation_error_mean, 2),
            mark.to_owned(),
        ]);
    }
    table
}

/// Numbers of a publication beside ours; without rows where the experiment cites none.
pub fn reference(results: &Results) -> Table {
    let mut table = Table::new([
        ("name", Align::Left),
        ("test error there", Align::Right),
        ("ours (lowest mean)", Align::Right),
    ]);
    let Some(reference) = results
        .manifest
        .as_ref()
        .and_then(|manifest| manifest.reference.as_ref())
    else {
        return table;
    };
    for (name, error) in &reference.test_error {
        let ours = results
            .summary
            .iter()
            .filter(|row| row.label == *name)
            .map(|row| row.final_test_error_mean);
        table.push([
            name.clone(),
            percent(*error, 2),
            percent(ours.fold(f64::NAN, f64::min), 2),
        ]);
    }
    table.caption = [reference.source.as_str(), reference.label.as_str()].join(": ");
    table
}

/// What stands under the tables: what they must not be taken for.
pub fn caveats(results: &Results) -> Vec<String> {
    let mut caveats = Vec::new();
    if results.summary.iter().any(|row| row.n == 1) {
        caveats.push(
            "One seed only (n = 1): no interval, and no telling a difference from chance."
                .to_owned(),
        );
    } else if results.summary.iter().any(|row| (2..5).contains(&row.n)) {
        caveats
            .push("Fewer than five seeds: intervals are wide, and p-values say little.".to_owned());
    }
    let diverged: u64 = results.summary.iter().map(|row| row.n_diverged).sum();
    if diverged > 0 {
        caveats.push(format!("{diverged} runs diverged (their loss stopped being finite); they are counted, and are in no mean."));
    }
    if has_several_rates(results) {
        caveats.push("Several learning rates a method: the best of them was chosen on the test set, which flatters it.".to_owned());
    }
    // What never diverged is preferred, so that here nothing was left to prefer in the last round.
    for row in results
        .sweep
        .iter()
        .filter(|row| row.chosen && row.n_diverged > 0)
    {
        let cell = format!("{} at batch size {}", row.label, row.batch_size);
        let is_rival = |other: &&SweepRow| {
            (&other.label, other.batch_size) == (&row.label, row.batch_size)
                && other.n_diverged == 0
        };
        caveats.push(match results.sweep.iter().find(is_rival) {
            None => format!(
                "Every setting that the sweep tried for {cell} diverged with some seed; the chosen one did so least often."
            ),
            // Only halving leaves behind what has not diverged.
            Some(_) => format!(
                "The setting chosen for {cell} diverged with some seed after others had been left behind, which had not diverged by then."
            ),
        });
    }
    if results.sweep.iter().any(|row| row.chosen && row.at_edge) {
        caveats.push("A chosen learning rate lies at the edge of what the sweep tried: a better one may lie beyond.".to_owned());
    }
    caveats.push("The column \"best\" takes the lowest test error of any epoch: it is chosen on the test set.".to_owned());
    let Some(manifest) = &results.manifest else {
        return caveats;
    };
    if manifest.jobs > 1 {
        caveats.push(format!("{} runs at a time shared the machine: their times are not comparable. normprop bench measures speed.", manifest.jobs));
    }
    let mut threads: Vec<u64> = manifest.runs.iter().filter_map(|run| run.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    if threads.len() > 1 {
        caveats.push("Runs used different numbers of threads: their times are not comparable across batch sizes.".to_owned());
    }
    if let Some(reference) = &manifest.reference {
        caveats.push(format!(
            "Reference numbers ({}): {}.",
            reference.source, reference.label
        ));
    }
    caveats.extend(manifest.notes.iter().cloned());
    caveats
}
