//! Colors, dashes and marker shapes: told apart by color-blind readers and in gray print.

use super::marker::Marker;

/// Color of text.
pub const INK: &str = "#222222";
/// Color of secondary text: subtitles, tick labels.
pub const MUTED: &str = "#555555";
/// Color of axis lines and tick marks.
pub const AXIS: &str = "#8c8c8c";
/// Color of grid lines.
pub const GRID: &str = "#e9e9e9";
/// Color of text upon shades.
const BLACK: &str = "#000000";
/// Color of the paper.
pub const PAPER: &str = "#ffffff";

/// Okabe and Ito's palette (2008) without its yellow, which vanishes on white; the darkest first.
const COLORS: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
];

/// `stroke-dasharray` of solid, dashed, dash-dot and dotted lines.
const DASHES: [&str; 4] = ["", "8 4", "9 3 2 3", "2 3"];

const MARKERS: [Marker; 6] = [
    Marker::Circle,
    Marker::Square,
    Marker::TriangleUp,
    Marker::Diamond,
    Marker::TriangleDown,
    Marker::Cross,
];

/// How one series looks; a series keeps its slot, and so its look, in every picture of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    pub color: &'static str,
    pub dash: &'static str,
    pub marker: Marker,
}

impl Style {
    /// The same with other dashes.
    pub fn dashed(self, dash: &'static str) -> Style {
        Style { dash, ..self }
    }
}

/// The style of slot 0, 1, 2, ...: all differ up to slot 83 (the lengths 7, 4 and 6 interleave).
pub fn style(slot: usize) -> Style {
    Style {
        color: COLORS[slot % COLORS.len()],
        dash: DASHES[slot % DASHES.len()],
        marker: MARKERS[slot % MARKERS.len()],
    }
}

/// Stops of the sequential color map, from paper white to deep blue: luminance only falls.
const STOPS: [[f64; 3]; 5] = [
    [255.0, 255.0, 255.0],
    [191.0, 215.0, 234.0],
    [95.0, 158.0, 209.0],
    [32.0, 97.0, 160.0],
    [10.0, 40.0, 82.0],
];

/// The red, green and blue of the sequential map at `fraction` in [0, 1].
fn sequential_rgb(fraction: f64) -> [u8; 3] {
    let last = STOPS.len() - 1;
    let position = fraction.clamp(0.0, 1.0) * last as f64;
    let index = (position as usize).min(last - 1);
    let (from, to) = (STOPS[index], STOPS[index + 1]);
    let blend = position - index as f64;
    std::array::from_fn(|channel| {
        (from[channel] + blend * (to[channel] - from[channel])).round() as u8
    })
}

/// The color of the sequential map at `fraction` in [0, 1], as `#rrggbb`; NaN counts as 0.
pub fn sequential(fraction: f64) -> String {
    let [red, green, blue] = sequential_rgb(if fraction.is_nan() { 0.0 } else { fraction });
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The text color that is legible upon [`sequential`]`(fraction)`.
pub fn text_upon(fraction: f64) -> &'static str {
    if fraction > 0.65 { PAPER } else { BLACK }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2) of an sRGB color.
    fn luminance(rgb: [u8; 3]) -> f64 {
        let linear = rgb.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    #[test]
    fn styles_differ_in_more_than_color() {
        for first in 0..84 {
            for second in first + 1..84 {
                assert_ne!(style(first), style(second), "slots {first} and {second}");
            }
        }
        assert_ne!(style(0).dash, style(1).dash);
        assert_ne!(style(0).marker, style(4).marker);
    }

    #[test]
    fn the_sequential_map_darkens_steadily() {
        let shades: Vec<f64> = (0..=50)
            .map(|step| luminance(sequential_rgb(f64::from(step) / 50.0)))
            .collect();
        assert!(shades.windows(2).all(|pair| pair[1] < pair[0]));
        assert_eq!(sequential(0.0), "#ffffff");
        assert_eq!(sequential(f64::NAN), "#ffffff");
        assert_eq!(sequential(7.0), "#0a2852");
    }

    #[test]
    fn text_on_every_shade_is_legible() {
        for step in 0..=100 {
            let fraction = f64::from(step) / 100.0;
            let shade = luminance(sequential_rgb(fraction));
            let text = if text_upon(fraction) == PAPER {
                1.0
            } else {
                0.0
            };
            let contrast = (shade.max(text) + 0.05) / (shade.min(text) + 0.05);
            assert!(contrast >= 4.5, "{fraction}: {contrast}");
        }
    }
}
