//! Where in a TOML file each key stands, so that an error can name the line.

use std::collections::BTreeMap;

use anyhow::Result;
use toml::Table;
use toml::de::{DeTable, DeValue};

use super::overrides::{self, Assignment};
use crate::error::{KeyFault, joined};
use crate::usage;

/// Line numbers of the keys and array items of one TOML text, and what was given for some of them elsewhere.
///
/// Paths are dotted: `methods.1.lr` is the key `lr` of the second item of `methods`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    origin: String,
    lines: BTreeMap<String, usize>,
    overridden: Vec<Assignment>,
}

impl Source {
    /// Reads `text` and writes `assignments` over it; a syntax error is shown with its line and column. `origin` names
    /// the file.
    pub fn parse(text: &str, origin: &str, assignments: &[Assignment]) -> Result<(Source, Table)> {
        let refuse = |error: toml::de::Error| usage!("{origin}: {}", error.to_string().trim_end());
        let document = DeTable::parse(text).map_err(refuse)?.into_inner();
        let mut table: Table = text.parse().map_err(refuse)?;
        overrides::apply(&mut table, assignments)?;
        let mut source = Source {
            origin: origin.to_owned(),
            lines: BTreeMap::new(),
            overridden: assignments.to_vec(),
        };
        let breaks: Vec<usize> = text.match_indices('\n').map(|(offset, _)| offset).collect();
        source.walk(&DeValue::Table(document), "", &breaks);
        Ok((source, table))
    }

    /// `FILE, line N` or the flag of a path, or of what it lies in where it has no line of its own. Empty where there
    /// is no file.
    pub fn place(&self, path: &str) -> String {
        let outer = || path.rsplit_once('.').map(|(outer, _)| self.place(outer));
        let place = self.own_place(path).or_else(outer);
        place.unwrap_or_else(|| self.origin.clone())
    }

    /// Whether this very path was given.
    pub fn holds(&self, path: &str) -> bool {
        self.own_place(path).is_some()
    }

    /// The error of a fault, with its place.
    pub fn refuse(&self, KeyFault { key, what }: KeyFault) -> anyhow::Error {
        match self.place(&key).as_str() {
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

    /// Notes the lines of all that lies in a value.
    fn walk(&mut self, value: &DeValue<'_>, path: &str, breaks: &[usize]) {
        let mut add = |name: &str, offset: usize, inner: &DeValue<'_>| {
            let path = joined(path, &[name]);
            let line = 1 + breaks.partition_point(|line_break| *line_break < offset);
            self.lines.insert(path.clone(), line);
            self.walk(inner, &path, breaks);
        };
        match value {
            DeValue::Table(table) => {
                for (key, inner) in table {
                    add(key.get_ref(), key.span().start, inner.get_ref());
                }
            }
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    add(&index.to_string(), item.span().start, item.get_ref());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a = 1\nmethods = [\n  \"bn\",\n  { name = \"x\",\n    lr = 2 },\n]\n[t]\nb = 3\n[[more]]\nc = 1\n[[more]]\nc = 2\n";

    #[test]
    fn keys_and_items_know_their_lines() {
        let (source, table) = Source::parse(TEXT, "x.toml", &[]).unwrap();
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
        let given = [
            Assignment::set("methods", "[]"),
            Assignment::flag("--a", "a", "2"),
            Assignment::set("jobs.x", "2"),
        ];
        let (source, _) = Source::parse(TEXT, "x.toml", &given[..1]).unwrap();
        assert_eq!(source.place("methods.1.lr"), "--set methods");
        assert_eq!(source.place("a"), "x.toml, line 1");
        let (source, _) = Source::parse(TEXT, "x.toml", &given).unwrap();
        assert_eq!(source.place("a"), "--a");
        assert_eq!(
            source.place("jobs"),
            "--set jobs.x",
            "there is no such line"
        );
    }

    #[test]
    fn syntax_errors_carry_file_and_line() {
        let error = Source::parse("a = 1\nb = = 2\n", "x.toml", &[]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("x.toml") && text.contains("line 2"), "{text}");
    }
}
