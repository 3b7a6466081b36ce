//! Where the ticks of an axis stand.

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AxisScale {
    /// Equal steps for equal differences.
    #[default]
    Linear,
    /// Equal steps for equal ratios; values that are not positive are left out.
    Log,
}

impl AxisScale {
    /// The position of `value` on the scale, `None` where it has none (NaN, infinite, log of <= 0).
    pub(crate) fn position(self, value: f64) -> Option<f64> {
        // Beyond this, differences of values and the room around them could overflow.
        const LARGEST: f64 = 1e250;
        match self {
            AxisScale::Linear => (value.is_finite() && value.abs() <= LARGEST).then_some(value),
            AxisScale::Log => (1.0 / LARGEST..=LARGEST)
                .contains(&value)
                .then(|| value.log10()),
        }
    }

    /// The inverse of [`AxisScale::position`].
    pub(crate) fn value(self, position: f64) -> f64 {
        match self {
            AxisScale::Linear => position,
            AxisScale::Log => 10f64.powf(position),
        }
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `raw` (> 0).
fn nice_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let is_enough = |factor: &f64| factor * power >= raw * (1.0 - 1e-9);
    let factor = [1.0, 2.0, 5.0].into_iter().find(is_enough);
    factor.unwrap_or(10.0) * power
}

/// About `target` round values in [low, high], rising; `integer` keeps to whole numbers.
pub fn linear_ticks(low: f64, high: f64, target: usize, integer: bool) -> Vec<f64> {
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
    let tick = |index| (first + index as f64) * step;
    let mut ticks: Vec<f64> = (0..count).map(tick).collect();
    // Steps below the resolution of f64 would repeat a value.
    ticks.dedup();
    ticks
}

/// The steps between powers of ten; within a single power the finest that has room, else 1, 2 and 5.
const LOG_STEPS: [&[f64]; 3] = [
    &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0],
    &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
    &[1.0, 2.0, 5.0],
];

/// Round values in [low, high] (> 0), about `target`: 1, 2 and 5 of each power of ten, or the powers alone where those
/// would be many more; finer steps within a single power.
pub fn log_ticks(low: f64, high: f64, target: usize) -> Vec<f64> {
    if !(low > 0.0 && high > low && high.is_finite()) {
        return Vec::new();
    }
    let target = target.max(1);
    let inside = |value: &f64| *value >= low * (1.0 - 1e-9) && *value <= high * (1.0 + 1e-9);
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let at = |digits: &[f64]| -> Vec<f64> {
        let of_power = |power| digits.iter().map(move |digit| digit * 10f64.powi(power));
        (first..=last).flat_map(of_power).filter(inside).collect()
    };
    let powers = at(&[1.0]);
    let is_wide = high >= 10.0 * low;
    let most = (target + target / 2).min(10);
    let mut steps = LOG_STEPS.iter().skip(if is_wide { 2 } else { 0 });
    let few = steps.find_map(|digits| Some(at(digits)).filter(|ticks| ticks.len() <= most));
    match few {
        Some(ticks) if ticks.len() >= 3 => return ticks,
        None if powers.len() >= 3 => {
            let stride = powers.len().div_ceil(target);
            return powers.into_iter().step_by(stride).collect();
        }
        _ => {}
    }
    // A round step is at most 2.5 times what was asked for, so that of three one is always inside.
    let linear = [target, 3].map(|target| linear_ticks(low, high, target, false));
    let mut linear = linear.into_iter();
    linear.find(|ticks| !ticks.is_empty()).unwrap_or_default()
}

/// The values between the powers of ten of a log axis, for unlabeled marks.
pub fn log_minor_ticks(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    if last - first > 7 {
        return Vec::new();
    }
    let digits = |power| (2..10).map(move |digit| f64::from(digit) * 10f64.powi(power));
    let values = (first..=last).flat_map(digits);
    values
        .filter(|value| (low..=high).contains(value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tick_labels::labels;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn log_axes_show_decades_or_their_parts() {
        let written =
            |low, high, target| labels(&log_ticks(low, high, target), AxisScale::Log, false);
        assert_eq!(written(0.01, 10.0, 6), ["0.01", "0.1", "1", "10"]);
        assert_eq!(written(1e-8, 1.0, 3), ["10⁻⁸", "10⁻⁵", "10⁻²"]);
        assert_eq!(written(0.1, 2.0, 6), ["0.1", "0.2", "0.5", "1", "2"]);
        assert_eq!(
            written(0.3, 0.4, 3),
            ["0.30", "0.35", "0.40"].map(|label| label.trim_end_matches('0'))
        );
        assert_eq!(written(5.2, 9.8, 2), ["6", "8"]);
        let fine = ["0.15", "0.2", "0.3", "0.4", "0.5", "0.6", "0.8"];
        assert_eq!(written(0.14, 0.9, 5), fine);
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
        assert_eq!(AxisScale::Log.position(0.0), None);
        assert_eq!(AxisScale::Linear.position(f64::INFINITY), None);
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
