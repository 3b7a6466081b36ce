//! A histogram as densities, with normal curves upon it.

use super::legend::{Key, draw_legend};
use super::{Axis, Figure, Plot, Rect, Scene, Sheet, Stroke, Style};
use crate::stats::{Bin, Normal};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 330.0;
const CURVE_POINTS: usize = 240;
const BAR_FILL: &str = "#bcd3e6";
const BAR_EDGE: &str = "#7fa6c6";

/// The styles of curves: vermilion dashed, black solid, then others.
fn curve_styles() -> impl Iterator<Item = Style> {
    let first = [Style::vermilion(1, 0), Style::ink(0, 0)];
    first.into_iter().chain((2..).map(Style::of_slot))
}

/// The density of a normal distribution as a curve.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalCurve {
    /// The text in the legend.
    pub label: String,
    /// The distribution; without a positive standard deviation it is not drawn.
    pub normal: Normal,
}

impl NormalCurve {
    /// The standard normal, N(0, 1).
    pub fn standard() -> NormalCurve {
        NormalCurve {
            label: "standard normal".into(),
            normal: Normal::STANDARD,
        }
    }

    fn is_drawable(&self) -> bool {
        let Normal { mean, std_dev } = self.normal;
        mean.is_finite() && std_dev.is_finite() && std_dev > 0.0
    }
}

/// Bars and curves over one axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramChart {
    /// The title.
    pub title: String,
    /// A second, lighter line below the title: sample size, moments, effect sizes.
    pub subtitle: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The text of the bars in the legend.
    pub label: String,
    /// The bars.
    pub bins: Vec<Bin>,
    /// The curves.
    pub curves: Vec<NormalCurve>,
}

impl HistogramChart {
    /// Draws bars, curves and the legend.
    pub fn figure(&self) -> Figure {
        let mut sheet = Sheet::new(WIDTH, "Histogram", &self.title, &self.subtitle);
        let area = sheet.area(HEIGHT);
        let Some(plot) = self.lay_out(area) else {
            return sheet.without_data(area);
        };
        plot.draw_axes(&mut sheet.scene, &self.x, &density_axis());
        let curves = self.drawable_curves();
        sheet.scene.clipped(plot.rect, |scene| {
            self.draw_bars(scene, &plot);
            for (curve, style) in &curves {
                let stroke = Stroke::new(style.color, 2.2, style.dash);
                scene.polyline(&curve_pixels(&plot, curve), stroke);
            }
        });
        let mut entries = vec![(Key::Area(BAR_FILL), self.label.clone())];
        let lines = curves.into_iter();
        entries.extend(lines.map(|(curve, style)| (Key::Line(style), curve.label.clone())));
        let height = draw_legend(&mut sheet.scene, area.bottom(), &entries);
        sheet.finish(height)
    }

    fn lay_out(&self, area: Rect) -> Option<Plot> {
        let edges = self.bins.iter().flat_map(|bin| [bin.low, bin.high]);
        let x = self.x.span(edges, 0.01)?;
        let (low, high) = x.values();
        let densities = self.bins.iter().map(|bin| bin.density);
        let tallest = densities.filter(|it| it.is_finite()).fold(0.0, f64::max);
        // A curve that is much narrower than the bars may leave the picture, but not flatten them.
        let limit = match tallest > 0.0 {
            true => 2.5 * tallest,
            false => f64::INFINITY,
        };
        let curves = self.drawable_curves().into_iter();
        let peaks = curves.map(|(NormalCurve { normal, .. }, _)| {
            normal.density(normal.mean.clamp(low, high)).min(limit)
        });
        let y = density_axis().span(peaks.chain([tallest, 0.0]), 0.05)?;
        Some(Plot::lay_out(area, &self.x, x, &density_axis(), y))
    }

    fn drawable_curves(&self) -> Vec<(&NormalCurve, Style)> {
        let curves = self.curves.iter().zip(curve_styles());
        curves.filter(|(curve, _)| curve.is_drawable()).collect()
    }

    fn draw_bars(&self, scene: &mut Scene, plot: &Plot) {
        for bin in &self.bins {
            let corners = (plot.pixel(bin.low, 0.0), plot.pixel(bin.high, bin.density));
            let (Some((left, bottom)), Some((right, top))) = corners else {
                continue;
            };
            let bar = Rect::new(left.min(right), top, (right - left).abs(), bottom - top);
            scene.rect(bar, BAR_FILL);
            let outline = [(left, bottom), (left, top), (right, top), (right, bottom)];
            scene.polyline(&outline, Stroke::solid(BAR_EDGE, 0.8));
        }
    }
}

/// The vertical axis of every histogram.
fn density_axis() -> Axis {
    Axis::new("Density").from_zero()
}

fn curve_pixels(plot: &Plot, curve: &NormalCurve) -> Vec<(f64, f64)> {
    let (low, high) = plot.x.values();
    let value = |index: usize| low + (high - low) * index as f64 / CURVE_POINTS as f64;
    let values = (0..=CURVE_POINTS).map(value);
    values
        .filter_map(|x| plot.pixel(x, curve.normal.density(x)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Bins, Histogram, Sample};

    fn histogram() -> HistogramChart {
        let values = [(-1.5, 10), (-0.5, 40), (0.5, 40), (1.5, 10)];
        let values = values.map(|(value, count)| vec![value; count]).concat();
        let bins = Bins {
            count: Some(4),
            range: Some((-2.0, 2.0)),
        };
        let counted = Histogram::new(&Sample::new(values).unwrap(), bins, Normal::STANDARD);
        let fitted = Normal {
            mean: 0.1,
            std_dev: 0.9,
        };
        HistogramChart {
            title: "Layer 3".into(),
            x: Axis::new("Pre-activation"),
            label: "sample".into(),
            bins: counted.unwrap().bins,
            curves: vec![
                NormalCurve::standard(),
                NormalCurve {
                    label: "fitted normal".into(),
                    normal: fitted,
                },
            ],
            ..HistogramChart::default()
        }
    }

    #[test]
    fn the_standard_normal_peaks_at_its_density() {
        assert!((Normal::STANDARD.density(0.0) - 0.398_942_280_401_432_7).abs() < 1e-15);
    }

    #[test]
    fn a_narrow_curve_does_not_flatten_the_bars() {
        let mut histogram = histogram();
        histogram.curves[1].normal.std_dev = 1e-9;
        let svg = histogram.figure().svg();
        assert!(svg.contains(">1.0<") && !svg.contains("10⁸"));
    }

    #[test]
    fn an_empty_histogram_says_so() {
        let figure = HistogramChart::default().figure();
        assert!(figure.svg().contains(">no data<") && figure.png().is_ok());
    }
}
