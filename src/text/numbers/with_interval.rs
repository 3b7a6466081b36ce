//! Values with their intervals. One rule for decimals: those of two significant digits of half the interval's width.

use super::{exponent, not_a_number, percent, settled, significant, with_minus};

/// Half the width of an interval, which justifies the decimals of the value and of both ends: they are those of two
/// significant digits of it, and none where it is 10 or more. Where an end was cut off, the longer half counts. Without an
/// interval it is NaN. `scripts/studies/words.py` has the same rule.
#[derive(Clone, Copy)]
struct Half(f64);

impl Half {
    fn of(value: f64, low: f64, high: f64) -> Half {
        let halves = [value - low, high - value];
        if !halves.iter().all(|half| half.is_finite()) {
            return Half(f64::NAN);
        }
        let longer = halves[0].max(halves[1]);
        // What rounding leaves of equal values is no width.
        let noise = 1e-9 * low.abs().max(high.abs());
        Half(if longer > noise { longer } else { 0.0 })
    }

    /// `None` without an interval, or where it has no width.
    fn decimals(self) -> Option<usize> {
        (self.0 > 0.0).then(|| (1 - exponent(self.0, 2)).max(0) as usize)
    }

    /// The decimals of a percentage or of points: two at most; without an interval two below `small`, else one.
    fn hundredths(self, value: f64, small: f64) -> usize {
        match self.decimals() {
            Some(decimals) => decimals.min(2),
            None => 1 + usize::from(self.0 == 0.0 || value.abs() < small),
        }
    }
}

/// An error rate as a percentage without an interval: "16.6 %", and below ten per cent with two decimals, "9.81 %".
pub fn error_rate(fraction: f64) -> String {
    percent_within(fraction, f64::NAN, f64::NAN)
}

/// A fraction as a percentage with the decimals that its interval justifies, as [`percent_interval`] has it.
pub fn percent_within(fraction: f64, low: f64, high: f64) -> String {
    let [value, low, high] = [fraction, low, high].map(|number| 100.0 * number);
    let half = Half::of(value, low, high);
    percent(fraction, half.hundredths(value, 10.0))
}

/// What stands for an interval of all that there can be: it says nothing.
const SAYS_NOTHING: &str = "seeds disagree";

/// Whether an interval, rounded to whole per cent as one so wide is, is all from `lowest` to `highest`.
fn says_nothing((low, high): (f64, f64), (lowest, highest): (f64, f64)) -> bool {
    low < lowest + 0.005 && high > highest - 0.005
}

/// Whether the interval of an error rate is all of 0 to 100 %.
pub fn holds_every_rate(low: f64, high: f64) -> bool {
    says_nothing((low, high), (0.0, 1.0))
}

/// A fraction with its interval as percentages: "16.6 % [15.0, 18.2]". An interval that does not exist is left out, and of
/// one from 0 to 100 % is said that seeds disagree.
pub fn percent_interval(fraction: f64, low: f64, high: f64) -> String {
    let written = [fraction, low, high].map(|number| 100.0 * number);
    let [value, low_end, high_end] = written;
    let text = percent_within(fraction, low, high);
    if !written.iter().all(|number| number.is_finite()) {
        return text;
    }
    if holds_every_rate(low, high) {
        return format!("{} ({SAYS_NOTHING})", error_rate(fraction));
    }
    let decimals = Half::of(value, low_end, high_end).hundredths(value, 10.0);
    let [low_end, high_end] = [low_end, high_end].map(settled);
    format!("{text} [{low_end:.decimals$}, {high_end:.decimals$}]")
}

/// A difference of fractions in percentage points, with its sign and the decimals that its interval justifies, as
/// [`points`] has it.
pub fn points_within(difference: f64, low: f64, high: f64) -> String {
    match not_a_number(difference) {
        Some(text) => text,
        None => signed_points(difference, point_decimals(difference, low, high)) + " points",
    }
}

/// A difference of fractions in percentage points, with its sign and interval: "−59.9 [−62.5, −57.3] points". Without an
/// interval it has two decimals below one point, else one, and of one from −100 to 100 points is said that seeds disagree.
pub fn points(difference: f64, low: f64, high: f64) -> String {
    if !(difference.is_finite() && low.is_finite() && high.is_finite()) {
        return points_within(difference, f64::NAN, f64::NAN);
    }
    if says_nothing((low, high), (-1.0, 1.0)) {
        let alone = points_within(difference, f64::NAN, f64::NAN);
        return format!("{alone}, {SAYS_NOTHING}");
    }
    let decimals = point_decimals(difference, low, high);
    let [value, low, high] = [difference, low, high].map(|end| signed_points(end, decimals));
    format!("{value} [{low}, {high}] points")
}

fn point_decimals(difference: f64, low: f64, high: f64) -> usize {
    let [value, low, high] = [difference, low, high].map(|number| 100.0 * number);
    Half::of(value, low, high).hundredths(value, 1.0)
}

/// Points with their sign, which 0 does not have.
fn signed_points(difference: f64, decimals: usize) -> String {
    let text = with_minus(format!("{:+.decimals$}", settled(100.0 * difference)));
    let is_zero = !text.contains(|digit| ('1'..='9').contains(&digit));
    let unsigned = text.trim_start_matches(['+', '−']);
    (if is_zero { unsigned } else { &text }).to_owned()
}

/// A value with its interval, all with the decimals that the interval justifies: "1.214 [1.180, 1.249]". Without an
/// interval, and where it has no width, with `digits` significant digits.
pub fn interval(value: f64, low: f64, high: f64, digits: usize) -> String {
    if !(value.is_finite() && low.is_finite() && high.is_finite()) {
        return significant(value, digits);
    }
    let largest = value.abs().max(low.abs()).max(high.abs());
    if !(1e-3..1e6).contains(&largest) {
        let [value, low, high] = [value, low, high].map(|number| significant(number, digits));
        return format!("{value} [{low}, {high}]");
    }
    let of_value = (digits as i32 - 1 - exponent(largest, digits)).max(0) as usize;
    let decimals = Half::of(value, low, high).decimals().unwrap_or(of_value);
    let written = |number: f64| with_minus(format!("{number:.decimals$}"));
    let [value, low, high] = [value, low, high].map(written);
    format!("{value} [{low}, {high}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_and_their_intervals() {
        assert_eq!(percent_interval(0.166, 0.15, 0.182), "16.6 % [15.0, 18.2]");
        assert_eq!(
            percent_interval(0.1662, 0.165, 0.1675),
            "16.62 % [16.50, 16.75]"
        );
        assert_eq!(percent_interval(0.166, f64::NAN, f64::NAN), "16.6 %");
        assert_eq!(percent_interval(0.0981, 0.09, 0.11), "9.8 % [9.0, 11.0]");
        assert_eq!(percent_interval(0.737, 0.513, 0.961), "74 % [51, 96]");
        assert_eq!(percent_within(0.737, 0.513, 0.961), "74 %");
        assert_eq!(percent_interval(0.2, 0.2, 0.2), "20.00 % [20.00, 20.00]");
        // 9.956 has the two digits "10".
        assert_eq!(percent_interval(0.2, 0.10044, 0.2), "20 % [10, 20]");
        assert_eq!(percent_interval(0.2, 0.1006, 0.2), "20.0 % [10.1, 20.0]");
        assert_eq!(percent_interval(f64::NAN, 0.0, 1.0), "–");
        assert_eq!(percent(1.0, 0), "100 %");
        assert_eq!(
            [error_rate(0.1234), error_rate(0.0432)],
            ["12.3 %", "4.32 %"]
        );
    }

    #[test]
    fn an_interval_of_all_that_there_can_be_is_not_written() {
        assert_eq!(percent_interval(0.742, 0.0, 1.0), "74.2 % (seeds disagree)");
        let nearly = percent_interval(0.042, 0.0004, 0.9997);
        assert_eq!(nearly, "4.20 % (seeds disagree)");
        assert_eq!(percent_interval(0.742, 0.0, 0.99), "74 % [0, 99]");
        assert_eq!(points(-0.57, -1.0, 1.0), "−57.0 points, seeds disagree");
        assert_eq!(points(0.57, 0.0, 1.0), "+57 [0, +100] points");
    }

    #[test]
    fn differences_have_signs_and_points() {
        let wide = points(-0.5991, -0.8252, -0.3731);
        assert_eq!(wide, "−60 [−83, −37] points");
        assert_eq!(points_within(-0.5991, -0.8252, -0.3731), "−60 points");
        let small = points(0.0043, -0.019, 0.0104);
        assert_eq!(small, "+0.4 [−1.9, +1.0] points");
        assert_eq!(points(0.02, 0.019, 0.021), "+2.00 [+1.90, +2.10] points");
        assert_eq!(points(-0.04, f64::NAN, f64::NAN), "−4.0 points");
        assert_eq!(points(0.0, -0.0, -1e-9), "0.00 [0.00, 0.00] points");
        assert_eq!(points(f64::NAN, f64::NAN, f64::NAN), "–");
    }

    #[test]
    fn values_share_decimals_with_their_interval() {
        assert_eq!(interval(1.2149, 1.1, 1.3, 3), "1.21 [1.10, 1.30]");
        assert_eq!(interval(123.4, 99.6, 150.0, 3), "123 [100, 150]");
        assert_eq!(interval(1.2e-7, 1e-7, 2e-7, 2), "1.2e-7 [1.0e-7, 2.0e-7]");
        assert_eq!(interval(2.5, f64::NAN, 3.0, 2), "2.5");
        assert_eq!(interval(-0.5, -1.2, 0.2, 2), "−0.50 [−1.20, 0.20]");
        assert_eq!(interval(0.0643, 0.021, 0.108, 3), "0.064 [0.021, 0.108]");
        let noise = interval(0.2, 0.2 - 1e-16, 0.2, 3);
        assert_eq!(noise, "0.200 [0.200, 0.200]");
    }
}
