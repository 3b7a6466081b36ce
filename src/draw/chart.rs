//! Line charts: several series over one pair of axes, with bands and a legend below.

use super::axis::Axis;
use super::figure::Figure;
use super::heading::{MARGIN, alt_text, draw_heading};
use super::legend::{Entry, Key, draw_legend};
use super::palette::style;
use super::panel::{draw_panel, spans};
use super::rect::Rect;
use super::references::Reference;
use super::slots::Slots;
use super::svg::Scene;

const CHART_WIDTH: f64 = 760.0;
const CHART_HEIGHT: f64 = 350.0;

/// A point of a series; not-a-number coordinates leave a gap in its line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Position on the horizontal axis.
    pub x: f64,
    /// Position on the vertical axis.
    pub y: f64,
    /// Low and high end of the interval around `y`, drawn as a band.
    pub interval: Option<(f64, f64)>,
}

/// A line with a label; colour, dash and marker follow from its slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// The text in the legend; series of the same label share one style and one entry.
    pub label: String,
    /// The points in drawing order.
    pub points: Vec<Point>,
    /// Which style to take (0, 1, 2, ...), so that a method looks the same in every picture; by
    /// default the order in which labels first occur.
    pub slot: Option<usize>,
}

impl Series {
    /// A series without intervals.
    pub fn new(label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
        let point = |(x, y)| Point {
            x,
            y,
            interval: None,
        };
        Series {
            label: label.into(),
            points: points.into_iter().map(point).collect(),
            slot: None,
        }
    }
}

/// A chart of one or several lines. Without a point to draw it becomes a picture saying "no data".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineChart {
    /// The title; above a panel of a grid it is set smaller.
    pub title: String,
    /// A second, lighter line below the title (not drawn in a grid).
    pub subtitle: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines.
    pub series: Vec<Series>,
    /// Labelled horizontal lines.
    pub references: Vec<Reference>,
}

impl LineChart {
    /// Draws the chart with its legend below.
    pub fn figure(&self) -> Figure {
        let mut scene = Scene::new(CHART_WIDTH);
        let top = draw_heading(&mut scene, &self.title, &self.subtitle);
        let slots = slots_of([self]);
        let area = Rect::new(MARGIN, top, CHART_WIDTH - 2.0 * MARGIN, CHART_HEIGHT);
        draw_panel(&mut scene, area, self, &slots, spans(self));
        let height = draw_slots_legend(&mut scene, area.bottom(), &slots);
        Figure::new(
            scene,
            height,
            alt_text("Line chart", &self.title, &self.subtitle),
        )
    }
}

/// The style slots of all series of some charts.
pub(super) fn slots_of<'a>(charts: impl IntoIterator<Item = &'a LineChart>) -> Slots {
    let series = charts.into_iter().flat_map(|chart| &chart.series);
    Slots::assign(series.map(|series| (series.label.as_str(), series.slot)))
}

/// Draws the legend below `bottom`, if there is something to name, and returns the height of the
/// picture.
pub(super) fn draw_slots_legend(scene: &mut Scene, bottom: f64, slots: &Slots) -> f64 {
    let entry = |(label, slot): (&str, usize)| Entry {
        key: Key::Series(style(slot)),
        label: label.to_string(),
    };
    let entries: Vec<Entry> = slots.named().map(entry).collect();
    match entries.as_slice() {
        [] => bottom + MARGIN,
        entries => draw_legend(scene, bottom + 8.0, entries) + 10.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(series: Vec<Series>) -> LineChart {
        LineChart {
            title: "Test error <by epoch>".into(),
            x: Axis::new("Epoch"),
            y: Axis::new("Test error"),
            series,
            ..LineChart::default()
        }
    }

    #[test]
    fn a_chart_shows_title_labels_and_legend() {
        let line = |label: &str| Series::new(label, [(0.0, 0.9), (1.0, 0.4), (2.0, 0.2)]);
        let figure = chart(vec![line("bn"), line("normprop & co")]).figure();
        assert!(figure.tree().is_ok());
        for text in [
            "Test error &lt;by epoch&gt;",
            ">Epoch<",
            ">bn<",
            ">normprop &amp; co<",
            ">0.4<",
        ] {
            assert!(figure.svg().contains(text), "{text}");
        }
        assert!(figure.svg().contains("stroke-dasharray=\"8 4\""));
    }

    #[test]
    fn charts_without_data_say_so() {
        let nothing = [
            chart(Vec::new()),
            chart(vec![Series::new("bn", [])]),
            chart(vec![Series::new(
                "bn",
                [(0.0, f64::NAN), (f64::INFINITY, 1.0)],
            )]),
        ];
        for chart in nothing {
            let figure = chart.figure();
            assert!(figure.svg().contains(">no data<") && figure.png().is_ok());
        }
        let one = chart(vec![Series::new("bn", [(0.0, 1.0)])]).figure();
        assert!(!one.svg().contains("no data") && one.png().is_ok());
    }
}
