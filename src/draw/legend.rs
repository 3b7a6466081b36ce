//! The legend: below the data, in as many rows as it needs.

use super::font::{Weight, fit, text_width};
use super::heading::MARGIN;
use super::marker::Marker;
use super::palette::Style;
use super::rect::Rect;
use super::svg::{Scene, Stroke};
use super::text_style::{Anchor, HALF_HEIGHT, TextStyle};

const SIZE: f64 = 13.0;
const ROW_HEIGHT: f64 = 23.0;
const SAMPLE_WIDTH: f64 = 36.0;
/// Pixels between an entry's sample and its text, and between entries.
const TEXT_GAP: f64 = 8.0;
const GAP: f64 = 22.0;

/// The half-width of a marker upon a line, in pixels.
pub const MARKER_RADIUS: f64 = 4.2;

/// What stands before a legend's text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Key {
    /// A line with the marker of its style.
    Series(Style),
    /// A line without marker.
    Line(Style),
    /// A filled rectangle.
    Area(&'static str),
    /// A round point.
    Point(&'static str),
}

/// One entry of a legend.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: Key,
    pub label: String,
}

/// Draws the entries below height `y` and returns where they end: in one centred row if that is
/// wide enough, else in even columns.
pub fn draw_legend(scene: &mut Scene, y: f64, entries: &[Entry]) -> f64 {
    let available = scene.width - 2.0 * MARGIN;
    let text_room = available - SAMPLE_WIDTH - TEXT_GAP;
    let texts: Vec<String> = entries
        .iter()
        .map(|entry| fit(&entry.label, SIZE, Weight::Regular, text_room))
        .collect();
    let widths: Vec<f64> = texts
        .iter()
        .map(|text| SAMPLE_WIDTH + TEXT_GAP + text_width(text, SIZE, Weight::Regular) + GAP)
        .collect();
    let (columns, widths) = arrange(&widths, available + GAP);
    let rows = entries.len().div_ceil(columns);
    let total: f64 = widths.iter().take(columns).sum::<f64>() - GAP;
    for (index, (entry, text)) in entries.iter().zip(&texts).enumerate() {
        let (row, column) = (index / columns, index % columns);
        let x = (scene.width - total) / 2.0 + widths[..column].iter().sum::<f64>();
        let middle = y + ROW_HEIGHT * (row as f64 + 0.5);
        draw_key(scene, x, middle, entry.key);
        let at = (x + SAMPLE_WIDTH + TEXT_GAP, middle + HALF_HEIGHT * SIZE);
        scene.text(at, text, TextStyle::new(SIZE, Anchor::Start));
    }
    y + ROW_HEIGHT * rows as f64
}

/// The number of columns and their widths: one row with each entry as wide as it is, or the fewest
/// rows of columns that are as wide as their widest entry.
fn arrange(widths: &[f64], available: f64) -> (usize, Vec<f64>) {
    let column_widths = |columns: usize| -> Vec<f64> {
        let widest = |column: usize| {
            widths
                .iter()
                .skip(column)
                .step_by(columns)
                .copied()
                .fold(0.0, f64::max)
        };
        (0..columns).map(widest).collect()
    };
    for rows in 1..=widths.len() {
        let columns = widths.len().div_ceil(rows);
        let arranged = column_widths(columns);
        if arranged.iter().sum::<f64>() <= available {
            return (columns, arranged);
        }
    }
    (1, column_widths(1))
}

fn draw_key(scene: &mut Scene, x: f64, middle: f64, key: Key) {
    let centre = (x + SAMPLE_WIDTH / 2.0, middle);
    match key {
        Key::Series(style) | Key::Line(style) => {
            let stroke = Stroke {
                colour: style.colour,
                width: 2.0,
                dash: style.dash,
            };
            scene.polyline(&[(x, middle), (x + SAMPLE_WIDTH, middle)], stroke);
            if matches!(key, Key::Series(_)) {
                scene.marker(style.marker, centre, MARKER_RADIUS, style.colour);
            }
        }
        Key::Area(fill) => {
            scene.rect(
                Rect::new(x + 8.0, middle - 7.0, SAMPLE_WIDTH - 8.0, 14.0),
                fill,
            );
        }
        Key::Point(fill) => {
            scene.marker(Marker::Circle, (x + SAMPLE_WIDTH - 8.0, middle), 4.0, fill);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::palette::style;
    use super::*;

    #[test]
    fn entries_wrap_into_rows_and_all_are_drawn() {
        let entry = |index: usize| Entry {
            key: Key::Series(style(index)),
            label: format!("method {index}"),
        };
        let entries: Vec<Entry> = (0..9).map(entry).collect();
        let mut scene = Scene::new(400.0);
        let end = draw_legend(&mut scene, 10.0, &entries);
        assert_eq!(end, 10.0 + 3.0 * ROW_HEIGHT);
        assert!((0..9).all(|index| scene.body.contains(&format!(">method {index}<"))));
        assert_eq!(draw_legend(&mut Scene::new(400.0), 10.0, &[]), 10.0);
    }
}
