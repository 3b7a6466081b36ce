//! A histogram as densities, with normal curves upon it.

use std::f64::consts::PI;

use super::axis::Axis;
use super::figure::Figure;
use super::legend::{Key, draw_legend};
use super::palette::{Style, style};
use super::plot::Plot;
use super::rect::Rect;
use super::sheet::Sheet;
use super::svg::{Scene, Stroke};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 330.0;
const CURVE_POINTS: usize = 240;
const BAR_FILL: &str = "#bcd3e6";
const BAR_EDGE: &str = "#7fa6c6";

/// The styles of curves: vermilion dashed, black solid, green dash-dot, ...
const CURVE_SLOTS: [(usize, &str); 4] = [(1, "8 4"), (6, ""), (2, "9 3 2 3"), (3, "2 3")];

/// One bar.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HistogramBin {
    /// Lower edge.
    pub low: f64,
    /// Upper edge.
    pub high: f64,
    /// Share of the sample divided by the width of the bin, so that the areas sum to 1.
    pub density: f64,
}

/// The density of N(μ, σ²) as a curve: exp(-(x - μ)² / 2σ²) / (σ √(2π)).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NormalCurve {
    /// The text in the legend.
    pub label: String,
    /// The mean μ.
    pub mean: f64,
    /// The standard deviation σ; a curve without a positive one is not drawn.
    pub std: f64,
}

impl NormalCurve {
    /// The standard normal, N(0, 1).
    pub fn standard() -> NormalCurve {
        NormalCurve {
            label: "standard normal".into(),
            mean: 0.0,
            std: 1.0,
        }
    }

    fn density(&self, x: f64) -> f64 {
        let z = (x - self.mean) / self.std;
        (-0.5 * z * z).exp() / (self.std * (2.0 * PI).sqrt())
    }

    fn is_drawable(&self) -> bool {
        self.mean.is_finite() && self.std.is_finite() && self.std > 0.0
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
    /// The text of the bars in the legend; none when empty.
    pub label: String,
    /// The bars.
    pub bins: Vec<HistogramBin>,
    /// The curves.
    pub curves: Vec<NormalCurve>,
}

impl HistogramChart {
    /// Bins from `edges` (one more than counts, rising) and the number of values in each.
    pub fn bins_from_counts(edges: &[f64], counts: &[u64]) -> Vec<HistogramBin> {
        let total: u64 = counts.iter().sum();
        let bin = |(edge, count): (&[f64], &u64)| {
            let (low, high) = (edge[0], edge[1]);
            let density = *count as f64 / (total as f64 * (high - low));
            (high > low && density.is_finite()).then_some(HistogramBin { low, high, density })
        };
        edges.windows(2).zip(counts).filter_map(bin).collect()
    }

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
        let bars = (Key::Area(BAR_FILL), self.label.clone());
        let lines = curves.into_iter();
        let lines = lines.map(|(curve, style)| (Key::Line(style), curve.label.clone()));
        let mut entries: Vec<(Key, String)> = std::iter::once(bars).chain(lines).collect();
        entries.retain(|(_, label)| !label.is_empty());
        let bottom = draw_legend(&mut sheet.scene, area.bottom() + 8.0, &entries);
        sheet.finish(bottom + 10.0)
    }

    fn lay_out(&self, area: Rect) -> Option<Plot> {
        let edges = self.bins.iter().flat_map(|bin| [bin.low, bin.high]);
        let x = self.x.span(edges, 0.01)?;
        let (low, high) = x.values();
        let densities = self.bins.iter().map(|bin| bin.density);
        let finite = densities.filter(|density| density.is_finite());
        let tallest = finite.fold(0.0, f64::max);
        // A curve that is much narrower than the bars may leave the picture, but not flatten them.
        let limit = match tallest > 0.0 {
            true => 2.5 * tallest,
            false => f64::INFINITY,
        };
        let curves = self.drawable_curves().into_iter();
        let peaks = curves.map(|(curve, _)| curve.density(curve.mean.clamp(low, high)).min(limit));
        let y = density_axis().span(peaks.chain([tallest, 0.0]), 0.05)?;
        Some(Plot::lay_out(area, &self.x, x, &density_axis(), y))
    }

    fn drawable_curves(&self) -> Vec<(&NormalCurve, Style)> {
        let looks = CURVE_SLOTS.iter().cycle();
        let looks = looks.map(|(slot, dash)| style(*slot).dashed(dash));
        let curves = self.curves.iter().zip(looks);
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
        .filter_map(|x| plot.pixel(x, curve.density(x)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> HistogramChart {
        HistogramChart {
            title: "Layer 3".into(),
            x: Axis::new("Pre-activation"),
            label: "sample".into(),
            bins: HistogramChart::bins_from_counts(&[-2.0, -1.0, 0.0, 1.0, 2.0], &[10, 40, 40, 10]),
            curves: vec![
                NormalCurve::standard(),
                NormalCurve {
                    label: "fitted normal".into(),
                    mean: 0.1,
                    std: 0.9,
                },
            ],
            ..HistogramChart::default()
        }
    }

    #[test]
    fn densities_have_unit_area() {
        let bins = HistogramChart::bins_from_counts(&[0.0, 0.5, 2.0], &[3, 1]);
        let area: f64 = bins
            .iter()
            .map(|bin| bin.density * (bin.high - bin.low))
            .sum();
        assert!((area - 1.0).abs() < 1e-12);
        assert!(HistogramChart::bins_from_counts(&[0.0, 1.0], &[0]).is_empty());
        assert!(HistogramChart::bins_from_counts(&[], &[1]).is_empty());
    }

    #[test]
    fn the_standard_normal_peaks_at_its_density() {
        assert!((NormalCurve::standard().density(0.0) - 0.398_942_280_401_432_7).abs() < 1e-15);
    }

    #[test]
    fn a_narrow_curve_does_not_flatten_the_bars() {
        let mut histogram = histogram();
        histogram.curves[1].std = 1e-9;
        let svg = histogram.figure().svg();
        assert!(svg.contains(">1.0<") && !svg.contains("10⁸"));
    }

    #[test]
    fn an_empty_histogram_says_so() {
        let figure = HistogramChart::default().figure();
        assert!(figure.svg().contains(">no data<") && figure.png().is_ok());
    }
}
