//! Where in a TOML file each key stands, so that an error can name the line.

use std::collections::BTreeMap;
use std::fmt::Display;

use anyhow::Result;
use toml::de::{DeTable, DeValue};

use super::overrides::Assignment;
use crate::error::joined;
use crate::usage;

/// Line numbers of the keys and array items of one TOML text.
///
/// Paths are dotted: `methods.1.lr` is the key `lr` of the second item of `methods`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    origin: String,
    lines: BTreeMap<String, usize>,
    overridden: Vec<Assignment>,
}

impl Source {
    /// Reads `text`; a syntax error is shown with its line and column. `origin` names the file.
    pub fn parse(text: &str, origin: &str) -> Result<(Source, toml::Table)> {
        let refuse = |error: toml::de::Error| usage!("{origin}: {}", error.to_string().trim_end());
        let document = DeTable::parse(text).map_err(refuse)?;
        let mut source = Source {
            origin: origin.to_owned(),
            ..Source::default()
        };
        source.walk_table(document.get_ref(), "", text);
        Ok((source, text.parse().map_err(refuse)?))
    }

    /// Notes that these gave their keys the values, so that the lines in the file say nothing of them.
    pub fn set_aside(&mut self, assignments: &[Assignment]) {
        self.overridden.extend_from_slice(assignments);
    }

    /// `FILE, line N` or the flag of a path, or of what it lies in where it has no line of its own. Empty where there
    /// is no file.
    pub fn place(&self, path: &str) -> String {
        let mut path = path;
        loop {
            if let Some(place) = self.own_place(path) {
                return place;
            }
            match path.rsplit_once('.') {
                Some((outer, _)) => path = outer,
                None => return self.origin.clone(),
            }
        }
    }

    /// Whether this very path was given.
    pub fn holds(&self, path: &str) -> bool {
        self.own_place(path).is_some()
    }

    /// An error at a path.
    pub fn refuse(&self, path: &str, what: impl Display) -> anyhow::Error {
        match self.place(path).as_str() {
            "" => usage!("{what}"),
            place => usage!("{place}: {what}"),
        }
    }

    /// Where this very path stands. The last override counts, and one of a table counts for all that lies in it; what
    /// has no line came into being by what was put into it.
    fn own_place(&self, path: &str) -> Option<String> {
        let is_within =
            |inner: &str, outer: &str| inner == outer || inner.starts_with(&format!("{outer}."));
        let mut last_first = self.overridden.iter().rev();
        if let Some(outer) = last_first.find(|given| is_within(path, &given.key)) {
            return Some(outer.origin.clone());
        }
        if let Some(line) = self.lines.get(path) {
            return Some(format!("{}, line {line}", self.origin));
        }
        let mut last_first = self.overridden.iter().rev();
        let inner = last_first.find(|given| is_within(&given.key, path));
        inner.map(|given| given.origin.clone())
    }

    fn walk_table(&mut self, table: &DeTable<'_>, prefix: &str, text: &str) {
        for (key, value) in table {
            let path = joined(prefix, &[key.get_ref()]);
            self.add(&path, key.span().start, text);
            self.walk_value(value.get_ref(), &path, text);
        }
    }

    fn walk_value(&mut self, value: &DeValue<'_>, path: &str, text: &str) {
        match value {
            DeValue::Table(table) => self.walk_table(table, path, text),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = joined(path, &[&index.to_string()]);
                    self.add(&path, item.span().start, text);
                    self.walk_value(item.get_ref(), &path, text);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, path: &str, offset: usize, text: &str) {
        let before = text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        self.lines.insert(path.to_owned(), line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a = 1\nmethods = [\n  \"bn\",\n  { name = \"x\",\n    lr = 2 },\n]\n[t]\nb = 3\n[[more]]\nc = 1\n[[more]]\nc = 2\n";

    #[test]
    fn keys_and_items_know_their_lines() {
        let (source, table) = Source::parse(TEXT, "x.toml").unwrap();
        assert_eq!(table["t"]["b"].as_integer(), Some(3));
        for (path, line) in [
            ("a", 1),
            ("methods", 2),
            ("methods.0", 3),
            ("methods.1.name", 4),
            ("methods.1.lr", 5),
            ("t.b", 8),
            ("more.1.c", 12),
        ] {
            assert_eq!(source.place(path), format!("x.toml, line {line}"), "{path}");
        }
        assert_eq!(source.place("methods.1.absent"), "x.toml, line 4");
        assert_eq!(source.place("absent"), "x.toml");
    }

    #[test]
    fn overridden_keys_are_not_blamed_on_the_file() {
        let (mut source, _) = Source::parse(TEXT, "x.toml").unwrap();
        source.set_aside(&[Assignment::set("methods", "[]")]);
        assert_eq!(source.place("methods.1.lr"), "--set methods");
        assert_eq!(source.place("a"), "x.toml, line 1");
        source.set_aside(&[Assignment::flag("--a", "a", "2")]);
        assert_eq!(source.place("a"), "--a");
        source.set_aside(&[Assignment::set("jobs.x", "2")]);
        assert_eq!(
            source.place("jobs"),
            "--set jobs.x",
            "there is no such line"
        );
    }

    #[test]
    fn syntax_errors_carry_file_and_line() {
        let error = Source::parse("a = 1\nb = = 2\n", "x.toml").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("x.toml") && text.contains("line 2"), "{text}");
    }
}
