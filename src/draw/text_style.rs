//! How texts are set: sizes, weights, anchors.

use super::font::{Weight, text_width};
use super::palette::{INK, MUTED};

/// Font size of tick labels and of what stands beside data, in pixels.
pub const TICK_SIZE: f64 = 12.5;
/// Font size of axis labels in pixels.
pub const LABEL_SIZE: f64 = 13.5;
/// What lowers a line of text of size 1 so that its middle lies at its anchor's height.
pub const HALF_HEIGHT: f64 = 0.36;

/// Where a text's anchor point lies within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    #[default]
    Start,
    Middle,
    End,
}

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub struct TextStyle {
    pub size: f64,
    pub weight: Weight,
    pub fill: &'static str,
    pub anchor: Anchor,
    /// Rotation about the anchor point in degrees, clockwise.
    pub rotate: f64,
    /// A white rim that keeps the text legible upon lines.
    pub halo: bool,
}

impl TextStyle {
    /// Regular text in ink.
    pub fn new(size: f64, anchor: Anchor) -> TextStyle {
        TextStyle {
            size,
            weight: Weight::Regular,
            fill: INK,
            anchor,
            rotate: 0.0,
            halo: false,
        }
    }

    /// A tick label.
    pub fn tick(anchor: Anchor) -> TextStyle {
        TextStyle::new(TICK_SIZE, anchor).filled(MUTED)
    }

    /// An axis label.
    pub fn label() -> TextStyle {
        TextStyle::new(LABEL_SIZE, Anchor::Middle)
    }

    /// A heading.
    pub fn bold(size: f64, anchor: Anchor) -> TextStyle {
        let weight = Weight::Bold;
        TextStyle {
            weight,
            ..TextStyle::new(size, anchor)
        }
    }

    /// The same in another color.
    pub fn filled(self, fill: &'static str) -> TextStyle {
        TextStyle { fill, ..self }
    }

    /// The same, turned by degrees clockwise.
    pub fn rotated(self, rotate: f64) -> TextStyle {
        TextStyle { rotate, ..self }
    }

    /// The same with a white rim.
    pub fn with_halo(self) -> TextStyle {
        TextStyle { halo: true, ..self }
    }
}

/// The width of a tick label in pixels.
pub fn tick_width(label: &str) -> f64 {
    text_width(label, TICK_SIZE, Weight::Regular)
}

/// The width of the widest of some tick labels in pixels.
pub fn widest_tick<'a>(labels: impl IntoIterator<Item = &'a str>) -> f64 {
    labels.into_iter().map(tick_width).fold(0.0, f64::max)
}
