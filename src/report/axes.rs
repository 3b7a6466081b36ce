//! Axes: the range they show, the pixels that values land on, and how they are drawn.

use super::font::{Weight, fit, text_width};
use super::palette::{AXIS, GRID, INK, MUTED};
use super::svg::{Anchor, Rect, Scene, Stroke, TextStyle};
use super::ticks::{Scale, TickFormat, labels, linear_ticks, log_minor_ticks, log_ticks};

/// Font size of tick labels in pixels.
pub(super) const TICK_SIZE: f64 = 12.5;
/// Font size of axis labels in pixels.
pub(super) const LABEL_SIZE: f64 = 13.5;

const TICK_LENGTH: f64 = 4.0;

/// One axis of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What is shown, with its unit: "Training time (s)".
    pub label: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// The values at both ends; by default the range of the data with a little room.
    pub range: Option<(f64, f64)>,
    /// How tick labels are written.
    pub format: TickFormat,
    /// Ticks at whole numbers only, as for epochs.
    pub integer: bool,
    /// Widens the range of the data to hold 0 (linear axes only).
    pub include_zero: bool,
}

impl Axis {
    /// A linear axis with a label.
    pub fn new(label: impl Into<String>) -> Axis {
        Axis {
            label: label.into(),
            ..Axis::default()
        }
    }

    /// The range to show for `values`, widened by the share `room` at each side; `None` when no
    /// value can be shown on this axis.
    pub(super) fn span(&self, values: impl Iterator<Item = f64>, room: f64) -> Option<Span> {
        let scale = self.scale;
        let positions = values.filter_map(|value| scale.position(value));
        let data = positions.fold(None, |range: Option<(f64, f64)>, position| {
            let (low, high) = range.unwrap_or((position, position));
            Some((low.min(position), high.max(position)))
        });
        let (mut low, mut high) = data?;
        if let Some((from, to)) = self.range
            && let (Some(from), Some(to)) = (scale.position(from), scale.position(to))
            && from < to
        {
            return Some(Span {
                low: from,
                high: to,
                scale,
            });
        }
        let from_zero = self.include_zero && scale == Scale::Linear;
        if from_zero {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        let (ends_at_zero, starts_at_zero) = (from_zero && high == 0.0, from_zero && low == 0.0);
        if high - low <= 1e-9 * low.abs().max(high.abs()) {
            let half = match scale {
                Scale::Log => 0.15,
                Scale::Linear if low == 0.0 || self.integer => 1.0,
                Scale::Linear => 0.1 * low.abs(),
            };
            (low, high) = (low - half, high + half);
        }
        let margin = room * (high - low);
        let low = if starts_at_zero {
            low.max(0.0)
        } else {
            low - margin
        };
        let high = if ends_at_zero {
            high.min(0.0)
        } else {
            high + margin
        };
        if low < high {
            Some(Span { low, high, scale })
        } else {
            Some(Span {
                low: 0.0,
                high: 1.0,
                scale,
            })
        }
    }

    /// Major ticks in `span` with their labels.
    fn ticks(&self, span: &Span, target: usize) -> Vec<(f64, String)> {
        let (low, high) = span.values();
        let ticks = match self.scale {
            Scale::Linear => linear_ticks(low, high, target, self.integer),
            Scale::Log => log_ticks(low, high, target),
        };
        let labels = labels(&ticks, self.scale, self.format);
        ticks.into_iter().zip(labels).collect()
    }

    /// Ticks for a vertical axis of `height` pixels.
    pub(super) fn vertical_ticks(&self, span: &Span, height: f64) -> Vec<(f64, String)> {
        self.ticks(span, ((height / 36.0) as usize).clamp(2, 10))
    }

    /// As many ticks as have room for their labels on a horizontal axis of `width` pixels.
    pub(super) fn horizontal_ticks(&self, span: &Span, width: f64) -> Vec<(f64, String)> {
        let most = ((width / 60.0) as usize).clamp(2, 12);
        let has_room = |ticks: &Vec<(f64, String)>| {
            let widest = ticks
                .iter()
                .map(|(_, label)| tick_width(label))
                .fold(0.0, f64::max);
            let steps = ticks
                .windows(2)
                .filter_map(|pair| Some(span.fraction(pair[1].0)? - span.fraction(pair[0].0)?));
            steps.fold(f64::INFINITY, f64::min) * width > widest + 12.0
        };
        let fewer = (1..=most).rev().map(|target| self.ticks(span, target));
        fewer
            .into_iter()
            .find(has_room)
            .unwrap_or_else(|| self.ticks(span, 1).into_iter().take(1).collect())
    }
}

/// The width of a tick label in pixels.
pub(super) fn tick_width(label: &str) -> f64 {
    text_width(label, TICK_SIZE, Weight::Regular)
}

/// The part of a scale that an axis shows, in scale positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    low: f64,
    high: f64,
    scale: Scale,
}

impl Span {
    /// The values at both ends.
    pub fn values(&self) -> (f64, f64) {
        (self.scale.value(self.low), self.scale.value(self.high))
    }

    /// Where `value` lies between the ends (0 and 1); outside of them it is beyond [0, 1].
    pub fn fraction(&self, value: f64) -> Option<f64> {
        Some((self.scale.position(value)? - self.low) / (self.high - self.low))
    }

    /// The span that holds both.
    pub fn union(self, other: Span) -> Span {
        Span {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            scale: self.scale,
        }
    }
}

/// The data area of a chart with the spans of its axes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plot {
    pub rect: Rect,
    pub x: Span,
    pub y: Span,
}

impl Plot {
    /// Fits a plot into `area`, leaving room for the ticks and labels at its left and bottom.
    pub fn lay_out(area: Rect, x_axis: &Axis, x: Span, y_axis: &Axis, y: Span) -> Plot {
        let title_height = |axis: &Axis| {
            if axis.label.is_empty() {
                0.0
            } else {
                LABEL_SIZE + 9.0
            }
        };
        let bottom = TICK_LENGTH + TICK_SIZE + 8.0 + title_height(x_axis);
        let height = area.height - bottom;
        let ticks = y_axis.vertical_ticks(&y, height);
        let widest = ticks
            .iter()
            .map(|(_, label)| tick_width(label))
            .fold(0.0, f64::max);
        let left = TICK_LENGTH + 6.0 + widest + title_height(y_axis);
        let width = area.width - left;
        let last = x_axis.horizontal_ticks(&x, width).pop();
        let overhang = last.and_then(|(value, label)| {
            Some(tick_width(&label) / 2.0 - (1.0 - x.fraction(value)?) * width)
        });
        let right = overhang.unwrap_or(0.0).max(0.0);
        Plot {
            rect: Rect {
                x: area.x + left,
                y: area.y,
                width: width - right,
                height,
            },
            x,
            y,
        }
    }

    /// The pixel column of a value on the horizontal axis.
    pub fn x_pixel(&self, value: f64) -> Option<f64> {
        Some(self.rect.x + self.x.fraction(value)? * self.rect.width)
    }

    /// The pixel row of a value on the vertical axis.
    pub fn y_pixel(&self, value: f64) -> Option<f64> {
        Some(self.rect.bottom() - self.y.fraction(value)? * self.rect.height)
    }

    /// Whether a pixel lies within the data area.
    pub fn contains(&self, (x, y): (f64, f64)) -> bool {
        let slack = 0.01;
        x >= self.rect.x - slack
            && x <= self.rect.right() + slack
            && y >= self.rect.y - slack
            && y <= self.rect.bottom() + slack
    }

    /// Draws grid, axis lines, ticks and labels of both axes.
    pub fn draw_axes(&self, scene: &mut Scene, x_axis: &Axis, y_axis: &Axis) {
        let widest = self.draw_vertical_axis(scene, y_axis);
        self.draw_horizontal_axis(scene, x_axis);
        if !y_axis.label.is_empty() {
            let at = (
                self.rect.x - TICK_LENGTH - 6.0 - widest - 10.0,
                self.rect.centre().1,
            );
            let label = fit(
                &y_axis.label,
                LABEL_SIZE,
                Weight::Regular,
                self.rect.height + 24.0,
            );
            let style = TextStyle {
                size: LABEL_SIZE,
                anchor: Anchor::Middle,
                rotate: -90.0,
                ..TextStyle::default()
            };
            scene.text(at, &label, style);
        }
    }

    /// Returns the width of the widest tick label.
    fn draw_vertical_axis(&self, scene: &mut Scene, axis: &Axis) -> f64 {
        let Rect { x: left, .. } = self.rect;
        let mut widest: f64 = 0.0;
        for (value, label) in axis.vertical_ticks(&self.y, self.rect.height) {
            let Some(y) = self.y_pixel(value) else {
                continue;
            };
            scene.line((left, y), (self.rect.right(), y), Stroke::solid(GRID, 1.0));
            scene.line((left - TICK_LENGTH, y), (left, y), Stroke::solid(AXIS, 1.0));
            let style = TextStyle {
                size: TICK_SIZE,
                fill: MUTED,
                anchor: Anchor::End,
                ..TextStyle::default()
            };
            scene.text(
                (left - TICK_LENGTH - 4.0, y + 0.36 * TICK_SIZE),
                &label,
                style,
            );
            widest = widest.max(tick_width(&label));
        }
        if axis.scale == Scale::Log {
            let (low, high) = self.y.values();
            for y in log_minor_ticks(low, high)
                .into_iter()
                .filter_map(|value| self.y_pixel(value))
            {
                scene.line(
                    (left - TICK_LENGTH / 2.0, y),
                    (left, y),
                    Stroke::solid(AXIS, 0.7),
                );
            }
        }
        scene.line(
            (left, self.rect.y),
            (left, self.rect.bottom()),
            Stroke::solid(AXIS, 1.0),
        );
        widest
    }

    /// Draws the axis below the data area.
    pub fn draw_horizontal_axis(&self, scene: &mut Scene, axis: &Axis) {
        let bottom = self.rect.bottom();
        for (value, label) in axis.horizontal_ticks(&self.x, self.rect.width) {
            let Some(x) = self.x_pixel(value) else {
                continue;
            };
            scene.line((x, self.rect.y), (x, bottom), Stroke::solid(GRID, 1.0));
            scene.line(
                (x, bottom),
                (x, bottom + TICK_LENGTH),
                Stroke::solid(AXIS, 1.0),
            );
            let style = TextStyle {
                size: TICK_SIZE,
                fill: MUTED,
                anchor: Anchor::Middle,
                ..TextStyle::default()
            };
            scene.text((x, bottom + TICK_LENGTH + 3.0 + TICK_SIZE), &label, style);
        }
        if axis.scale == Scale::Log {
            let (low, high) = self.x.values();
            for x in log_minor_ticks(low, high)
                .into_iter()
                .filter_map(|value| self.x_pixel(value))
            {
                scene.line(
                    (x, bottom),
                    (x, bottom + TICK_LENGTH / 2.0),
                    Stroke::solid(AXIS, 0.7),
                );
            }
        }
        scene.line(
            (self.rect.x, bottom),
            (self.rect.right(), bottom),
            Stroke::solid(AXIS, 1.0),
        );
        if !axis.label.is_empty() {
            let at = (
                self.rect.centre().0,
                bottom + TICK_LENGTH + TICK_SIZE + 8.0 + LABEL_SIZE,
            );
            let label = fit(
                &axis.label,
                LABEL_SIZE,
                Weight::Regular,
                self.rect.width + 60.0,
            );
            let style = TextStyle {
                size: LABEL_SIZE,
                anchor: Anchor::Middle,
                ..TextStyle::default()
            };
            scene.text(at, &label, style);
        }
    }
}

/// Draws an empty data area that says so.
pub(super) fn draw_no_data(scene: &mut Scene, area: Rect) {
    let frame = [
        (area.x, area.y),
        (area.right(), area.y),
        (area.right(), area.bottom()),
        (area.x, area.bottom()),
        (area.x, area.y),
    ];
    scene.polyline(
        &frame,
        Stroke {
            colour: AXIS,
            width: 1.0,
            dash: "4 4",
        },
    );
    let (x, y) = area.centre();
    let style = TextStyle {
        size: 16.0,
        fill: MUTED,
        anchor: Anchor::Middle,
        ..TextStyle::default()
    };
    scene.text((x, y + 5.0), "no data", style);
}

/// The text style of an emphasised label of `size` pixels.
pub(super) fn bold(size: f64) -> TextStyle {
    TextStyle {
        size,
        weight: Weight::Bold,
        fill: INK,
        ..TextStyle::default()
    }
}

#[cfg(test)]
mod tests {
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
            scale: Scale::Log,
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
            let axis = Axis { scale: if log { Scale::Log } else { Scale::Linear }, include_zero: true, ..Axis::default() };
            if let Some(span) = axis.span([a, b].into_iter(), 0.04) {
                prop_assert!(span.low < span.high, "{span:?}");
                prop_assert!(axis.vertical_ticks(&span, 300.0).len() <= 10);
            }
        }
    }
}
