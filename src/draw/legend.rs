//! The legend: below the data, in as many rows as it needs.

use super::font::{Weight, fit, text_width};

use super::sheet::MARGIN;
use super::text_style::{Anchor, HALF_HEIGHT, TextStyle};
use super::{Marker, Rect, Scene, Stroke, Style};

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

/// Draws the entries below height `bottom` and returns the height of the picture: in one centered row if that is
/// wide enough, else in even columns.
pub fn draw_legend(scene: &mut Scene, bottom: f64, entries: &[(Key, String)]) -> f64 {
    let y = bottom + 8.0;
    let available = scene.width - 2.0 * MARGIN;
    let text_room = available - SAMPLE_WIDTH - TEXT_GAP;
    let text = |(_, label): &(Key, String)| fit(label, SIZE, Weight::Regular, text_room);
    let texts: Vec<String> = entries.iter().map(text).collect();
    let width = |text| SAMPLE_WIDTH + TEXT_GAP + text_width(text, SIZE, Weight::Regular) + GAP;
    let widths: Vec<f64> = texts.iter().map(|text| width(text)).collect();
    let (columns, widths) = arrange(&widths, available + GAP);
    let rows = entries.len().div_ceil(columns);
    let total: f64 = widths.iter().take(columns).sum::<f64>() - GAP;
    for (index, ((key, label), text)) in entries.iter().zip(&texts).enumerate() {
        let (row, column) = (index / columns, index % columns);
        let x = (scene.width - total) / 2.0 + widths[..column].iter().sum::<f64>();
        let middle = y + ROW_HEIGHT * (row as f64 + 0.5);
        let at = (x + SAMPLE_WIDTH + TEXT_GAP, middle + HALF_HEIGHT * SIZE);
        scene.group("entry", &[("label", label)], |scene| {
            draw_key(scene, x, middle, *key);
            scene.text(at, text, TextStyle::new(SIZE, Anchor::Start));
        });
    }
    y + ROW_HEIGHT * rows as f64 + 10.0
}

/// The number of columns and their widths: one row with each entry as wide as it is, or the fewest
/// rows of columns that are as wide as their widest entry.
fn arrange(widths: &[f64], available: f64) -> (usize, Vec<f64>) {
    let column_widths = |columns: usize| -> Vec<f64> {
        let of = |column| widths.iter().skip(column).step_by(columns).copied();
        let widest = |column: usize| of(column).fold(0.0, f64::max);
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
    let center = (x + SAMPLE_WIDTH / 2.0, middle);
    match key {
        Key::Series(style) | Key::Line(style) => {
            let stroke = Stroke::new(style.color, 2.0, style.dash);
            scene.polyline(&[(x, middle), (x + SAMPLE_WIDTH, middle)], stroke);
            if matches!(key, Key::Series(_)) {
                scene.marker(style.marker, center, MARKER_RADIUS, style.color);
            }
        }
        Key::Area(fill) => {
            let sample = Rect::new(x + 8.0, middle - 7.0, SAMPLE_WIDTH - 8.0, 14.0);
            scene.rect(sample, fill);
        }
        Key::Point(fill) => {
            scene.marker(Marker::Circle, (x + SAMPLE_WIDTH - 8.0, middle), 4.0, fill);
        }
    }
}
