//! The shipped font: for the renderer, and for the widths of texts.

use std::sync::{Arc, LazyLock};

use resvg::usvg::fontdb;
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider};

/// The font families that a picture asks for; the first is shipped, Verdana has nearly its widths.
pub const FAMILY: &str = "DejaVu Sans, Verdana, Geneva, sans-serif";

static REGULAR: &[u8] = include_bytes!("../../assets/DejaVuSans-subset.ttf");
static BOLD: &[u8] = include_bytes!("../../assets/DejaVuSans-Bold-subset.ttf");

/// Advance of a character that the subset lacks, in em: about that of a wide letter.
const UNKNOWN_ADVANCE: f64 = 0.65;

/// The two shipped cuts of the font.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    #[default]
    Regular,
    Bold,
}

/// The glyphs of a font, how far each advances, and the units that this is measured in.
type Glyphs = (Charmap<'static>, GlyphMetrics<'static>, u16);

/// Those of the regular and of the bold font.
static GLYPHS: LazyLock<Option<[Glyphs; 2]>> = LazyLock::new(|| {
    let glyphs = |font: &'static [u8]| -> Option<Glyphs> {
        let (font, place) = (FontRef::new(font).ok()?, LocationRef::default());
        let metrics = font.glyph_metrics(Size::unscaled(), place);
        let units_per_em = font.metrics(Size::unscaled(), place).units_per_em;
        Some((font.charmap(), metrics, units_per_em))
    };
    Some([glyphs(REGULAR)?, glyphs(BOLD)?])
});

static DATABASE: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut database = fontdb::Database::new();
    database.load_font_source(fontdb::Source::Binary(Arc::new(REGULAR)));
    database.load_font_source(fontdb::Source::Binary(Arc::new(BOLD)));
    database.set_sans_serif_family("DejaVu Sans");
    Arc::new(database)
});

/// The font database of the renderer: the shipped fonts and none of the machine's.
pub fn database() -> Arc<fontdb::Database> {
    Arc::clone(&DATABASE)
}

/// How far a character advances in em, to a thousandth; `None` for one that the subset lacks.
fn advance(character: char, weight: Weight) -> Option<f64> {
    let (characters, metrics, units_per_em) = &GLYPHS.as_ref()?[weight as usize];
    let units = f64::from(metrics.advance_width(characters.map(character)?)?);
    Some((1000.0 * units / f64::from(*units_per_em)).round_ties_even() / 1000.0)
}

/// The width of `text` in pixels at a font size in pixels (without kerning: the subset has none).
pub fn text_width(text: &str, size: f64, weight: Weight) -> f64 {
    let advances = text.chars().map(|character| advance(character, weight));
    let em: f64 = advances.map(|em| em.unwrap_or(UNKNOWN_ADVANCE)).sum();
    em * size
}

/// `text`, or its beginning and an ellipsis when it is wider than `max_width` pixels.
pub fn fit(text: &str, size: f64, weight: Weight, max_width: f64) -> String {
    if text_width(text, size, weight) <= max_width {
        return text.to_string();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if text_width(&kept, size, weight) + text_width("…", size, weight) > max_width {
            kept.pop();
            break;
        }
    }
    format!("{}…", kept.trim_end())
}

/// `text` broken at spaces into lines of at most `max_width` pixels; longer words are cut short.
pub fn wrap(text: &str, size: f64, weight: Weight, max_width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), size, weight) <= max_width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, size, weight, max_width)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advances_are_those_of_the_font() {
        assert!((text_width("0000", 10.0, Weight::Regular) - 25.44).abs() < 1e-9);
        assert!(
            text_width("Test error", 12.0, Weight::Bold)
                > text_width("Test error", 12.0, Weight::Regular)
        );
        for character in "αβγσμ²√≤≥±−×·→⁻³\u{202f}".chars() {
            let advance = advance(character, Weight::Bold);
            assert!(advance.is_some(), "{character:?} is not in the subset");
        }
    }

    #[test]
    fn the_database_holds_both_weights_and_nothing_else() {
        let weights: Vec<u16> = database().faces().map(|face| face.weight.0).collect();
        assert_eq!(weights, [400, 700]);
    }

    #[test]
    fn long_text_is_cut_with_an_ellipsis() {
        assert_eq!(fit("short", 10.0, Weight::Regular, 100.0), "short");
        let cut = fit("a rather long label", 10.0, Weight::Regular, 60.0);
        assert!(cut.ends_with('…') && cut.starts_with("a rathe"), "{cut}");
        assert!(text_width(&cut, 10.0, Weight::Regular) <= 60.0);
    }

    #[test]
    fn wrapped_lines_keep_every_word_and_the_width() {
        let text = "Test error of Batch Normalization and NormProp by epoch";
        let lines = wrap(text, 14.0, Weight::Bold, 200.0);
        assert!(lines.len() > 1);
        assert_eq!(lines.join(" "), text);
        assert!(
            lines
                .iter()
                .all(|line| text_width(line, 14.0, Weight::Bold) <= 200.0)
        );
        assert!(wrap("  ", 14.0, Weight::Bold, 200.0).is_empty());
    }
}
