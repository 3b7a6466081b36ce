//! What numbers and lists must be, as the schema of a type says it: one declaration for reading, documentation and
//! editors.
//!
//! The keywords of JSON Schema that are used: `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `minItems`,
//! `minProperties` and `uniqueItems`, below `properties`, `additionalProperties`, `items` and `anyOf`; and one of our own,
//! `multiline`, for texts of several lines.

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
                let is_twice = items[..index].contains(item);
                if is_twice && schema["uniqueItems"] == true {
                    return Err(KeyFault::new(
                        place,
                        format!("{item} stands twice in {key}"),
                    ));
                }
                check_item(item, schema, key, place)?;
            }
            Ok(())
        }
        Value::Float(_) | Value::Integer(_) => match misfit(value, schema) {
            Some(range) => Err(KeyFault::new(
                path,
                format!("{key} = {value}: must be {range}"),
            )),
            None => Ok(()),
        },
        Value::String(text) if schema["multiline"] != true => plain(text, key, path),
        _ => Ok(()),
    }
}

/// Refuses a text that a table, a log or a script could not hold on a line.
fn plain(text: &str, key: &str, path: &str) -> Result<(), KeyFault> {
    match text.chars().find(|character| character.is_control()) {
        Some(character) => {
            let what = format!("{key} = {text:?}: must be one line of text, without {character:?}");
            Err(KeyFault::new(path, what))
        }
        None => Ok(()),
    }
}

fn enough(count: usize, fewest: &Json, key: &str, path: &str) -> Result<(), KeyFault> {
    match fewest.as_u64() {
        Some(fewest) if (count as u64) < fewest => {
            let what = format!("{key} is empty: at least {fewest} is needed");
            Err(KeyFault::new(path, what))
        }
        _ => Ok(()),
    }
}

fn check_item(item: &Value, list: &Json, key: &str, place: String) -> Result<(), KeyFault> {
    match misfit(item, &list["items"]) {
        Some(range) => Err(KeyFault::new(
            place,
            format!("{item} in {key}: must be {range}"),
        )),
        None => check(item, &list["items"], &place),
    }
}

/// The range that a number is out of.
fn misfit(value: &Value, schema: &Json) -> Option<String> {
    let number = value
        .as_float()
        .or(value.as_integer().map(|whole| whole as f64))?;
    let bound = |key: &str| schema[key].as_f64();
    let fits = number.is_finite()
        && bound("minimum").is_none_or(|low| number >= low)
        && bound("exclusiveMinimum").is_none_or(|low| number > low)
        && bound("maximum").is_none_or(|high| number <= high)
        && bound("exclusiveMaximum").is_none_or(|high| number < high);
    (!fits).then(|| range(schema).unwrap_or_else(|| "a finite number".to_owned()))
}

/// The numbers that a schema allows, in words; `None` where it allows all.
pub fn range(schema: &Json) -> Option<String> {
    let bound = |key: &str| schema[key].as_f64();
    let low = bound("minimum").map(|low| (low, true));
    let low = low.filter(|_| bound("exclusiveMinimum").is_none());
    let low = low.or(bound("exclusiveMinimum").map(|low| (low, false)));
    let high = bound("maximum").map(|high| (high, true));
    let high = high.or(bound("exclusiveMaximum").map(|high| (high, false)));
    match (low, high) {
        (None, None) => None,
        (Some((low, true)), None) => Some(format!("at least {low}")),
        (Some((low, false)), None) => Some(format!("greater than {low}")),
        (None, Some((high, true))) => Some(format!("at most {high}")),
        (None, Some((high, false))) => Some(format!("less than {high}")),
        (Some((low, has_low)), Some((high, has_high))) => {
            let open = if has_low { '[' } else { '(' };
            let close = if has_high { ']' } else { ')' };
            Some(format!("in {open}{low}, {high}{close}"))
        }
    }
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
