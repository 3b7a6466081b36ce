//! Methods by rows, batch sizes by columns: final test errors, and what a sweep chose.

use super::final_errors::{ends, is_few, summary_of};
use super::{Results, SummaryRow, SweepRow};
use crate::report::distinct::distinct;
use crate::stats::mean;
use crate::text::Table;
use crate::text::numbers::{counted, error_rate, percent_interval};

/// A method with its row for each batch size, where it has one.
type Line<'r, R> = (&'r str, Vec<Option<&'r R>>);

/// Final test errors, the method of the lowest ones first; the lowest at each batch size is marked.
pub fn errors(results: &Results) -> Table {
    let groups = &results.groups;
    let shown = groups.shown.iter();
    let rows = shown.filter_map(|group| summary_of(results, &group.key));
    let rows: Vec<&SummaryRow> = rows.collect();
    let seeds = rows.iter().map(|row| row.n + row.n_diverged).max();
    let seeds = seeds.unwrap_or(0);
    let lowest = |size: u64| {
        let at = rows.iter().filter(|row| row.group.batch_size == size);
        let at = at.filter(|row| row.n_diverged == 0 && row.n > 0);
        at.map(|row| row.final_test_error_mean)
            .min_by(f64::total_cmp)
    };
    let text = |row: &SummaryRow| {
        let is_lowest = lowest(row.group.batch_size) == Some(row.final_test_error_mean);
        let mark = if is_lowest && row.n_diverged == 0 {
            "* "
        } else {
            ""
        };
        format!("{mark}{}", error_cell(row, seeds))
    };
    let mut lines = lines(&rows, &groups.labels, &groups.batch_sizes, |row| {
        (&row.group.label, row.group.batch_size)
    });
    lines.sort_by(|one, other| overall(one).total_cmp(&overall(other)));
    let mut table = pivot(&lines, &groups.batch_sizes, text);
    if !table.rows.is_empty() {
        let intervals = match is_few(seeds) {
            true => "",
            false => " with 95 % interval",
        };
        table.caption = format!(
            "Final test error{intervals}, {}; * the lowest at its batch size{}",
            counted(seeds, "seed"),
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

/// The mean of a method's errors over batch sizes; where every run diverged, all images count as misclassified.
fn overall((_, rows): &Line<SummaryRow>) -> f64 {
    let errors = rows.iter().flatten().map(|row| row.final_test_error_mean);
    let errors = errors.map(|error| if error.is_finite() { error } else { 1.0 });
    mean(&errors.collect::<Vec<f64>>())
}

/// What a sweep chose, with the error that it was chosen by.
pub fn chosen(results: &Results) -> Table {
    let rows: Vec<&SweepRow> = results.sweep.iter().filter(|row| row.chosen).collect();
    let mut sizes = distinct(rows.iter().map(|row| row.group.batch_size));
    sizes.sort_unstable();
    let labels = distinct(rows.iter().map(|row| row.group.label.clone()));
    let lines = lines(&rows, &labels, &sizes, |row| {
        (&row.group.label, row.group.batch_size)
    });
    let text = |row: &SweepRow| {
        let edge = if row.at_edge { " *" } else { "" };
        let error = error_rate(row.validation_error_mean);
        let rate = format!("{} {}", row.group.lr, row.settings);
        format!("{}{edge} ({error})", rate.trim_end())
    };
    let mut table = pivot(&lines, &sizes, text);
    if !table.rows.is_empty() {
        table.caption = format!(
            "Learning rates that the sweep chose from {}, with errors on held-out images; * at the edge of what was tried",
            counted(results.sweep.len() as u64, "setting")
        );
    }
    table
}

/// A line for each label that has a row.
fn lines<'r, R>(
    rows: &[&'r R],
    labels: &'r [String],
    sizes: &[u64],
    key: impl Fn(&'r R) -> (&'r String, u64),
) -> Vec<Line<'r, R>> {
    let line = |label: &'r String| -> Line<'r, R> {
        let at = |size: &u64| rows.iter().copied().find(|row| key(row) == (label, *size));
        (label, sizes.iter().map(at).collect())
    };
    let lines = labels.iter().map(line);
    lines
        .filter(|(_, rows)| rows.iter().any(Option::is_some))
        .collect()
}

fn pivot<R>(lines: &[Line<R>], sizes: &[u64], text: impl Fn(&R) -> String) -> Table {
    let mut table = Table::of(lines).left("method", |(label, _)| (*label).to_owned());
    let mut numbered: Vec<(usize, &u64)> = sizes.iter().enumerate().collect();
    numbered.sort_by_key(|(_, size)| *size);
    for (place, size) in numbered {
        table = table.right(&format!("batch size {size}"), |(_, rows)| {
            rows[place].map_or_else(String::new, &text)
        });
    }
    table.build()
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
        assert_eq!(heads, ["method", "batch size 1", "batch size 50"]);
        let rows: Vec<String> = table.rows.iter().map(|row| row.join(" | ")).collect();
        assert_eq!(
            rows,
            [
                "part | 1.00 % (1 of 3 diverged) | ",
                "ours | * 5.00 % (n = 2) | 31.0 % [28.5, 33.5]",
                "bn | 31.0 % [28.5, 33.5] | * 12.0 % [7.0, 17.0]",
                "gone |  | diverged",
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
