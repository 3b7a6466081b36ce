//! Where the ticks of an axis stand and what is written at them.

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps for equal differences.
    #[default]
    Linear,
    /// Equal steps for equal ratios; values that are not positive are left out.
    Log,
}

impl Scale {
    /// The position of `value` on the scale, `None` where it has none (NaN, infinite, log of <= 0).
    pub(super) fn position(self, value: f64) -> Option<f64> {
        // Beyond this, differences of values overflow.
        const LARGEST: f64 = 1e300;
        match self {
            Scale::Linear => (value.is_finite() && value.abs() <= LARGEST).then_some(value),
            Scale::Log => (1.0 / LARGEST..=LARGEST)
                .contains(&value)
                .then(|| value.log10()),
        }
    }

    /// The inverse of [`Scale::position`].
    pub(super) fn value(self, position: f64) -> f64 {
        match self {
            Scale::Linear => position,
            Scale::Log => 10f64.powf(position),
        }
    }
}

/// How the values at the ticks are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TickFormat {
    /// As plain numbers, or with a power of ten where these would be long.
    #[default]
    Number,
    /// Fractions as percentages: 0.16 is written "16 %".
    Percent,
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `raw` (> 0).
fn nice_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= raw * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// About `target` round values in [low, high], rising; `integer` keeps to whole numbers.
pub(super) fn linear_ticks(low: f64, high: f64, target: usize, integer: bool) -> Vec<f64> {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return Vec::new();
    }
    let mut step = nice_step(span / target.max(1) as f64);
    if integer {
        step = step.max(1.0);
    }
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let count = (last - first + 1.0).clamp(0.0, 4.0 * target.max(1) as f64) as usize;
    let mut ticks: Vec<f64> = (0..count)
        .map(|index| (first + index as f64) * step)
        .collect();
    // Steps below the resolution of f64 would repeat a value.
    ticks.dedup();
    ticks
}

/// About `target` powers of ten in [low, high] (> 0); 1, 2 and 5 of each where these are few.
pub(super) fn log_ticks(low: f64, high: f64, target: usize) -> Vec<f64> {
    if !(low > 0.0 && high > low && high.is_finite()) {
        return Vec::new();
    }
    let target = target.max(1);
    let inside = |value: &f64| *value >= low * (1.0 - 1e-9) && *value <= high * (1.0 + 1e-9);
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let decades: Vec<f64> = (first..=last)
        .map(|power| 10f64.powi(power))
        .filter(inside)
        .collect();
    if decades.len() >= 3 {
        let stride = decades.len().div_ceil(target);
        return decades.into_iter().step_by(stride).collect();
    }
    let steps =
        (first..=last).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)));
    let ticks: Vec<f64> = steps.filter(inside).collect();
    if ticks.len() >= 3 {
        ticks
    } else {
        linear_ticks(low, high, target, false)
    }
}

/// The values between the powers of ten of a log axis, for unlabelled marks.
pub(super) fn log_minor_ticks(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    if last - first > 7 {
        return Vec::new();
    }
    let digits = |power| (2..10).map(move |digit| f64::from(digit) * 10f64.powi(power));
    (first..=last)
        .flat_map(digits)
        .filter(|value| (low..=high).contains(value))
        .collect()
}

/// The labels of `ticks`: as many decimals as tell them apart, the same number on a linear axis;
/// powers of ten where plain numbers would be long.
pub(super) fn labels(ticks: &[f64], scale: Scale, format: TickFormat) -> Vec<String> {
    let (factor, unit) = match format {
        TickFormat::Number => (1.0, ""),
        TickFormat::Percent => (100.0, "\u{202f}%"),
    };
    let scaled: Vec<f64> = ticks.iter().map(|tick| tick * factor).collect();
    let magnitudes = scaled
        .iter()
        .map(|value| value.abs())
        .filter(|magnitude| *magnitude > 0.0);
    let largest = magnitudes.clone().fold(0.0, f64::max);
    let smallest = magnitudes.fold(f64::INFINITY, f64::min);
    let steps = scaled.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let tolerance = 1e-3 * steps.filter(|step| *step > 0.0).fold(largest, f64::min);
    let with_powers = match scale {
        Scale::Linear => !(1e-3..1e7).contains(&largest),
        Scale::Log => largest >= 1e5 || smallest < 1e-3,
    };
    let common = scaled
        .iter()
        .map(|value| decimals(*value, tolerance))
        .max()
        .unwrap_or(0);
    let write = |value: &f64| match scale {
        _ if with_powers => with_power(*value, tolerance),
        Scale::Linear => grouped(*value, common),
        Scale::Log => grouped(*value, decimals(*value, tolerance)),
    };
    scaled
        .iter()
        .map(|value| format!("{}{unit}", write(value)))
        .collect()
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
    let sign = if value < 0.0 && digits.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        "−"
    } else {
        ""
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let whole = super::numbers::group_digits(whole);
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
    let raised = |character| match character {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        _ => '⁹',
    };
    power.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(low: f64, high: f64, target: usize) -> Vec<String> {
        labels(
            &linear_ticks(low, high, target, false),
            Scale::Linear,
            TickFormat::Number,
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
        let percent = |ticks: &[f64], scale| labels(ticks, scale, TickFormat::Percent);
        assert_eq!(
            percent(&[0.1, 0.15], Scale::Linear),
            ["10\u{202f}%", "15\u{202f}%"]
        );
        assert_eq!(
            percent(&[0.001, 0.01], Scale::Log),
            ["0.1\u{202f}%", "1\u{202f}%"]
        );
    }

    #[test]
    fn log_axes_show_decades_or_their_parts() {
        let written = |low, high, target| {
            labels(
                &log_ticks(low, high, target),
                Scale::Log,
                TickFormat::Number,
            )
        };
        assert_eq!(written(0.01, 10.0, 6), ["0.01", "0.1", "1", "10"]);
        assert_eq!(written(1e-8, 1.0, 3), ["10⁻⁸", "10⁻⁵", "10⁻²"]);
        assert_eq!(written(0.1, 2.0, 6), ["0.1", "0.2", "0.5", "1", "2"]);
        assert_eq!(
            written(0.3, 0.4, 3),
            ["0.30", "0.35", "0.40"].map(|label| label.trim_end_matches('0'))
        );
        assert_eq!(
            log_minor_ticks(5.0, 30.0),
            [5.0, 6.0, 7.0, 8.0, 9.0, 20.0, 30.0]
        );
    }

    #[test]
    fn whole_number_axes_have_no_fractions() {
        assert_eq!(linear_ticks(0.0, 3.0, 8, true), [0.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn senseless_ranges_have_no_ticks() {
        assert!(linear_ticks(1.0, 1.0, 5, false).is_empty());
        assert!(linear_ticks(f64::NAN, 1.0, 5, false).is_empty());
        assert!(log_ticks(0.0, 1.0, 5).is_empty());
        assert_eq!(Scale::Log.position(0.0), None);
        assert_eq!(Scale::Linear.position(f64::INFINITY), None);
    }

    proptest! {
        #[test]
        fn linear_ticks_are_inside_rising_even_and_few(
            low in -1e12f64..1e12, span in 1e-3f64..1e12, target in 1usize..12,
        ) {
            let high = low + span;
            let ticks = linear_ticks(low, high, target, false);
            let slack = 1e-6 * span;
            prop_assert!(ticks.len() <= target + 1);
            prop_assert!(ticks.iter().all(|tick| *tick >= low - slack && *tick <= high + slack));
            let steps: Vec<f64> = ticks.windows(2).map(|pair| pair[1] - pair[0]).collect();
            prop_assert!(steps.iter().all(|step| *step > 0.0));
            if target >= 3 {
                prop_assert!(!ticks.is_empty());
            }
        }

        #[test]
        fn labels_of_linear_ticks_differ(low in -1e6f64..1e6, span in 1e-3f64..1e6, target in 2usize..10) {
            let written = written(low, low + span, target);
            let distinct: std::collections::HashSet<&String> = written.iter().collect();
            prop_assert_eq!(distinct.len(), written.len(), "{:?}", written);
        }

        #[test]
        fn log_ticks_are_inside_and_rising(
            power in -30.0f64..30.0, decades in 0.01f64..40.0, target in 2usize..10,
        ) {
            let (low, high) = (10f64.powf(power), 10f64.powf(power + decades));
            let ticks = log_ticks(low, high, target);
            prop_assert!(!ticks.is_empty());
            prop_assert!(ticks.windows(2).all(|pair| pair[1] > pair[0]));
            prop_assert!(ticks.iter().all(|tick| *tick >= low * 0.999 && *tick <= high * 1.001));
        }
    }
}
