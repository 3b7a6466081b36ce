//! By how much methods differ at a batch size, seed by seed: `paired.csv` against the first method, `differences.csv`
//! between any two.

use super::rows::PairedDifference;
use super::summarize::{Group, LEVEL, ended};
use super::{DifferenceRow, Groups, PairedRow, RunRows};
use crate::event::{EpochRow, Status};
use crate::run_key::GroupKey;
use crate::stats::{MeanComparison, holm, mean, paired_t};

/// A column of `curves.csv`.
#[derive(Clone, Copy)]
struct Quantity {
    name: &'static str,
    of: fn(&EpochRow) -> f64,
    /// It lies between 0 and this, so that no difference is larger.
    largest: f64,
}

/// The test error.
const TEST_ERROR: Quantity = Quantity {
    name: "test_error",
    of: |row| row.test_error,
    largest: 1.0,
};
/// What `differences.csv` compares.
const QUANTITIES: [Quantity; 2] = [
    TEST_ERROR,
    Quantity {
        name: "train_loss",
        of: |row| row.train_loss,
        largest: f64::INFINITY,
    },
];
/// Epochs before the last after which it compares: early progress, in steps of about half a decade.
const EARLY_EPOCHS: [u64; 5] = [3, 10, 30, 100, 300];

/// A quantity of a group's runs by seed. Runs that diverged before it was measured are counted.
struct Values {
    by_seed: Vec<(u64, f64)>,
    n_diverged: u64,
}

/// The row of a run after an epoch; without one, after the last epoch of a run that finished.
fn measured(run: &RunRows<EpochRow>, epoch: Option<u64>) -> Option<&EpochRow> {
    let Some(epoch) = epoch else {
        return run.rows.last().filter(|_| ended(run, Status::Finished));
    };
    let is_measured = |row: &&EpochRow| row.epoch == epoch && row.status != Status::Diverged;
    run.rows.iter().find(is_measured)
}

fn values(group: &[&RunRows<EpochRow>], epoch: Option<u64>, quantity: Quantity) -> Values {
    let lost =
        |run: &&&RunRows<EpochRow>| ended(run, Status::Diverged) && measured(run, epoch).is_none();
    let value =
        |run: &&RunRows<EpochRow>| Some((run.key.seed, (quantity.of)(measured(run, epoch)?)));
    Values {
        by_seed: group.iter().filter_map(value).collect(),
        n_diverged: group.iter().filter(lost).count() as u64,
    }
}

/// Of the values that have a seed in common, with the t statistic; no difference is larger than `largest`. What is not
/// known is NaN.
fn paired_by_seed(own: &Values, other: &Values, largest: f64) -> (PairedDifference, f64) {
    let beside = |wanted: u64| other.by_seed.iter().find(|(seed, _)| *seed == wanted);
    let pairs = own.by_seed.iter();
    let pairs = pairs.filter_map(|(seed, value)| Some((*value, beside(*seed)?.1)));
    let (first, second): (Vec<f64>, Vec<f64>) = pairs.unzip();
    let differences = first.iter().zip(&second).map(|(own, other)| own - other);
    let test = paired_t(&first, &second, LEVEL);
    let ends = test.map(|test| test.difference.within(-largest, largest));
    let or_nan = |value: fn(MeanComparison) -> f64| test.map_or(f64::NAN, value);
    let difference = PairedDifference {
        n_pairs: first.len() as u64,
        difference_mean: mean(&differences.collect::<Vec<f64>>()),
        difference_ci_low: ends.map_or(f64::NAN, |ends| ends.low),
        difference_ci_high: ends.map_or(f64::NAN, |ends| ends.high),
        p: or_nan(|test| test.p_value),
    };
    (difference, or_nan(|test| test.t))
}

/// Every group that is shown less every one before it of the same batch size.
pub fn differences(groups: &[Group], shown: &Groups) -> Vec<DifferenceRow> {
    let shown = shown.shown.iter();
    let shown: Vec<&Group> = shown
        .filter_map(|shown| groups.iter().find(|(key, _)| *key == &shown.key))
        .collect();
    let mut rows = Vec::new();
    for (place, own) in shown.iter().enumerate() {
        let before = shown.iter().take(place);
        for other in before.filter(|(key, _)| key.batch_size == own.0.batch_size) {
            rows.extend(differences_of(own, other));
        }
    }
    rows
}

fn differences_of((key, own): &Group, (beside, other): &Group) -> Vec<DifferenceRow> {
    let ends = own.iter().chain(other).filter_map(|run| run.rows.last());
    let last = ends.map(|row| row.epoch).max().unwrap_or(0);
    let early = EARLY_EPOCHS.into_iter().filter(|epoch| *epoch < last);
    let epochs = early
        .map(|epoch| (epoch, Some(epoch)))
        .chain([(last, None)]);
    let row = |(epoch, place): (u64, Option<u64>), quantity: Quantity| {
        let (own, other) = (values(own, place, quantity), values(other, place, quantity));
        let (paired, _) = paired_by_seed(&own, &other, quantity.largest);
        DifferenceRow {
            group: (*key).clone(),
            other: beside.method.clone(),
            other_lr: beside.lr,
            quantity: quantity.name.to_owned(),
            epoch,
            n: own.by_seed.len() as u64,
            n_diverged: own.n_diverged,
            other_n: other.by_seed.len() as u64,
            other_n_diverged: other.n_diverged,
            paired,
            other_label: beside.label.clone(),
        }
    };
    epochs
        .flat_map(|epoch| QUANTITIES.map(|quantity| row(epoch, quantity)))
        .collect()
}

/// Every group against the first method's at the same batch size, seed by seed.
///
/// The first method's group is the one of the same learning rate, else its only one; with several of other rates
/// there is nothing to compare with, and no row. `first` is the label of the first method.
pub fn paired(groups: &[Group], first: &str) -> Vec<PairedRow> {
    let mut rows: Vec<PairedRow> = groups
        .iter()
        .filter(|(key, _)| key.label != first)
        .filter_map(|group| Some(paired_row(group, baseline(groups, group.0, first)?)))
        .collect();
    let adjusted = holm(&rows.iter().map(|row| row.paired.p).collect::<Vec<f64>>());
    for (row, p) in rows.iter_mut().zip(adjusted) {
        row.p_holm = p;
    }
    rows
}

fn baseline<'g, 'r>(groups: &'g [Group<'r>], key: &GroupKey, first: &str) -> Option<&'g Group<'r>> {
    let of_first = |(other, _): &&Group| other.label == first && other.batch_size == key.batch_size;
    let candidates: Vec<&Group> = groups.iter().filter(of_first).collect();
    let same_rate = candidates.iter().find(|(other, _)| other.lr == key.lr);
    match (same_rate, candidates.as_slice()) {
        (Some(same), _) => Some(same),
        (None, [only]) => Some(only),
        _ => None,
    }
}

fn paired_row((key, group): &Group, (base, baseline): &Group) -> PairedRow {
    let final_error = |group: &[&RunRows<EpochRow>]| values(group, None, TEST_ERROR);
    let (own, other) = (final_error(group), final_error(baseline));
    let (paired, t) = paired_by_seed(&own, &other, TEST_ERROR.largest);
    PairedRow {
        group: (*key).clone(),
        baseline: base.method.clone(),
        baseline_lr: base.lr,
        paired,
        t,
        p_holm: f64::NAN,
        baseline_label: base.label.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::SummaryRow;
    use super::super::summarize::summary;
    use super::*;
    use crate::run_key::{RunKey, grouped};

    /// A run with these test errors by epoch; one that diverged has them up to its last row.
    fn run(label: &str, seed: u64, errors: &[f64], status: Status) -> RunRows<EpochRow> {
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
    fn any_two_methods_are_compared_after_early_epochs_and_the_last_over_the_seeds_that_both_have()
    {
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
        let paired = paired(&grouped(&runs, |run| &run.key.group), "a");
        assert_eq!(paired[0].paired.difference_ci_low, -1.0);
    }
}
