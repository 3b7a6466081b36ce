//! Comparing two methods by their means: paired t and Holm's correction.

use super::interval::{FEWEST_VALUES, Interval, around};
use super::moments::{mean, std_dev};
use super::special::student_t_two_sided;

/// The difference of two means with its t-test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanComparison {
    /// Mean of the first less mean of the second, with its interval.
    pub difference: Interval,
    /// The t statistic; infinite when the difference is not zero and has no spread.
    pub t: f64,
    /// Two-sided p-value.
    pub p_value: f64,
}

/// Paired t-test of `first` − `second`, value by value: say test errors of two methods by seed.
///
/// `None` when the lengths differ, there are fewer than [`FEWEST_VALUES`] pairs, a value is not finite or the
/// level lies outside (0, 1). Differences without spread: p = 1 if they are zero, otherwise 0.
pub fn paired_t(first: &[f64], second: &[f64], level: f64) -> Option<MeanComparison> {
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let finite = differences.iter().all(|difference| difference.is_finite());
    if first.len() != second.len() || first.len() < FEWEST_VALUES || !finite {
        return None;
    }
    let n = differences.len() as f64;
    // Exactly zero for equal differences, whatever the mean's rounding.
    let equal = differences.windows(2).all(|pair| pair[0] == pair[1]);
    let std_dev = if equal { 0.0 } else { std_dev(&differences) };
    let difference = around(mean(&differences), std_dev / n.sqrt(), n - 1.0, level)?;
    let t = match difference.estimate {
        0.0 => 0.0,
        estimate => estimate / (std_dev / n.sqrt()),
    };
    Some(MeanComparison {
        difference,
        t,
        p_value: student_t_two_sided(t, n - 1.0),
    })
}

/// Adjusts p-values for having asked several questions (S. Holm, 1979): the k-th smallest of m is
/// multiplied by m − k + 1, made monotone and capped at 1. Order is kept.
///
/// NaN entries stay NaN and are not counted as questions.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len())
        .filter(|i| !p_values[*i].is_nan())
        .collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![f64::NAN; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, index) in order.iter().enumerate() {
        let factor = (order.len() - rank) as f64;
        largest = largest.max((factor * p_values[*index]).min(1.0));
        adjusted[*index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::goldens::{assert_relative, column, number, rows};

    fn check(got: MeanComparison, row: &serde_json::Value) {
        assert_relative(got.t, number(row, "t"), 1e-9, "t");
        assert_relative(got.p_value, number(row, "p"), 1e-8, "p");
        assert_relative(got.difference.low, number(row, "low"), 1e-8, "low");
        assert_relative(got.difference.high, number(row, "high"), 1e-8, "high");
    }

    #[test]
    fn paired_tests_agree_with_scipy() {
        for row in rows("paired_t") {
            let got = paired_t(
                &column(&row, "a"),
                &column(&row, "b"),
                number(&row, "level"),
            );
            check(got.unwrap(), &row);
        }
    }

    #[test]
    fn no_spread_decides_by_the_means() {
        let same = paired_t(&[0.1, 0.2, 0.3], &[0.1, 0.2, 0.3], 0.95).unwrap();
        assert_eq!(
            (same.t, same.p_value, same.difference.half_width()),
            (0.0, 1.0, 0.0)
        );
        let shifted = paired_t(&[2.0, 3.0, 4.0], &[1.0, 2.0, 3.0], 0.95).unwrap();
        assert_eq!((shifted.t, shifted.p_value), (f64::INFINITY, 0.0));
    }

    #[test]
    fn what_cannot_be_compared_is_none() {
        let three = [1.0, 2.0, 4.0];
        assert_eq!(paired_t(&three, &three[..2], 0.95), None);
        assert_eq!(paired_t(&three[..2], &[2.0, 4.0], 0.95), None);
        assert_eq!(paired_t(&[1.0, 2.0, f64::NAN], &three, 0.95), None);
        assert_eq!(paired_t(&[2.0, 1.0, 1.0], &three, 95.0), None);
    }

    #[test]
    fn holm_agrees_with_statsmodels() {
        for row in rows("holm") {
            let adjusted = holm(&column(&row, "p"));
            for (got, expected) in adjusted.iter().zip(column(&row, "adjusted")) {
                assert_relative(*got, expected, 1e-14, "adjusted");
            }
        }
        let with_gap = holm(&[0.03, f64::NAN, 0.01]);
        assert_eq!((with_gap[0], with_gap[2]), (0.03, 0.02));
        assert!(with_gap[1].is_nan());
        assert!(holm(&[]).is_empty());
    }
}
