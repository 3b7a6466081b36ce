//! From a TOML table to a typed value, with faults that name the key and say what would fit.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use toml::{Table, Value};

use crate::error::{KeyFault, did_you_mean, joined};

/// How what serde calls the types begins, and what people call them.
const KINDS: [(&str, &str); 8] = [
    ("u64", "a whole number of at least 0"),
    ("usize", "a whole number of at least 0"),
    ("f64", "a number"),
    ("a boolean", "true or false"),
    ("a string", "a text in quotes"),
    ("a map", "a table"),
    ("struct ", "a table"),
    ("a sequence", "a list"),
];

/// Reads `table`, which stands at `path` (empty for the whole file).
pub fn read<T: DeserializeOwned>(table: &Table, path: &str) -> Result<T, KeyFault> {
    let whole = Value::Table(table.clone());
    serde_path_to_error::deserialize(whole).map_err(|error| {
        let segments: Vec<String> = error.path().iter().map(name).collect();
        let own: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (place, message) = (joined(path, &own), error.inner().message());
        if let Some(fault) = KeyFault::carried(message) {
            return fault.below(&place);
        }
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let (word, known) = quoted.split_first().unwrap_or((&"", &[]));
        let known = known.iter().copied();
        if message.starts_with("unknown field") {
            let outer = own.split_last().map_or(&[][..], |(_, outer)| outer);
            return unknown_key(word, &joined(path, outer), did_you_mean(word, known));
        }
        if message.starts_with("missing field") {
            return KeyFault::new(place, format!("`{word}` is missing"));
        }
        let key = own.last().copied().unwrap_or_default();
        let value = find(table, &own).map(Value::to_string).unwrap_or_default();
        let what = match message.starts_with("unknown variant") {
            true => format!("{key} = {value}; {}", did_you_mean(word, known)),
            false if is_whole(&value) => format!("{key} = {value}: expected at most {}", i64::MAX),
            false => format!("{key} = {value}: expected {}", plain(message)),
        };
        KeyFault::new(place, what)
    })
}

/// A key that the table at `path` does not have, with what may have been meant.
pub fn unknown_key(key: &str, path: &str, hint: String) -> KeyFault {
    let place = match path {
        "" => String::new(),
        path => format!(" in {path}"),
    };
    let what = format!("unknown key `{key}`{place}; {hint}");
    KeyFault::new(joined(path, &[key]), what)
}

/// Whether a value is a whole number in quotes, which it is where TOML has no whole number that large.
fn is_whole(value: &str) -> bool {
    let digits = value.trim_matches('"');
    digits.parse::<i64>().is_err()
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && !digits.is_empty()
}

fn name(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => index.to_string(),
        Segment::Map { key } => key.clone(),
        Segment::Enum { variant } => variant.clone(),
        Segment::Unknown => "?".to_owned(),
    }
}

fn find<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(table.get(*first)?, |value, name| match value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            other => other.get(*name),
        })
}

/// What serde expected, in plain words.
fn plain(message: &str) -> String {
    let expected = message.rsplit_once("expected ");
    let expected = expected.map_or(message, |(_, expected)| expected);
    let kind = KINDS.iter().find(|(name, _)| expected.starts_with(name));
    kind.map_or(expected, |(_, plain)| plain).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;

    fn fault(text: &str) -> (String, String) {
        let fault = read::<RunConfig>(&text.parse().unwrap(), "run").unwrap_err();
        (fault.key, fault.what)
    }

    #[test]
    fn faults_name_the_key_and_what_would_fit() {
        let cases = [
            (
                "epochs = \"many\"",
                "run.epochs",
                "epochs = \"many\": expected a whole number of at least 0",
            ),
            (
                "epochs = -1",
                "run.epochs",
                "epochs = -1: expected a whole number of at least 0",
            ),
            (
                "nesterov = 1",
                "run.nesterov",
                "nesterov = 1: expected true or false",
            ),
            (
                "name = 1",
                "run.name",
                "name = 1: expected a text in quotes",
            ),
            (
                "momentum = \"a\"",
                "run.momentum",
                "momentum = \"a\": expected a number",
            ),
            (
                "keep_epochs = [1, true]",
                "run.keep_epochs.1",
                "1 = true: expected a whole number of at least 0",
            ),
            (
                "keep_epochs = 3",
                "run.keep_epochs",
                "keep_epochs = 3: expected a list",
            ),
            (
                "schedule = \"cosin\"",
                "run.schedule",
                "schedule = \"cosin\"; did you mean `cosine`?",
            ),
            (
                "epocs = 1",
                "run.epocs",
                "unknown key `epocs` in run; did you mean `epochs`?",
            ),
        ];
        for (text, key, what) in cases {
            assert_eq!(fault(text), (key.to_owned(), what.to_owned()), "{text}");
        }
    }
}
