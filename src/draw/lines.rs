//! Series in the data area of a line chart: bands, lines, markers.

use super::legend::MARKER_RADIUS;
use super::stretch::{Stretch, marked, sampled, thin_out, unbroken};
use super::svg::{Scene, Stroke, path_through};
use super::{Axis, Looks, Plot, Point, Series, Style};

const BAND_OPACITY: f64 = 0.16;
/// Series with more points than this are drawn thin and solid: dashes of a jagged line are noise.
const DENSE: usize = 400;

/// Draws what is there for comparison, then all bands, all lines and all markers; returns pixels along the lines. `axes`
/// say what the values are.
pub fn draw_lines(
    scene: &mut Scene,
    plot: &Plot,
    axes: [&Axis; 2],
    all: &[Series],
    looks: &Looks,
) -> Stretch {
    let line = |series: &Series| {
        let points = series.points.iter();
        let pixels = points.map(|point| plot.pixel(point.x, point.y));
        (looks.of(series), unbroken(pixels))
    };
    let lines: Vec<(Style, Vec<Stretch>)> = all.iter().map(line).collect();
    let (muted, named): (Vec<usize>, Vec<usize>) =
        (0..all.len()).partition(|index| all[*index].muted);
    scene.clipped(plot.rect, |scene| {
        if !muted.is_empty() {
            // One entry of the legend stands for all of them.
            scene.group("series", &[("label", &looks.others())], |scene| {
                for index in &muted {
                    let (style, stretches) = &lines[*index];
                    draw_series(scene, plot, axes, &all[*index], |scene| {
                        draw_stretches(scene, stretches, Stroke::solid(style.color, 1.0));
                    });
                }
            });
        }
        for index in &named {
            let (series, color) = (&all[*index], lines[*index].0.color);
            scene.group("series", &[("label", &series.label)], |scene| {
                draw_band(scene, plot, &series.points, color);
            });
        }
        for index in &named {
            let (style, stretches) = &lines[*index];
            draw_series(scene, plot, axes, &all[*index], |scene| {
                draw_line(scene, stretches, *style);
            });
        }
    });
    for (place, index) in named.iter().enumerate() {
        let (Style { color, marker, .. }, stretches) = &lines[*index];
        let points = marked(stretches, place).into_iter();
        scene.group("series marks", &[("label", &all[*index].label)], |scene| {
            for point in points.filter(|point| plot.rect.contains(*point)) {
                scene.marker(*marker, point, MARKER_RADIUS, color);
            }
        });
    }
    let stretches = lines.iter().flat_map(|(_, stretches)| stretches);
    stretches.flat_map(|stretch| sampled(stretch)).collect()
}

/// A line as a group that says what its points are.
fn draw_series(
    scene: &mut Scene,
    plot: &Plot,
    axes: [&Axis; 2],
    series: &Series,
    draw: impl FnOnce(&mut Scene),
) {
    let points = points_in_words(plot, axes, series);
    let (label, note) = (
        ("label", series.label.as_str()),
        ("note", series.note.as_str()),
    );
    scene.group("series", &[label, note, ("points", &points)], draw);
}

/// The pixel of each point and what is there: "70.5 31 Epoch 5: 12.3 % [11.0, 13.6]", separated by semicolons.
fn points_in_words(plot: &Plot, [x_axis, y_axis]: [&Axis; 2], series: &Series) -> String {
    let point = |point: &Point| {
        let (x, y) = plot.pixel(point.x, point.y)?;
        let (place, value) = (
            x_axis.place(point.x),
            y_axis.figures(point.y, point.interval),
        );
        Some(format!("{x:.1} {y:.1} {place}: {value}"))
    };
    let points: Vec<String> = series.points.iter().filter_map(point).collect();
    points.join(";")
}

/// Draws the stretches of one line; lone points are left to the markers.
fn draw_line(scene: &mut Scene, stretches: &[Stretch], style: Style) {
    let count: usize = stretches.iter().map(Vec::len).sum();
    let stroke = match count {
        0..=DENSE => Stroke::new(style.color, 2.0, style.dash),
        _ => Stroke::solid(style.color, 1.0),
    };
    draw_stretches(scene, stretches, stroke);
}

fn draw_stretches(scene: &mut Scene, stretches: &[Stretch], stroke: Stroke) {
    for stretch in stretches.iter().filter(|stretch| stretch.len() > 1) {
        scene.polyline(&thin_out(stretch), stroke);
    }
}

/// The band between the ends of the intervals; an interval on its own becomes a whisker.
fn draw_band(scene: &mut Scene, plot: &Plot, points: &[Point], color: &str) {
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
            let stroke = Stroke::solid(color, 1.5);
            scene.line((x, low), (x, high), stroke);
            for y in [low, high] {
                scene.line((x - 4.0, y), (x + 4.0, y), stroke);
            }
            continue;
        }
        let upper: Stretch = run.iter().map(|(x, _, high)| (*x, *high)).collect();
        let lower: Stretch = run.iter().map(|(x, low, _)| (*x, *low)).collect();
        let mut outline = thin_out(&upper);
        outline.extend(thin_out(&lower).into_iter().rev());
        let path = format!("{}Z", path_through(&outline));
        scene.area(&path, color, BAND_OPACITY);
    }
}
