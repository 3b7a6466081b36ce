//! The data area of a line chart: bands, lines, markers, reference lines.

use super::axis::{Axis, Span};
use super::chart::{LineChart, Point};
use super::legend::MARKER_RADIUS;
use super::palette::{Style, style};
use super::plot::{Plot, draw_no_data};
use super::rect::Rect;
use super::references::draw_horizontal_references;
use super::slots::Slots;
use super::stretch::{Stretch, marked, sampled, thin_out, unbroken};
use super::svg::{Scene, Stroke, path_through};

const ROOM: f64 = 0.035;
const BAND_OPACITY: f64 = 0.16;
/// Series with more points than this are drawn thin and solid: dashes of a jagged line are noise.
const DENSE: usize = 400;

/// The spans of both axes over everything that the chart shows; `None` without a point to draw.
pub(super) fn spans(chart: &LineChart) -> Option<(Span, Span)> {
    let drawable = |point: &&Point| is_drawable(&chart.x, &chart.y, point);
    let points = || {
        chart
            .series
            .iter()
            .flat_map(|series| &series.points)
            .filter(drawable)
    };
    points().next()?;
    let ends = points()
        .filter_map(|point| point.interval)
        .flat_map(|(low, high)| [low, high]);
    let references = chart.references.iter().map(|reference| reference.value);
    let x = chart.x.span(points().map(|point| point.x), ROOM)?;
    let y = chart.y.span(
        points().map(|point| point.y).chain(ends).chain(references),
        ROOM,
    )?;
    Some((x, y))
}

fn is_drawable(x: &Axis, y: &Axis, point: &Point) -> bool {
    x.scale.position(point.x).is_some() && y.scale.position(point.y).is_some()
}

/// Draws axes and data of `chart` into `area`, over the given spans; returns the data area.
pub(super) fn draw_panel(
    scene: &mut Scene,
    area: Rect,
    chart: &LineChart,
    slots: &Slots,
    spans: Option<(Span, Span)>,
) -> Rect {
    let Some((x, y)) = spans else {
        draw_no_data(scene, area);
        return area;
    };
    let plot = Plot::lay_out(area, &chart.x, x, &chart.y, y);
    plot.draw_axes(scene, &chart.x, &chart.y);
    let lines: Vec<(usize, Vec<Stretch>)> = chart
        .series
        .iter()
        .map(|series| (slots.slot(&series.label), stretches(&plot, &series.points)))
        .collect();
    scene.clipped(plot.rect, |scene| {
        for (series, (slot, _)) in chart.series.iter().zip(&lines) {
            draw_band(scene, &plot, &series.points, style(*slot).colour);
        }
        for (slot, stretches) in &lines {
            draw_line(scene, stretches, style(*slot));
        }
    });
    for (slot, stretches) in &lines {
        let Style { colour, marker, .. } = style(*slot);
        let points = marked(stretches, *slot).into_iter();
        for point in points.filter(|point| plot.rect.contains(*point)) {
            scene.marker(marker, point, MARKER_RADIUS, colour);
        }
    }
    let busy: Stretch = lines
        .iter()
        .flat_map(|(_, stretches)| stretches)
        .flat_map(|stretch| sampled(stretch))
        .collect();
    draw_horizontal_references(scene, &plot, &chart.references, &busy);
    plot.rect
}

/// Draws the stretches of one line; lone points are left to the markers.
fn draw_line(scene: &mut Scene, stretches: &[Stretch], style: Style) {
    let count: usize = stretches.iter().map(Vec::len).sum();
    let stroke = if count > DENSE {
        Stroke::solid(style.colour, 1.0)
    } else {
        Stroke {
            colour: style.colour,
            width: 2.0,
            dash: style.dash,
        }
    };
    for stretch in stretches.iter().filter(|stretch| stretch.len() > 1) {
        scene.polyline(&thin_out(stretch), stroke);
    }
}

/// The line through `points` in pixels, broken where a point cannot be drawn.
fn stretches(plot: &Plot, points: &[Point]) -> Vec<Stretch> {
    unbroken(points.iter().map(|point| plot.pixel(point.x, point.y)))
}

/// The band between the ends of the intervals; an interval on its own becomes a whisker.
fn draw_band(scene: &mut Scene, plot: &Plot, points: &[Point], colour: &str) {
    let (lowest, highest) = plot.y.values();
    let ends = points.iter().map(|point| {
        let (low, high) = point.interval?;
        plot.y_pixel(point.y)?;
        if low.is_nan() || high.is_nan() {
            return None;
        }
        // On a log axis a low end of 0 or less reaches down to the frame.
        let inside = |value: f64| plot.y_pixel(value.clamp(lowest, highest));
        Some((plot.x_pixel(point.x)?, inside(low)?, inside(high)?))
    });
    for run in unbroken(ends) {
        if let [(x, low, high)] = run[..] {
            scene.line((x, low), (x, high), Stroke::solid(colour, 1.5));
            for y in [low, high] {
                scene.line((x - 4.0, y), (x + 4.0, y), Stroke::solid(colour, 1.5));
            }
            continue;
        }
        let upper: Stretch = run.iter().map(|(x, _, high)| (*x, *high)).collect();
        let lower: Stretch = run.iter().map(|(x, low, _)| (*x, *low)).collect();
        let mut outline = thin_out(&upper);
        outline.extend(thin_out(&lower).into_iter().rev());
        scene.area(
            &format!("{}Z", path_through(&outline)),
            colour,
            BAND_OPACITY,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart::Series;
    use super::super::references::Reference;
    use super::super::ticks::Scale;
    use super::*;

    fn figure_of(points: Vec<Point>, y: Axis) -> String {
        let series = vec![Series {
            label: "bn".into(),
            points,
            slot: None,
        }];
        let chart = LineChart {
            y,
            series,
            ..LineChart::default()
        };
        let figure = chart.figure();
        assert!(figure.tree().is_ok());
        figure.svg()
    }

    fn lines(svg: &str) -> usize {
        // The legend holds one more line.
        svg.matches("fill=\"none\" stroke-linejoin=\"round\" stroke=\"#0072b2\"")
            .count()
            - 1
    }

    fn point(x: f64, y: f64) -> Point {
        Point {
            x,
            y,
            interval: Some((y - 0.1, y + 0.1)),
        }
    }

    #[test]
    fn gaps_break_lines_and_bands() {
        let whole = figure_of(
            (0..6).map(|x| point(f64::from(x), 0.5)).collect(),
            Axis::default(),
        );
        assert_eq!(
            (lines(&whole), whole.matches("fill-opacity").count()),
            (1, 1)
        );
        let points = (0..6).map(|x| point(f64::from(x), if x == 3 { f64::NAN } else { 0.5 }));
        let broken = figure_of(points.collect(), Axis::default());
        assert_eq!(
            (lines(&broken), broken.matches("fill-opacity").count()),
            (2, 2)
        );
    }

    #[test]
    fn one_point_is_a_marker_with_a_whisker() {
        let svg = figure_of(vec![point(1.0, 0.5)], Axis::default());
        assert_eq!(lines(&svg), 0);
        assert_eq!(svg.matches("<circle").count(), 2);
        assert_eq!(
            svg.matches("stroke=\"#0072b2\" stroke-width=\"1.5\"")
                .count(),
            3
        );
    }

    #[test]
    fn log_axes_leave_out_zero_and_keep_bands_that_reach_it() {
        let axis = Axis {
            scale: Scale::Log,
            ..Axis::default()
        };
        let points = vec![
            point(0.0, 0.0),
            point(1.0, 0.05),
            point(2.0, 0.5),
            point(3.0, 1.0),
        ];
        let svg = figure_of(points, axis);
        assert_eq!((lines(&svg), svg.matches("fill-opacity").count()), (1, 1));
    }

    #[test]
    fn values_beyond_a_given_range_are_clipped() {
        let axis = Axis {
            range: Some((0.0, 1.0)),
            ..Axis::default()
        };
        let svg = figure_of(
            vec![point(0.0, 0.5), point(1.0, 1e12), point(2.0, 0.5)],
            axis,
        );
        assert_eq!(svg.matches("<circle").count(), 3);
        assert_eq!(lines(&svg), 1);
    }

    #[test]
    fn references_are_drawn_and_keep_off_the_lines() {
        let chart = LineChart {
            series: vec![Series::new("bn", [(0.0, 0.0), (1.0, 1.0)])],
            references: vec![Reference {
                value: 0.99,
                label: "target".into(),
            }],
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
