//! Line charts: several series over one pair of axes, with bands, reference lines and a legend below.

use super::end_labels::{draw_end_labels, end_label_room};
use super::lines::draw_lines;
use super::references::draw_horizontal_references;
use super::sheet::{Sheet, draw_no_data};
use super::{Axis, Figure, Looks, Plot, Point, Rect, ReferenceLine, Scene, Series, Span};

const CHART_WIDTH: f64 = 760.0;
const CHART_HEIGHT: f64 = 350.0;
/// The share of the data's range that is left free at each end of an axis.
const ROOM: f64 = 0.035;

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
    /// Labeled horizontal lines.
    pub references: Vec<ReferenceLine>,
}

impl LineChart {
    /// A chart without a subtitle.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis, series: Vec<Series>) -> LineChart {
        LineChart {
            title: title.into(),
            x,
            y,
            series,
            ..LineChart::default()
        }
    }

    /// The same with a second, lighter line below its title.
    pub fn subtitled(mut self, subtitle: impl Into<String>) -> LineChart {
        self.subtitle = subtitle.into();
        self
    }

    /// The same with one more labeled line across it.
    pub fn marked(mut self, value: f64, label: impl Into<String>) -> LineChart {
        self.references.push(ReferenceLine::new(value, label));
        self
    }

    /// Draws the chart with its legend below.
    pub fn figure(&self) -> Figure {
        let mut sheet = Sheet::new(CHART_WIDTH, "Line chart", &self.title, &self.subtitle);
        let looks = Looks::of_series(&self.series);
        let area = sheet.area(CHART_HEIGHT);
        // The title is that of the whole picture.
        let chart = LineChart {
            title: String::new(),
            ..self.clone()
        };
        chart.draw(&mut sheet.scene, area, &looks, self.spans());
        sheet.describe(self.summary());
        let height = looks.draw_legend(&mut sheet.scene, area.bottom());
        sheet.finish(height)
    }

    /// The spans of both axes over everything that the chart shows; `None` without a point to draw.
    pub(super) fn spans(&self) -> Option<(Span, Span)> {
        let (x, y) = (self.x.scale, self.y.scale);
        let drawable = |point: &&Point| x.position(point.x).and(y.position(point.y)).is_some();
        let all = self.series.iter().flat_map(|series| &series.points);
        let x = self
            .x
            .span(all.filter(drawable).map(|point| point.x), ROOM)?;
        let points = || self.compared().into_iter().filter(drawable);
        let intervals = points().filter_map(|point| point.interval);
        let ends = intervals.flat_map(|(low, high)| [low, high]);
        let references = self.references.iter().map(|reference| reference.value);
        let heights = points().map(|point| point.y).chain(ends).chain(references);
        let y = self.y.span(heights, ROOM)?;
        Some((x, y.comparing(points().map(|point| point.y))))
    }

    /// The points that the vertical axis is for: of lines that are there for comparison only the last, so
    /// that what they do before does not squash the others.
    fn compared(&self) -> Vec<&Point> {
        let (muted, named): (Vec<&Series>, Vec<&Series>) =
            self.series.iter().partition(|line| line.muted);
        let points = named.into_iter().flat_map(|line| &line.points);
        points
            .chain(
                muted
                    .into_iter()
                    .filter_map(|line| line.drawable().next_back()),
            )
            .collect()
    }

    /// Draws axes and data into `area`, over the given spans; returns the data area.
    pub(super) fn draw(
        &self,
        scene: &mut Scene,
        area: Rect,
        looks: &Looks,
        spans: Option<(Span, Span)>,
    ) -> Rect {
        let Some((x, y)) = spans else {
            draw_no_data(scene, area);
            return area;
        };
        let names = end_label_room(&self.series, area);
        let area = Rect::new(area.x, area.y, area.width - names, area.height);
        let plot = Plot::lay_out(area, &self.x, x, &self.y, y);
        let Rect {
            x: left,
            y: top,
            width,
            height,
        } = plot.rect;
        let frame = format!("{left} {top} {width} {height}");
        let (across, up) = (self.x.for_script(&plot.x), self.y.for_script(&plot.y));
        let data = [
            ("title", self.title.as_str()),
            ("frame", &frame),
            ("x", &across),
            ("y", &up),
        ];
        scene.group("panel", &data, |scene| {
            plot.draw_axes(scene, &self.x, &self.y);
            let busy = draw_lines(scene, &plot, [&self.x, &self.y], &self.series, looks);
            scene.group("reference", &[], |scene| {
                draw_horizontal_references(scene, &plot, &self.references, &busy);
                if names > 0.0 {
                    draw_end_labels(scene, &plot, &self.series, looks);
                }
            });
        });
        plot.rect
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

    #[test]
    fn gray_lines_do_not_squash_the_others() {
        let line = |label: &str, first| Series::new(label, [(0.0, first), (1.0, 1.0)]);
        let height = |gray: Series| {
            let (_, y) = chart(vec![line("bn", 2.0), gray]).spans().expect("points");
            y.values().1
        };
        assert!(height(line("wild", 1e3)) > 900.0);
        assert!(height(line("wild", 1e3).muted()) < 3.0);
    }

    #[test]
    fn references_are_drawn_and_keep_off_the_lines() {
        let chart = LineChart {
            series: vec![Series::new("bn", [(0.0, 0.0), (1.0, 1.0)])],
            references: vec![ReferenceLine::new(0.99, "target")],
            ..LineChart::default()
        };
        let svg = chart.figure().svg();
        let label = svg
            .lines()
            .find(|line| line.contains(">target<"))
            .unwrap_or_default();
        let x = label
            .split("x=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        assert!(
            x.and_then(|x| x.parse::<f64>().ok())
                .is_some_and(|x| x < 600.0),
            "{label}"
        );
    }
}
