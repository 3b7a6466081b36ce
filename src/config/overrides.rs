//! `key=value` overrides: strict about keys, lenient about quotes.

use anyhow::Result;
use toml::{Table, Value};

use crate::usage;

/// One key with a value for it, and where the user gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Key, dotted where it lies in a table.
    pub key: String,
    /// Value as it was written.
    pub value: String,
    /// What the user wrote, such as `--width` or `--set width`.
    pub origin: String,
}

impl Assignment {
    /// A value given by a flag of its own.
    pub fn flag(flag: &str, key: &str, value: &str) -> Assignment {
        Assignment {
            key: key.into(),
            value: value.into(),
            origin: flag.into(),
        }
    }

    /// A value given by `--set`.
    pub fn set(key: &str, value: &str) -> Assignment {
        Assignment::flag(&format!("--set {key}"), key, value)
    }
}

/// Splits the `key=value` of a `--set`.
pub fn split(assignment: &str) -> Result<Assignment> {
    match assignment.split_once('=') {
        Some((key, value)) if is_key(key) => Ok(Assignment::set(key.trim(), value.trim())),
        _ => Err(usage!(
            "--set {assignment}: expected key=value, such as --set lr=0.01 or --set method.groups=4"
        )),
    }
}

/// Whether a text is names with dots between, and not so many that tables within tables exhaust the stack.
fn is_key(text: &str) -> bool {
    text.split('.').all(|name| !name.trim().is_empty()) && text.split('.').count() <= 8
}

/// Writes each assignment into `table`. What the keys are is checked where the table is read.
pub fn apply(table: &mut Table, assignments: &[Assignment]) -> Result<()> {
    let mut given = assignments.iter();
    given.try_for_each(|given| put(table, &given.key, parse_value(&given.value), &given.origin))
}

/// Writes a value at a key, dotted where it lies in a table (`method.center_rows`); an error begins with `origin`.
pub fn put(table: &mut Table, key: &str, value: Value, origin: &str) -> Result<()> {
    let Some((first, rest)) = key.split_once('.') else {
        table.insert(key.to_owned(), value);
        return Ok(());
    };
    let inner = table.entry(first).or_insert_with(|| Table::new().into());
    match inner {
        Value::Table(inner) => put(inner, rest, value, origin),
        _ => Err(usage!("{origin}: `{first}` is not a table")),
    }
}

/// A value as TOML where it is valid TOML, a number where it is `.1` or `1.`, else a plain string (so that quotes may be
/// left out).
pub fn parse_value(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>();
    // Behind a line break there may be more keys.
    let alone = parsed.ok().filter(|table| table.len() == 1);
    let as_toml = alone.and_then(|mut table| table.remove("value"));
    let as_number = text.parse().ok().map(Value::Float);
    let as_number = as_number.filter(|_| text.contains('.'));
    as_toml.or(as_number).unwrap_or_else(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{RUN_SCHEMA, RunConfig, schema};
    use proptest::prelude::*;

    #[test]
    fn values_keep_their_types() {
        assert_eq!(parse_value("0.1"), toml::Value::Float(0.1));
        assert_eq!(parse_value(".1"), toml::Value::Float(0.1));
        assert_eq!(parse_value("-1."), toml::Value::Float(-1.0));
        assert_eq!(parse_value("3"), toml::Value::Integer(3));
        assert_eq!(parse_value("true"), toml::Value::Boolean(true));
        assert_eq!(
            parse_value("cifar10"),
            toml::Value::String("cifar10".into())
        );
        assert_eq!(parse_value("[1, 2]").as_array().map(Vec::len), Some(2));
        assert_eq!(
            parse_value("1\nlr = 2"),
            toml::Value::String("1\nlr = 2".into())
        );
    }

    #[test]
    fn a_key_is_a_few_names() {
        let deep = format!("a{}=1", ".a".repeat(20_000));
        for wrong in [
            "",
            "lr",
            "=1",
            " =1",
            "lr.=1",
            ".lr=1",
            "a..b=1",
            deep.as_str(),
        ] {
            let error = split(wrong).unwrap_err().to_string();
            assert!(error.contains("expected key=value"), "{error}");
        }
        assert_eq!(
            split(" run.lr = 1").unwrap(),
            Assignment::set("run.lr", "1")
        );
    }

    #[test]
    fn dotted_keys_reach_into_tables() {
        let mut table = toml::Table::new();
        let set = [Assignment::set("method.center_rows", "true")];
        apply(&mut table, &set).unwrap();
        assert_eq!(table["method"]["center_rows"], toml::Value::Boolean(true));
        let bad = [Assignment::set("lr", "1"), Assignment::set("lr.x", "2")];
        let error = apply(&mut toml::Table::new(), &bad).unwrap_err();
        assert_eq!(error.to_string(), "--set lr.x: `lr` is not a table");
    }

    #[test]
    fn an_option_of_a_method_is_known_by_its_bare_name() {
        let bare = [Assignment::set("center_rows", "true")];
        let error = RunConfig::load(None, &bare).unwrap_err().to_string();
        let expected = "--set center_rows: unknown key `center_rows`; the option of a method is `method.center_rows`";
        assert_eq!(error, expected);
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused_without_a_panic(text in ".*") {
            if let Ok(assignment) = split(&text) {
                let first = assignment.key.split('.').next().unwrap_or("").to_string();
                let is_known = schema::has(&RUN_SCHEMA, &first);
                let taken = RunConfig::load(None, &[assignment]);
                prop_assert!(is_known || taken.is_err(), "{text}");
            }
        }

        #[test]
        fn numbers_round_trip(number in proptest::num::f64::NORMAL) {
            prop_assert_eq!(parse_value(&format!("{number:?}")), toml::Value::Float(number));
        }
    }
}
