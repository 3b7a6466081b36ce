//! Quantile-quantile plots against the standard normal.

use super::legend::{Key, draw_legend};
use super::{Axis, Figure, Marker, Plot, Sheet, Stroke, Style};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 330.0;
const POINT_RADIUS: f64 = 3.6;
/// Light enough for the lines upon the points to be seen.
const POINT_FILL: &str = "#86bce0";
/// Points nearer than this to the last one drawn add nothing to the picture.
const CLOSEST: f64 = 2.0;

/// The quantiles of a sample against those of the standard normal (Wilk and Gnanadesikan, 1968): on
/// the diagonal the sample is standard normal, on another line it is normal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QqPlot {
    /// The title.
    pub title: String,
    /// A second, lighter line below the title.
    pub subtitle: String,
    /// The label of the vertical axis.
    pub label: String,
    /// (Quantile of the standard normal, quantile of the sample), rising.
    pub points: Vec<(f64, f64)>,
    /// Mean and standard deviation of the sample, for the line of the fitted normal.
    pub fitted: (f64, f64),
}

impl QqPlot {
    /// Draws points, diagonal and the fitted line.
    pub fn figure(&self) -> Figure {
        let mut sheet = Sheet::new(WIDTH, "Q-Q plot", &self.title, &self.subtitle);
        let area = sheet.area(HEIGHT);
        let x_axis = Axis::new("Standard normal quantile");
        let y_axis = Axis::new(&self.label);
        let is_finite = |(x, y): &&(f64, f64)| x.is_finite() && y.is_finite();
        let drawable = || self.points.iter().filter(is_finite);
        let x = x_axis.span(drawable().map(|(x, _)| *x), 0.04);
        let y = y_axis.span(drawable().map(|(_, y)| *y), 0.04);
        let (Some(x), Some(y)) = (x, y) else {
            return sheet.without_data(area);
        };
        let plot = Plot::lay_out(area, &x_axis, x, &y_axis, y);
        plot.draw_axes(&mut sheet.scene, &x_axis, &y_axis);
        let lines = self.lines();
        sheet.scene.clipped(plot.rect, |scene| {
            for point in spread_out(drawable().filter_map(|(x, y)| plot.pixel(*x, *y))) {
                scene.marker(Marker::Circle, point, POINT_RADIUS, POINT_FILL);
            }
            let (low, high) = plot.x.values();
            for (line, (intercept, slope), _) in &lines {
                let end = |x: f64| plot.pixel(x, intercept + slope * x);
                if let (Some(from), Some(to)) = (end(low), end(high)) {
                    scene.polyline(&[from, to], Stroke::new(line.color, 1.6, line.dash));
                }
            }
        });
        let mut entries = vec![(Key::Point(POINT_FILL), "sample".to_owned())];
        let lines = lines.into_iter();
        entries.extend(lines.map(|(line, _, label)| (Key::Line(line), label.to_owned())));
        let height = draw_legend(&mut sheet.scene, area.bottom(), &entries);
        sheet.finish(height)
    }

    /// The lines with (intercept, slope) and their text; styled as in the histogram.
    fn lines(&self) -> Vec<(Style, (f64, f64), &'static str)> {
        let mut lines = vec![(Style::vermilion(1, 0), (0.0, 1.0), "y = x")];
        let (mean, std) = self.fitted;
        if (mean + std).is_finite() {
            lines.push((Style::ink(0, 0), (mean, std), "fitted normal"));
        }
        lines
    }
}

/// The points that lie apart from the last one kept: the tails stay whole, the crowd is thinned.
fn spread_out(pixels: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (x, y) in pixels {
        let is_apart = |(last_x, last_y): &(f64, f64)| (x - last_x).hypot(y - last_y) >= CLOSEST;
        if kept.last().is_none_or(is_apart) {
            kept.push((x, y));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crowded_points_are_thinned_and_tails_kept() {
        let point = |index: i32| (f64::from(index) / 1000.0, f64::from(index) / 1000.0);
        let kept = spread_out((0..100_000).map(point).chain([(200.0, 300.0)]));
        assert!(kept.len() < 100);
        assert_eq!(
            (kept.first(), kept.last()),
            (Some(&(0.0, 0.0)), Some(&(200.0, 300.0)))
        );
    }

    #[test]
    fn nothing_to_draw_and_a_single_point_are_no_trouble() {
        let figure = |points| {
            QqPlot {
                points,
                ..QqPlot::default()
            }
            .figure()
        };
        assert!(figure(vec![(f64::NAN, 1.0)]).svg().contains(">no data<"));
        assert!(figure(vec![(0.0, 1.0)]).png().is_ok());
    }
}
