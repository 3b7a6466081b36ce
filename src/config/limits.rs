//! What numbers and lists must be, as the schema of a type says it: one declaration for reading, documentation and
//! editors.
//!
//! The keywords of JSON Schema that are used: `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `minItems`,
//! `minProperties` and `uniqueItems`, below `properties`, `additionalProperties`, `items` and `anyOf`; and one of our own,
//! `multiline`, for texts of several lines.

use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::ops::RangeBounds;

use serde_json::Value as Json;
use toml::Value;

use crate::error::{KeyFault, joined};

/// Checks a value, which stands at `path` and was read as the type of `schema` before, so that its types fit.
pub fn check(value: &Value, schema: &Json, path: &str) -> Result<(), KeyFault> {
    let schema = alternative(value, schema);
    let key = path.rsplit('.').next().unwrap_or(path);
    match value {
        Value::Table(table) => {
            enough(table.len(), &schema["minProperties"], key, path)?;
            table.iter().try_for_each(|(name, value)| {
                plain(name, key, path)?;
                let own = schema["properties"].get(name);
                let own = own.unwrap_or(&schema["additionalProperties"]);
                check(value, own, &joined(path, &[name]))
            })
        }
        Value::Array(items) => {
            enough(items.len(), &schema["minItems"], key, path)?;
            for (index, item) in items.iter().enumerate() {
                let place = joined(path, &[&index.to_string()]);
                let may_stand = schema["uniqueItems"] != true || !items[..index].contains(item);
                KeyFault::unless(may_stand, &place, format!("{item} stands twice in {key}"))?;
                within(item, &schema["items"], &place, format!("{item} in {key}"))?;
                check(item, &schema["items"], &place)?;
            }
            Ok(())
        }
        Value::String(text) if schema["multiline"] != true => plain(text, key, path),
        number => within(number, schema, path, format!("{key} = {number}")),
    }
}

/// Refuses a text that a table, a log or a script could not hold on a line.
fn plain(text: &str, key: &str, path: &str) -> Result<(), KeyFault> {
    let control = text.chars().find(|character| character.is_control());
    control.map_or(Ok(()), |character| {
        let what = format!("{key} = {text:?}: must be one line of text, without {character:?}");
        Err(KeyFault::new(path, what))
    })
}

fn enough(count: usize, fewest: &Json, key: &str, path: &str) -> Result<(), KeyFault> {
    let fewest = fewest.as_u64().unwrap_or(0);
    let what = format!("{key} is empty: at least {fewest} is needed");
    KeyFault::unless(count as u64 >= fewest, path, what)
}

/// Refuses a number out of its range; `shown` is the number as a message begins with it.
fn within(value: &Value, schema: &Json, path: &str, shown: String) -> Result<(), KeyFault> {
    misfit(value, schema).map_or(Ok(()), |range| {
        Err(KeyFault::new(path, format!("{shown}: must be {range}")))
    })
}

/// The range that a number is out of.
fn misfit(value: &Value, schema: &Json) -> Option<String> {
    let whole = value.as_integer().map(|whole| whole as f64);
    let number = value.as_float().or(whole)?;
    let fits = number.is_finite() && bounds(schema).contains(&number);
    (!fits).then(|| range(schema).unwrap_or_else(|| "a finite number".to_owned()))
}

fn bounds(schema: &Json) -> (Bound<f64>, Bound<f64>) {
    let bound = |included: &str, excluded: &str| {
        let included = schema[included].as_f64().map_or(Unbounded, Included);
        schema[excluded].as_f64().map_or(included, Excluded)
    };
    let low = bound("minimum", "exclusiveMinimum");
    (low, bound("maximum", "exclusiveMaximum"))
}

/// The numbers that a schema allows, in words; `None` where it allows all.
pub fn range(schema: &Json) -> Option<String> {
    Some(match bounds(schema) {
        (Unbounded, Unbounded) => return None,
        (Included(low), Unbounded) => format!("at least {low}"),
        (Excluded(low), Unbounded) => format!("greater than {low}"),
        (Unbounded, Included(high)) => format!("at most {high}"),
        (Unbounded, Excluded(high)) => format!("less than {high}"),
        (Included(low), Included(high)) => format!("in [{low}, {high}]"),
        (Included(low), Excluded(high)) => format!("in [{low}, {high})"),
        (Excluded(low), Included(high)) => format!("in ({low}, {high}]"),
        (Excluded(low), Excluded(high)) => format!("in ({low}, {high})"),
    })
}

/// The one of several forms that a value has.
fn alternative<'s>(value: &Value, schema: &'s Json) -> &'s Json {
    let kinds: &[&str] = match value {
        Value::Integer(_) => &["integer", "number"],
        Value::Float(_) => &["number"],
        Value::Array(_) => &["array"],
        Value::Table(_) => &["object"],
        _ => &["string"],
    };
    let fits = |form: &&Json| kinds.iter().any(|kind| form["type"] == *kind);
    let mut forms = schema["anyOf"].as_array().into_iter().flatten();
    forms.find(fits).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_lists_are_held_against_the_schema() {
        let schema = json!({ "properties": {
            "a": { "minimum": 0, "exclusiveMaximum": 1 },
            "b": { "minItems": 1, "uniqueItems": true, "items": { "exclusiveMinimum": 0 } },
            "d": { "multiline": true },
            "c": { "anyOf": [{ "type": "number", "maximum": 3 }, { "type": "object", "additionalProperties": { "minimum": 2 } }] },
        } });
        let fault = |text: &str| {
            let table: toml::Table = text.parse().unwrap();
            let fault = check(&Value::Table(table), &schema, "run").err();
            fault.map_or(String::new(), |fault| {
                format!("{}: {}", fault.key, fault.what)
            })
        };
        for (text, expected) in [
            ("a = 0\nb = [1, 2]\nc = 3", ""),
            ("a = 1", "run.a: a = 1: must be in [0, 1)"),
            ("a = nan", "run.a: a = nan: must be in [0, 1)"),
            ("b = []", "run.b: b is empty: at least 1 is needed"),
            ("b = [2, 1, 2]", "run.b.2: 2 stands twice in b"),
            ("b = [2, 0]", "run.b.1: 0 in b: must be greater than 0"),
            ("c = 3.5", "run.c: c = 3.5: must be at most 3"),
            ("c = { x = 1 }", "run.c.x: x = 1: must be at least 2"),
            ("d = \"a\\nb\"", ""),
            (
                "e = [\"a\", \"b\\nc\"]",
                "run.e.1: 1 = \"b\\nc\": must be one line of text, without '\\n'",
            ),
            (
                "e = { \"a\\u001b\" = 1 }",
                "run.e: e = \"a\\u{1b}\": must be one line of text, without '\\u{1b}'",
            ),
            ("c = { x = inf }", "run.c.x: x = inf: must be at least 2"),
            (
                "other = inf",
                "run.other: other = inf: must be a finite number",
            ),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
    }
}
