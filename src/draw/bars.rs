//! Values with intervals in named groups, one row each: method by batch size.
//!
//! Every row carries its own name and its value in figures, so the picture needs no legend and
//! loses nothing in grey print.

use super::axis::Axis;
use super::bar_row::{LARGEST_TEXT_WIDTH, NAME_SIZE, draw_marks, draw_texts};
use super::figure::Figure;
use super::font::{Weight, fit, text_width};
use super::heading::{MARGIN, alt_text, draw_heading};
use super::palette::style;
use super::plot::{Plot, draw_no_data, height_below};
use super::rect::Rect;
use super::references::{Reference, draw_vertical_references, vertical_references_height};
use super::slots::Slots;
use super::svg::Scene;
use super::text_style::{Anchor, TextStyle, widest_tick};
use super::ticks::Scale;

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

/// One value with its interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntervalRow {
    /// The name before the row; rows of the same name share one style.
    pub label: String,
    /// The value; NaN leaves the row without a mark, which is then best told in `text`.
    pub value: f64,
    /// Low and high end of the interval.
    pub interval: Option<(f64, f64)>,
    /// Single outcomes behind the value (one for each seed), drawn small.
    pub outcomes: Vec<f64>,
    /// What is written at the end of the row: the value in figures, "diverged (2 of 3)".
    pub text: String,
    /// Which style to take; by default the order in which names first occur.
    pub slot: Option<usize>,
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
    /// Labelled vertical lines.
    pub references: Vec<Reference>,
}

impl IntervalPlot {
    /// Draws the plot; it grows with the number of rows.
    pub fn figure(&self) -> Figure {
        let mut scene = Scene::new(WIDTH);
        let top = draw_heading(&mut scene, &self.title, &self.subtitle);
        let alt = alt_text("Values with intervals", &self.title, &self.subtitle);
        let Some(plot) = self.lay_out(top) else {
            let area = Rect::new(MARGIN, top, WIDTH - 2.0 * MARGIN, 160.0);
            draw_no_data(&mut scene, area);
            return Figure::new(scene, area.bottom() + MARGIN, alt);
        };
        plot.draw_horizontal_axis(&mut scene, &self.axis);
        draw_vertical_references(&mut scene, &plot, &self.references, WIDTH - MARGIN);
        let slots = Slots::assign(self.rows().map(|row| (row.label.as_str(), row.slot)));
        let is_bar = self.mark == IntervalMark::Bar && self.axis.scale == Scale::Linear;
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
                draw_texts(&mut scene, &plot, middle, row);
                let style = style(slots.slot(&row.label));
                draw_marks(&mut scene, &plot, middle, row, style, is_bar);
                y += ROW_HEIGHT;
            }
            y += GROUP_GAP;
        }
        let height = plot.rect.bottom() + height_below(&self.axis) + MARGIN / 2.0;
        Figure::new(scene, height, alt)
    }

    fn rows(&self) -> impl Iterator<Item = &IntervalRow> {
        self.groups.iter().flat_map(|group| &group.rows)
    }

    /// The data area between the names and the figures; `None` without a value to draw.
    fn lay_out(&self, top: f64) -> Option<Plot> {
        let values = || {
            self.rows()
                .flat_map(|row| row.outcomes.iter().copied().chain([row.value]))
        };
        self.axis.span(values(), 0.0)?;
        let ends = self
            .rows()
            .filter_map(|row| row.interval)
            .flat_map(|(low, high)| [low, high]);
        let references = self.references.iter().map(|reference| reference.value);
        let include_zero = self.axis.include_zero || self.mark == IntervalMark::Bar;
        let axis = Axis {
            include_zero,
            ..self.axis.clone()
        };
        let x = axis.span(values().chain(ends).chain(references), 0.04)?;
        let name_width =
            |row: &IntervalRow| text_width(&row.label, NAME_SIZE, Weight::Regular) + 12.0;
        let heading_width =
            |group: &IntervalGroup| text_width(&group.label, NAME_SIZE, Weight::Bold);
        let names = self
            .rows()
            .map(name_width)
            .chain(self.groups.iter().map(heading_width));
        let left = MARGIN + names.fold(0.0, f64::max).min(LARGEST_NAME_WIDTH) + 12.0;
        let texts = widest_tick(self.rows().map(|row| row.text.as_str())).min(LARGEST_TEXT_WIDTH);
        let y = top + vertical_references_height(&self.references);
        let height = self.groups.iter().map(group_height).sum();
        Some(Plot {
            rect: Rect::new(left, y, WIDTH - MARGIN - texts - 14.0 - left, height),
            x,
            y: x,
        })
    }
}

/// The height of a group's heading and rows.
fn group_height(group: &IntervalGroup) -> f64 {
    let heading = if group.label.is_empty() {
        0.0
    } else {
        GROUP_HEIGHT
    };
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
    fn every_row_is_named_and_valued() {
        let figure = plot(
            IntervalMark::Dot,
            vec![row("bn", 0.25), row("normprop", 0.125)],
        )
        .figure();
        assert!(figure.tree().is_ok());
        for text in [
            ">Batch size 1<",
            ">bn<",
            ">normprop<",
            ">0.250<",
            ">0.125<",
            ">Test error<",
        ] {
            assert!(figure.svg().contains(text), "{text}");
        }
    }

    #[test]
    fn bars_start_at_zero_and_have_no_markers() {
        let figure = plot(IntervalMark::Bar, vec![row("bn", 0.25)]).figure();
        assert!(figure.svg().contains(">0.00<"));
        assert_eq!(
            figure
                .svg()
                .matches("height=\"16\" fill=\"#0072b2\"")
                .count(),
            1
        );
        assert!(!figure.svg().contains("<circle"));
        let dots = plot(IntervalMark::Dot, vec![row("bn", 0.25)]).figure();
        assert!(dots.svg().contains("<circle") && !dots.svg().contains(">0.00<"));
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

    #[test]
    fn intervals_beyond_the_range_lose_their_whisker_ends() {
        let ends = |range| {
            let mut plot = plot(IntervalMark::Dot, vec![row("bn", 0.25)]);
            plot.axis.range = range;
            plot.figure().svg().matches("stroke-width=\"1.8\"").count()
        };
        assert_eq!(
            (
                ends(None),
                ends(Some((0.2, 0.26))),
                ends(Some((0.24, 0.26)))
            ),
            (3, 2, 1)
        );
    }

    #[test]
    fn references_are_drawn_where_they_are_seen() {
        let mut plot = plot(IntervalMark::Dot, vec![row("bn", 0.25)]);
        plot.references = vec![Reference {
            value: 0.24,
            label: "paper (recalled, unverified)".into(),
        }];
        assert!(
            plot.figure()
                .svg()
                .contains(">paper (recalled, unverified)<")
        );
        plot.axis.range = Some((0.25, 0.3));
        assert!(!plot.figure().svg().contains(">paper"));
    }
}
