//! An axis: what it shows, over which range.

use super::Span;
use super::ticks::AxisScale;
use crate::stats::range;
use crate::text::numbers::{interval, percent, percent_interval, significant};

/// One axis of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What is shown, with its unit: "Training time (s)".
    pub label: String,
    /// Linear or logarithmic.
    pub scale: AxisScale,
    /// The values at both ends; by default the range of the data with a little room.
    pub range: Option<(f64, f64)>,
    /// Whether tick labels are fractions as percentages.
    pub percent: bool,
    /// Ticks at whole numbers only, as for epochs.
    pub integer: bool,
    /// Widens the range of the data to hold 0 (linear axes only).
    pub include_zero: bool,
    /// Where ticks stand; by default at round values.
    pub at: Vec<f64>,
}

impl Axis {
    /// A linear axis with a label.
    pub fn new(label: impl Into<String>) -> Axis {
        Axis {
            label: label.into(),
            ..Axis::default()
        }
    }

    /// The same axis, logarithmic.
    pub fn log(mut self) -> Axis {
        self.scale = AxisScale::Log;
        self
    }

    /// The same axis with its fractions written as percentages.
    pub fn percent(mut self) -> Axis {
        self.percent = true;
        self
    }

    /// The same axis with ticks at whole numbers only.
    pub fn integer(mut self) -> Axis {
        self.integer = true;
        self
    }

    /// The same axis, widened to hold 0.
    pub fn from_zero(mut self) -> Axis {
        self.include_zero = true;
        self
    }

    /// The same axis with ticks at these values (rising), as for batch sizes that were run.
    pub fn at(mut self, values: impl IntoIterator<Item = f64>) -> Axis {
        self.at = values.into_iter().collect();
        self
    }

    /// Whether ticks stand at given values.
    pub(super) fn has_given_ticks(&self) -> bool {
        !self.at.is_empty()
    }

    /// The same axis from one value to another.
    pub fn within(mut self, low: f64, high: f64) -> Axis {
        self.range = Some((low, high));
        self
    }

    /// A value of this axis in figures, with its interval where it has one.
    pub(crate) fn figures(&self, value: f64, ends: Option<(f64, f64)>) -> String {
        match (self.percent, ends) {
            (true, Some((low, high))) => percent_interval(value, low, high),
            (true, None) => percent(value, 1),
            (false, _) if self.integer => value.to_string(),
            (false, Some((low, high))) => interval(value, low, high, 3),
            (false, None) => significant(value, 3),
        }
    }

    /// A place on this axis in words: "Epoch 5".
    pub(crate) fn place(&self, value: f64) -> String {
        let (name, unit) = match self.label.split_once(" (") {
            Some((name, unit)) => (name, unit.trim_end_matches(')')),
            None => (self.label.as_str(), ""),
        };
        let figures = match value.fract() == 0.0 && !self.percent {
            true => value.to_string(),
            false => self.figures(value, None),
        };
        format!("{name} {figures} {unit}").trim().to_owned()
    }

    /// The ends of a span in scale positions, scale, and unit of the labels, for the script of a page.
    pub(crate) fn for_script(&self, span: &Span) -> String {
        let scale = match self.scale {
            AxisScale::Log => "log",
            AxisScale::Linear => "linear",
        };
        let unit = if self.percent { " percent" } else { "" };
        format!("{} {} {scale}{unit}", span.low, span.high)
    }

    /// The range to show for `values`, widened by the share `room` at each side; `None` when no
    /// value can be shown on this axis.
    pub(crate) fn span(&self, values: impl Iterator<Item = f64>, room: f64) -> Option<Span> {
        let scale = self.scale;
        let (mut low, mut high) = range(values.filter_map(|value| scale.position(value)));
        if low.is_nan() {
            return None;
        }
        if let Some((from, to)) = self.range
            && let (Some(from), Some(to)) = (scale.position(from), scale.position(to))
            && from < to
        {
            return Some(Span::new(from, to, scale));
        }
        let from_zero = self.include_zero && scale == AxisScale::Linear;
        if from_zero {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        let (starts_at_zero, ends_at_zero) = (from_zero && low == 0.0, from_zero && high == 0.0);
        if high - low <= 1e-9 * low.abs().max(high.abs()) {
            let half = match scale {
                AxisScale::Log => 0.15,
                AxisScale::Linear if self.integer => 0.6,
                AxisScale::Linear if low == 0.0 => 1.0,
                AxisScale::Linear => 0.1 * low.abs(),
            };
            (low, high) = (low - half, high + half);
        }
        let margin = room * (high - low);
        (low, high) = (low - margin, high + margin);
        if starts_at_zero {
            low = low.max(0.0);
        }
        if ends_at_zero {
            high = high.min(0.0);
        }
        // Values so large that no room can be added to them.
        if low >= high {
            (low, high) = (0.0, 1.0);
        }
        Some(Span::new(low, high, scale))
    }
}

#[cfg(test)]
mod tests {
    use super::super::text_style::tick_width;
    use super::*;
    use proptest::prelude::*;

    fn ends(axis: &Axis, values: &[f64], room: f64) -> Option<(f64, f64)> {
        axis.span(values.iter().copied(), room)
            .map(|span| span.values())
    }

    #[test]
    fn spans_hold_the_data_and_a_little_room() {
        let axis = Axis::default();
        assert_eq!(ends(&axis, &[1.0, f64::NAN, 3.0], 0.05), Some((0.9, 3.1)));
        assert_eq!(ends(&axis, &[2.0], 0.0), Some((1.8, 2.2)));
        assert_eq!(ends(&axis, &[0.0], 0.0), Some((-1.0, 1.0)));
        assert_eq!(ends(&axis, &[f64::NAN, f64::INFINITY], 0.0), None);
        let zero = Axis {
            include_zero: true,
            ..Axis::default()
        };
        assert_eq!(ends(&zero, &[2.0, 4.0], 0.25), Some((0.0, 5.0)));
        assert_eq!(ends(&zero, &[0.0], 0.0), Some((0.0, 1.0)));
    }

    #[test]
    fn given_ranges_are_kept_unless_senseless() {
        let axis = |low, high| Axis {
            range: Some((low, high)),
            ..Axis::default()
        };
        assert_eq!(ends(&axis(0.0, 1.0), &[5.0], 0.1), Some((0.0, 1.0)));
        assert_eq!(ends(&axis(1.0, 0.0), &[5.0, 6.0], 0.0), Some((5.0, 6.0)));
        assert_eq!(
            ends(&axis(f64::NAN, 0.0), &[5.0, 6.0], 0.0),
            Some((5.0, 6.0))
        );
    }

    #[test]
    fn log_spans_leave_out_what_is_not_positive() {
        let axis = Axis {
            scale: AxisScale::Log,
            ..Axis::default()
        };
        let span = axis
            .span([0.0, -1.0, 1.0, 100.0].into_iter(), 0.0)
            .expect("two values are positive");
        assert_eq!(span.values(), (1.0, 100.0));
        assert_eq!(span.fraction(10.0), Some(0.5));
        assert_eq!(span.fraction(0.0), None);
        assert!(axis.span([0.0].into_iter(), 0.0).is_none());
    }

    proptest! {
        #[test]
        fn horizontal_labels_never_touch(low in -1e9f64..1e9, span in 1e-6f64..1e9, width in 80f64..900.0) {
            let axis = Axis::default();
            let span = axis.span([low, low + span].into_iter(), 0.02).expect("finite values");
            let ticks = axis.horizontal_ticks(&span, width);
            for pair in ticks.windows(2) {
                let distance = (span.fraction(pair[1].0).expect("inside") - span.fraction(pair[0].0).expect("inside")) * width;
                prop_assert!(distance > (tick_width(&pair[0].1) + tick_width(&pair[1].1)) / 2.0);
            }
        }

        #[test]
        fn any_two_values_have_an_ordered_span(a in any::<f64>(), b in any::<f64>(), log in any::<bool>()) {
            let axis = Axis { scale: if log { AxisScale::Log } else { AxisScale::Linear }, include_zero: true, ..Axis::default() };
            if let Some(span) = axis.span([a, b].into_iter(), 0.04) {
                prop_assert!(span.low < span.high, "{span:?}");
                prop_assert!(axis.vertical_ticks(&span, 300.0).len() <= 10);
            }
        }
    }
}
