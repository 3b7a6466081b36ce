//! `key=value` overrides: strict about keys, lenient about quotes.

use anyhow::Result;

use crate::error::did_you_mean;
use crate::methods::METHODS;
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

/// Writes each assignment into `table`. Dotted keys reach into sub-tables (`method.center_rows`).
/// The first part of a key must be one of `known`; what stands below it is checked where it is used.
pub fn apply(table: &mut toml::Table, assignments: &[Assignment], known: &[&str]) -> Result<()> {
    for Assignment { key, value, origin } in assignments {
        let parts: Vec<&str> = key.split('.').collect();
        let (first, rest) = (parts[0], &parts[1..]);
        if !known.contains(&first) {
            let hint = hint(first, known);
            return Err(usage!("{origin}: unknown key `{first}`; {hint}"));
        }
        insert(table, first, rest, parse_value(value))
            .map_err(|part| usage!("{origin}: `{part}` is not a table"))?;
    }
    Ok(())
}

/// What may have been meant by a key that is not known.
fn hint(key: &str, known: &[&str]) -> String {
    if METHODS.iter().any(|method| method.has_option(key)) {
        return format!("the option of a method is `method.{key}`");
    }
    did_you_mean(key, known.iter().copied())
}

/// Writes one value at a dotted key whose name is known to be right.
pub fn put(table: &mut toml::Table, key: &str, value: toml::Value) -> Result<()> {
    let parts: Vec<&str> = key.split('.').collect();
    insert(table, parts[0], &parts[1..], value)
        .map_err(|part| usage!("{key}: `{part}` is not a table"))
}

fn insert<'k>(
    table: &mut toml::Table,
    first: &'k str,
    rest: &[&'k str],
    value: toml::Value,
) -> Result<(), &'k str> {
    let Some((next, rest)) = rest.split_first() else {
        table.insert(first.to_string(), value);
        return Ok(());
    };
    let entry = table
        .entry(first.to_string())
        .or_insert_with(|| toml::Value::Table(toml::Table::new()));
    match entry {
        toml::Value::Table(inner) => insert(inner, next, rest, value),
        _ => Err(first),
    }
}

/// A value as TOML where it is valid TOML, a number where it is `.1` or `1.`, else a plain string (so that quotes may be
/// left out).
pub fn parse_value(text: &str) -> toml::Value {
    let parsed = format!("value = {text}").parse::<toml::Table>();
    match parsed {
        Ok(mut table) if table.len() == 1 => table
            .remove("value")
            .unwrap_or_else(|| toml::Value::String(text.into())),
        _ => match text.parse() {
            Ok(number) if text.contains('.') => toml::Value::Float(number),
            _ => toml::Value::String(text.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known() -> Vec<&'static str> {
        vec!["lr", "method", "dataset"]
    }

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
        apply(&mut table, &set, &known()).unwrap();
        assert_eq!(table["method"]["center_rows"], toml::Value::Boolean(true));
        let bad = [Assignment::set("lr", "1"), Assignment::set("lr.x", "2")];
        assert!(
            apply(&mut toml::Table::new(), &bad, &known())
                .unwrap_err()
                .to_string()
                .contains("`lr`")
        );
    }

    #[test]
    fn an_option_of_a_method_is_known_by_its_bare_name() {
        let bare = [Assignment::set("center_rows", "true")];
        let error = apply(&mut toml::Table::new(), &bare, &known()).unwrap_err();
        assert!(error.to_string().ends_with("is `method.center_rows`"));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused_without_a_panic(text in ".*") {
            if let Ok(assignment) = split(&text) {
                let mut table = toml::Table::new();
                let first = assignment.key.split('.').next().unwrap_or("").to_string();
                let taken = apply(&mut table, &[assignment], &known());
                prop_assert_eq!(taken.is_ok(), known().contains(&first.as_str()));
            }
        }

        #[test]
        fn numbers_round_trip(number in proptest::num::f64::NORMAL) {
            prop_assert_eq!(parse_value(&format!("{number:?}")), toml::Value::Float(number));
        }
    }
}
