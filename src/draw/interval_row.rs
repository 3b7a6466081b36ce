//! One row of a plot of intervals: name, mark, whiskers, figures.

use super::font::{Weight, fit};
use super::palette::{INK, PAPER};
use super::text_style::{Anchor, HALF_HEIGHT, TICK_SIZE, TextStyle};
use super::{Axis, Plot, Rect, Scene, Stroke, Style};
use crate::text::numbers::counted;

/// Font size of names in pixels.
pub(super) const NAME_SIZE: f64 = 13.0;
/// Longer texts at the end of a row are cut.
pub(super) const LARGEST_TEXT_WIDTH: f64 = 210.0;

/// Half the height of a bar, and of the end of a whisker.
const HALF_BAR: f64 = 8.0;
const HALF_WHISKER: f64 = 5.0;

/// One value with its interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntervalRow {
    /// The name before the row; rows of the same name share one style.
    pub label: String,
    /// The value; NaN leaves the row without a mark, so that `text` should say why.
    pub value: f64,
    /// Low and high end of the interval.
    pub interval: Option<(f64, f64)>,
    /// Single outcomes behind the value (one for each seed), drawn small.
    pub outcomes: Vec<f64>,
    /// What is written at the end of the row: the value in figures, "diverged (2 of 3)".
    pub text: String,
    /// Color and marker; by default they follow from the order in which names first occur.
    pub style: Option<Style>,
}

impl IntervalRow {
    /// What the row shows, its group, and the outcomes behind it, as lines.
    pub(super) fn in_words(&self, group: &str, axis: &Axis) -> String {
        let outcomes = self.outcomes.iter().map(|value| axis.figures(*value, None));
        let outcomes: Vec<String> = outcomes.collect();
        let outcomes = match outcomes.len() {
            0 => String::new(),
            n => format!("{}: {}", counted(n as u64, "seed"), outcomes.join(", ")),
        };
        let lines = [group, &self.text, &outcomes].into_iter();
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        lines.join("; ")
    }

    /// Sets the figures behind a row.
    pub(super) fn draw_text(&self, scene: &mut Scene, plot: &Plot, middle: f64) {
        let text = fit(&self.text, TICK_SIZE, Weight::Regular, LARGEST_TEXT_WIDTH);
        let at = (plot.rect.right() + 12.0, middle + HALF_HEIGHT * TICK_SIZE);
        scene.text(at, &text, TextStyle::new(TICK_SIZE, Anchor::Start));
    }

    /// Draws the row's value as a bar from zero or as a marker, its interval and its outcomes.
    pub(super) fn draw_marks(
        &self,
        scene: &mut Scene,
        plot: &Plot,
        middle: f64,
        style: Style,
        is_bar: bool,
    ) {
        let (lowest, highest) = plot.x.values();
        let clamped = |value: f64| plot.x_pixel(value.clamp(lowest, highest));
        let is_inside = |x: &f64| plot.rect.contains((*x, middle));
        let inside = |value: f64| plot.x_pixel(value).filter(is_inside);
        if is_bar && let (Some(from), Some(to)) = (clamped(0.0), clamped(self.value)) {
            let (left, width) = (from.min(to), (to - from).abs());
            let bar = Rect::new(left, middle - HALF_BAR, width, 2.0 * HALF_BAR);
            scene.rect(bar, style.color);
        }
        let color = if is_bar { INK } else { style.color };
        for x in self.outcomes.iter().filter_map(|outcome| inside(*outcome)) {
            let stroke = Stroke::solid(color, 1.2);
            scene.line((x, middle + 5.0), (x, middle + 10.0), stroke);
        }
        if let Some((low, high)) = self.interval.filter(|(low, high)| low <= high)
            && let (Some(from), Some(to)) = (clamped(low), clamped(high))
        {
            // A whisker that leaves the picture has no end to show.
            let ends = [low, high].map(inside);
            if is_bar {
                // A rim keeps it legible upon a dark bar.
                draw_whisker(scene, (from, to), ends, middle, Stroke::solid(PAPER, 4.6));
            }
            draw_whisker(scene, (from, to), ends, middle, Stroke::solid(color, 1.8));
        }
        if !is_bar && let Some(x) = inside(self.value) {
            scene.marker(style.marker, (x, middle), 5.5, style.color);
        }
    }
}

/// A line from end to end, and a stroke across at each end that is shown.
fn draw_whisker(
    scene: &mut Scene,
    (from, to): (f64, f64),
    ends: [Option<f64>; 2],
    middle: f64,
    stroke: Stroke,
) {
    scene.line((from, middle), (to, middle), stroke);
    for x in ends.into_iter().flatten() {
        let (top, bottom) = (middle - HALF_WHISKER, middle + HALF_WHISKER);
        scene.line((x, top), (x, bottom), stroke);
    }
}
