//! Event structs as CSV lines: the columns are the struct's fields, in the struct's order.
//!
//! NaN is an empty field; every other number is written with the fewest digits that read back to the same value.

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::StringRecord;
use serde::de::{DeserializeOwned, Deserializer, Visitor, value};
use serde::{Serialize, forward_to_deserialize_any};

/// A struct that is a row of a table.
pub trait Row: Serialize + DeserializeOwned {
    /// Name of the table's file in a run directory.
    const FILE_NAME: &'static str;
    /// Columns that hold text, where an empty field means an empty text.
    const TEXT_COLUMNS: &'static [&'static str];
    /// Columns at the end that older files do not have; there a row has the field's `#[serde(default)]`.
    const LATER_COLUMNS: &'static [&'static str] = &[];
    /// The row's place in the run: never falls from row to row.
    fn key(&self) -> u64;
}

/// The columns of a row type: the names of its fields, as serde has them.
pub fn columns<R: Row>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // The deserializer ends with an error on purpose: it has no values to give, only listens for the names.
    let _ = R::deserialize(FieldNames(&mut names));
    names
}

struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, value::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, value::Error> {
        Err(serde::de::Error::custom("no values"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The row's fields as text, in the order of [`columns`]; NaN is an empty text.
pub fn fields<R: Row>(row: &R) -> Result<Vec<String>> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    writer.serialize(row)?;
    let line = String::from_utf8(writer.into_inner().map_err(|error| anyhow!("{error}"))?)?;
    let record = parse_line(line.strip_suffix('\n').unwrap_or(&line))?;
    let blank_nan = |(column, field): (&&str, &str)| {
        if field == "NaN" && !R::TEXT_COLUMNS.contains(column) {
            String::new()
        } else {
            field.to_owned()
        }
    };
    Ok(columns::<R>().iter().zip(&record).map(blank_nan).collect())
}

/// The header line, with its line break.
pub fn header<R: Row>() -> String {
    columns::<R>().join(",") + "\n"
}

/// The lines of some rows, each with its line break.
pub fn lines<R: Row>(rows: &[R]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        let fields = fields(row)?;
        let broken = fields.iter().find(|field| field.contains(['\n', '\r']));
        if let Some(field) = broken {
            bail!(
                "{field:?} holds a line break and cannot be a field of {}",
                R::FILE_NAME
            );
        }
        writer.write_record(fields)?;
    }
    let bytes = writer.into_inner().map_err(|error| anyhow!("{error}"))?;
    Ok(String::from_utf8(bytes)?)
}

fn parse_line(line: &str) -> Result<StringRecord> {
    if !line.contains('"') {
        // The rule for lines without quotes; making a reader for each line would take most of the time.
        let line = line.strip_suffix('\r').unwrap_or(line);
        return Ok(line.split(',').collect::<Vec<&str>>().into());
    }
    let mut record = StringRecord::new();
    csv::ReaderBuilder::new()
        .has_headers(false)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes())
        .read_record(&mut record)?;
    Ok(record)
}

/// Reads one line, without its line break, of a file with `width` columns, which begin with those of [`columns`] or
/// are those without some of the later ones.
pub fn decode<R: Row>(line: &[u8], width: usize) -> Result<R> {
    let line = std::str::from_utf8(line).context("not UTF-8 text")?;
    let record = parse_line(line)?;
    ensure!(
        record.len() == width,
        "{} fields, where the header has {width}",
        record.len()
    );
    let names = columns::<R>();
    let named = names.iter().zip(&record);
    let filled = named.map(|(name, field)| {
        if field.is_empty() && !R::TEXT_COLUMNS.contains(name) {
            "NaN"
        } else {
            field
        }
    });
    let filled: StringRecord = filled.collect();
    let there = names.get(..filled.len()).unwrap_or(names);
    filled
        .deserialize(Some(&StringRecord::from(there)))
        .map_err(|error| describe(&error, names))
}

fn describe(error: &csv::Error, names: &[&str]) -> anyhow::Error {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let column = err.field().and_then(|index| names.get(index as usize));
            match column {
                Some(name) => anyhow!("column `{name}`: {}", err.kind()),
                None => anyhow!("{}", err.kind()),
            }
        }
        _ => anyhow!("{error}"),
    }
}
