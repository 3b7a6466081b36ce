//! The ticks that have room on an axis, and the room that they take.

use super::text_style::{tick_width, widest_tick};
use super::tick_labels::labels;
use super::ticks::{AxisScale, linear_ticks, log_ticks};
use super::{Axis, Span};

impl Axis {
    /// Major ticks in `span` with their labels.
    fn ticks(&self, span: &Span, target: usize) -> Vec<(f64, String)> {
        let (low, high) = span.values();
        let is_inside = |tick: &f64| (low..=high).contains(tick);
        let ticks = match self.scale {
            _ if !self.at.is_empty() => self.at.iter().copied().filter(is_inside).collect(),
            AxisScale::Linear => linear_ticks(low, high, target, self.integer),
            AxisScale::Log => log_ticks(low, high, target),
        };
        let labels = labels(&ticks, self.scale, self.percent);
        ticks.into_iter().zip(labels).collect()
    }

    /// Ticks for a vertical axis of `height` pixels.
    pub(crate) fn vertical_ticks(&self, span: &Span, height: f64) -> Vec<(f64, String)> {
        self.ticks(span, ((height / 36.0) as usize).clamp(2, 10))
    }

    /// As many ticks as have room for their labels on a horizontal axis of `width` pixels. Of ticks at given values all
    /// stay, and those without room for a label have none.
    pub(crate) fn horizontal_ticks(&self, span: &Span, width: f64) -> Vec<(f64, String)> {
        if !self.at.is_empty() {
            return with_room(self.ticks(span, 1), span, width);
        }
        let most = ((width / 48.0) as usize).clamp(2, 12);
        let has_room = |ticks: &Vec<(f64, String)>| {
            let widest = widest_tick(ticks.iter().map(|(_, label)| label.as_str()));
            let fractions = ticks.iter().filter_map(|(value, _)| span.fraction(*value));
            let fractions: Vec<f64> = fractions.collect();
            let steps = fractions.windows(2).map(|pair| pair[1] - pair[0]);
            steps.fold(f64::INFINITY, f64::min) * width > widest + 18.0
        };
        let mut candidates = (1..=most).rev().map(|target| self.ticks(span, target));
        let crowded = || self.ticks(span, 1).into_iter().take(1).collect();
        candidates.find(has_room).unwrap_or_else(crowded)
    }

    /// The span for a vertical axis of `height` pixels, its lowest tick at or below every value that is compared.
    pub(crate) fn settled_vertically(&self, span: Span, height: f64) -> Span {
        self.settled(span, |span| self.vertical_ticks(span, height))
    }

    /// The same for a horizontal axis.
    pub(crate) fn settled_horizontally(&self, span: Span, width: f64) -> Span {
        self.settled(span, |span| self.horizontal_ticks(span, width))
    }

    /// Lowers the lower end, by more than half of the span at most, until a tick lies at or below every value.
    fn settled(&self, span: Span, ticks: impl Fn(&Span) -> Vec<(f64, String)>) -> Span {
        let is_given = self.range.is_some() || self.integer || !self.at.is_empty();
        let Some(lowest) = span.lowest.filter(|_| !is_given) else {
            return span;
        };
        let stops_at_zero = self.scale == AxisScale::Linear && lowest >= 0.0;
        let step = 0.03 * (span.high - span.low);
        let lowered = |steps: u32| {
            let low = span.low - f64::from(steps) * step;
            let low = if stops_at_zero { low.max(0.0) } else { low };
            Span {
                low: low.min(span.low),
                ..span
            }
        };
        let holds_all = |span: &Span| {
            let first = ticks(span).into_iter().next();
            let first = first.and_then(|(value, _)| self.scale.position(value));
            first.is_some_and(|first| first <= lowest + 1e-9 * (span.high - span.low))
        };
        let mut candidates = (0..=20).map(lowered);
        candidates.find(holds_all).unwrap_or(span)
    }
}

/// Ticks whose labels would touch the one before lose theirs.
fn with_room(ticks: Vec<(f64, String)>, span: &Span, width: f64) -> Vec<(f64, String)> {
    let mut end = f64::NEG_INFINITY;
    let mut labeled = |(value, label): (f64, String)| {
        let middle = span.fraction(value).unwrap_or(0.0) * width;
        let half = tick_width(&label) / 2.0;
        if middle - half < end + 6.0 {
            return (value, String::new());
        }
        end = middle + half;
        (value, label)
    };
    ticks.into_iter().map(&mut labeled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_tick_lies_at_or_below_every_value() {
        let errors = [0.137, 0.2, 0.9];
        for axis in [Axis::default(), Axis::default().log()] {
            let span = axis.span(errors.into_iter(), 0.03).expect("three values");
            let before = axis.vertical_ticks(&span, 300.0)[0].0;
            let span = axis.settled_vertically(span.comparing(errors.into_iter()), 300.0);
            let first = axis.vertical_ticks(&span, 300.0)[0].0;
            assert!(first <= 0.137 && before > 0.137, "{before} {first}");
        }
    }

    #[test]
    fn ticks_stand_at_given_values_and_crowded_labels_are_left_out() {
        let axis = Axis::default().log().at([1.0, 2.0, 8.0, 50.0]);
        let span = axis.span([1.0, 50.0].into_iter(), 0.03).expect("values");
        let labels = |width| -> Vec<String> {
            let ticks = axis.horizontal_ticks(&span, width).into_iter();
            ticks.map(|(_, label)| label).collect()
        };
        assert_eq!(labels(400.0), ["1", "2", "8", "50"]);
        assert_eq!(labels(60.0), ["1", "", "8", "50"]);
    }
}
