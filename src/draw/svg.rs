//! A small scene that writes SVG: lines, paths, rectangles, text, markers, clipped groups.
//!
//! It uses no ids, so that several pictures can stand in one HTML document: clipping is done by a
//! nested `<svg>` element, whose overflow is hidden. Results of writing to a `String` are dropped,
//! since that cannot fail.

use std::fmt::{self, Write};

use super::font::Weight;
use super::palette::PAPER;
use super::{Anchor, Marker, Rect, TextStyle};

/// Coordinates are kept within what 32-bit renderers can draw.
const COORDINATE_LIMIT: f64 = 1e5;

/// What makes the outline of a text a rim around it.
const HALO: &str = r#"stroke-width="3" stroke-linejoin="round" paint-order="stroke""#;

/// A coordinate with at most two decimals; the renderer never sees NaN or infinity.
struct Coordinate(f64);

impl fmt::Display for Coordinate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.0.is_nan() { 0.0 } else { self.0 };
        let rounded = (value.clamp(-COORDINATE_LIMIT, COORDINATE_LIMIT) * 100.0).round() / 100.0;
        // Adding 0 turns -0 into 0.
        write!(formatter, "{}", rounded + 0.0)
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Stroke<'a> {
    pub color: &'a str,
    pub width: f64,
    pub dash: &'a str,
}

impl<'a> Stroke<'a> {
    /// A line with dashes, given as in `stroke-dasharray`.
    pub const fn new(color: &'a str, width: f64, dash: &'a str) -> Self {
        Stroke { color, width, dash }
    }

    /// A line without dashes.
    pub const fn solid(color: &'a str, width: f64) -> Self {
        Stroke::new(color, width, "")
    }

    fn attributes(&self) -> String {
        let Stroke { color, width, dash } = self;
        let line = format!(r#"stroke="{color}" stroke-width="{width}""#);
        match *dash {
            "" => line,
            dash => format!(r#"{line} stroke-dasharray="{dash}""#),
        }
    }
}

/// Text made safe for XML and HTML, inside elements and attributes alike. Characters that XML 1.0
/// forbids become U+FFFD.
pub fn escape(text: &str) -> String {
    let forbidden = |character: char| {
        character.is_ascii_control() && !"\t\n\r".contains(character)
            || matches!(character, '\u{fffe}' | '\u{ffff}')
    };
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
        .replace(forbidden, "\u{fffd}")
}

/// The `d` attribute of a path through `points`.
pub fn path_through(points: &[(f64, f64)]) -> String {
    let mut path = String::with_capacity(points.len() * 14);
    for (index, (x, y)) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{command}{} {}", Coordinate(*x), Coordinate(*y));
    }
    path
}

/// The picture in the making. Its height is told at the end, when the layout is known.
pub struct Scene {
    pub width: f64,
    pub body: String,
}

impl Scene {
    /// An empty picture of the given width in pixels.
    pub fn new(width: f64) -> Self {
        Scene {
            width,
            body: String::new(),
        }
    }

    /// Adds an element. Writing to a `String` cannot fail.
    fn push(&mut self, element: fmt::Arguments) {
        let _ = writeln!(self.body, "{element}");
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(Coordinate);
        let stroke = stroke.attributes();
        self.push(format_args!(
            r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {stroke}/>"#
        ));
    }

    /// A line through points.
    pub fn polyline(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        let (path, stroke) = (path_through(points), stroke.attributes());
        self.push(format_args!(
            r#"<path d="{path}" fill="none" stroke-linejoin="round" {stroke}/>"#
        ));
    }

    /// The edges of a rectangle.
    pub fn frame(&mut self, rect: Rect, stroke: Stroke) {
        let (start, right, bottom) = ((rect.x, rect.y), rect.right(), rect.bottom());
        let corners = [(right, rect.y), (right, bottom), (rect.x, bottom)];
        self.polyline(&[start, corners[0], corners[1], corners[2], start], stroke);
    }

    /// A filled shape given by its path data.
    pub fn area(&mut self, path: &str, fill: &str, opacity: f64) {
        self.push(format_args!(
            r#"<path d="{path}" fill="{fill}" fill-opacity="{opacity}"/>"#
        ));
    }

    /// A filled rectangle.
    pub fn rect(&mut self, rect: Rect, fill: &str) {
        let [x, y] = [rect.x, rect.y].map(Coordinate);
        let [width, height] = [rect.width.max(0.0), rect.height.max(0.0)].map(Coordinate);
        self.push(format_args!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}"/>"#
        ));
    }

    /// One line of text; `at` is the anchor point on its baseline.
    pub fn text(&mut self, at: (f64, f64), text: &str, style: TextStyle) {
        let (x, y) = (Coordinate(at.0), Coordinate(at.1));
        let mut extra = String::from(match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        });
        if style.weight == Weight::Bold {
            extra += " font-weight=\"bold\"";
        }
        if style.rotate != 0.0 {
            extra += &format!(" transform=\"rotate({} {x} {y})\"", style.rotate);
        }
        if style.halo {
            extra += &format!(" stroke=\"{PAPER}\" {HALO}");
        }
        let (size, fill, text) = (style.size, style.fill, escape(text));
        self.push(format_args!(
            r#"<text x="{x}" y="{y}" font-size="{size}" fill="{fill}"{extra}>{text}</text>"#
        ));
    }

    /// A marker with the given half-width, rimmed in white so that overlaps stay legible.
    pub fn marker(&mut self, shape: Marker, center: (f64, f64), radius: f64, color: &str) {
        let look = format!("fill=\"{color}\" stroke=\"{PAPER}\" stroke-width=\"0.8\"");
        let (x, y) = center;
        if shape == Marker::Circle {
            let (x, y) = (Coordinate(x), Coordinate(y));
            self.push(format_args!(
                r#"<circle cx="{x}" cy="{y}" r="{radius}" {look}/>"#
            ));
            return;
        }
        let corners = shape.corners(radius);
        let points: Vec<(f64, f64)> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        let path = path_through(&points);
        self.push(format_args!(r#"<path d="{path}Z" {look}/>"#));
    }

    /// Draws as one group with a class and `data-` attributes, by which the script of a page finds it.
    pub fn group(&mut self, class: &str, data: &[(&str, &str)], draw: impl FnOnce(&mut Scene)) {
        let mut attributes = String::new();
        for (name, value) in data.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(attributes, r#" data-{name}="{}""#, escape(value));
        }
        self.push(format_args!(r#"<g class="{class}"{attributes}>"#));
        draw(self);
        self.body.push_str("</g>\n");
    }

    /// Draws within `clip` only: what `draw` adds is cut off at its edges.
    pub fn clipped(&mut self, clip: Rect, draw: impl FnOnce(&mut Scene)) {
        self.open_nested(clip, clip);
        draw(self);
        self.body.push_str("</svg>\n");
    }

    /// The body of a finished picture, placed in its own size.
    pub fn picture(&mut self, place: Rect, body: &str) {
        self.open_nested(place, Rect::new(0.0, 0.0, place.width, place.height));
        self.body.push_str(body);
        self.body.push_str("</svg>\n");
    }

    /// The opening tag of a nested `<svg>` at `place` that shows the given view of its content.
    fn open_nested(&mut self, place: Rect, view: Rect) {
        let [x, y, width, height] = [place.x, place.y, place.width, place.height].map(Coordinate);
        let [left, top] = [view.x, view.y].map(Coordinate);
        self.push(format_args!(
            r#"<svg x="{x}" y="{y}" width="{width}" height="{height}" viewBox="{left} {top} {width} {height}">"#
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_leaves_no_markup_and_no_forbidden_character() {
        assert_eq!(
            escape("a<b & \"c\">'"),
            "a&lt;b &amp; &quot;c&quot;&gt;&#39;"
        );
        assert_eq!(escape("bell\u{7} tab\t"), "bell\u{fffd} tab\t");
    }

    #[test]
    fn coordinates_are_short_and_finite() {
        let text = |value| Coordinate(value).to_string();
        assert_eq!(text(1.0 / 3.0), "0.33");
        assert_eq!(text(-0.0001), "0");
        assert_eq!(text(f64::NAN), "0");
        assert_eq!(text(f64::INFINITY), "100000");
        assert_eq!(path_through(&[(1.0, 2.0), (3.5, 4.0)]), "M1 2L3.5 4");
    }
}
