//! Text from outside (names of files, labels, messages of servers), made harmless for the place that it is shown at.

use std::borrow::Cow;

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Text for a terminal: control characters other than line feeds and tabs, and those that turn the direction of writing,
/// stand as `\u001b`, which in a JSON document means the same.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unfit) {
        return Cow::Borrowed(text);
    }
    let visible = |character: char| match is_unfit(character) {
        true => format!("\\u{:04x}", u32::from(character)),
        false => character.to_string(),
    };
    Cow::Owned(text.chars().map(visible).collect())
}

fn is_unfit(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && !matches!(character, '\n' | '\t'))
}

/// Text for a line of its own: as [`shown`], with blanks for line breaks and tabs.
pub fn one_line(text: &str) -> String {
    shown(&text.replace(['\n', '\r', '\t'], " ")).into_owned()
}

/// Text for a cell of a CSV file: what a spreadsheet would compute gets an apostrophe in front, which [`of_cell`] takes
/// away. Numbers stay as they are.
pub fn cell(text: &str) -> Cow<'_, str> {
    match needs_apostrophe(text) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// The text that [`cell`] made a cell of.
pub fn of_cell(cell: &str) -> &str {
    let text = cell.strip_prefix('\'');
    text.filter(|text| needs_apostrophe(text)).unwrap_or(cell)
}

/// Texts that begin with apostrophes themselves are told from those that got one.
fn needs_apostrophe(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA) && text.parse::<f64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_characters_are_made_visible() {
        for (text, expected) in [
            (
                "a\tb\nc, \u{e4}\u{2013}\u{202f}",
                "a\tb\nc, \u{e4}\u{2013}\u{202f}",
            ),
            ("\u{1b}[2Jx\0\r", "\\u001b[2Jx\\u0000\\u000d"),
            ("\u{9b}2J\u{7f}\u{202e}", "\\u009b2J\\u007f\\u202e"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(one_line("a\r\nb\u{1b}"), "a  b\\u001b");
        let document = serde_json::to_string_pretty(&["\u{9b}2J\u{1b}"]).unwrap();
        let read: Vec<String> = serde_json::from_str(&shown(&document)).unwrap();
        assert_eq!(read, ["\u{9b}2J\u{1b}"]);
    }

    #[test]
    fn formulas_get_an_apostrophe() {
        for (text, expected) in [
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("-x", "'-x"),
            ("-0.5", "-0.5"),
            ("'=1", "''=1"),
            ("it's =1", "it's =1"),
            ("'quoted'", "'quoted'"),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    proptest! {
        #[test]
        fn a_cell_is_no_formula_and_gives_its_text_back(text in "['=+@a1.\t\r-]{0,6}|.{0,8}") {
            let cell = cell(&text);
            prop_assert!(!cell.starts_with(FORMULA) || cell.parse::<f64>().is_ok(), "{cell}");
            prop_assert_eq!(of_cell(&cell), text.as_str());
        }
    }
}
