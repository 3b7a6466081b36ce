//! Values with intervals in named groups, one row each: method by batch size.
//!
//! Every row carries its own name and its value in figures, so the picture needs no legend and
//! loses nothing in gray print.

use super::font::{Weight, fit, text_width};
use super::interval_row::{IntervalRow, LARGEST_TEXT_WIDTH, NAME_SIZE};
use super::palette::style;
use super::plot::{Plot, height_below};
use super::references::{draw_vertical_references, vertical_references_height};
use super::sheet::{MARGIN, Sheet};
use super::summary;
use super::text_style::{Anchor, TextStyle, widest_tick};
use super::{Axis, AxisScale, Figure, Rect, ReferenceLine, Slots};

const WIDTH: f64 = 760.0;
const ROW_HEIGHT: f64 = 26.0;
const GROUP_HEIGHT: f64 = 25.0;
const LARGEST_NAME_WIDTH: f64 = 200.0;
/// Pixels below the last row of a group.
const GROUP_GAP: f64 = 6.0;

/// How a value is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntervalMark {
    /// A marker at the value: right for any axis, also one without zero.
    #[default]
    Dot,
    /// A bar from zero to the value (a dot on a log axis, which has no zero).
    Bar,
}

/// Rows under a common heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntervalGroup {
    /// The heading, for example "Batch size 1"; none is drawn when empty.
    pub label: String,
    /// The rows from top to bottom.
    pub rows: Vec<IntervalRow>,
}

/// A dot-and-whisker plot, or a bar chart, with horizontal rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntervalPlot {
    /// The title.
    pub title: String,
    /// A second, lighter line below the title: what the whiskers are.
    pub subtitle: String,
    /// The axis of the values.
    pub axis: Axis,
    /// Dots or bars.
    pub mark: IntervalMark,
    /// The groups from top to bottom.
    pub groups: Vec<IntervalGroup>,
    /// Labeled vertical lines.
    pub references: Vec<ReferenceLine>,
}

impl IntervalPlot {
    /// Draws the plot; it grows with the number of rows.
    pub fn figure(&self) -> Figure {
        let mut sheet = Sheet::new(WIDTH, "Values with intervals", &self.title, &self.subtitle);
        let Some(plot) = self.lay_out(sheet.top) else {
            let area = sheet.area(160.0);
            return sheet.without_data(area);
        };
        let scene = &mut sheet.scene;
        plot.draw_horizontal_axis(scene, &self.axis);
        draw_vertical_references(scene, &plot, &self.references, WIDTH - MARGIN);
        let slots = Slots::assign(self.rows().map(|row| (row.label.as_str(), row.slot)));
        let is_bar = self.mark == IntervalMark::Bar && self.axis.scale == AxisScale::Linear;
        let mut y = plot.rect.y;
        for group in &self.groups {
            if !group.label.is_empty() {
                // Nothing else stands in its line.
                let heading = fit(&group.label, NAME_SIZE, Weight::Bold, WIDTH - 2.0 * MARGIN);
                let style = TextStyle::bold(NAME_SIZE, Anchor::Start);
                scene.text((MARGIN, y + 0.7 * GROUP_HEIGHT), &heading, style);
                y += GROUP_HEIGHT;
            }
            for row in &group.rows {
                let middle = y + ROW_HEIGHT / 2.0;
                let words = row.in_words(&group.label, &self.axis);
                let data = [("label", row.label.as_str()), ("note", &words)];
                scene.group("row", &data, |scene| {
                    row.draw_texts(scene, &plot, middle);
                    row.draw_marks(scene, &plot, middle, style(slots.slot(&row.label)), is_bar);
                });
                y += ROW_HEIGHT;
            }
            y += GROUP_GAP;
        }
        let height = plot.rect.bottom() + height_below(&self.axis) + MARGIN / 2.0;
        sheet.describe(summary::of_rows(&self.groups));
        sheet.finish(height)
    }

    fn rows(&self) -> impl Iterator<Item = &IntervalRow> {
        self.groups.iter().flat_map(|group| &group.rows)
    }

    /// The data area between the names and the figures; `None` without a value to draw.
    fn lay_out(&self, top: f64) -> Option<Plot> {
        let of_row = |row: &IntervalRow| [row.outcomes.clone(), vec![row.value]].concat();
        let values = || self.rows().flat_map(of_row);
        self.axis.span(values(), 0.0)?;
        let ends = self.rows().filter_map(|row| row.interval);
        let ends = ends.flat_map(|(low, high)| [low, high]);
        let references = self.references.iter().map(|reference| reference.value);
        let mut axis = self.axis.clone();
        axis.include_zero |= self.mark == IntervalMark::Bar;
        let x = axis.span(values().chain(ends).chain(references), 0.04)?;
        let width = |text: &str, weight| text_width(text, NAME_SIZE, weight);
        let names = self
            .rows()
            .map(|row| width(&row.label, Weight::Regular) + 12.0);
        let headings = self.groups.iter();
        let headings = headings.map(|group| width(&group.label, Weight::Bold));
        let widest = names.chain(headings).fold(0.0, f64::max);
        let left = MARGIN + widest.min(LARGEST_NAME_WIDTH) + 12.0;
        let texts = widest_tick(self.rows().map(|row| row.text.as_str())).min(LARGEST_TEXT_WIDTH);
        let y = top + vertical_references_height(&self.references);
        let height = self.groups.iter().map(group_height).sum();
        let rect = Rect::new(left, y, WIDTH - MARGIN - texts - 14.0 - left, height);
        Some(Plot { rect, x, y: x })
    }
}

/// The height of a group's heading and rows.
fn group_height(group: &IntervalGroup) -> f64 {
    let is_named = !group.label.is_empty();
    let heading = if is_named { GROUP_HEIGHT } else { 0.0 };
    heading + ROW_HEIGHT * group.rows.len() as f64 + GROUP_GAP
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, value: f64) -> IntervalRow {
        IntervalRow {
            label: label.into(),
            value,
            interval: Some((value - 0.02, value + 0.02)),
            outcomes: vec![value - 0.01, value + 0.01],
            text: format!("{value:.3}"),
            slot: None,
        }
    }

    fn plot(mark: IntervalMark, rows: Vec<IntervalRow>) -> IntervalPlot {
        let group = IntervalGroup {
            label: "Batch size 1".into(),
            rows,
        };
        IntervalPlot {
            mark,
            axis: Axis::new("Test error"),
            groups: vec![group],
            ..IntervalPlot::default()
        }
    }

    #[test]
    fn rows_without_a_value_keep_their_text() {
        let diverged = IntervalRow {
            label: "bn".into(),
            value: f64::NAN,
            text: "diverged".into(),
            ..IntervalRow::default()
        };
        let figure = plot(IntervalMark::Dot, vec![diverged.clone(), row("none", 0.5)]).figure();
        assert!(figure.svg().contains(">diverged<"));
        assert_eq!(figure.svg().matches("stroke-width=\"0.8\"").count(), 1);
        assert!(
            plot(IntervalMark::Bar, vec![diverged])
                .figure()
                .svg()
                .contains(">no data<")
        );
        assert!(IntervalPlot::default().figure().png().is_ok());
    }
}
