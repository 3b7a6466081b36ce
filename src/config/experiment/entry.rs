//! The methods of an experiment, each with its options, learning rates and exceptions.

use std::collections::BTreeMap;

use anyhow::Result;
use toml::{Table, Value};

use super::values::{Reader, number};
use crate::methods;
use crate::usage;

/// Keys of an entry that are not options of the method.
const ENTRY_KEYS: &[&str] = &["name", "label", "lr", "lrs", "batch_sizes", "set"];

/// Which learning rates a method is trained with.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum LearningRates {
    /// Those of the experiment, else the method's default.
    #[default]
    Inherited,
    /// One for every batch size.
    One(f64),
    /// One for each batch size.
    PerBatchSize(BTreeMap<usize, f64>),
    /// Several, each a run.
    Several(Vec<f64>),
}

/// One method of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodEntry {
    /// Registry name.
    pub name: String,
    /// What tables and pictures call it.
    pub label: String,
    /// The method's options that differ from their defaults.
    pub options: Table,
    /// Learning rates.
    pub rates: LearningRates,
    /// Batch sizes, where they are not the experiment's.
    pub batch_sizes: Option<Vec<usize>>,
    /// Keys of the run's configuration that this entry changes.
    pub set: Table,
}

/// Reads `methods`, or makes one entry of the `method` that a run's configuration has.
pub fn read_all(base: &mut Table, table: &Table, reader: &Reader) -> Result<Vec<MethodEntry>> {
    let single = base.remove("method");
    let items = match (table.get("methods"), single) {
        (Some(_), Some(_)) => {
            return Err(reader.refuse("method", "give `method` or `methods`, not both"));
        }
        (None, None) => {
            return Err(reader.refuse(
                "methods",
                "`methods` is missing: for example methods = [\"bn\", \"normprop\"]",
            ));
        }
        (None, Some(single)) => vec![single],
        (Some(Value::Array(items)), None) if !items.is_empty() => items.clone(),
        (Some(other), None) => {
            return Err(reader.refuse(
                "methods",
                format!("methods = {other}: expected a list with at least one method"),
            ));
        }
    };
    let mut entries: Vec<MethodEntry> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("methods.{index}");
        let entry = read(item, &path, reader)?;
        if entries.iter().any(|other| other.label == entry.label) {
            return Err(reader.refuse(
                &path,
                format!(
                    "two methods are called `{0}`; give one of them a label = \"...\"",
                    entry.label
                ),
            ));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn read(item: &Value, path: &str, reader: &Reader) -> Result<MethodEntry> {
    let given = match item {
        Value::String(name) => Table::from_iter([("name".to_owned(), Value::String(name.clone()))]),
        Value::Table(given) => given.clone(),
        other => {
            return Err(reader.refuse(
                path,
                format!("{other}: expected a method's name or a table"),
            ));
        }
    };
    let at = |key: &str| format!("{path}.{key}");
    let text = |key: &str| match given.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.clone())),
        Some(other) => Err(reader.refuse(&at(key), format!("{key} = {other}: expected a text"))),
    };
    let Some(name) = text("name")? else {
        return Err(reader.refuse(path, "a method needs a name"));
    };
    let method = methods::find(&name).map_err(|error| reader.refuse(&at("name"), error))?;
    let options: Table = given
        .iter()
        .filter(|(key, _)| !ENTRY_KEYS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for (key, value) in &options {
        let single = Table::from_iter([(key.clone(), value.clone())]);
        method.resolve(&single).map_err(|error| {
            let keys = ENTRY_KEYS.join(", ");
            reader.refuse(&at(key), format!("{error} (an entry also takes {keys})"))
        })?;
    }
    let set = reader
        .table(&given, "set", &at("set"))?
        .cloned()
        .unwrap_or_default();
    for (key, value) in &set {
        let place = format!("{path}.set.{key}");
        if matches!(
            key.as_str(),
            "method" | "lr" | "batch_size" | "seed" | "name"
        ) {
            return Err(reader.refuse(
                &place,
                format!("`{key}` has a place of its own and cannot stand in `set`"),
            ));
        }
        reader.check_run_key(key, &place, value)?;
    }
    Ok(MethodEntry {
        label: text("label")?.unwrap_or_else(|| name.clone()),
        rates: rates(&given, path, reader)?,
        batch_sizes: reader.batch_sizes(&given, "batch_sizes", &at("batch_sizes"))?,
        name,
        options,
        set,
    })
}

fn rates(given: &Table, path: &str, reader: &Reader) -> Result<LearningRates> {
    let place = format!("{path}.lr");
    let several = reader.rates(given, "lrs", &format!("{path}.lrs"))?;
    match (given.get("lr"), several) {
        (None, None) => Ok(LearningRates::Inherited),
        (None, Some(several)) => Ok(LearningRates::Several(several)),
        (Some(_), Some(_)) => Err(reader.refuse(&place, "give `lr` or `lrs`, not both")),
        (Some(Value::Table(by_size)), None) => {
            let mut rates = BTreeMap::new();
            for (key, value) in by_size {
                let place = format!("{place}.{key}");
                let size = key.parse::<usize>().ok().filter(|size| *size > 0);
                let size = size.ok_or_else(|| {
                    reader.refuse(&place, format!("`{key}` in lr: expected a batch size, as in lr = {{ 1 = 0.002, 50 = 0.02 }}"))
                })?;
                rates.insert(
                    size,
                    rate(value).ok_or_else(|| not_a_rate(value, &place, reader))?,
                );
            }
            Ok(LearningRates::PerBatchSize(rates))
        }
        (Some(value), None) => match rate(value) {
            Some(rate) => Ok(LearningRates::One(rate)),
            None => Err(not_a_rate(value, &place, reader)),
        },
    }
}

fn rate(value: &Value) -> Option<f64> {
    number(value).filter(|rate| *rate > 0.0 && rate.is_finite())
}

fn not_a_rate(value: &Value, place: &str, reader: &Reader) -> anyhow::Error {
    reader.refuse(
        place,
        format!("lr = {value}: expected a positive number, or one for each batch size"),
    )
}

impl MethodEntry {
    /// The learning rates at a batch size; `shared` are the experiment's. Empty: the method's default.
    pub fn rates_at(&self, batch_size: usize, shared: &[f64]) -> Result<Vec<f64>> {
        match &self.rates {
            LearningRates::Inherited => Ok(shared.to_vec()),
            LearningRates::One(rate) => Ok(vec![*rate]),
            LearningRates::Several(rates) => Ok(rates.clone()),
            LearningRates::PerBatchSize(rates) => match rates.get(&batch_size) {
                Some(rate) => Ok(vec![*rate]),
                None => {
                    let given: Vec<String> = rates.keys().map(usize::to_string).collect();
                    Err(usage!(
                        "method `{}` has no learning rate for batch size {batch_size}, only for {}",
                        self.label,
                        given.join(", ")
                    ))
                }
            },
        }
    }
}
