//! What numbers and lists must be, as the schema of a type says it: one declaration for reading, documentation and
//! editors.
//!
//! The keywords of JSON Schema that are used: `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `minItems`,
//! `maxItems`, `minProperties`, `uniqueItems`, and `maxLength`, which counts bytes here, as file systems do; below
//! `properties`, `propertyNames`, `additionalProperties`, `items` and `anyOf`. Two are our own: `multiline`, for texts of
//! several lines, and `smallest`, below which no number lies but 0.

use std::collections::HashSet;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::ops::RangeBounds;

use serde_json::Value as Json;
use toml::Value;

use crate::error::{KeyFault, joined};
use crate::text::numbers::exact;

/// Checks a value, which stands at `path` and was read as the type of `schema` before, so that its types fit.
pub fn check(value: &Value, schema: &Json, path: &str) -> Result<(), KeyFault> {
    let schema = alternative(value, schema);
    let key = path.rsplit('.').next().unwrap_or(path);
    match value {
        Value::Table(table) => {
            enough(table.len(), &schema["minProperties"], key, path)?;
            table.iter().try_for_each(|(name, value)| {
                let of = format!("a name in {key}");
                text(name, &schema["propertyNames"], &of, path)?;
                let own = schema["properties"].get(name);
                let own = own.unwrap_or(&schema["additionalProperties"]);
                check(value, own, &joined(path, &[name]))
            })
        }
        Value::Array(items) => {
            enough(items.len(), &schema["minItems"], key, path)?;
            few_enough(
                items.len(),
                &schema["maxItems"],
                &format!("{key} has"),
                "items",
                path,
            )?;
            let (is_set, mut seen) = (schema["uniqueItems"] == true, HashSet::new());
            for (index, item) in items.iter().enumerate() {
                let place = joined(path, &[&index.to_string()]);
                let may_stand = !is_set || seen.insert(item.to_string());
                KeyFault::unless(may_stand, &place, format!("{item} stands twice in {key}"))?;
                within(
                    item,
                    &schema["items"],
                    &place,
                    format!("{} in {key}", written(item)),
                )?;
                check(item, &schema["items"], &place)?;
            }
            Ok(())
        }
        Value::String(given) => text(given, schema, key, path),
        number => within(number, schema, path, format!("{key} = {}", written(number))),
    }
}

/// Refuses a text that a table, a log or a script could not hold on a line, or that is longer than it may be.
pub fn text(text: &str, schema: &Json, key: &str, path: &str) -> Result<(), KeyFault> {
    let mut characters = text.chars().filter(|_| schema["multiline"] != true);
    if let Some(character) = characters.find(|character| character.is_control()) {
        let what = format!("{key} = {text:?}: must be one line of text, without {character:?}");
        return Err(KeyFault::new(path, what));
    }
    few_enough(
        text.len(),
        &schema["maxLength"],
        &format!("{key} has"),
        "bytes",
        path,
    )
}

fn enough(count: usize, fewest: &Json, key: &str, path: &str) -> Result<(), KeyFault> {
    let fewest = fewest.as_u64().unwrap_or(0);
    let what = format!("{key} is empty: at least {fewest} is needed");
    KeyFault::unless(count as u64 >= fewest, path, what)
}

fn few_enough(count: usize, most: &Json, has: &str, of: &str, path: &str) -> Result<(), KeyFault> {
    let most = most.as_u64().unwrap_or(u64::MAX);
    let what = format!("{has} {count} {of}: at most {most} are possible");
    KeyFault::unless(count as u64 <= most, path, what)
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
    let fits = number.is_finite()
        && bounds(schema).contains(&number)
        && schema["smallest"]
            .as_f64()
            .is_none_or(|least| number == 0.0 || number.abs() >= least);
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

/// A value as a message shows it: a number without hundreds of zeros.
fn written(value: &Value) -> String {
    value.as_float().map_or_else(|| value.to_string(), exact)
}

/// The numbers that a schema allows, in words; `None` where it allows all.
pub fn range(schema: &Json) -> Option<String> {
    let text = |key: &str| match &schema[key] {
        Json::Number(number) if number.is_f64() => number.as_f64().map(exact),
        bound if bound.as_i64() == Some(i64::MAX) => None,
        bound => bound.is_number().then(|| bound.to_string()),
    };
    let excluded = (text("exclusiveMinimum"), text("exclusiveMaximum"));
    let (open, close) = (excluded.0.is_some(), excluded.1.is_some());
    let smallest = text("smallest");
    let zero = if smallest.is_some() { "0 or " } else { "" };
    let low = smallest.or(excluded.0).or(text("minimum"));
    Some(match (low, excluded.1.or(text("maximum"))) {
        (None, None) => return None,
        (Some(low), None) if open => format!("greater than {low}"),
        (Some(low), None) => format!("{zero}at least {low}"),
        (None, Some(high)) if close => format!("less than {high}"),
        (None, Some(high)) => format!("at most {high}"),
        (Some(low), Some(high)) => {
            let (open, close) = (if open { '(' } else { '[' }, if close { ')' } else { ']' });
            format!("{zero}in {open}{low}, {high}{close}")
        }
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
    forms(schema).into_iter().find(fits).unwrap_or(schema)
}

/// The forms of a schema, and those of its forms.
fn forms(schema: &Json) -> Vec<&Json> {
    match schema["anyOf"].as_array() {
        Some(several) => several.iter().flat_map(forms).collect(),
        None => vec![schema],
    }
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
            "s": { "minimum": 0, "smallest": 1e-30, "maximum": 1e30 },
            "t": { "maxLength": 3 },
            "m": { "multiline": true, "maxLength": 3 },
            "l": { "maxItems": 2 },
            "p": { "propertyNames": { "maxLength": 3 } },
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
                "run.e: a name in e = \"a\\u{1b}\": must be one line of text, without '\\u{1b}'",
            ),
            ("c = { x = inf }", "run.c.x: x = inf: must be at least 2"),
            ("s = 0", ""),
            ("s = 1e-30", ""),
            (
                "s = 1e-300",
                "run.s: s = 1e-300: must be 0 or in [1e-30, 1e30]",
            ),
            (
                "s = 1e300",
                "run.s: s = 1e300: must be 0 or in [1e-30, 1e30]",
            ),
            ("b = [1e300]\nt = \"abc\"\nm = \"a\\nb\"\nl = [1, 2]", ""),
            (
                "t = \"aé…\"",
                "run.t: t has 6 bytes: at most 3 are possible",
            ),
            (
                "m = \"a\\nbc\"",
                "run.m: m has 4 bytes: at most 3 are possible",
            ),
            (
                "l = [1, 2, 3]",
                "run.l: l has 3 items: at most 2 are possible",
            ),
            (
                "p.abcd = 1",
                "run.p: a name in p has 4 bytes: at most 3 are possible",
            ),
            (
                "other = inf",
                "run.other: other = inf: must be a finite number",
            ),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
    }
}
