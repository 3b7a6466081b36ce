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

use super::final_errors::{ends, error_text};
use super::rows::PairedDifference;
use super::verdict::{ColumnVerdict, difference, has_too_few, shown_rows, verdict};
use super::{Groups, Results, SummaryRow};
use crate::stats::FEWEST_VALUES;
use crate::text::listed;
use crate::text::numbers::{counted, percent_within, points};

/// The rules in words, for those who read the sentences.
pub const RULES: &str = "Brackets hold 95 % intervals over seeds; differences are taken seed by seed. Methods cannot be \
    told apart where the interval of their difference holds 0 or fewer than three seeds are common. A method fails where \
    a run diverged, or where it errs on more than half of the test images though some method does not. Intervals are \
    not corrected for the number of comparisons.";

/// A sentence names at most so many methods that cannot be told apart, and counts the rest.
const MOST_NAMES: usize = 6;

/// The sentences, column by column. None where no run was made for its own sake, as in a mere sweep.
pub fn conclusions(results: &Results) -> Vec<String> {
    let (few, enough): (Vec<&SummaryRow>, Vec<&SummaryRow>) = shown_rows(results)
        .into_iter()
        .partition(|row| has_too_few(row));
    let mut sentences = Vec::new();
    let groups = &results.groups;
    for column in groups.columns() {
        let verdict = verdict(results, column);
        let is_own = |row: &&SummaryRow| groups.column(&row.group) == column;
        // One method alone is not the lowest while others have runs to come.
        if verdict.working.len() > 1 || !few.iter().any(is_own) {
            sentences.extend(lowest(results, &verdict));
        }
        sentences.extend(failures(groups, &verdict.failing));
    }
    sentences.extend(too_few(groups, &few, &enough));
    sentences
}

/// Which of the methods that do not fail in a column has the lowest error, and which cannot be told from it.
fn lowest(results: &Results, verdict: &ColumnVerdict) -> Option<String> {
    let best = *verdict.working.first()?;
    let name_of = |row: &SummaryRow| name(&results.groups, row);
    let (place, error) = (place(&results.groups, best), error_text(best));
    let less = |rival: &SummaryRow| difference(results, best, rival);
    let ColumnVerdict {
        failing,
        close,
        apart,
        ..
    } = verdict;
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
            let close = named_or_counted(close, named);
            let names = named_or_counted(apart, |row| name_of(row));
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
