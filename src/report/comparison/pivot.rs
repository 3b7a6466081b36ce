//! Methods by rows, batch sizes (or the numbers of families) by columns: final test errors, and what a sweep chose.

use super::columns::ComparisonColumn;
use super::families::Member;
use super::final_errors::{ends, is_few, summary_of};
use super::verdict::alike;
use super::{Results, SummaryRow, SweepRow};
use crate::report::distinct::distinct;
use crate::text::numbers::{counted, error_rate, percent_interval, significant};
use crate::text::{Table, TableOf};

/// A method with its row in each column, where it has one.
type Line<'r, R> = (&'r str, Vec<Option<&'r R>>);

/// Final test errors, the method of the lowest ones first; the lowest of each column is marked. Columns are batch sizes, or
/// with a single one the numbers of families.
pub fn errors(results: &Results) -> Table {
    let groups = &results.groups;
    let rows = groups.shown.iter();
    let rows = rows.filter_map(|group| summary_of(results, &group.key));
    let rows: Vec<&SummaryRow> = rows.collect();
    let seeds = rows.iter().map(|row| row.n + row.n_diverged).max();
    let seeds = seeds.unwrap_or(0);
    let alike = alike(results);
    let text = |row: &SummaryRow| {
        let mark = match groups.is_lowest(&row.group) {
            true => "* ",
            false if alike.contains(&&row.group) => "≈ ",
            false => "",
        };
        format!("{mark}{}", error_cell(row, seeds))
    };
    // Of several batch sizes, numbers too would be too many columns.
    let by_number = groups.batch_sizes.len() == 1;
    let columns = distinct(groups.columns().into_iter().map(|column| ComparisonColumn {
        number: column.number.filter(|_| by_number),
        ..column
    }));
    let names: Vec<&str> = match by_number {
        true => groups.names(),
        false => groups.by_error.iter().map(String::as_str).collect(),
    };
    let is_at = |row: &SummaryRow, name: &str, column: &ComparisonColumn| match by_number {
        true => groups.name(&row.group.label) == name && groups.column(&row.group) == *column,
        false => row.group.label == name && row.group.batch_size == column.batch_size,
    };
    let lines = lines(&rows, &names, &columns, is_at);
    let heads: Vec<String> = columns.iter().map(|it| groups.column_name(*it)).collect();
    let mut table = pivot(&lines, &heads, text);
    // Of several batch sizes a row is a label, and a rank is a name's.
    if columns.len() > 1 && (by_number || groups.families.is_none()) {
        table = table.right("mean rank", |(name, _)| {
            significant(groups.mean_rank(name), 3)
        });
    }
    let mut table = table.build();
    if !table.rows.is_empty() {
        let intervals = match is_few(seeds) {
            true => "",
            false => " with 95 % interval",
        };
        let member = groups.families.iter().flatten().next();
        let place = match member.map(Member::quantity) {
            Some(number) if by_number => number,
            Some(number) => format!("batch size and {number}"),
            None => "batch size".to_owned(),
        };
        table.caption = format!(
            "Final test error{intervals}, {}; * the lowest at its {place}{}{}",
            counted(seeds, "seed"),
            match alike.is_empty() {
                true => "",
                false => "; ≈ cannot be told apart from it",
            },
            groups.rate_note()
        );
    }
    table
}

/// An error, and what is special about the runs that it is of.
fn error_cell(row: &SummaryRow, seeds: u64) -> String {
    let (low, high) = ends(row);
    let error = percent_interval(row.final_test_error_mean, low, high);
    match (row.n, row.n_diverged) {
        (0, 0) => "no run is over".to_owned(),
        (0, _) => "diverged".to_owned(),
        (n, lost) if lost > 0 => format!("{error} ({lost} of {} diverged)", n + lost),
        (n, _) if n < seeds => format!("{error} (n = {n})"),
        _ => error,
    }
}

/// What a sweep chose, with the error that it was chosen by.
pub fn chosen(results: &Results) -> Table {
    let rows: Vec<&SweepRow> = results.sweep.iter().filter(|row| row.chosen).collect();
    let mut sizes = distinct(rows.iter().map(|row| row.group.batch_size));
    sizes.sort_unstable();
    let labels = distinct(rows.iter().map(|row| row.group.label.as_str()));
    let is_at = |row: &SweepRow, label: &str, size: &u64| {
        row.group.label == label && row.group.batch_size == *size
    };
    let lines = lines(&rows, &labels, &sizes, is_at);
    let heads: Vec<String> = sizes.iter().map(|it| format!("batch size {it}")).collect();
    let text = |row: &SweepRow| {
        let edge = if row.at_edge { " *" } else { "" };
        let error = error_rate(row.validation_error_mean);
        let rate = format!("{} {}", row.group.lr, row.settings);
        format!("{}{edge} ({error})", rate.trim_end())
    };
    let mut table = pivot(&lines, &heads, text).build();
    if !table.rows.is_empty() {
        table.caption = format!(
            "Learning rates that the sweep chose from {}, with errors on held-out images; * at the edge of what was tried",
            counted(results.sweep.len() as u64, "setting")
        );
    }
    table
}

/// A line for each name that has a row; `is_at` tells of which name and column a row is.
fn lines<'r, R, C>(
    rows: &[&'r R],
    names: &[&'r str],
    columns: &[C],
    is_at: impl Fn(&R, &str, &C) -> bool,
) -> Vec<Line<'r, R>> {
    let line = |name: &&'r str| -> Line<'r, R> {
        let at = |column: &C| rows.iter().copied().find(|row| is_at(row, name, column));
        (name, columns.iter().map(at).collect())
    };
    let lines = names.iter().map(line);
    lines
        .filter(|(_, rows)| rows.iter().any(Option::is_some))
        .collect()
}

fn pivot<'l, 'r, R>(
    lines: &'l [Line<'r, R>],
    heads: &[String],
    text: impl Fn(&R) -> String,
) -> TableOf<'l, Line<'r, R>> {
    let mut table = Table::of(lines).left("method", |(name, _)| (*name).to_owned());
    for (place, head) in heads.iter().enumerate() {
        table = table.right(head, |(_, rows): &Line<R>| {
            rows[place].map_or_else(String::new, &text)
        });
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::comparison::conclusion::tests::{HIGH, LOW, results};
    use crate::run_key::GroupKey;

    #[test]
    fn methods_stand_by_their_errors_and_the_lowest_of_each_batch_size_is_marked() {
        let made = results(&[
            ("bn", 50, LOW),
            ("gone", 50, &[f64::NAN; 3]),
            ("ours", 50, HIGH),
            ("bn", 1, HIGH),
            ("part", 1, &[0.01, 0.01, f64::NAN]),
            ("ours", 1, &[0.05, 0.05]),
        ]);
        let table = errors(&made);
        let heads: Vec<&str> = table.columns.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(
            heads,
            ["method", "batch size 1", "batch size 50", "mean rank"]
        );
        let rows: Vec<String> = table.rows.iter().map(|row| row.join(" | ")).collect();
        assert_eq!(
            rows,
            [
                "ours | * 5.00 % (n = 2) | 31.0 % [28.5, 33.5] | 1.50",
                "bn | 31.0 % [28.5, 33.5] | * 12.0 % [7.0, 17.0] | 1.50",
                "part | 1.00 % (1 of 3 diverged) |  | 3.00",
                "gone |  | diverged | 3.00",
            ]
        );
        assert!(
            table
                .caption
                .contains("95 % interval, 3 seeds; * the lowest")
        );
        let two = errors(&results(&[("bn", 1, &[0.1, 0.2])]));
        assert_eq!(two.rows, [["bn", "* 15.0 %"]]);
        assert!(!two.caption.contains("interval"), "{}", two.caption);
    }

    #[test]
    fn what_cannot_be_told_apart_from_the_lowest_is_marked() {
        let made = results(&[
            ("a", 1, LOW),
            ("b", 1, &[0.12, 0.11, 0.17]),
            ("c", 1, HIGH),
            ("lost", 1, &[0.10, 0.12, f64::NAN]),
            ("a", 50, HIGH),
            ("b", 50, LOW),
        ]);
        let table = errors(&made);
        let marks = |place: usize| -> Vec<&str> {
            let marked = table.rows.iter();
            let marked = marked.filter(|row| row[place].starts_with('≈'));
            marked.map(|row| row[0].as_str()).collect()
        };
        // b at batch size 1: the interval of the difference, −6.5 to 3.8 points, holds 0.
        assert_eq!((marks(1), marks(2)), (vec!["b"], vec![]));
        assert!(
            table.caption.contains("≈ cannot be told apart from it"),
            "{}",
            table.caption
        );
    }

    #[test]
    fn at_one_batch_size_numbers_of_families_are_the_columns() {
        let table = errors(&results(&[
            ("a, depth 8", 4, HIGH),
            ("b, depth 8", 4, LOW),
            ("a, depth 56", 4, LOW),
            ("a, depth 20", 4, LOW),
            ("b, depth 20", 4, LOW),
        ]));
        let heads: Vec<&str> = table.columns.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(
            heads,
            ["method", "depth 8", "depth 20", "depth 56", "mean rank"]
        );
        let (low, high) = ("* 12.0 % [7.0, 17.0]", "31.0 % [28.5, 33.5]");
        let alike = low;
        assert_eq!(
            table.rows,
            [["b", low, low, "", "1.00"], ["a", high, alike, low, "1.33"]]
        );
        assert!(
            table.caption.contains("* the lowest at its depth"),
            "{}",
            table.caption
        );
        let of_two = [
            ("a, depth 8", 4, LOW),
            ("b, depth 9", 1, LOW),
            ("b, depth 7", 1, LOW),
        ];
        let table = errors(&results(&of_two));
        assert_eq!(table.columns.len(), 3, "{table:?}");
    }

    #[test]
    fn of_a_sweep_what_was_chosen_is_shown() {
        let row = |lr: f64, chosen: bool| SweepRow {
            group: GroupKey {
                method: "bn".into(),
                label: "bn".into(),
                batch_size: 1,
                lr,
            },
            settings: "momentum=0.5".into(),
            n: 1,
            n_diverged: 0,
            validation_error_mean: 0.2,
            validation_error_std: f64::NAN,
            chosen,
            at_edge: true,
            rung: None,
            epochs: None,
        };
        let results = Results {
            sweep: vec![row(0.1, false), row(0.2, true)],
            ..results(&[])
        };
        let table = chosen(&results);
        assert_eq!(table.rows, [["bn", "0.2 momentum=0.5 * (20.0 %)"]]);
        assert!(table.caption.contains("from 2 settings"));
        assert!(
            chosen(&super::super::conclusion::tests::results(&[]))
                .rows
                .is_empty()
        );
    }
}
