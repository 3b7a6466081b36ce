//! Colors of text, axes and shades.

/// Color of text.
pub const INK: &str = "#222222";
/// Color of secondary text: subtitles, tick labels.
pub const MUTED: &str = "#555555";
/// Color of axis lines and tick marks.
pub const AXIS: &str = "#8c8c8c";
/// Color of grid lines.
pub const GRID: &str = "#e9e9e9";
/// Color of lines that are there for comparison only.
pub const REST: &str = "#c2c2c2";
/// Color of text upon shades.
const BLACK: &str = "#000000";
/// Color of the paper.
pub const PAPER: &str = "#ffffff";

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

/// Relative luminance (WCAG 2) of an sRGB color.
#[cfg(test)]
pub fn luminance(rgb: [u8; 3]) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;

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
