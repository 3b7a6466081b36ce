//! What came out, in sentences that follow from the numbers by these rules:
//!
//! | what is said | when |
//! | --- | --- |
//! | nothing is concluded | fewer than three runs of a method are over |
//! | a method fails | a run diverged, or it errs on more than half of the test images though some method does not |
//! | a method has the lowest error | its mean is the lowest of those that do not fail |
//! | two cannot be told apart | the interval of their difference, seed by seed, holds 0, or fewer than three seeds are common |
//!
//! Only what stands in one column is compared: at one batch size, and where all labels are of
//! families ("bn, depth 8") at one number.

use super::differences::of_final_errors;
use super::final_errors::{ends, error_text, is_few, summary_of};
use super::rows::PairedDifference;
use super::{Groups, Results, SummaryRow};
use crate::stats::FEWEST_VALUES;
use crate::text::listed;
use crate::text::numbers::{counted, percent_within, points};

/// The rules in words, for those who read the sentences.
pub const RULES: &str = "Brackets hold 95 % intervals over seeds; differences are taken seed by seed. Methods cannot be \
    told apart where the interval of their difference holds 0 or fewer than three seeds are common. A method fails where \
    a run diverged, or where it errs on more than half of the test images though some method does not. Intervals are \
    not corrected for the number of comparisons.";

/// An error above this is a failure, where some method stays below it.
const HALF: f64 = 0.5;
/// A sentence names at most so many methods that cannot be told apart, and counts the rest.
const MOST_NAMES: usize = 6;

/// The sentences, column by column. None where no run was made for its own sake, as in a mere sweep.
pub fn conclusions(results: &Results) -> Vec<String> {
    let shown = results.groups.shown.iter();
    let rows: Vec<&SummaryRow> = shown
        .filter_map(|it| summary_of(results, &it.key))
        .collect();
    let (few, enough): (Vec<&SummaryRow>, Vec<&SummaryRow>) =
        rows.iter().partition(|row| is_few(row.n + row.n_diverged));
    let somebody_learns = enough.iter().any(|row| row.final_test_error_mean <= HALF);
    let mut sentences = Vec::new();
    let groups = &results.groups;
    for column in groups.columns() {
        let is_own = |row: &&&SummaryRow| groups.column(&row.group) == column;
        let is_failure = |row: &&&SummaryRow| fails(row, somebody_learns);
        let own = enough.iter().filter(is_own);
        let (mut failing, rest): (Vec<&SummaryRow>, Vec<&SummaryRow>) = own.partition(is_failure);
        failing.sort_by(|one, other| {
            let mean = |row: &SummaryRow| row.final_test_error_mean;
            let by_mean = mean(one).total_cmp(&mean(other));
            one.n_diverged.cmp(&other.n_diverged).then(by_mean)
        });
        // One method alone is not the lowest while others have runs to come.
        if rest.len() > 1 || !few.iter().any(|row| is_own(&row)) {
            sentences.extend(lowest(results, &rest, &failing));
        }
        sentences.extend(failures(groups, &failing));
    }
    sentences.extend(too_few(groups, &few, &enough));
    sentences
}

fn fails(row: &SummaryRow, somebody_learns: bool) -> bool {
    row.n_diverged > 0 || (somebody_learns && row.final_test_error_mean > HALF)
}

/// Which of the methods that do not fail in a column has the lowest error, and which cannot be told from it.
fn lowest(results: &Results, rows: &[&SummaryRow], failing: &[&SummaryRow]) -> Option<String> {
    let mean = |row: &SummaryRow| row.final_test_error_mean;
    let mut rows = rows.to_vec();
    rows.sort_by(|one, other| mean(one).total_cmp(&mean(other)));
    let (best, others) = rows.split_first()?;
    let name_of = |row: &SummaryRow| name(&results.groups, row);
    let (place, error) = (place(&results.groups, best), error_text(best));
    let less =
        |rival: &SummaryRow| of_final_errors(&results.differences, &best.group, &rival.group);
    // Without an interval nothing is told apart.
    let is_close = |rival: &&SummaryRow| {
        less(rival).is_none_or(|it| it.difference_ci_high.is_nan() || it.difference_ci_high >= 0.0)
    };
    // Where nothing else is left, what fails without diverging is a rival that lost.
    let lost = failing
        .iter()
        .filter(|row| others.is_empty() && row.n_diverged == 0);
    let lost = lost.filter(|row| !is_close(row));
    let rivals = others.iter().chain(lost);
    let (close, apart): (Vec<&SummaryRow>, Vec<&SummaryRow>) = rivals.partition(|it| is_close(it));
    let begin = format!("{place}, {}", name_of(best));
    Some(match (close.as_slice(), apart.first()) {
        ([], None) if failing.is_empty() => format!("{begin} has a test error of {error}."),
        ([], None) => {
            format!("{begin} is the only method that does not fail: its test error is {error}.")
        }
        ([], Some(next)) => {
            let which = if apart.len() > 1 { ", the next," } else { "" };
            let difference = less(next).map_or_else(String::new, |it| difference_text(&it));
            format!(
                "{begin} has the lowest test error, {error}: the difference from {}{which} is {difference}.",
                name_of(next)
            )
        }
        _ => {
            let named = |row: &&SummaryRow| {
                let text = less(row).filter(|it| it.difference_ci_low.is_finite());
                let text =
                    text.map_or("too few common seeds".to_owned(), |it| difference_text(&it));
                format!("{} ({text})", name_of(row))
            };
            let close = named_or_counted(&close, named);
            let names = named_or_counted(&apart, |row| name_of(row));
            let apart = match apart.len() {
                0 => String::new(),
                1 => format!("; the error of {names} is higher"),
                _ => format!("; the errors of {names} are higher"),
            };
            format!(
                "{begin} has the lowest mean test error, {error}, but cannot be told apart from {close}{apart}."
            )
        }
    })
}

fn difference_text(difference: &PairedDifference) -> String {
    let (low, high) = (difference.difference_ci_low, difference.difference_ci_high);
    points(difference.difference_mean, low, high)
}

/// Where a row is compared, as a sentence begins: "At depth 8".
fn place(groups: &Groups, row: &SummaryRow) -> String {
    format!("At {}", groups.column_name(groups.column(&row.group)))
}

/// What a row is called there, in quotation marks where it would look like several names in a list.
fn name(groups: &Groups, row: &SummaryRow) -> String {
    match groups.name(&row.group.label) {
        several if several.contains(',') => format!("\"{several}\""),
        name => name.to_owned(),
    }
}

/// The first few in words, and how many more there are.
fn named_or_counted(rows: &[&SummaryRow], name: impl Fn(&&SummaryRow) -> String) -> String {
    let (named, more) = match rows.len() {
        all if all <= MOST_NAMES + 1 => (all, 0),
        all => (MOST_NAMES, all - MOST_NAMES),
    };
    let names = rows.iter().take(named).map(name);
    let more = (more > 0).then(|| format!("{more} others"));
    listed(names.chain(more))
}

/// Which methods fail in a column.
fn failures(groups: &Groups, rows: &[&SummaryRow]) -> Option<String> {
    let error = |row: &SummaryRow| {
        let (low, high) = ends(row);
        percent_within(row.final_test_error_mean, low, high)
    };
    let diverged = |row: &SummaryRow| {
        let runs = counted(row.n + row.n_diverged, "run");
        format!("{} of {runs} diverged", row.n_diverged)
    };
    let begin = place(groups, rows.first()?);
    Some(match rows {
        [one] if one.n_diverged > 0 => {
            format!("{begin}, {} fails: {}.", name(groups, one), diverged(one))
        }
        [one] => format!(
            "{begin}, {} fails: it errs on {} of the test images.",
            name(groups, one),
            error(one)
        ),
        _ => {
            let named = |row: &&SummaryRow| match row.n_diverged {
                0 => format!("{} (test error {})", name(groups, row), error(row)),
                _ => format!("{} ({})", name(groups, row), diverged(row)),
            };
            let names = named_or_counted(rows, named);
            format!("{begin}, {} methods fail: {names}.", rows.len())
        }
    })
}

/// About which methods nothing is said, since they have too few runs.
fn too_few(groups: &Groups, few: &[&SummaryRow], enough: &[&SummaryRow]) -> Option<String> {
    let most = few.iter().map(|row| row.n + row.n_diverged).max()?;
    if enough.is_empty() {
        let here = match most {
            0 => "no run is".to_owned(),
            1 => "at most one run of a method is".to_owned(),
            most => format!("at most {} of a method are", counted(most, "run")),
        };
        return Some(format!(
            "Nothing is concluded from fewer than {FEWEST_VALUES} seeds; here {here} over."
        ));
    }
    let whole = |row: &&SummaryRow| {
        let place = groups.column_name(groups.column(&row.group));
        format!("{} at {place}", name(groups, row))
    };
    Some(format!(
        "Nothing is concluded about {}: fewer than {FEWEST_VALUES} runs are over.",
        named_or_counted(few, whole)
    ))
}

#[cfg(test)]
pub(super) mod tests;
