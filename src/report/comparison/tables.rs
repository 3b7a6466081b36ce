//! The tables of the terminal and the page.

use super::columns::in_order;
use super::final_errors::{error_text, is_few, without_interval};
use super::rows::{BoundSide, RankedGroup, Speedup};
use super::speedup::{BASELINE, compared_with};
use super::{Manifest, ManifestMethod, PairedRow, Results, SummaryRow, SweepRow};
use crate::run_key::GroupKey;
use crate::stats::range;
use crate::text::numbers::{error_rate, exact, p_value, percent, points, significant};
use crate::text::{Table, TableOf};

/// One row a group.
pub fn summary(results: &Results) -> Table {
    let manifest = results.manifest.as_ref();
    let reference = manifest.and_then(|manifest| manifest.reference.as_ref());
    let seconds = match manifest {
        Some(manifest) if manifest.jobs > 1 => "s/epoch (not comparable)",
        _ => "s/epoch",
    };
    let rows = in_order(results, &results.summary, |row| &row.group);
    let mut table = of_groups(results, &rows, |row| &row.group)
        .right("final test error (95 % interval)", |row| error_text(row))
        .right("best", |row| error_rate(row.best_test_error_mean))
        .right("rank (95 % interval)", |row| rank_text(&row.ranked))
        .right("first", |row| percent(row.ranked.first_share, 0));
    if is_any_known(&rows, |row| row.final_test_calibration_error_mean) {
        table = table
            .right("calibration error", |row| {
                error_rate(row.final_test_calibration_error_mean)
            })
            .right("Brier score", |row| {
                significant(row.final_test_brier_score_mean, 3)
            });
    }
    table = table
        .right(seconds, |row| significant(row.train_s_per_epoch_median, 3))
        .right("diverged", |row| match row.n_diverged {
            0 => "0".to_owned(),
            lost => format!("{lost} of {}", row.n + lost),
        });
    table = with_own_rate(results, table, |row| &row.group).right("n", |row| row.n.to_string());
    if let Some(reference) = reference {
        let name = format!("reference ({})", reference.label);
        table = table.right(&name, |row| {
            let cited = reference.test_error.get(&row.group.label);
            cited.map_or("–".to_owned(), |error| error_rate(*error))
        });
    }
    table.build()
}

/// Whether a figure was measured for some row, as it was not where older versions made all runs.
fn is_any_known(rows: &[&SummaryRow], figure: fn(&SummaryRow) -> f64) -> bool {
    rows.iter().any(|row| figure(row).is_finite())
}

/// A rank with the ranks between which it stays.
fn rank_text(ranked: &RankedGroup) -> String {
    let rank = ranked.rank.map_or("–".to_owned(), |rank| rank.to_string());
    match (ranked.rank_bootstrap_low, ranked.rank_bootstrap_high) {
        (Some(low), Some(high)) => format!("{rank} [{low}, {high}]"),
        _ => rank,
    }
}

/// A table whose first columns say which group a row is of.
fn of_groups<'r, R>(
    results: &Results,
    rows: &'r [R],
    group: impl Fn(&R) -> &GroupKey,
) -> TableOf<'r, R> {
    let table = Table::of(rows)
        .left("method", |row| group(row).label.clone())
        .right("batch size", |row| group(row).batch_size.to_string());
    match results.groups.has_several_rates {
        true => with_rate(table, group),
        false => table,
    }
}

/// With the learning rate behind what narrow screens should show without scrolling, unless it tells rows apart.
fn with_own_rate<'r, R>(
    results: &Results,
    table: TableOf<'r, R>,
    group: impl Fn(&R) -> &GroupKey,
) -> TableOf<'r, R> {
    match results.groups.has_several_rates {
        true => table,
        false => with_rate(table, group),
    }
}

fn with_rate<'r, R>(table: TableOf<'r, R>, group: impl Fn(&R) -> &GroupKey) -> TableOf<'r, R> {
    table.right("lr", |row| group(row).lr.to_string())
}

/// What it took to the target; without rows where the experiment has none.
pub fn to_target(results: &Results) -> Table {
    let manifest = results.manifest.as_ref();
    let Some(target) = manifest.and_then(|manifest| manifest.target_test_error) else {
        return Table::default();
    };
    let rows = in_order(results, &results.summary, |row| &row.group);
    let mut table = of_groups(results, &rows, |row| &row.group)
        .right("reached", |row| {
            format!("{} of {}", row.n_reached_target, row.n + row.n_diverged)
        })
        .right("epochs", |row| median_text(row.epochs_to_target))
        .right("steps", |row| median_text(row.steps_to_target));
    let other = compared_with(&results.summary, &results.groups);
    if let Some(name) = other {
        let head = format!("times fewer than {name} (95 % interval)");
        table = table.right(&head, |row| speedup_text(&row.speedup));
    }
    let beside = other.map_or(String::new(), |name| {
        let missing = match name {
            BASELINE => String::new(),
            _ => format!(" ({BASELINE} was not run)"),
        };
        format!(
            ". Steps of {name}{missing} divided by own steps, seed by seed: geometric mean; > and < are bounds where a \
             run did not get there"
        )
    });
    Table {
        caption: format!(
            "Until the test error after an epoch is {} % or less: medians over seeds{beside}",
            significant(100.0 * target, 3)
        ),
        ..table.build()
    }
}

/// How many times fewer steps: with its interval, as a bound, or without one.
pub fn speedup_text(speedup: &Speedup) -> String {
    let times = significant(speedup.speedup, 3);
    let pairs = speedup.speedup_n_pairs.unwrap_or(0);
    match speedup.speedup_bound {
        Some(BoundSide::Above) => format!("> {times}"),
        Some(BoundSide::Below) => format!("< {times}"),
        None if speedup.speedup.is_finite() && is_few(pairs) => without_interval(&times, pairs),
        None if speedup.speedup_ci_low.is_finite() => {
            let ends = [speedup.speedup_ci_low, speedup.speedup_ci_high];
            let [low, high] = ends.map(|end| significant(end, 3));
            format!("{times} [{low}, {high}]")
        }
        None => times,
    }
}

/// A median of counts, which may lie between two of them.
fn median_text(middle: f64) -> String {
    match middle.is_finite() {
        true => exact(middle),
        false => significant(middle, 3),
    }
}

/// Differences from the first method; without rows where there is one method only.
pub fn paired(results: &Results) -> Table {
    let rows = in_order(results, &results.paired, |row| &row.group);
    let table = of_groups(results, &rows, |row| &row.group)
        .right("difference (95 % interval)", |row| difference_text(row))
        .right("p", |row| p_value(row.paired.p))
        .right("p (Holm)", |row| p_value(row.p_holm));
    let mut table = with_own_rate(results, table, |row| &row.group)
        .right("pairs", |row| row.paired.n_pairs.to_string())
        .build();
    if let Some(first) = results.paired.first() {
        let baseline = results.groups.name(&first.baseline_label);
        table.caption =
            format!("Final test error less that of {baseline}, seed by seed (below 0 is better)");
    }
    table
}

fn difference_text(row: &PairedRow) -> String {
    let row = &row.paired;
    let (low, high) = (row.difference_ci_low, row.difference_ci_high);
    let text = points(row.difference_mean, low, high);
    match row.n_pairs {
        0 => "no pair of finished runs".to_owned(),
        n if is_few(n) => without_interval(&text, n),
        _ => text,
    }
}

/// What the sweep tried; without rows where there was none.
pub fn sweep(results: &Results) -> Table {
    let mark = |row: &SweepRow| match (row.chosen, row.at_edge) {
        (true, _) if row.n_diverged > 0 => "chosen, though it diverged",
        (true, true) => "chosen, at the edge",
        (true, false) => "chosen",
        (false, _) => "",
    };
    let table = Table::of(&results.sweep)
        .left("method", |row: &SweepRow| row.group.label.clone())
        .right("batch size", |row| row.group.batch_size.to_string());
    with_rate(table, |row| &row.group)
        .left("settings", |row| row.settings.clone())
        .right("validation error", |row| {
            error_rate(row.validation_error_mean)
        })
        .left("choice", |row| mark(row).to_owned())
        .right("n", |row| row.n.to_string())
        .right("diverged", |row| row.n_diverged.to_string())
        .right("epochs", |row| {
            row.epochs
                .map(|epochs| epochs.to_string())
                .unwrap_or_default()
        })
        .build()
}

/// Numbers of a publication beside ours; without rows where the experiment cites none.
pub fn reference(results: &Results) -> Table {
    let manifest = results.manifest.as_ref();
    let Some(reference) = manifest.and_then(|manifest| manifest.reference.as_ref()) else {
        return Table::default();
    };
    let ours = |label: &str| {
        let rows = results.summary.iter();
        let own = rows.filter(|row| row.group.label == label);
        range(own.map(|row| row.final_test_error_mean)).0
    };
    let cited: Vec<(&String, &f64)> = reference.test_error.iter().collect();
    let table = Table::of(&cited)
        .left("name", |(name, _)| (*name).clone())
        .right("test error there", |(_, error)| error_rate(**error))
        .right("ours (lowest mean)", |(name, _)| error_rate(ours(name)));
    Table {
        caption: format!("{}: {}", reference.source, reference.label),
        ..table.build()
    }
}

/// What was compared.
pub fn methods(manifest: &Manifest) -> Table {
    Table::of(&manifest.methods)
        .left("method", |method: &ManifestMethod| method.label.clone())
        .left("what it is", |method| method.summary.clone())
        .left("settings of its own", |method| method.differs.join(", "))
        .build()
}
