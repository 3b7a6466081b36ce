use super::super::rows::SummaryRow;
use super::super::summarize::summary;
use super::*;
use crate::run_key::{RunKey, grouped};

/// A run with these test errors by epoch; one that diverged has them up to its last row.
pub fn run(label: &str, seed: u64, errors: &[f64], status: Status) -> RunRows<EpochRow> {
    let group = GroupKey {
        method: label.into(),
        label: label.into(),
        batch_size: 1,
        lr: 0.1,
    };
    let last = errors.len() - 1;
    let row = |(epoch, error): (usize, &f64)| EpochRow {
        epoch: epoch as u64,
        step: 0,
        lr: 0.1,
        train_loss: f64::NAN,
        train_error: f64::NAN,
        test_loss: f64::NAN,
        test_error: *error,
        grad_norm: f64::NAN,
        train_s: f64::NAN,
        eval_s: f64::NAN,
        images_per_s: f64::NAN,
        rss_mb: f64::NAN,
        status: if epoch == last {
            status
        } else {
            Status::Running
        },
        test_calibration_error: f64::NAN,
        test_brier_score: f64::NAN,
    };
    RunRows {
        key: RunKey { group, seed },
        rows: errors.iter().enumerate().map(row).collect(),
    }
}

fn rows_of(runs: &[RunRows<EpochRow>]) -> Vec<DifferenceRow> {
    let groups = grouped(runs, |run| &run.key.group);
    let rows = summary(&groups, None);
    let labels = rows.iter().map(|row| row.group.label.clone()).collect();
    differences(&groups, &Groups::of(&rows, labels))
}

#[test]
fn any_two_methods_are_compared_after_early_epochs_and_the_last_over_the_seeds_that_both_have() {
    let done = Status::Finished;
    let runs = [
        run("a", 0, &[0.9, 0.5, 0.5, 0.5, 0.4], done),
        run("a", 1, &[0.9, 0.5, 0.5, 0.7, 0.5], done),
        run("b", 1, &[0.9, 0.5, 0.5, 0.4, 0.1], done),
        run("b", 0, &[0.9, 0.5, 0.5, 0.4, 0.2], done),
        run("b", 2, &[0.9, 0.5, 0.5, 0.3, 0.9], Status::Diverged),
        run("c", 0, &[0.9, 0.1], Status::Diverged),
    ];
    let rows = rows_of(&runs);
    let names: Vec<(&str, &str, &str, u64)> = rows
        .iter()
        .map(|row| {
            let (own, other) = (&row.group.label, &row.other_label);
            (
                own.as_str(),
                other.as_str(),
                row.quantity.as_str(),
                row.epoch,
            )
        })
        .filter(|(_, _, quantity, _)| *quantity == "test_error")
        .collect();
    let error = "test_error";
    let pairs = [("b", "a"), ("c", "a"), ("c", "b")];
    let expected = pairs.map(|(own, other)| [(own, other, error, 3), (own, other, error, 4)]);
    assert_eq!(names, expected.concat());

    let [early, _, late, _, gone, ..] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!(
        (
            early.n,
            early.other_n,
            early.paired.n_pairs,
            early.n_diverged
        ),
        (3, 2, 2, 0)
    );
    assert!(
        (early.paired.difference_mean + 0.2).abs() < 1e-12,
        "{early:?}"
    );
    assert_eq!((late.n, late.paired.n_pairs, late.n_diverged), (2, 2, 1));
    assert!(
        (late.paired.difference_mean + 0.3).abs() < 1e-12,
        "{late:?}"
    );
    let few = [
        late.paired.difference_ci_low,
        late.paired.difference_ci_high,
        late.paired.p,
    ];
    assert!(few.iter().all(|end| end.is_nan()), "two pairs: {late:?}");
    assert_eq!(
        (gone.n, gone.n_diverged, gone.paired.n_pairs, gone.other_n),
        (0, 1, 0, 2)
    );
    assert!(gone.paired.difference_mean.is_nan() && gone.paired.p.is_nan());
}

#[test]
fn ends_of_errors_and_of_their_differences_stay_where_they_can_lie() {
    let errors = [("a", [0.95, 0.1, 0.9]), ("b", [0.05, 0.2, 0.1])];
    let of = |(label, errors): (&'static str, [f64; 3])| {
        let run = move |(seed, error): (usize, f64)| {
            let mut run = run(label, seed as u64, &[0.9, error], Status::Finished);
            run.rows[1].train_loss = error;
            run
        };
        errors.into_iter().enumerate().map(run)
    };
    let runs: Vec<RunRows<EpochRow>> = errors.into_iter().flat_map(of).collect();
    let rows = summary(&grouped(&runs, |run| &run.key.group), None);
    let ends = |row: &SummaryRow| (row.final_test_error_ci_low, row.final_test_error_ci_high);
    assert_eq!(ends(&rows[0]), (0.0, 1.0));
    assert_eq!(ends(&rows[1]).0, 0.0);
    // Differences -0.9, 0.1 and -0.8: mean -0.533, half-width 4.30265 times the standard error 0.318.
    let rows = rows_of(&runs);
    assert_eq!(rows[0].paired.difference_ci_low, -1.0);
    assert!(
        (rows[0].paired.difference_ci_high - 0.8349).abs() < 1e-3,
        "{rows:?}"
    );
    assert!(
        (rows[1].paired.difference_ci_low + 1.9016).abs() < 1e-3,
        "a loss: {rows:?}"
    );
    let groups = grouped(&runs, |run| &run.key.group);
    let labels = vec!["a".to_owned(), "b".to_owned()];
    let shown = Groups::of(&summary(&groups, None), labels);
    let paired = paired(&groups, &shown);
    assert_eq!(paired[0].paired.difference_ci_low, -1.0);
}
