//! Which methods of a column fail, which has the lowest error, and which cannot be told apart from it: the rules of
//! [`conclusion`](super::conclusion).

use super::columns::ComparisonColumn;
use super::differences::of_final_errors;
use super::final_errors::{is_few, summary_of};
use super::rows::PairedDifference;
use super::{Results, SummaryRow};
use crate::run_key::GroupKey;

/// An error above this is a failure, where some method stays below it.
const HALF: f64 = 0.5;

/// How the methods of a column came out of which enough runs are over.
#[derive(Debug, Default)]
pub struct ColumnVerdict<'r> {
    /// Those that fail, fewer diverged runs first.
    pub failing: Vec<&'r SummaryRow>,
    /// Those that do not fail, by their mean error.
    pub working: Vec<&'r SummaryRow>,
    /// What cannot be told apart from the first of these.
    pub close: Vec<&'r SummaryRow>,
    /// What has a higher error. Where one method alone does not fail, those that err on too many images.
    pub apart: Vec<&'r SummaryRow>,
}

/// The groups that cannot be told apart from the one of the lowest error in their column.
pub fn alike(results: &Results) -> Vec<&GroupKey> {
    let groups = &results.groups;
    let verdicts = groups.columns().into_iter();
    let verdicts = verdicts.map(|column| verdict(results, column));
    let is_about_lowest = |verdict: &ColumnVerdict| {
        let best = verdict.working.first();
        best.is_some_and(|best| groups.is_lowest(&best.group))
    };
    let close = verdicts.filter(is_about_lowest);
    close
        .flat_map(|verdict| verdict.close)
        .map(|row| &row.group)
        .collect()
}

/// The rows of all groups that are shown.
pub fn shown_rows(results: &Results) -> Vec<&SummaryRow> {
    let shown = results.groups.shown.iter();
    shown
        .filter_map(|group| summary_of(results, &group.key))
        .collect()
}

/// Whether too few runs of a group are over for a conclusion.
pub fn has_too_few(row: &SummaryRow) -> bool {
    is_few(row.n + row.n_diverged)
}

/// The verdict about a column.
pub fn verdict(results: &Results, column: ComparisonColumn) -> ColumnVerdict<'_> {
    let mut enough = shown_rows(results);
    enough.retain(|row| !has_too_few(row));
    let somebody_learns = enough.iter().any(|row| row.final_test_error_mean <= HALF);
    enough.retain(|row| results.groups.column(&row.group) == column);
    let (mut failing, mut working): (Vec<&SummaryRow>, Vec<&SummaryRow>) =
        enough.iter().partition(|row| fails(row, somebody_learns));
    let by_mean = |one: &&SummaryRow, other: &&SummaryRow| {
        let mean = |row: &SummaryRow| row.final_test_error_mean;
        mean(one).total_cmp(&mean(other))
    };
    failing.sort_by(|one, other| {
        let by_loss = one.n_diverged.cmp(&other.n_diverged);
        by_loss.then(by_mean(one, other))
    });
    working.sort_by(by_mean);
    let Some((best, others)) = working.split_first() else {
        return ColumnVerdict {
            failing,
            ..ColumnVerdict::default()
        };
    };
    let is_close = |rival: &&SummaryRow| is_close(results, best, rival);
    // Where nothing else is left, what fails without diverging is a rival that lost.
    let lost = failing.iter().copied();
    let lost = lost.filter(|row| others.is_empty() && row.n_diverged == 0 && !is_close(row));
    let rivals = others.iter().copied().chain(lost);
    let (close, apart) = rivals.partition(is_close);
    ColumnVerdict {
        failing,
        working,
        close,
        apart,
    }
}

/// By how much the final error of one is above that of another, seed by seed.
pub fn difference(
    results: &Results,
    own: &SummaryRow,
    other: &SummaryRow,
) -> Option<PairedDifference> {
    of_final_errors(&results.differences, &own.group, &other.group)
}

/// Without an interval nothing is told apart.
fn is_close(results: &Results, best: &SummaryRow, rival: &SummaryRow) -> bool {
    difference(results, best, rival)
        .is_none_or(|it| it.difference_ci_high.is_nan() || it.difference_ci_high >= 0.0)
}

fn fails(row: &SummaryRow, somebody_learns: bool) -> bool {
    row.n_diverged > 0 || (somebody_learns && row.final_test_error_mean > HALF)
}
