//! How lines look: color, dash and marker, told apart by color-blind readers and in gray print.

use super::marker::Marker;
use super::palette::{INK, REST};

/// Hues with a darker and a lighter shade of each. All have at least 3:1 to white, the lighter shades 2:1. Ink, blue and
/// vermilion come first, for the lines that every picture is about.
const HUES: [[&str; 3]; 8] = [
    [INK, "#777777", "#000000"],
    ["#0072b2", "#003f66", "#4da3d4"],
    ["#d55e00", "#873b00", "#f0904d"],
    ["#009e73", "#006147", "#4dbb9c"],
    ["#8c564b", "#573630", "#b38a82"],
    ["#8e63c7", "#583d7c", "#b392da"],
    ["#d0679d", "#8f3a66", "#e095ba"],
    ["#8c8000", "#575000", "#b3aa3c"],
];
/// The first of the hues that are not reserved.
const FREE: usize = 3;

/// `stroke-dasharray` of solid, dashed, dash-dot and dotted lines.
const DASHES: [&str; 4] = ["", "8 4", "9 3 2 3", "2 3"];

const MARKERS: [Marker; 7] = [
    Marker::Square,
    Marker::Circle,
    Marker::TriangleUp,
    Marker::Diamond,
    Marker::TriangleDown,
    Marker::Cross,
    Marker::Plus,
];

/// How one series looks in every picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// `#rrggbb`.
    pub color: &'static str,
    /// `stroke-dasharray`; a solid line when empty.
    pub dash: &'static str,
    /// What stands at its points.
    pub marker: Marker,
}

impl Style {
    /// Ink, with the dash and the marker of this number. Variant 0 is the thing itself; the others have its hue in other
    /// shades, dashes and markers.
    pub fn ink(number: usize, variant: usize) -> Style {
        Style::new(0, number, variant)
    }

    /// Blue.
    pub fn blue(number: usize, variant: usize) -> Style {
        Style::new(1, number, variant)
    }

    /// Vermilion.
    pub fn vermilion(number: usize, variant: usize) -> Style {
        Style::new(2, number, variant)
    }

    /// The styles of everything else: all differ up to number 139, since the lengths 5, 4 and 7 interleave.
    pub fn other(number: usize, variant: usize) -> Style {
        Style::new(FREE + number % (HUES.len() - FREE), number, variant)
    }

    /// The style of line 0, 1, 2, ... where lines stand for no method.
    pub fn of_slot(slot: usize) -> Style {
        Style::other(slot, 0)
    }

    /// That of lines that are there for comparison only.
    pub(super) const MUTED: Style = Style {
        color: REST,
        dash: "",
        marker: Marker::Circle,
    };

    fn new(hue: usize, number: usize, variant: usize) -> Style {
        let place = number + variant;
        Style {
            color: HUES[hue][variant % 3],
            dash: DASHES[place % DASHES.len()],
            marker: MARKERS[place % MARKERS.len()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::palette::luminance;
    use super::*;

    fn rgb(color: &str) -> [u8; 3] {
        std::array::from_fn(|channel| {
            let digits = &color[1 + 2 * channel..3 + 2 * channel];
            u8::from_str_radix(digits, 16).unwrap()
        })
    }

    #[test]
    fn every_color_stands_out_from_white_paper() {
        for [color, dark, light] in HUES {
            let contrast = |color| 1.05 / (luminance(rgb(color)) + 0.05);
            assert!(contrast(color) >= 3.0, "{color}: {}", contrast(color));
            assert!(contrast(dark) >= 4.0, "{dark}: {}", contrast(dark));
            assert!(contrast(light) >= 2.0, "{light}: {}", contrast(light));
        }
    }

    /// Where cones of one kind are missing (Machado, Oliveira and Fernandes 2009, severity 1), the distance of two colors
    /// in linear light.
    fn distance(a: &str, b: &str, sight: [[f64; 3]; 3]) -> f64 {
        let seen = |color: &str| {
            let linear = rgb(color).map(|channel| (f64::from(channel) / 255.0).powf(2.2));
            sight.map(|row| row.iter().zip(linear).map(|(w, v)| w * v).sum::<f64>())
        };
        let (a, b) = (seen(a), seen(b));
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f64>()
            .sqrt()
    }

    #[test]
    fn color_blind_readers_tell_the_hues_apart() {
        let protan = [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ];
        let deutan = [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ];
        for (index, [first, ..]) in HUES.iter().enumerate() {
            for [second, ..] in &HUES[index + 1..] {
                for sight in [protan, deutan] {
                    let distance = distance(first, second, sight);
                    assert!(distance > 0.05, "{first} {second}: {distance}");
                }
            }
        }
    }

    #[test]
    fn styles_differ_in_more_than_color() {
        for first in 0..60 {
            for second in first + 1..60 {
                let styles = (Style::of_slot(first), Style::of_slot(second));
                assert_ne!(styles.0, styles.1, "{first} and {second}");
            }
        }
        let variants: Vec<Style> = (0..20)
            .map(|variant| Style::vermilion(0, variant))
            .collect();
        for (index, variant) in variants.iter().enumerate() {
            assert!(!variants[..index].contains(variant), "variant {index}");
        }
        assert_eq!(variants[0].color, variants[3].color);
        assert_ne!(variants[0].dash, variants[3].dash);
    }
}
