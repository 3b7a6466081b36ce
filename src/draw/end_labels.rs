//! Names at the ends of lines, where there is room for them.

use super::font::{Weight, text_width};
use super::text_style::{Anchor, HALF_HEIGHT, TextStyle};
use super::{Looks, Plot, Rect, Scene, Series, Stroke, Style};

const SIZE: f64 = 12.0;
const LINE_HEIGHT: f64 = 14.5;
/// Pixels from the data area to a name: the sample of its style stands between them.
const GAP: f64 = 24.0;
/// A line that ends so many pixels before the data area does, and the width of its name, ends early.
const EARLY: f64 = 16.0;
/// More names than this at one side are harder to read than a legend.
const MOST_NAMES: usize = 7;
/// Names take no more of a chart than this share of its width.
const LARGEST_SHARE: f64 = 0.36;

/// The lines that have a name.
fn named(series: &[Series]) -> impl Iterator<Item = &Series> {
    let has_point = |line: &&Series| line.points.iter().any(|point| point.y.is_finite());
    let series = series.iter();
    let named = series.filter(|line| !line.muted && !line.label.is_empty());
    named.filter(has_point)
}

/// The room that the names need at the right of `area`; none where the names are too many or too long for it.
pub fn end_label_room(series: &[Series], area: Rect) -> f64 {
    let count = named(series).count();
    let widths = named(series).map(|line| text_width(&line.label, SIZE, Weight::Regular));
    let room = widths.fold(0.0, f64::max) + GAP;
    let is_one_line = count == series.len() && count < 2;
    let is_crowded = count > MOST_NAMES || LINE_HEIGHT * count as f64 > 0.8 * area.height;
    match is_one_line || is_crowded || room > LARGEST_SHARE * area.width {
        true => 0.0,
        false => room,
    }
}

/// Writes the names at the right of the data area, each beside the end of its line or as near to it as the others allow.
/// A line that ends earlier has its name there.
pub fn draw_end_labels(scene: &mut Scene, plot: &Plot, series: &[Series], looks: &Looks) {
    let end = |line: &Series| {
        let mut pixels = line.points.iter().rev();
        let last = pixels.find_map(|point| plot.pixel(point.x, point.y))?;
        let y = last.1.clamp(plot.rect.y, plot.rect.bottom());
        Some((line.label.clone(), looks.of(line), (last.0, y)))
    };
    let ends: Vec<(String, Style, (f64, f64))> = named(series).filter_map(end).collect();
    let is_early = |(label, _, (x, _)): &(String, Style, (f64, f64))| {
        x + EARLY + text_width(label, SIZE, Weight::Regular) < plot.rect.right()
    };
    let (early, mut ends): (Vec<_>, Vec<_>) = ends.into_iter().partition(is_early);
    let mut taken: Vec<Rect> = Vec::new();
    for (label, _, (x, y)) in early {
        let width = text_width(&label, SIZE, Weight::Regular);
        let mut place = Rect::new(x + 8.0, y - LINE_HEIGHT / 2.0, width, LINE_HEIGHT);
        while taken.iter().any(|other| other.overlaps(&place)) {
            place.y -= LINE_HEIGHT;
        }
        taken.push(place);
        let at = (place.x, place.center().1 + HALF_HEIGHT * SIZE);
        scene.group("series", &[("label", &label)], |scene| {
            scene.text(at, &label, TextStyle::new(SIZE, Anchor::Start).with_halo());
        });
    }
    ends.sort_by(|a, b| a.2.1.total_cmp(&b.2.1));
    let wanted: Vec<f64> = ends.iter().map(|(_, _, (_, y))| *y).collect();
    let places = spread_apart(&wanted, plot.rect.y, plot.rect.bottom());
    for ((label, style, (x, y)), place) in ends.into_iter().zip(places) {
        let (right, sample) = (plot.rect.right(), plot.rect.right() + GAP - 8.0);
        let lead = [(x.min(right), y), (right + 3.0, y), (sample, place)];
        scene.group("series", &[("label", &label)], |scene| {
            scene.polyline(&lead, Stroke::new(style.color, 0.9, ""));
            scene.marker(style.marker, (sample, place), 3.4, style.color);
            let at = (right + GAP, place + HALF_HEIGHT * SIZE);
            scene.text(at, &label, TextStyle::new(SIZE, Anchor::Start));
        });
    }
}

/// Heights as near as possible to the wanted ones (rising), a line apart and within `top` and `bottom`: neighbors that
/// would touch move together to their common mean.
fn spread_apart(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    // Without the distances between lines, the places must only not fall: pools of equal places.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (index, y) in wanted.iter().enumerate() {
        let mut pool = (y - LINE_HEIGHT * index as f64, 1);
        while let Some((before, count)) = pools.last().copied().filter(|last| last.0 > pool.0) {
            let total = before * count as f64 + pool.0 * pool.1 as f64;
            pool = (total / (count + pool.1) as f64, count + pool.1);
            pools.pop();
        }
        pools.push(pool);
    }
    let highest = bottom - LINE_HEIGHT * wanted.len().saturating_sub(1) as f64;
    let places = pools
        .into_iter()
        .flat_map(|(place, count)| std::iter::repeat_n(place, count));
    let shifted = places.enumerate();
    shifted
        .map(|(index, place)| place.min(highest).max(top) + LINE_HEIGHT * index as f64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_touch_move_apart_about_their_mean() {
        assert_eq!(
            spread_apart(&[10.0, 100.0], 0.0, 200.0),
            [10.0, 100.0],
            "names with room stay"
        );
        let close = spread_apart(&[50.0, 50.0, 51.0], 0.0, 200.0);
        let mean = close.iter().sum::<f64>() / 3.0;
        assert!((mean - 151.0 / 3.0).abs() < 1e-9, "{close:?}");
        assert!(
            close
                .windows(2)
                .all(|pair| pair[1] - pair[0] >= LINE_HEIGHT - 1e-9)
        );
        let low = spread_apart(&[198.0, 199.0, 200.0], 0.0, 200.0);
        assert!((low[2] - 200.0).abs() < 1e-9, "{low:?}");
    }

    #[test]
    fn there_is_no_room_for_many_or_long_names() {
        let line = |label: String| Series::new(label, [(0.0, 0.0)]);
        let lines = |count: usize| -> Vec<Series> {
            (0..count)
                .map(|index| line(format!("line {index}")))
                .collect()
        };
        let area = Rect::new(0.0, 0.0, 400.0, 250.0);
        assert!(end_label_room(&lines(3), area) > GAP);
        assert_eq!(end_label_room(&lines(8), area), 0.0);
        assert_eq!(end_label_room(&lines(1), area), 0.0);
        assert_eq!(
            end_label_room(&[line("x".repeat(40)), line("b".into())], area),
            0.0
        );
    }
}
