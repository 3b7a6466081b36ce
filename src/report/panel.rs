//! The data area of a line chart: bands, lines, markers, reference lines.

use super::axes::{Axis, Plot, Span, draw_no_data};
use super::chart::{LineChart, Point, Reference, Slots};
use super::legend::MARKER_RADIUS;
use super::palette::{MUTED, Style, style};
use super::svg::{Anchor, Rect, Scene, Stroke, TextStyle, path_through};

const ROOM: f64 = 0.035;
const BAND_OPACITY: f64 = 0.16;
/// Series with more points than this carry markers at some of them only.
const MOST_MARKERS: usize = 16;
const REFERENCE_SIZE: f64 = 12.0;

/// A stretch of a line without gaps, in pixels.
type Stretch = Vec<(f64, f64)>;

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

/// Draws axes and data of `chart` into `area`, over the given spans.
pub(super) fn draw_panel(
    scene: &mut Scene,
    area: Rect,
    chart: &LineChart,
    slots: &Slots,
    spans: Option<(Span, Span)>,
) {
    let Some((x, y)) = spans else {
        draw_no_data(scene, area);
        return;
    };
    let plot = Plot::lay_out(area, &chart.x, x, &chart.y, y);
    plot.draw_axes(scene, &chart.x, &chart.y);
    let lines: Vec<(Style, Vec<Stretch>, usize)> = chart
        .series
        .iter()
        .map(|series| {
            let slot = slots.slot(&series.label);
            (style(slot), stretches(&plot, &series.points), slot)
        })
        .collect();
    scene.clipped(plot.rect, |scene| {
        for (series, (style, ..)) in chart.series.iter().zip(&lines) {
            draw_band(scene, &plot, &series.points, style.colour);
        }
        for (style, stretches, _) in &lines {
            let stroke = Stroke {
                colour: style.colour,
                width: 2.0,
                dash: style.dash,
            };
            for stretch in stretches.iter().filter(|stretch| stretch.len() > 1) {
                scene.polyline(&thin_out(stretch), stroke);
            }
        }
    });
    for (style, stretches, slot) in &lines {
        for point in marked(stretches, *slot)
            .into_iter()
            .filter(|point| plot.contains(*point))
        {
            scene.marker(style.marker, point, MARKER_RADIUS, style.colour);
        }
    }
    draw_references(scene, &plot, &chart.references);
}

/// The line through `points` in pixels, broken where a point cannot be drawn.
fn stretches(plot: &Plot, points: &[Point]) -> Vec<Stretch> {
    let pixels = points
        .iter()
        .map(|point| Some((plot.x_pixel(point.x)?, plot.y_pixel(point.y)?)));
    unbroken(pixels)
}

/// Collects runs of `Some`.
fn unbroken<T>(items: impl Iterator<Item = Option<T>>) -> Vec<Vec<T>> {
    let mut runs = vec![Vec::new()];
    for item in items {
        match (item, runs.last_mut()) {
            (Some(item), Some(run)) => run.push(item),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// At most four points for each pixel column (first, lowest, highest, last): the same picture from
/// a file that does not grow with the number of steps.
fn thin_out(stretch: &[(f64, f64)]) -> Stretch {
    let mut kept = Stretch::new();
    for column in stretch.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        if column.len() <= 4 {
            kept.extend_from_slice(column);
            continue;
        }
        let extreme = |wanted: fn(f64, f64) -> bool| {
            (1..column.len()).fold(0, |best, index| {
                if wanted(column[index].1, column[best].1) {
                    index
                } else {
                    best
                }
            })
        };
        let mut indices = [
            0,
            extreme(|a, b| a < b),
            extreme(|a, b| a > b),
            column.len() - 1,
        ];
        indices.sort_unstable();
        kept.extend(indices.iter().map(|index| column[*index]));
    }
    kept
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

/// Where markers stand: at every point of a short series, at evenly spread ones of a long series
/// (set off by the slot, so that series do not hide each other), and always at lone points.
fn marked(stretches: &[Stretch], slot: usize) -> Stretch {
    let count: usize = stretches.iter().map(Vec::len).sum();
    let step = if count <= MOST_MARKERS {
        1
    } else {
        count.div_ceil(10)
    };
    let offset = slot * step.div_ceil(3) % step;
    let mut index = 0;
    let mut points = Stretch::new();
    for stretch in stretches {
        for point in stretch {
            if stretch.len() == 1 || index % step == offset {
                points.push(*point);
            }
            index += 1;
        }
    }
    points
}

/// Thin dashed lines with their text at the right, pushed apart where they are close together.
fn draw_references(scene: &mut Scene, plot: &Plot, references: &[Reference]) {
    let pixel = |reference: &Reference| plot.y_pixel(reference.value);
    let inside = |y: &f64| *y >= plot.rect.y && *y <= plot.rect.bottom();
    let mut lines: Vec<(f64, &str)> = references
        .iter()
        .filter_map(|reference| Some((pixel(reference).filter(inside)?, reference.label.as_str())))
        .collect();
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free_from = plot.rect.y + REFERENCE_SIZE;
    for (y, label) in lines {
        let stroke = Stroke {
            colour: MUTED,
            width: 1.2,
            dash: "5 3",
        };
        scene.line((plot.rect.x, y), (plot.rect.right(), y), stroke);
        let baseline = (y - 4.0).max(free_from);
        free_from = baseline + REFERENCE_SIZE + 2.0;
        let style = TextStyle {
            size: REFERENCE_SIZE,
            fill: MUTED,
            anchor: Anchor::End,
            halo: true,
            ..TextStyle::default()
        };
        scene.text((plot.rect.right() - 4.0, baseline), label, style);
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart::Series;
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
    fn thinning_keeps_ends_and_extremes() {
        let stretch: Stretch = (0..10_000)
            .map(|index| {
                (
                    f64::from(index) / 100.0,
                    if index == 5_055 {
                        99.0
                    } else {
                        f64::from(index % 7)
                    },
                )
            })
            .collect();
        let thin = thin_out(&stretch);
        assert!(thin.len() <= 400);
        assert_eq!(
            (thin.first(), thin.last()),
            (stretch.first(), stretch.last())
        );
        assert!(thin.contains(&(50.55, 99.0)));
        assert!(thin.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    #[test]
    fn long_series_carry_few_markers_at_different_places() {
        let stretch: Stretch = (0..100).map(|index| (f64::from(index), 0.0)).collect();
        let marks = |slot| marked(std::slice::from_ref(&stretch), slot);
        let (first, second) = (marks(0), marks(1));
        assert_eq!(first.len(), 10);
        assert!(first.iter().all(|point| !second.contains(point)));
        assert_eq!(marked(&[stretch[..9].to_vec()], 3).len(), 9);
        assert_eq!(
            marked(&[stretch, vec![(200.0, 0.0)]], 0).last(),
            Some(&(200.0, 0.0))
        );
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
    fn close_references_have_their_labels_pushed_apart() {
        let reference = |value: f64, label: &str| Reference {
            value,
            label: label.into(),
        };
        let chart = LineChart {
            series: vec![Series::new("bn", [(0.0, 0.0), (1.0, 1.0)])],
            references: vec![
                reference(0.5, "first"),
                reference(0.501, "second"),
                reference(f64::NAN, "none"),
            ],
            ..LineChart::default()
        };
        let svg = chart.figure().svg();
        let height = |label: &str| -> f64 {
            let line = svg
                .lines()
                .find(|line| line.contains(&format!(">{label}<")))
                .expect("is drawn");
            let y = line
                .split("y=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            y.and_then(|y| y.parse().ok()).expect("has a height")
        };
        assert!((height("first") - height("second")).abs() >= REFERENCE_SIZE);
        assert!(!svg.contains(">none<"));
    }
}
