//! Line charts: what they hold, alone and as a grid of panels with one legend.

use super::axes::{Axis, Span, bold};
use super::figure::Figure;
use super::font::{Weight, wrap};
use super::heading::{MARGIN, alt_text, draw_heading};
use super::legend::{Entry, Key, draw_legend};
use super::palette::style;
use super::panel::{draw_panel, spans};
use super::svg::{Anchor, Rect, Scene, TextStyle};

const CHART_WIDTH: f64 = 760.0;
const CHART_HEIGHT: f64 = 350.0;
const PANEL_WIDTH: f64 = 400.0;
const PANEL_HEIGHT: f64 = 250.0;
const PANEL_TITLE_SIZE: f64 = 14.0;

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
        let points = points
            .into_iter()
            .map(|(x, y)| Point {
                x,
                y,
                interval: None,
            })
            .collect();
        Series {
            label: label.into(),
            points,
            slot: None,
        }
    }
}

/// A labelled horizontal line across a chart: a target, or a figure from the literature.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    /// Position on the value axis.
    pub value: f64,
    /// The text that stands at the line.
    pub label: String,
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
        let styles = Slots::of([self]);
        let area = Rect {
            x: MARGIN,
            y: top,
            width: CHART_WIDTH - 2.0 * MARGIN,
            height: CHART_HEIGHT,
        };
        draw_panel(&mut scene, area, self, &styles, spans(self));
        let bottom = finish_with_legend(&mut scene, area.bottom(), &styles);
        scene.finish(bottom, &alt_text("Line chart", &self.title, &self.subtitle))
    }
}

/// Line charts as panels of one picture, with one legend for all.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelGrid {
    /// The title above all panels.
    pub title: String,
    /// A second, lighter line below the title.
    pub subtitle: String,
    /// Panels in a row.
    pub columns: usize,
    /// Gives all panels the same vertical range, so that they can be compared by eye.
    pub share_y: bool,
    /// The panels, row by row.
    pub panels: Vec<LineChart>,
}

impl Default for PanelGrid {
    fn default() -> Self {
        PanelGrid {
            title: String::new(),
            subtitle: String::new(),
            columns: 2,
            share_y: false,
            panels: Vec::new(),
        }
    }
}

impl PanelGrid {
    /// Draws the panels row by row and the common legend below.
    pub fn figure(&self) -> Figure {
        let columns = self.columns.clamp(1, self.panels.len().max(1));
        let mut scene = Scene::new(MARGIN + (PANEL_WIDTH + MARGIN) * columns as f64);
        let mut y = draw_heading(&mut scene, &self.title, &self.subtitle);
        let styles = Slots::of(&self.panels);
        let shared = self.shared_y();
        for row in self.panels.chunks(columns) {
            let title_lines = |chart: &LineChart| panel_title(chart).len();
            let title_height = 19.0 * row.iter().map(title_lines).max().unwrap_or(0) as f64;
            for (column, chart) in row.iter().enumerate() {
                let x = MARGIN + (PANEL_WIDTH + MARGIN) * column as f64;
                draw_panel_title(&mut scene, x, y, chart);
                let area = Rect {
                    x,
                    y: y + title_height,
                    width: PANEL_WIDTH,
                    height: PANEL_HEIGHT,
                };
                let own = spans(chart).map(|(x, y)| (x, shared.unwrap_or(y)));
                draw_panel(&mut scene, area, chart, &styles, own);
            }
            y += title_height + PANEL_HEIGHT + MARGIN;
        }
        if self.panels.is_empty() {
            let area = Rect {
                x: MARGIN,
                y,
                width: PANEL_WIDTH,
                height: PANEL_HEIGHT,
            };
            super::axes::draw_no_data(&mut scene, area);
            y += PANEL_HEIGHT + MARGIN;
        }
        let bottom = finish_with_legend(&mut scene, y - MARGIN, &styles);
        scene.finish(
            bottom,
            &alt_text("Line charts", &self.title, &self.subtitle),
        )
    }

    /// The vertical range of all panels together, if it is to be shared and they have one scale.
    fn shared_y(&self) -> Option<Span> {
        let scale = self.panels.first()?.y.scale;
        if !self.share_y || self.panels.iter().any(|chart| chart.y.scale != scale) {
            return None;
        }
        self.panels
            .iter()
            .filter_map(spans)
            .map(|(_, y)| y)
            .reduce(Span::union)
    }
}

/// A panel's title, broken into lines.
fn panel_title(chart: &LineChart) -> Vec<String> {
    wrap(&chart.title, PANEL_TITLE_SIZE, Weight::Bold, PANEL_WIDTH)
}

fn draw_panel_title(scene: &mut Scene, x: f64, y: f64, chart: &LineChart) {
    for (index, line) in panel_title(chart).iter().enumerate() {
        let at = (x + PANEL_WIDTH / 2.0, y + 12.0 + 19.0 * index as f64);
        scene.text(
            at,
            line,
            TextStyle {
                anchor: Anchor::Middle,
                ..bold(PANEL_TITLE_SIZE)
            },
        );
    }
}

/// Draws the legend, if there is something to tell apart, and returns the height of the picture.
fn finish_with_legend(scene: &mut Scene, bottom: f64, styles: &Slots) -> f64 {
    let entries: Vec<Entry> = styles
        .labels
        .iter()
        .filter(|(label, _)| !label.is_empty())
        .map(|(label, slot)| Entry {
            key: Key::Series(style(*slot)),
            label: label.clone(),
        })
        .collect();
    if entries.is_empty() {
        return bottom + MARGIN;
    }
    draw_legend(scene, bottom + 8.0, &entries) + 10.0
}

/// The style slot of each label.
pub(super) struct Slots {
    labels: Vec<(String, usize)>,
}

impl Slots {
    fn of<'a>(charts: impl IntoIterator<Item = &'a LineChart>) -> Slots {
        let series = charts.into_iter().flat_map(|chart| &chart.series);
        let wanted: Vec<_> = series
            .map(|series| (series.label.as_str(), series.slot))
            .collect();
        Slots::assign(&wanted)
    }

    /// Keeps the slots that are asked for and deals out the free ones in order to the others.
    pub fn assign(wanted: &[(&str, Option<usize>)]) -> Slots {
        let taken: Vec<usize> = wanted.iter().filter_map(|(_, slot)| *slot).collect();
        let mut free = (0..).filter(|slot| !taken.contains(slot));
        let mut labels: Vec<(String, usize)> = Vec::new();
        for (label, slot) in wanted {
            if labels.iter().any(|(known, _)| known == *label) {
                continue;
            }
            let slot = slot.or_else(|| free.next()).unwrap_or_default();
            labels.push((label.to_string(), slot));
        }
        Slots { labels }
    }

    /// The slot of a label; 0 for one that was never assigned.
    pub fn slot(&self, label: &str) -> usize {
        self.labels
            .iter()
            .find(|(known, _)| known == label)
            .map_or(0, |(_, slot)| *slot)
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
        assert!(PanelGrid::default().figure().svg().contains(">no data<"));
        assert!(
            !chart(vec![Series::new("bn", [(0.0, 1.0)])])
                .figure()
                .svg()
                .contains("no data")
        );
    }

    #[test]
    fn panels_share_one_legend_and_their_styles() {
        let panel = |labels: [&str; 2]| {
            chart(
                labels
                    .map(|label| Series::new(label, [(0.0, 1.0), (1.0, 2.0)]))
                    .to_vec(),
            )
        };
        let grid = PanelGrid {
            panels: vec![panel(["bn", "none"]), panel(["none", "normprop"])],
            ..PanelGrid::default()
        };
        let svg = grid.figure().svg();
        for label in [">bn<", ">none<", ">normprop<"] {
            assert_eq!(svg.matches(label).count(), 1, "{label}");
        }
    }

    #[test]
    fn a_shared_range_spans_all_panels() {
        let panel = |top: f64| chart(vec![Series::new("bn", [(0.0, 0.0), (1.0, top)])]);
        let grid = |share_y| PanelGrid {
            share_y,
            panels: vec![panel(1.0), panel(9.0)],
            ..PanelGrid::default()
        };
        assert_eq!(grid(true).figure().svg().matches(">8<").count(), 2);
        assert_eq!(grid(false).figure().svg().matches(">8<").count(), 1);
    }

    #[test]
    fn slots_that_are_asked_for_are_kept_free_of_others() {
        let slots = Slots::assign(&[("a", None), ("b", Some(0)), ("a", None), ("c", None)]);
        assert_eq!(
            [slots.slot("a"), slots.slot("b"), slots.slot("c")],
            [1, 0, 2]
        );
    }
}
