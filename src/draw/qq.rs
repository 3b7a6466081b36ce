//! Quantile-quantile plots against the standard normal.

use super::axis::Axis;
use super::figure::Figure;
use super::heading::{MARGIN, alt_text, draw_heading};
use super::legend::{Entry, Key, draw_legend};
use super::marker::Marker;
use super::palette::{Style, style};
use super::plot::{Plot, draw_no_data};
use super::rect::Rect;
use super::svg::{Scene, Stroke};

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
    /// The vertical label; "Sample quantile" when empty.
    pub label: String,
    /// (Quantile of the standard normal, quantile of the sample), rising.
    pub points: Vec<(f64, f64)>,
    /// Mean and standard deviation of the sample: adds the line of the fitted normal.
    pub fitted: Option<(f64, f64)>,
}

impl QqPlot {
    /// Draws points, diagonal and, where given, the fitted line.
    pub fn figure(&self) -> Figure {
        let mut scene = Scene::new(WIDTH);
        let top = draw_heading(&mut scene, &self.title, &self.subtitle);
        let area = Rect::new(MARGIN, top, WIDTH - 2.0 * MARGIN, HEIGHT);
        let alt = alt_text("Q-Q plot", &self.title, &self.subtitle);
        let x_axis = Axis::new("Standard normal quantile");
        let y_axis = Axis::new(if self.label.is_empty() {
            "Sample quantile"
        } else {
            &self.label
        });
        let drawable = || {
            self.points
                .iter()
                .filter(|(x, y)| x.is_finite() && y.is_finite())
        };
        let x = x_axis.span(drawable().map(|(x, _)| *x), 0.04);
        let y = y_axis.span(drawable().map(|(_, y)| *y), 0.04);
        let (Some(x), Some(y)) = (x, y) else {
            draw_no_data(&mut scene, area);
            return Figure::new(scene, area.bottom() + MARGIN, alt);
        };
        let plot = Plot::lay_out(area, &x_axis, x, &y_axis, y);
        plot.draw_axes(&mut scene, &x_axis, &y_axis);
        let lines = self.lines();
        scene.clipped(plot.rect, |scene| {
            for point in spread_out(drawable().filter_map(|(x, y)| plot.pixel(*x, *y))) {
                scene.marker(Marker::Circle, point, POINT_RADIUS, POINT_FILL);
            }
            let (low, high) = plot.x.values();
            for (line, (intercept, slope), _) in &lines {
                let end = |x: f64| plot.pixel(x, intercept + slope * x);
                if let (Some(from), Some(to)) = (end(low), end(high)) {
                    let stroke = Stroke {
                        colour: line.colour,
                        width: 1.6,
                        dash: line.dash,
                    };
                    scene.polyline(&[from, to], stroke);
                }
            }
        });
        let sample = Entry {
            key: Key::Point(POINT_FILL),
            label: "sample".into(),
        };
        let entries = lines.iter().map(|(line, _, label)| Entry {
            key: Key::Line(*line),
            label: (*label).into(),
        });
        let entries: Vec<Entry> = std::iter::once(sample).chain(entries).collect();
        let bottom = draw_legend(&mut scene, area.bottom() + 8.0, &entries);
        Figure::new(scene, bottom + 10.0, alt)
    }

    /// The lines with (intercept, slope) and their text; styled as in the histogram.
    fn lines(&self) -> Vec<(Style, (f64, f64), &'static str)> {
        let diagonal = (
            Style {
                dash: "8 4",
                ..style(1)
            },
            (0.0, 1.0),
            "y = x",
        );
        let fitted = self
            .fitted
            .filter(|(mean, std)| mean.is_finite() && std.is_finite());
        let fitted = fitted.map(|fit| {
            (
                Style {
                    dash: "",
                    ..style(6)
                },
                fit,
                "fitted normal",
            )
        });
        std::iter::once(diagonal).chain(fitted).collect()
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
    fn points_diagonal_and_fit_are_drawn() {
        let points = (-20..=20)
            .map(|index| (f64::from(index) / 10.0, f64::from(index) / 8.0))
            .collect();
        let plot = QqPlot {
            title: "Layer 3".into(),
            points,
            fitted: Some((0.0, 1.25)),
            ..QqPlot::default()
        };
        let figure = plot.figure();
        assert!(figure.tree().is_ok());
        for text in [
            ">y = x<",
            ">fitted normal<",
            ">Sample quantile<",
            ">Standard normal quantile<",
        ] {
            assert!(figure.svg().contains(text), "{text}");
        }
        assert_eq!(figure.svg().matches("<circle").count(), 41 + 1);
    }

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
