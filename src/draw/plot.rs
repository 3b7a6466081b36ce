//! The data area of a chart: where values land, and the axes around it.

use super::font::{Weight, fit};
use super::palette::{AXIS, GRID};
use super::text_style::{
    Anchor, HALF_HEIGHT, LABEL_SIZE, TICK_SIZE, TextStyle, tick_width, widest_tick,
};
use super::ticks::{AxisScale, log_minor_ticks};
use super::{Axis, Rect, Scene, Span, Stroke};

const TICK_LENGTH: f64 = 4.0;
/// Pixels between a tick and its label.
const TICK_GAP: f64 = 4.0;
const EDGE: Stroke<'static> = Stroke::solid(AXIS, 1.0);
const MINOR: Stroke<'static> = Stroke::solid(AXIS, 0.7);

/// The data area of a chart with the spans of its axes.
#[derive(Clone, Copy, Debug)]
pub struct Plot {
    pub rect: Rect,
    pub x: Span,
    pub y: Span,
}

impl Plot {
    /// Fits a plot into `area`, leaving room for the ticks and labels at its left and bottom.
    pub fn lay_out(area: Rect, x_axis: &Axis, x: Span, y_axis: &Axis, y: Span) -> Plot {
        let height = area.height - height_below(x_axis);
        let y = y_axis.settled_vertically(y, height);
        let ticks = y_axis.vertical_ticks(&y, height);
        let widest = widest_tick(ticks.iter().map(|(_, label)| label.as_str()));
        let left = TICK_LENGTH + TICK_GAP + widest + label_room(y_axis);
        let width = area.width - left;
        let last = x_axis.horizontal_ticks(&x, width).pop();
        let overhang = last.and_then(|(value, label)| {
            Some(tick_width(&label) / 2.0 - (1.0 - x.fraction(value)?) * width)
        });
        let width = width - overhang.unwrap_or(0.0).max(0.0);
        let rect = Rect::new(area.x + left, area.y, width, height);
        Plot { rect, x, y }
    }

    /// The pixel column of a value on the horizontal axis.
    pub fn x_pixel(&self, value: f64) -> Option<f64> {
        Some(self.rect.x + self.x.fraction(value)? * self.rect.width)
    }

    /// The pixel row of a value on the vertical axis.
    pub fn y_pixel(&self, value: f64) -> Option<f64> {
        Some(self.rect.bottom() - self.y.fraction(value)? * self.rect.height)
    }

    /// The pixel of a point.
    pub fn pixel(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.x_pixel(x)?, self.y_pixel(y)?))
    }

    /// Draws grid, axis lines, ticks and labels of both axes.
    pub fn draw_axes(&self, scene: &mut Scene, x_axis: &Axis, y_axis: &Axis) {
        scene.group("axis y", &[], |scene| {
            self.draw_vertical_axis(scene, y_axis)
        });
        scene.group("axis x", &[], |scene| {
            self.draw_horizontal_axis(scene, x_axis)
        });
    }

    fn draw_vertical_axis(&self, scene: &mut Scene, axis: &Axis) {
        let (left, top, height) = (self.rect.x, self.rect.y, self.rect.height);
        let ticks = axis.vertical_ticks(&self.y, height);
        for (value, label) in &ticks {
            let Some(y) = self.y_pixel(*value) else {
                continue;
            };
            scene.line((left, y), (self.rect.right(), y), Stroke::solid(GRID, 1.0));
            scene.line((left - TICK_LENGTH, y), (left, y), EDGE);
            let at = (left - TICK_LENGTH - TICK_GAP, y + HALF_HEIGHT * TICK_SIZE);
            scene.text(at, label, TextStyle::tick(Anchor::End));
        }
        let minor = minor_ticks(axis, &self.y).into_iter();
        for y in minor.filter_map(|value| self.y_pixel(value)) {
            scene.line((left - TICK_LENGTH / 2.0, y), (left, y), MINOR);
        }
        scene.line((left, top), (left, top + height), EDGE);
        let widest = widest_tick(ticks.iter().map(|(_, label)| label.as_str()));
        let label = fit(&axis.label, LABEL_SIZE, Weight::Regular, height + 24.0);
        if !label.is_empty() {
            let x = left - TICK_LENGTH - TICK_GAP - widest - 11.0;
            let at = (x, self.rect.center().1);
            scene.text(at, &label, TextStyle::label().rotated(-90.0));
        }
    }

    /// Draws the axis below the data area.
    pub fn draw_horizontal_axis(&self, scene: &mut Scene, axis: &Axis) {
        let (top, bottom) = (self.rect.y, self.rect.bottom());
        for (value, label) in axis.horizontal_ticks(&self.x, self.rect.width) {
            let Some(x) = self.x_pixel(value) else {
                continue;
            };
            scene.line((x, top), (x, bottom), Stroke::solid(GRID, 1.0));
            scene.line((x, bottom), (x, bottom + TICK_LENGTH), EDGE);
            let at = (x, bottom + TICK_LENGTH + TICK_GAP + 0.9 * TICK_SIZE);
            scene.text(at, &label, TextStyle::tick(Anchor::Middle));
        }
        let minor = minor_ticks(axis, &self.x).into_iter();
        for x in minor.filter_map(|value| self.x_pixel(value)) {
            scene.line((x, bottom), (x, bottom + TICK_LENGTH / 2.0), MINOR);
        }
        scene.line((self.rect.x, bottom), (self.rect.right(), bottom), EDGE);
        let room = self.rect.width + 60.0;
        let label = fit(&axis.label, LABEL_SIZE, Weight::Regular, room);
        if !label.is_empty() {
            let at = (self.rect.center().0, bottom + height_below(axis) - 4.0);
            scene.text(at, &label, TextStyle::label());
        }
    }
}

/// The room that ticks and label of a horizontal axis need below the data area.
pub fn height_below(axis: &Axis) -> f64 {
    TICK_LENGTH + TICK_GAP + TICK_SIZE + 3.0 + label_room(axis)
}

/// The room that the label of an axis needs.
fn label_room(axis: &Axis) -> f64 {
    let is_named = !axis.label.is_empty();
    if is_named { LABEL_SIZE + 9.0 } else { 0.0 }
}

/// The unlabeled ticks of a log axis.
fn minor_ticks(axis: &Axis, span: &Span) -> Vec<f64> {
    let (low, high) = span.values();
    match axis.scale {
        AxisScale::Log if !axis.has_given_ticks() => log_minor_ticks(low, high),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_land_between_ticks_and_frame() {
        let axis = Axis {
            range: Some((0.0, 10.0)),
            ..Axis::new("Loss")
        };
        let span = axis
            .span([1.0].into_iter(), 0.0)
            .expect("a value and a range");
        let area = Rect::new(10.0, 20.0, 400.0, 300.0);
        let plot = Plot::lay_out(area, &axis, span, &axis, span);
        assert!(
            plot.rect.x > area.x + LABEL_SIZE && plot.rect.bottom() < area.bottom() - LABEL_SIZE
        );
        // Half of the last label, "10", hangs over the right end of the axis.
        assert!(plot.rect.right() < area.right() && plot.rect.right() > area.right() - 10.0);
        assert_eq!(plot.pixel(0.0, 10.0), Some((plot.rect.x, 20.0)));
        assert_eq!(plot.pixel(f64::NAN, 1.0), None);
    }
}
