//! Wilcoxon's signed-rank test for paired values (F. Wilcoxon, 1945).

use super::paired::paired_differences;
use super::special::normal_sf;

/// Up to this many non-zero differences the null distribution is counted out; beyond it the
/// normal approximation is good to three digits.
const EXACT_MAX_N: usize = 50;

/// Outcome of a signed-rank test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// Number of differences that are not zero.
    pub n: usize,
    /// Sum of the ranks of positive differences.
    pub positive_rank_sum: f64,
    /// The smaller of the positive and the negative rank sum.
    pub statistic: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// True when the p-value was counted out, false when it is the normal approximation.
    pub exact: bool,
}

/// Signed-rank test of `first` − `second` being symmetric about zero.
///
/// Zero differences are dropped (Wilcoxon's rule) and ties share their mean rank. Up to 50
/// differences the p-value is exact given the ranks at hand, ties included; beyond, it is the normal
/// approximation with the variance corrected for ties and no continuity correction. `None` when
/// the lengths differ, there is no pair, or a difference is not finite. All differences zero: p = 1.
pub fn wilcoxon_signed_rank(first: &[f64], second: &[f64]) -> Option<SignedRank> {
    let mut differences = paired_differences(first, second)?;
    if differences.is_empty() {
        return None;
    }
    differences.retain(|difference| *difference != 0.0);
    differences.sort_unstable_by(|a, b| a.abs().total_cmp(&b.abs()));
    let n = differences.len();
    let (doubled_ranks, tie_correction) = doubled_ranks(&differences);
    let doubled_positive: usize = differences
        .iter()
        .zip(&doubled_ranks)
        .filter(|(difference, _)| **difference > 0.0)
        .map(|(_, rank)| rank)
        .sum();
    let doubled_total = n * (n + 1);
    let exact = n <= EXACT_MAX_N;
    let doubled_smaller = doubled_positive.min(doubled_total - doubled_positive);
    let p_value = if exact {
        exact_p_value(&doubled_ranks, doubled_smaller)
    } else {
        let count = n as f64;
        let sum_of_squares = count * (count + 1.0) * (2.0 * count + 1.0);
        let std_dev = ((sum_of_squares - 0.5 * tie_correction) / 24.0).sqrt();
        let excess = 0.25 * count * (count + 1.0) - 0.5 * doubled_smaller as f64;
        2.0 * normal_sf(excess / std_dev)
    };
    Some(SignedRank {
        n,
        positive_rank_sum: 0.5 * doubled_positive as f64,
        statistic: 0.5 * doubled_smaller as f64,
        p_value: p_value.min(1.0),
        exact,
    })
}

/// Twice the mean ranks (so that they are whole numbers) of values sorted by magnitude, and
/// Σ(t³ − t) over groups of t ties.
fn doubled_ranks(sorted: &[f64]) -> (Vec<usize>, f64) {
    let mut ranks = Vec::with_capacity(sorted.len());
    let mut tie_correction = 0.0;
    for group in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
        let before = ranks.len();
        let size = group.len();
        ranks.resize(before + size, 2 * before + size + 1);
        let ties = size as f64;
        tie_correction += ties * ties * ties - ties;
    }
    (ranks, tie_correction)
}

/// 2·P(S ≤ s) where every rank joins the sum S with probability ½; the counts stay below 2⁵⁰ and
/// are therefore whole in a double.
fn exact_p_value(doubled_ranks: &[usize], doubled_sum: usize) -> f64 {
    let mut ways = vec![0.0_f64; doubled_sum + 1];
    ways[0] = 1.0;
    for rank in doubled_ranks {
        for sum in (*rank..=doubled_sum).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let favourable: f64 = ways.iter().sum();
    2.0 * favourable / 2.0_f64.powi(doubled_ranks.len() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::goldens::{assert_relative, column, number, rows};

    #[test]
    fn signed_ranks_agree_with_scipy() {
        let mut exact_seen = 0;
        for row in rows("wilcoxon") {
            let (a, b) = (column(&row, "a"), column(&row, "b"));
            let got = wilcoxon_signed_rank(&a, &b).unwrap();
            let what = format!("n = {}", a.len());
            assert_relative(got.statistic, number(&row, "statistic"), 1e-12, &what);
            assert_relative(got.p_value, number(&row, "p"), 1e-9, &what);
            assert_eq!(got.exact, number(&row, "exact") == 1.0);
            exact_seen += usize::from(got.exact);
        }
        assert!(exact_seen >= 4);
    }

    #[test]
    fn zero_differences_are_no_evidence() {
        let all_zero = wilcoxon_signed_rank(&[1.0, 2.0], &[1.0, 2.0]).unwrap();
        assert_eq!((all_zero.n, all_zero.p_value), (0, 1.0));
        let one = wilcoxon_signed_rank(&[3.0, 2.0], &[1.0, 2.0]).unwrap();
        assert_eq!((one.n, one.positive_rank_sum, one.p_value), (1, 1.0, 1.0));
    }

    #[test]
    fn five_wins_of_five_have_one_chance_in_sixteen() {
        let got = wilcoxon_signed_rank(&[1.0, 2.0, 3.0, 4.0, 5.0], &[0.0; 5]).unwrap();
        assert_eq!(
            (got.statistic, got.positive_rank_sum, got.p_value),
            (0.0, 15.0, 0.0625)
        );
    }

    #[test]
    fn what_cannot_be_paired_is_none() {
        assert_eq!(wilcoxon_signed_rank(&[], &[]), None);
        assert_eq!(wilcoxon_signed_rank(&[1.0], &[]), None);
        assert_eq!(wilcoxon_signed_rank(&[f64::NAN], &[1.0]), None);
    }
}
