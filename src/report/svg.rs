//! A small scene that writes SVG: lines, paths, rectangles, text, markers, clipped groups.
//!
//! It uses no ids, so that several pictures can stand in one HTML document: clipping is done by a
//! nested `<svg>` element, whose overflow is hidden.

use std::fmt::{self, Write};

use super::figure::Figure;
use super::font::{FAMILY, Weight};
use super::palette::{INK, Marker, PAPER};

/// Coordinates are kept within what 32-bit renderers can draw.
const COORDINATE_LIMIT: f64 = 1e5;

/// A rectangle in pixels, y downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub fn centre(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }
}

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

/// Where a text's anchor point lies within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Anchor {
    #[default]
    Start,
    Middle,
    End,
}

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextStyle {
    pub size: f64,
    pub weight: Weight,
    pub fill: &'static str,
    pub anchor: Anchor,
    /// Rotation about the anchor point in degrees, clockwise.
    pub rotate: f64,
    /// A white rim that keeps the text legible upon lines.
    pub halo: bool,
}

impl Default for TextStyle {
    fn default() -> Self {
        TextStyle {
            size: 13.0,
            weight: Weight::Regular,
            fill: INK,
            anchor: Anchor::Start,
            rotate: 0.0,
            halo: false,
        }
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke<'a> {
    pub colour: &'a str,
    pub width: f64,
    pub dash: &'a str,
}

impl<'a> Stroke<'a> {
    pub fn solid(colour: &'a str, width: f64) -> Self {
        Stroke {
            colour,
            width,
            dash: "",
        }
    }

    fn attributes(&self) -> String {
        let dash = match self.dash {
            "" => String::new(),
            dash => format!(" stroke-dasharray=\"{dash}\""),
        };
        format!(
            "stroke=\"{}\" stroke-width=\"{}\"{dash}",
            self.colour, self.width
        )
    }
}

/// Text made safe for XML and HTML, inside elements and attributes alike. Characters that XML 1.0
/// forbids become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(character),
            '\0'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// The `d` attribute of a path through `points`.
pub(super) fn path_through(points: &[(f64, f64)]) -> String {
    let mut path = String::with_capacity(points.len() * 14);
    for (index, (x, y)) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{command}{} {}", Coordinate(*x), Coordinate(*y));
    }
    path
}

/// The picture in the making. Its height is told at the end, when the layout is known.
pub(super) struct Scene {
    width: f64,
    body: String,
}

impl Scene {
    pub fn new(width: f64) -> Self {
        Scene {
            width,
            body: String::new(),
        }
    }

    pub fn width(&self) -> f64 {
        self.width
    }

    // Writing to a String cannot fail, which is why the results below are dropped.

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        let _ = writeln!(
            self.body,
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {}/>",
            Coordinate(from.0),
            Coordinate(from.1),
            Coordinate(to.0),
            Coordinate(to.1),
            stroke.attributes()
        );
    }

    pub fn polyline(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        let _ = writeln!(
            self.body,
            "<path d=\"{}\" fill=\"none\" stroke-linejoin=\"round\" {}/>",
            path_through(points),
            stroke.attributes()
        );
    }

    /// A filled shape given by its path data.
    pub fn area(&mut self, path: &str, fill: &str, opacity: f64) {
        let _ = writeln!(
            self.body,
            "<path d=\"{path}\" fill=\"{fill}\" fill-opacity=\"{opacity}\"/>"
        );
    }

    pub fn rect(&mut self, rect: Rect, fill: &str) {
        let _ = writeln!(
            self.body,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{fill}\"/>",
            Coordinate(rect.x),
            Coordinate(rect.y),
            Coordinate(rect.width.max(0.0)),
            Coordinate(rect.height.max(0.0))
        );
    }

    pub fn text(&mut self, at: (f64, f64), text: &str, style: TextStyle) {
        let (x, y) = (Coordinate(at.0), Coordinate(at.1));
        let mut extra = String::new();
        match style.anchor {
            Anchor::Start => {}
            Anchor::Middle => extra.push_str(" text-anchor=\"middle\""),
            Anchor::End => extra.push_str(" text-anchor=\"end\""),
        }
        if style.weight == Weight::Bold {
            extra.push_str(" font-weight=\"bold\"");
        }
        if style.rotate != 0.0 {
            let _ = write!(extra, " transform=\"rotate({} {x} {y})\"", style.rotate);
        }
        if style.halo {
            let _ = write!(
                extra,
                " stroke=\"{PAPER}\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
            );
        }
        let _ = writeln!(
            self.body,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\"{extra}>{}</text>",
            style.size,
            style.fill,
            escape(text)
        );
    }

    /// A marker with the given half-width, rimmed in white so that overlaps stay legible.
    pub fn marker(&mut self, shape: Marker, centre: (f64, f64), radius: f64, colour: &str) {
        let (x, y, r) = (centre.0, centre.1, radius);
        if shape == Marker::Circle {
            let _ = writeln!(
                self.body,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{r}\" fill=\"{colour}\" stroke=\"{PAPER}\" stroke-width=\"0.8\"/>",
                Coordinate(x),
                Coordinate(y)
            );
            return;
        }
        let (side, tall) = (0.9 * r, 1.25 * r);
        let corners: Vec<(f64, f64)> = match shape {
            Marker::Circle | Marker::Square => {
                vec![(-side, -side), (side, -side), (side, side), (-side, side)]
            }
            Marker::TriangleUp => vec![(0.0, -tall), (1.1 * r, 0.8 * r), (-1.1 * r, 0.8 * r)],
            Marker::TriangleDown => vec![(0.0, tall), (1.1 * r, -0.8 * r), (-1.1 * r, -0.8 * r)],
            Marker::Diamond => vec![(0.0, -tall), (tall, 0.0), (0.0, tall), (-tall, 0.0)],
            Marker::Cross => {
                let (arm, half) = (1.1 * r, 0.4 * r);
                let upright = [
                    (-half, -arm),
                    (half, -arm),
                    (half, -half),
                    (arm, -half),
                    (arm, half),
                    (half, half),
                    (half, arm),
                    (-half, arm),
                    (-half, half),
                    (-arm, half),
                    (-arm, -half),
                    (-half, -half),
                ];
                let turn = std::f64::consts::FRAC_1_SQRT_2;
                upright
                    .iter()
                    .map(|(dx, dy)| ((dx - dy) * turn, (dx + dy) * turn))
                    .collect()
            }
        };
        let points: Vec<(f64, f64)> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        let _ = writeln!(
            self.body,
            "<path d=\"{}Z\" fill=\"{colour}\" stroke=\"{PAPER}\" stroke-width=\"0.8\"/>",
            path_through(&points)
        );
    }

    /// Draws within `clip` only: what `draw` adds is cut off at its edges.
    pub fn clipped(&mut self, clip: Rect, draw: impl FnOnce(&mut Scene)) {
        let _ = writeln!(
            self.body,
            "{}",
            nested(clip, (clip.x, clip.y, clip.width, clip.height))
        );
        draw(self);
        self.body.push_str("</svg>\n");
    }

    /// A finished picture, placed with its own size at (x, y).
    pub fn picture(&mut self, at: (f64, f64), figure: &Figure) {
        let (width, height) = (figure.width, figure.height);
        let place = Rect {
            x: at.0,
            y: at.1,
            width,
            height,
        };
        let _ = writeln!(self.body, "{}", nested(place, (0.0, 0.0, width, height)));
        self.body.push_str(&figure.body);
        self.body.push_str("</svg>\n");
    }

    /// Ends the picture: `height` in pixels, `alt` the sentence that stands for it.
    pub fn finish(self, height: f64, alt: &str) -> Figure {
        Figure {
            width: self.width.ceil(),
            height: height.ceil(),
            alt: alt.to_string(),
            body: self.body,
        }
    }
}

/// The opening tag of a nested `<svg>` at `place` that shows the given view of its content.
fn nested(place: Rect, view: (f64, f64, f64, f64)) -> String {
    format!(
        "<svg x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" viewBox=\"{} {} {} {}\">",
        Coordinate(place.x),
        Coordinate(place.y),
        Coordinate(place.width),
        Coordinate(place.height),
        Coordinate(view.0),
        Coordinate(view.1),
        Coordinate(view.2),
        Coordinate(view.3)
    )
}

/// The opening tag of a whole picture. Without `namespace` it is meant for HTML, which needs none.
pub(super) fn root(width: f64, height: f64, alt: &str, namespace: bool) -> String {
    let namespace = if namespace {
        " xmlns=\"http://www.w3.org/2000/svg\""
    } else {
        ""
    };
    format!(
        "<svg{namespace} width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"{FAMILY}\" role=\"img\" aria-label=\"{}\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>\n",
        escape(alt)
    )
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

    #[test]
    fn shapes_and_clips_parse_as_svg() {
        let mut scene = Scene::new(100.0);
        let clip = Rect {
            x: 10.0,
            y: 10.0,
            width: 50.0,
            height: 50.0,
        };
        scene.clipped(clip, |scene| {
            scene.line((0.0, 0.0), (99.0, 99.0), Stroke::solid(INK, 1.0));
        });
        for shape in [
            Marker::Circle,
            Marker::Cross,
            Marker::Diamond,
            Marker::TriangleDown,
        ] {
            scene.marker(shape, (30.0, 30.0), 4.0, INK);
        }
        let figure = scene.finish(80.0, "a <test>");
        assert_eq!((figure.width, figure.height), (100.0, 80.0));
        assert!(figure.tree().is_ok());
        assert!(figure.svg().contains("aria-label=\"a &lt;test&gt;\""));
    }
}
