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

/// Every group against the first method's at the same batch size, and of families at the same number, seed by seed.
///
/// The first method's group is the one of the same learning rate, else its only one; with several of other rates
/// there is nothing to compare with, and no row.
pub fn paired(groups: &[Group], shown: &Groups) -> Vec<PairedRow> {
    let row = |group: &Group| {
        let first = shown.first_beside(&group.0.label)?;
        let baseline = baseline(groups, group.0, first).filter(|_| group.0.label != *first)?;
        Some(paired_row(group, baseline))
    };
    let mut rows: Vec<PairedRow> = groups.iter().filter_map(row).collect();
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

/// By how much the final test error of one group is above that of another, whichever of them a row names first.
pub fn of_final_errors(
    rows: &[DifferenceRow],
    own: &GroupKey,
    other: &GroupKey,
) -> Option<PairedDifference> {
    let is_of = |row: &DifferenceRow, own: &GroupKey, other: &GroupKey| {
        row.group == *own && (row.other_label == other.label && row.other_lr == other.lr)
    };
    let at_end = rows.iter().rev();
    let mut at_end = at_end.filter(|row| row.quantity == TEST_ERROR.name);
    let row = at_end.find(|row| is_of(row, own, other) || is_of(row, other, own))?;
    let paired = row.paired.clone();
    Some(match row.group == *own {
        true => paired,
        false => PairedDifference {
            difference_mean: -paired.difference_mean,
            difference_ci_low: -paired.difference_ci_high,
            difference_ci_high: -paired.difference_ci_low,
            ..paired
        },
    })
}

#[cfg(test)]
pub(super) mod tests;
