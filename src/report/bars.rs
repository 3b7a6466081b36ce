//! Values with intervals in named groups, one row each: method by batch size.
//!
//! Every row carries its own name and its value in figures, so the picture needs no legend and
//! loses nothing in grey print.

use super::axes::{Axis, Plot, TICK_SIZE, bold, draw_no_data};
use super::chart::{Reference, Slots};
use super::figure::Figure;
use super::font::{Weight, fit, text_width};
use super::heading::{MARGIN, alt_text, draw_heading};
use super::palette::{INK, MUTED, Style, style};
use super::svg::{Anchor, Rect, Scene, Stroke, TextStyle};
use super::ticks::Scale;

const WIDTH: f64 = 760.0;
const ROW_HEIGHT: f64 = 26.0;
const GROUP_HEIGHT: f64 = 25.0;
const NAME_SIZE: f64 = 13.0;
const LARGEST_NAME_WIDTH: f64 = 200.0;
const LARGEST_TEXT_WIDTH: f64 = 210.0;
const WHISKER: f64 = 5.0;

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
            let area = Rect {
                x: MARGIN,
                y: top,
                width: WIDTH - 2.0 * MARGIN,
                height: 160.0,
            };
            draw_no_data(&mut scene, area);
            return scene.finish(area.bottom() + MARGIN, &alt);
        };
        plot.draw_horizontal_axis(&mut scene, &self.axis);
        self.draw_references(&mut scene, &plot);
        let named: Vec<_> = self
            .rows()
            .map(|row| (row.label.as_str(), row.slot))
            .collect();
        let slots = Slots::assign(&named);
        let mut y = plot.rect.y;
        for group in &self.groups {
            if !group.label.is_empty() {
                let at = (MARGIN, y + 0.7 * GROUP_HEIGHT);
                scene.text(
                    at,
                    &fit(
                        &group.label,
                        NAME_SIZE,
                        Weight::Bold,
                        plot.rect.x - MARGIN - 10.0,
                    ),
                    bold(NAME_SIZE),
                );
                y += GROUP_HEIGHT;
            }
            for row in &group.rows {
                self.draw_row(
                    &mut scene,
                    &plot,
                    y + ROW_HEIGHT / 2.0,
                    row,
                    style(slots.slot(&row.label)),
                );
                y += ROW_HEIGHT;
            }
            y += 6.0;
        }
        let below = if self.axis.label.is_empty() {
            28.0
        } else {
            50.0
        };
        scene.finish(plot.rect.bottom() + below + MARGIN / 2.0, &alt)
    }

    fn rows(&self) -> impl Iterator<Item = &IntervalRow> + Clone {
        self.groups.iter().flat_map(|group| &group.rows)
    }

    /// The data area between the names and the figures; `None` without a value to draw.
    fn lay_out(&self, top: f64) -> Option<Plot> {
        let values = || {
            self.rows()
                .map(|row| row.value)
                .chain(self.rows().flat_map(|row| row.outcomes.iter().copied()))
        };
        self.axis.span(values(), 0.0)?;
        let ends = self
            .rows()
            .filter_map(|row| row.interval)
            .flat_map(|(low, high)| [low, high]);
        let references = self.references.iter().map(|reference| reference.value);
        let axis = Axis {
            include_zero: self.axis.include_zero || self.mark == IntervalMark::Bar,
            ..self.axis.clone()
        };
        let x = axis.span(values().chain(ends).chain(references), 0.04)?;
        let widest = |width: fn(&IntervalRow) -> f64| self.rows().map(width).fold(0.0, f64::max);
        let names = widest(|row| text_width(&row.label, NAME_SIZE, Weight::Regular) + 12.0);
        let headings = self
            .groups
            .iter()
            .map(|group| text_width(&group.label, NAME_SIZE, Weight::Bold));
        let names = headings.fold(names, f64::max).min(LARGEST_NAME_WIDTH);
        let texts =
            widest(|row| text_width(&row.text, TICK_SIZE, Weight::Regular)).min(LARGEST_TEXT_WIDTH);
        let group_height = |group: &IntervalGroup| {
            let heading = if group.label.is_empty() {
                0.0
            } else {
                GROUP_HEIGHT
            };
            heading + ROW_HEIGHT * group.rows.len() as f64 + 6.0
        };
        let labels_above = if self.references.is_empty() {
            0.0
        } else {
            18.0
        };
        let left = MARGIN + names + 12.0;
        let rect = Rect {
            x: left,
            y: top + labels_above,
            width: WIDTH - left - texts - 14.0 - MARGIN,
            height: self.groups.iter().map(group_height).sum(),
        };
        Some(Plot { rect, x, y: x })
    }

    fn draw_row(
        &self,
        scene: &mut Scene,
        plot: &Plot,
        middle: f64,
        row: &IntervalRow,
        style: Style,
    ) {
        let name = fit(
            &row.label,
            NAME_SIZE,
            Weight::Regular,
            plot.rect.x - MARGIN - 22.0,
        );
        let name_style = TextStyle {
            size: NAME_SIZE,
            anchor: Anchor::End,
            ..TextStyle::default()
        };
        scene.text(
            (plot.rect.x - 10.0, middle + 0.36 * NAME_SIZE),
            &name,
            name_style,
        );
        let text = fit(&row.text, TICK_SIZE, Weight::Regular, LARGEST_TEXT_WIDTH);
        let text_style = TextStyle {
            size: TICK_SIZE,
            ..TextStyle::default()
        };
        scene.text(
            (plot.rect.right() + 12.0, middle + 0.36 * TICK_SIZE),
            &text,
            text_style,
        );
        let column = |value: f64| plot.x_pixel(value).filter(|x| plot.contains((*x, middle)));
        let is_bar = self.mark == IntervalMark::Bar && self.axis.scale == Scale::Linear;
        let clamped = |value: f64| {
            let (low, high) = plot.x.values();
            plot.x_pixel(value.clamp(low, high))
        };
        if is_bar
            && let (Some(from), Some(to)) = (
                clamped(0.0),
                plot.x_pixel(row.value).and(clamped(row.value)),
            )
        {
            let bar = Rect {
                x: from.min(to),
                y: middle - 8.0,
                width: (to - from).abs(),
                height: 16.0,
            };
            scene.rect(bar, style.colour);
        }
        for outcome in row.outcomes.iter().filter_map(|outcome| column(*outcome)) {
            let stroke = Stroke::solid(if is_bar { INK } else { style.colour }, 1.2);
            scene.line((outcome, middle + 5.0), (outcome, middle + 10.0), stroke);
        }
        if let Some((low, high)) = row.interval
            && !low.is_nan()
            && !high.is_nan()
            && let (Some(from), Some(to)) = (clamped(low), clamped(high))
        {
            let stroke = Stroke::solid(if is_bar { INK } else { style.colour }, 1.8);
            scene.line((from, middle), (to, middle), stroke);
            // A whisker that leaves the picture has no end to show.
            for end in [low, high].into_iter().filter_map(column) {
                scene.line((end, middle - WHISKER), (end, middle + WHISKER), stroke);
            }
        }
        if !is_bar && let Some(x) = column(row.value) {
            scene.marker(style.marker, (x, middle), 5.5, style.colour);
        }
    }

    fn draw_references(&self, scene: &mut Scene, plot: &Plot) {
        for reference in &self.references {
            let Some(x) = plot.x_pixel(reference.value) else {
                continue;
            };
            if !plot.contains((x, plot.rect.y)) {
                continue;
            }
            let stroke = Stroke {
                colour: MUTED,
                width: 1.2,
                dash: "5 3",
            };
            scene.line((x, plot.rect.y), (x, plot.rect.bottom()), stroke);
            let half = text_width(&reference.label, TICK_SIZE, Weight::Regular) / 2.0;
            let (left, right) = (MARGIN + half, WIDTH - MARGIN - half);
            let at = (
                if left < right {
                    x.clamp(left, right)
                } else {
                    WIDTH / 2.0
                },
                plot.rect.y - 5.0,
            );
            let style = TextStyle {
                size: TICK_SIZE,
                fill: MUTED,
                anchor: Anchor::Middle,
                halo: true,
                ..TextStyle::default()
            };
            scene.text(at, &reference.label, style);
        }
    }
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
