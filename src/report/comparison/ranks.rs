//! Ranks by final test error in each column, and how stable they are.
//!
//! Seeds are drawn with replacement as often as there are, the same draw for all groups of a column, so that what a seed does
//! to all of them stays paired; then the groups are ranked by the rule of [`Standing`]. Over many draws this tells how often
//! each is first, and between which ranks it stays (B. Efron, 1979). Only seeds count with which a run of every group is
//! over; of fewer than three, nothing is told.

use std::cmp::Ordering;

use super::rows::RankedGroup;
use super::standing::Standing;
use super::summarize::{Group, LEVEL};
use super::{Groups, RunRows, Shown};
use crate::event::{EpochRow, Status};
use crate::run_key::GroupKey;
use crate::stats::{FEWEST_VALUES, mean};
use crate::streams::{Purpose, below, stream};

/// Draws of the bootstrap, as for its intervals.
const DRAWS: usize = 9999;

/// The final error of a run; `None` of one that diverged.
type FinalError = Option<f64>;

/// What the draws told of a group.
#[derive(Default, Clone)]
struct Drawn {
    ranks: Vec<u64>,
    /// How often it was first; a part of it where it shared the place.
    first: f64,
}

/// The ranks of all groups that are shown and have a run that is over.
pub fn ranks<'g>(all: &[Group], groups: &'g Groups) -> Vec<(&'g GroupKey, RankedGroup)> {
    let columns = groups.columns().into_iter();
    columns
        .flat_map(|column| among(&groups.within(column), all, groups))
        .collect()
}

/// The ranks among the groups of a column.
fn among<'g>(
    shown: &[&'g Shown],
    all: &[Group],
    groups: &Groups,
) -> Vec<(&'g GroupKey, RankedGroup)> {
    let rivals = shown.iter();
    let rivals = rivals.filter_map(|group| Some((&group.key, groups.standing(&group.key)?)));
    let (keys, standings): (Vec<&GroupKey>, Vec<Standing>) = rivals.unzip();
    let drawn = drawn(&by_common_seed(&keys, all));
    let ranked = |(place, rank): (usize, u64)| {
        let own = drawn.get(place);
        let label = &keys[place].label;
        RankedGroup {
            rank: Some(rank),
            rank_bootstrap_low: own.map(|own| own.end(0.5 * (1.0 - LEVEL), f64::floor)),
            rank_bootstrap_high: own.map(|own| own.end(0.5 * (1.0 + LEVEL), f64::ceil)),
            first_share: own.map_or(f64::NAN, |own| own.first / DRAWS as f64),
            mean_rank: groups.mean_rank(groups.name(label)),
        }
    };
    let ranked = ranks_of(&standings).into_iter().enumerate().map(ranked);
    keys.iter()
        .copied()
        .zip(ranked.collect::<Vec<_>>())
        .collect()
}

/// A row of outcomes for each group, one for each seed with which a run of all of them is over.
fn by_common_seed(keys: &[&GroupKey], all: &[Group]) -> Vec<Vec<FinalError>> {
    let over = |key: &&GroupKey| -> Vec<(u64, FinalError)> {
        let own = all.iter().filter(|(other, _)| other == key);
        let runs = own.flat_map(|(_, runs)| runs.iter());
        runs.filter_map(|run| Some((run.key.seed, outcome(run)?)))
            .collect()
    };
    let over: Vec<Vec<(u64, FinalError)>> = keys.iter().map(over).collect();
    let has = |own: &[(u64, FinalError)], seed: u64| own.iter().any(|(other, _)| *other == seed);
    let first = over.first().into_iter().flatten();
    let mut seeds: Vec<u64> = first.map(|(seed, _)| *seed).collect();
    seeds.retain(|seed| over.iter().all(|own| has(own, *seed)));
    let of_seeds = |own: &Vec<(u64, FinalError)>| {
        let of_seed = |seed: &u64| own.iter().find(|(other, _)| other == seed);
        let found = seeds.iter().filter_map(of_seed);
        found.map(|(_, outcome)| *outcome).collect()
    };
    over.iter().map(of_seeds).collect()
}

/// `None` while a run is not over.
fn outcome(run: &RunRows<EpochRow>) -> Option<FinalError> {
    let last = run.rows.last()?;
    match last.status {
        Status::Finished => Some(Some(last.test_error)),
        Status::Diverged => Some(None),
        Status::Running | Status::Interrupted | Status::Paused => None,
    }
}

/// What the draws tell of each group; nothing of one alone, and nothing of too few seeds.
fn drawn(outcomes: &[Vec<FinalError>]) -> Vec<Drawn> {
    let seeds = outcomes.first().map_or(0, Vec::len);
    if outcomes.len() < 2 || seeds < FEWEST_VALUES {
        return Vec::new();
    }
    let mut stream = stream(0, Purpose::Bootstrap, 0);
    let mut all = vec![Drawn::default(); outcomes.len()];
    for _ in 0..DRAWS {
        let draw = (0..seeds).map(|_| below(seeds as u32, &mut stream) as usize);
        let draw: Vec<usize> = draw.collect();
        let standing = |own: &Vec<FinalError>| standing(draw.iter().map(|seed| own[*seed]));
        let ranks = ranks_of(&outcomes.iter().map(standing).collect::<Vec<Standing>>());
        let firsts = ranks.iter().filter(|rank| **rank == 1).count();
        for (own, rank) in all.iter_mut().zip(ranks) {
            own.ranks.push(rank);
            if rank == 1 {
                own.first += 1.0 / firsts as f64;
            }
        }
    }
    for own in &mut all {
        own.ranks.sort_unstable();
    }
    all
}

fn standing(outcomes: impl Iterator<Item = FinalError>) -> Standing {
    let outcomes: Vec<FinalError> = outcomes.collect();
    let errors: Vec<f64> = outcomes.iter().flatten().copied().collect();
    Standing {
        lost: (outcomes.len() - errors.len()) as f64 / outcomes.len() as f64,
        error: match errors.is_empty() {
            true => f64::INFINITY,
            false => mean(&errors),
        },
    }
}

/// The rank of each: one more than there are better ones.
fn ranks_of(standings: &[Standing]) -> Vec<u64> {
    let mut sorted = standings.to_vec();
    sorted.sort_by(Standing::compare);
    let rank = |own: &Standing| {
        let better = sorted.partition_point(|other| other.compare(own) == Ordering::Less);
        better as u64 + 1
    };
    standings.iter().map(rank).collect()
}

impl Drawn {
    /// The rank at a share of all draws, which are sorted: of two between which it lies, the one that `rounded` takes.
    fn end(&self, share: f64, rounded: fn(f64) -> f64) -> u64 {
        let place = rounded(share * (self.ranks.len() - 1) as f64);
        self.ranks[place as usize]
    }
}

#[cfg(test)]
mod tests {
    use crate::report::comparison::conclusion::tests::{HIGH, LOW, Made, results};
    use crate::report::comparison::{Results, rows::RankedGroup};

    fn ranked<'r>(results: &'r Results, label: &str) -> &'r RankedGroup {
        let mut rows = results.summary.iter();
        let row = rows.find(|row| row.group.label == label);
        &row.unwrap().ranked
    }

    fn interval(ranked: &RankedGroup) -> (Option<u64>, Option<u64>, Option<u64>) {
        let (low, high) = (ranked.rank_bootstrap_low, ranked.rank_bootstrap_high);
        (ranked.rank, low, high)
    }

    #[test]
    fn what_is_better_with_every_seed_is_first_in_every_draw() {
        let results = results(&[("a", 1, HIGH), ("b", 1, LOW), ("c", 1, &[0.5, 0.6, 0.7])]);
        for (label, rank, share) in [("b", 1, 1.0), ("a", 2, 0.0), ("c", 3, 0.0)] {
            let own = ranked(&results, label);
            assert_eq!(interval(own), (Some(rank), Some(rank), Some(rank)));
            assert_eq!((own.first_share, own.mean_rank), (share, rank as f64));
        }
    }

    #[test]
    fn draws_are_the_same_for_all_and_count_what_the_seeds_decide() {
        // b is 0.1 lower with seed 0 and 0.04 higher with the two others: it has the lower sum in each draw with a seed 0,
        // which is all but 8 of 27 of them. Drawn apart, b would not be lower in some of these.
        let results = results(&[("a", 1, &[0.5, 0.1, 0.9]), ("b", 1, &[0.4, 0.14, 0.94])]);
        let (a, b) = (ranked(&results, "a"), ranked(&results, "b"));
        assert!((b.first_share - 19.0 / 27.0).abs() < 0.02, "{b:?}");
        assert!((a.first_share + b.first_share - 1.0).abs() < 1e-12);
        assert_eq!(interval(b), (Some(1), Some(1), Some(2)));
        assert_eq!(interval(a), (Some(2), Some(1), Some(2)));
        // The stream is recorded: a new release of the generator must not move what was published.
        let again = super::super::conclusion::tests::results(&[
            ("a", 1, &[0.5, 0.1, 0.9]),
            ("b", 1, &[0.4, 0.14, 0.94]),
        ]);
        assert_eq!(ranked(&again, "b"), b);
    }

    #[test]
    fn equal_errors_share_the_first_place() {
        let results = results(&[("a", 1, LOW), ("b", 1, LOW), ("c", 1, HIGH)]);
        for label in ["a", "b"] {
            let own = ranked(&results, label);
            assert!((own.first_share - 0.5).abs() < 1e-9, "{own:?}");
            assert_eq!(interval(own), (Some(1), Some(1), Some(1)));
        }
        assert_eq!(ranked(&results, "c").rank, Some(3));
    }

    #[test]
    fn a_draw_in_which_a_run_diverged_stands_behind_those_in_which_none_did() {
        // Of 27 draws 8 lack the seed with which a diverged: only in these it can be first.
        let made: [Made; 2] = [("a", 1, &[0.1, 0.1, f64::NAN]), ("b", 1, HIGH)];
        let results = results(&made);
        let own = ranked(&results, "a");
        assert!((own.first_share - 8.0 / 27.0).abs() < 0.02, "{own:?}");
        assert_eq!(interval(own), (Some(2), Some(1), Some(2)));
    }

    #[test]
    fn columns_are_ranked_apart_and_the_mean_rank_is_over_all() {
        let results = results(&[
            ("a", 1, LOW),
            ("b", 1, HIGH),
            ("a", 50, &[0.5, 0.6, 0.7]),
            ("b", 50, LOW),
            ("c", 50, HIGH),
        ]);
        let at_1 = results.summary.iter().find(|row| row.group.label == "a");
        let at_1 = &at_1.unwrap().ranked;
        assert_eq!((at_1.rank, at_1.mean_rank), (Some(1), 2.0));
        assert_eq!(ranked(&results, "c").mean_rank, 2.0);
    }

    #[test]
    fn of_too_few_common_seeds_or_one_group_only_the_rank_is_told() {
        for made in [
            vec![("a", 1, LOW), ("b", 1, &HIGH[..2])],
            vec![("a", 1, LOW)],
        ] {
            let results = results(&made);
            let own = ranked(&results, "a");
            assert_eq!(interval(own), (Some(1), None, None), "{made:?}");
            assert!(own.first_share.is_nan());
        }
    }
}
