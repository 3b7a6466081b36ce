//! Typed reading of values, each error with file, line and key.

use anyhow::Result;
use toml::{Table, Value};

use crate::config::check;
use crate::config::source::Source;
use crate::error::did_you_mean;

/// Reads values of one file. Each method takes the table, the key in it, and the key's path from the top.
pub struct Reader<'s> {
    source: &'s Source,
}

impl<'s> Reader<'s> {
    /// A reader for the file that `source` knows the lines of.
    pub fn new(source: &'s Source) -> Reader<'s> {
        Reader { source }
    }

    /// `FILE, line N` of a path.
    pub fn place(&self, path: &str) -> String {
        self.source.place(path)
    }

    /// An error at a path.
    pub fn refuse(&self, path: &str, what: impl std::fmt::Display) -> anyhow::Error {
        self.source.refuse(path, what)
    }

    /// Refuses keys of a sub-table that are not in `known`.
    pub fn known(&self, table: &Table, path: &str, known: &[&str]) -> Result<()> {
        match table.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let hint = did_you_mean(key, known.iter().copied());
                Err(self.refuse(
                    &format!("{path}.{key}"),
                    format!("unknown key `{key}` in {path}; {hint}"),
                ))
            }
        }
    }

    /// Checks the type of one key of a run's configuration.
    pub fn check_run_key(&self, key: &str, path: &str, value: &Value) -> Result<()> {
        check::key(key, value).map_err(|fault| self.refuse(path, fault.what))
    }

    /// A sub-table.
    pub fn table<'t>(&self, table: &'t Table, key: &str, path: &str) -> Result<Option<&'t Table>> {
        match table.get(key) {
            None => Ok(None),
            Some(Value::Table(inner)) => Ok(Some(inner)),
            Some(other) => Err(self.refuse(path, format!("{key} = {other}: expected a table"))),
        }
    }

    /// A text.
    pub fn text(&self, table: &Table, key: &str) -> Result<Option<String>> {
        match table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => {
                Err(self.refuse(key, format!("{key} = {other}: expected a text in quotes")))
            }
        }
    }

    /// A list of texts, empty when it is not there.
    pub fn texts(&self, table: &Table, key: &str) -> Result<Vec<String>> {
        let items = match table.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(other) => {
                return Err(self.refuse(key, format!("{key} = {other}: expected a list of texts")));
            }
        };
        let text = |item: &Value| item.as_str().map(str::to_owned);
        let texts: Option<Vec<String>> = items.iter().map(text).collect();
        texts.ok_or_else(|| self.refuse(key, format!("{key}: expected a list of texts")))
    }

    /// A fraction in (0, 1) at the top.
    pub fn fraction(&self, table: &Table, key: &str) -> Result<Option<f64>> {
        self.fraction_at(table, key, key)
    }

    /// A fraction in (0, 1).
    pub fn fraction_at(&self, table: &Table, key: &str, path: &str) -> Result<Option<f64>> {
        let Some(value) = table.get(key) else {
            return Ok(None);
        };
        match number(value) {
            Some(fraction) if fraction > 0.0 && fraction < 1.0 => Ok(Some(fraction)),
            _ => Err(self.refuse(
                path,
                format!("{key} = {value}: expected a fraction between 0 and 1"),
            )),
        }
    }

    /// True or false.
    pub fn flag_at(&self, table: &Table, key: &str, path: &str) -> Result<Option<bool>> {
        match table.get(key) {
            None => Ok(None),
            Some(Value::Boolean(flag)) => Ok(Some(*flag)),
            Some(other) => {
                Err(self.refuse(path, format!("{key} = {other}: expected true or false")))
            }
        }
    }

    /// A whole number of at least 1.
    pub fn positive(&self, table: &Table, key: &str, path: &str) -> Result<Option<usize>> {
        match table.get(key) {
            None => Ok(None),
            Some(value) => match positive(value) {
                Some(count) => Ok(Some(count)),
                None => Err(self.refuse(
                    path,
                    format!("{key} = {value}: expected a whole number of at least 1"),
                )),
            },
        }
    }

    /// A list of learning rates: positive, none twice.
    pub fn rates(&self, table: &Table, key: &str, path: &str) -> Result<Option<Vec<f64>>> {
        let positive = |value: &Value| number(value).filter(|rate| *rate > 0.0 && rate.is_finite());
        self.list(table, key, path, positive, "a list of positive numbers")
    }

    /// A list of batch sizes: at least 1 each, none twice.
    pub fn batch_sizes(&self, table: &Table, key: &str, path: &str) -> Result<Option<Vec<usize>>> {
        self.list(table, key, path, positive, "whole numbers of at least 1")
    }

    /// Seeds: a list, or how many (then 0, 1, 2, …).
    pub fn seeds(&self, table: &Table, key: &str, path: &str) -> Result<Option<Vec<u64>>> {
        if let Some(Value::Integer(count)) = table.get(key) {
            return match u64::try_from(*count) {
                Ok(count @ 1..=100_000) => Ok(Some((0..count).collect())),
                _ => Err(self.refuse(
                    path,
                    format!("{key} = {count}: expected a list of seeds, or how many (1 to 100000)"),
                )),
            };
        }
        let seed = |value: &Value| value.as_integer().and_then(|seed| u64::try_from(seed).ok());
        self.list(
            table,
            key,
            path,
            seed,
            "a list of whole numbers, or how many",
        )
    }

    fn list<T: PartialEq + std::fmt::Display>(
        &self,
        table: &Table,
        key: &str,
        path: &str,
        item: impl Fn(&Value) -> Option<T>,
        expected: &str,
    ) -> Result<Option<Vec<T>>> {
        let items = match table.get(key) {
            None => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(other) => {
                return Err(self.refuse(path, format!("{key} = {other}: expected {expected}")));
            }
        };
        if items.is_empty() {
            return Err(self.refuse(path, format!("{key} is empty: nothing would be run")));
        }
        let mut list: Vec<T> = Vec::with_capacity(items.len());
        for (index, given) in items.iter().enumerate() {
            let place = format!("{path}.{index}");
            let Some(value) = item(given) else {
                return Err(self.refuse(&place, format!("{given} in {key}: expected {expected}")));
            };
            if list.contains(&value) {
                return Err(self.refuse(&place, format!("{value} stands twice in {key}")));
            }
            list.push(value);
        }
        Ok(Some(list))
    }
}

/// A number, whole or not.
pub fn number(value: &Value) -> Option<f64> {
    value
        .as_float()
        .or(value.as_integer().map(|whole| whole as f64))
}

fn positive(value: &Value) -> Option<usize> {
    let whole = value
        .as_integer()
        .and_then(|whole| usize::try_from(whole).ok());
    whole.filter(|whole| *whole > 0)
}
