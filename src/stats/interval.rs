//! Confidence intervals in closed form.

use super::moments::{mean, std_dev};
use super::special::{normal_quantile, student_t_critical};

/// The fewest values that an interval is made from. Of two, a t interval reaches 12.7 standard errors to each side,
/// and resampling them finds three means.
pub const FEWEST_VALUES: usize = 3;

/// An estimate and the interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The point estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Confidence level the ends were made for, in (0, 1).
    pub level: f64,
}

impl Interval {
    /// The interval with its ends cut to where the quantity can lie.
    pub fn within(self, lowest: f64, highest: f64) -> Interval {
        Interval {
            low: self.low.clamp(lowest, highest),
            high: self.high.clamp(lowest, highest),
            ..self
        }
    }
}

/// True for a confidence level in (0, 1).
pub(super) fn is_level(level: f64) -> bool {
    level > 0.0 && level < 1.0
}

/// Student-t interval of a mean, x̄ ± t·s/√n with n − 1 degrees of freedom.
///
/// `None` for fewer than [`FEWEST_VALUES`], a value that is not finite, or a level outside (0, 1). Equal
/// values give an interval of no width.
pub fn t_interval(values: &[f64], level: f64) -> Option<Interval> {
    let finite = values.iter().all(|value| value.is_finite());
    if values.len() < FEWEST_VALUES || !finite {
        return None;
    }
    let n = values.len() as f64;
    around(mean(values), std_dev(values) / n.sqrt(), n - 1.0, level)
}

/// The interval mean ± t·`error` with `degrees` degrees of freedom; `None` if it is not finite, or for a level
/// outside (0, 1).
pub(super) fn around(mean: f64, error: f64, degrees: f64, level: f64) -> Option<Interval> {
    let half_width = student_t_critical(1.0 - level, degrees) * error;
    let finite = mean.is_finite() && half_width.is_finite();
    finite.then_some(Interval {
        estimate: mean,
        low: mean - half_width,
        high: mean + half_width,
        level,
    })
}

/// Wilson's score interval of a proportion p̂ = successes/n (E. B. Wilson, 1927):
/// (p̂ + z²/2n ± z√(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n), z the normal quantile of (1 + level)/2.
///
/// It stays inside [0, 1] and keeps its width at p̂ = 0 or 1. `None` when n = 0, successes > n or
/// the level lies outside (0, 1).
pub fn wilson(successes: u64, n: u64, level: f64) -> Option<Interval> {
    if n == 0 || successes > n || !is_level(level) {
        return None;
    }
    let trials = n as f64;
    let proportion = successes as f64 / trials;
    let failures = (n - successes) as f64 / trials;
    let z = -normal_quantile(0.5 * (1.0 - level));
    let shift = z * z / (2.0 * trials);
    let spread = z * (proportion * failures / trials + z * z / (4.0 * trials * trials)).sqrt();
    let scale = 1.0 + 2.0 * shift;
    let low = (proportion + shift - spread) / scale;
    let high = (proportion + shift + spread) / scale;
    Some(Interval {
        estimate: proportion,
        // The ends touch 0 and 1 exactly there; rounding would leave them beside it.
        low: if successes == 0 { 0.0 } else { low },
        high: if successes == n { 1.0 } else { high },
        level,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Interval {
        /// True when `value` lies between the ends, ends included.
        pub(crate) fn contains(&self, value: f64) -> bool {
            self.low <= value && value <= self.high
        }

        /// Half the distance between the ends.
        pub(crate) fn half_width(&self) -> f64 {
            0.5 * (self.high - self.low)
        }
    }
    use crate::stats::goldens::{assert_relative, column, number, rows};

    #[test]
    fn t_intervals_agree_with_scipy() {
        for row in rows("t_interval") {
            let values = column(&row, "values");
            let interval = t_interval(&values, number(&row, "level")).unwrap();
            assert_relative(interval.low, number(&row, "low"), 1e-9, "low");
            assert_relative(interval.high, number(&row, "high"), 1e-9, "high");
            assert!(interval.contains(mean(&values)));
        }
    }

    #[test]
    fn t_intervals_need_three_finite_values_and_a_level() {
        assert_eq!(t_interval(&[], 0.95), None);
        assert_eq!(t_interval(&[1.0], 0.95), None);
        assert_eq!(t_interval(&[1.0, 2.0], 0.95), None);
        assert_eq!(t_interval(&[1.0, 2.0, f64::NAN], 0.95), None);
        for level in [0.0, 1.0, -1.0, f64::NAN] {
            assert_eq!(t_interval(&[1.0, 2.0, 4.0], level), None);
        }
        let constant = t_interval(&[2.0, 2.0, 2.0], 0.95).unwrap();
        assert_eq!(
            (constant.low, constant.high, constant.half_width()),
            (2.0, 2.0, 0.0)
        );
    }

    #[test]
    fn ends_are_cut_to_where_the_quantity_can_lie() {
        let wide = t_interval(&[0.1, 0.9, 0.5], 0.95).unwrap();
        assert!(wide.low < 0.0 && wide.high > 1.0);
        let cut = wide.within(0.0, 1.0);
        assert_eq!((cut.estimate, cut.low, cut.high), (0.5, 0.0, 1.0));
        assert_eq!(wide.within(-9.0, 9.0), wide);
    }

    #[test]
    fn wilson_agrees_with_statsmodels() {
        for row in rows("wilson") {
            let [successes, n] = ["successes", "n"].map(|key| number(&row, key) as u64);
            let interval = wilson(successes, n, number(&row, "level")).unwrap();
            assert_relative(interval.low, number(&row, "low"), 1e-9, "low");
            assert_relative(interval.high, number(&row, "high"), 1e-9, "high");
            assert!(interval.contains(interval.estimate));
        }
    }

    #[test]
    fn wilson_keeps_to_the_unit_interval() {
        assert_eq!(wilson(0, 10, 0.95).map(|i| i.low), Some(0.0));
        assert_eq!(wilson(10, 10, 0.95).map(|i| i.high), Some(1.0));
        assert_eq!(wilson(0, 0, 0.95), None);
        assert_eq!(wilson(3, 2, 0.95), None);
        assert_eq!(wilson(1, 2, 1.0), None);
    }
}
