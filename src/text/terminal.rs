//! What the place that text goes to can show.

use std::io::IsTerminal;

/// The abilities of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Escape sequences (bold headers) and rules between rows may be used.
    pub styled: bool,
    /// Characters beyond ASCII may be used for drawing.
    pub unicode: bool,
    /// Columns, where tables are to be fitted to a given width; else a styled output is asked.
    pub columns: Option<u16>,
}

impl Terminal {
    /// What standard output can show: plain text unless it is a terminal, or where `NO_COLOR` is set
    /// or `TERM` is `dumb`; block characters where the locale is UTF-8.
    pub fn detect() -> Terminal {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .map(variable)
            .into_iter()
            .find(|value| !value.is_empty());
        Terminal::from_environment(
            std::io::stdout().is_terminal(),
            &variable("NO_COLOR"),
            &variable("TERM"),
            &locale.unwrap_or_default(),
        )
    }

    /// Plain ASCII text of any width, as for a file.
    pub fn plain() -> Terminal {
        Terminal::default()
    }

    fn from_environment(is_terminal: bool, no_color: &str, term: &str, locale: &str) -> Terminal {
        let locale = locale.to_ascii_lowercase();
        Terminal {
            styled: is_terminal && no_color.is_empty() && term != "dumb",
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
            columns: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_need_a_terminal_and_no_objection() {
        let styled = |is_terminal, no_color, term| {
            Terminal::from_environment(is_terminal, no_color, term, "").styled
        };
        assert!(styled(true, "", "xterm-256color"));
        assert!(!styled(false, "", "xterm-256color"));
        assert!(!styled(true, "1", "xterm-256color"));
        assert!(!styled(true, "", "dumb"));
    }

    #[test]
    fn blocks_need_a_utf8_locale() {
        let unicode = |locale| Terminal::from_environment(true, "", "", locale).unicode;
        assert!(unicode("en_GB.UTF-8") && unicode("C.utf8"));
        assert!(!unicode("C") && !unicode(""));
        assert!(!Terminal::plain().unicode);
    }
}
