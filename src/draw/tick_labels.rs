//! What is written at the ticks of an axis.

use super::ticks::AxisScale;
use crate::text::numbers::group_digits;

/// The labels of `ticks`: as many decimals as tell them apart, the same number on a linear axis;
/// powers of ten where plain numbers would be long. With `percent` a fraction is written as a percentage: 0.16 as "16 %".
pub fn labels(ticks: &[f64], scale: AxisScale, percent: bool) -> Vec<String> {
    let (factor, unit) = match percent {
        true => (100.0, "\u{202f}%"),
        false => (1.0, ""),
    };
    let scaled: Vec<f64> = ticks.iter().map(|tick| tick * factor).collect();
    let magnitudes = scaled.iter().map(|value| value.abs());
    let magnitudes = magnitudes.filter(|magnitude| *magnitude > 0.0);
    let largest = magnitudes.clone().fold(0.0, f64::max);
    let smallest = magnitudes.fold(f64::INFINITY, f64::min);
    let steps = scaled.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let tolerance = 1e-3 * steps.filter(|step| *step > 0.0).fold(largest, f64::min);
    let with_powers = match scale {
        AxisScale::Linear => !(1e-3..1e7).contains(&largest),
        AxisScale::Log => largest >= 1e5 || smallest < 1e-3,
    };
    let needed = scaled.iter().map(|value| decimals(*value, tolerance));
    let common = needed.max().unwrap_or(0);
    let write = |value: &f64| match scale {
        _ if with_powers => with_power(*value, tolerance),
        AxisScale::Linear => grouped(*value, common),
        AxisScale::Log => grouped(*value, decimals(*value, tolerance)),
    };
    let labels = scaled.iter().map(|value| write(value) + unit);
    labels.collect()
}

/// The fewest decimals that write `value` to within `tolerance`.
fn decimals(value: f64, tolerance: f64) -> usize {
    let is_near = |decimals: &usize| {
        let power = 10f64.powi(*decimals as i32);
        ((value * power).round() / power - value).abs() <= tolerance
    };
    (0..12).find(is_near).unwrap_or(12)
}

/// A number with `decimals` digits, a proper minus sign and groups of three from 10 000 up.
fn grouped(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let is_negative = value < 0.0 && digits.contains(|digit| ('1'..='9').contains(&digit));
    let sign = if is_negative { "−" } else { "" };
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let whole = group_digits(whole);
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// "2.5×10⁻⁶": the mantissa has the digits that write `value` to within `tolerance`.
fn with_power(value: f64, tolerance: f64) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    let power = (value.abs().log10() + 1e-9).floor() as i32;
    let unit = 10f64.powi(power);
    let mantissa = value / unit;
    let digits = grouped(mantissa, decimals(mantissa, tolerance / unit));
    let sign = if value < 0.0 { "−" } else { "" };
    match digits.trim_start_matches('−') {
        "1" => format!("{sign}10{}", superscript(power)),
        digits => format!("{sign}{digits}×10{}", superscript(power)),
    }
}

/// An exponent in superscript digits.
fn superscript(power: i32) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |character: char| {
        let digit = character.to_digit(10);
        digit.map_or('⁻', |digit| RAISED[digit as usize])
    };
    power.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ticks::linear_ticks;
    use super::*;
    use proptest::prelude::*;

    fn written(low: f64, high: f64, target: usize) -> Vec<String> {
        labels(
            &linear_ticks(low, high, target, false),
            AxisScale::Linear,
            false,
        )
    }

    #[test]
    fn labels_read_well() {
        assert_eq!(
            written(0.0, 1.0, 5),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(written(-3.0, 3.0, 3), ["−2", "0", "2"]);
        assert_eq!(
            written(0.0, 60_000.0, 3),
            ["0", "20\u{202f}000", "40\u{202f}000", "60\u{202f}000"]
        );
        assert_eq!(
            written(0.0, 2e-6, 4),
            ["0", "5×10⁻⁷", "10⁻⁶", "1.5×10⁻⁶", "2×10⁻⁶"]
        );
        assert_eq!(written(-2e9, 1e9, 3), ["−2×10⁹", "−10⁹", "0", "10⁹"]);
        assert_eq!(written(1.0, 1.00004, 2), ["1.00000", "1.00002", "1.00004"]);
    }

    #[test]
    fn percentages_are_written_from_fractions() {
        let percent = |ticks: &[f64], scale| labels(ticks, scale, true);
        assert_eq!(
            percent(&[0.1, 0.15], AxisScale::Linear),
            ["10\u{202f}%", "15\u{202f}%"]
        );
        assert_eq!(
            percent(&[0.001, 0.01], AxisScale::Log),
            ["0.1\u{202f}%", "1\u{202f}%"]
        );
    }

    proptest! {
        #[test]
        fn labels_of_linear_ticks_differ(low in -1e6f64..1e6, span in 1e-3f64..1e6, target in 2usize..10) {
            let written = written(low, low + span, target);
            let distinct: std::collections::HashSet<&String> = written.iter().collect();
            prop_assert_eq!(distinct.len(), written.len(), "{:?}", written);
        }
    }
}
