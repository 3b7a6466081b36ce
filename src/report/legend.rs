//! The legend: below the data, in as many rows as it needs.

use super::font::{Weight, fit, text_width};
use super::heading::MARGIN;
use super::palette::Style;
use super::svg::{Rect, Scene, Stroke, TextStyle};

const SIZE: f64 = 13.0;
const ROW_HEIGHT: f64 = 23.0;
const SAMPLE_WIDTH: f64 = 36.0;
const GAP: f64 = 22.0;

/// The half-width of a marker upon a line, in pixels.
pub(super) const MARKER_RADIUS: f64 = 4.2;

/// What stands before a legend's text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Key {
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
pub(super) struct Entry {
    pub key: Key,
    pub label: String,
}

/// An entry with its text as it fits, and the width of both.
struct Placed<'a> {
    entry: &'a Entry,
    text: String,
    width: f64,
}

/// Draws the entries in centred rows from height `y` on and returns where they end.
pub(super) fn draw_legend(scene: &mut Scene, y: f64, entries: &[Entry]) -> f64 {
    let available = scene.width() - 2.0 * MARGIN;
    let mut rows: Vec<(f64, Vec<Placed>)> = Vec::new();
    for entry in entries {
        let text = fit(
            &entry.label,
            SIZE,
            Weight::Regular,
            available - SAMPLE_WIDTH - 8.0,
        );
        let width = SAMPLE_WIDTH + 8.0 + text_width(&text, SIZE, Weight::Regular);
        match rows.last_mut() {
            Some((used, row)) if *used + GAP + width <= available => {
                *used += GAP + width;
                row.push(Placed { entry, text, width });
            }
            _ => rows.push((width, vec![Placed { entry, text, width }])),
        }
    }
    let mut middle = y + ROW_HEIGHT / 2.0;
    for (used, row) in &rows {
        let mut x = (scene.width() - used) / 2.0;
        for Placed { entry, text, width } in row {
            draw_key(scene, x, middle, entry.key);
            let at = (x + SAMPLE_WIDTH + 8.0, middle + 0.36 * SIZE);
            scene.text(
                at,
                text,
                TextStyle {
                    size: SIZE,
                    ..TextStyle::default()
                },
            );
            x += width + GAP;
        }
        middle += ROW_HEIGHT;
    }
    y + ROW_HEIGHT * rows.len() as f64
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
                Rect {
                    x: x + 8.0,
                    y: middle - 7.0,
                    width: SAMPLE_WIDTH - 8.0,
                    height: 14.0,
                },
                fill,
            );
        }
        Key::Point(fill) => {
            scene.marker(
                super::palette::Marker::Circle,
                (x + SAMPLE_WIDTH - 8.0, middle),
                4.0,
                fill,
            );
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
        let svg = scene.finish(end, "").svg();
        assert!((0..9).all(|index| svg.contains(&format!(">method {index}<"))));
        assert_eq!(draw_legend(&mut Scene::new(400.0), 10.0, &[]), 10.0);
    }
}
