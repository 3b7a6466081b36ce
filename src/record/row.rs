//! Structs as CSV lines: the columns are the struct's fields, and a field that is a struct stands for its own fields.
//!
//! NaN and `None` are empty fields; every other number is written with the fewest digits that read back to the same
//! value. Columns are found by their names: one that a file lacks is read as empty, one that the struct lacks is
//! passed over.

use std::cell::RefCell;
use std::fmt::Display;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::StringRecord;
use serde::de::value::{Error, MapDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::{Map, Value};

use crate::text::{cell, of_cell};

/// A struct that is a row of a table.
pub trait Row: Serialize + DeserializeOwned {
    /// Name of the table's file.
    const FILE_NAME: &'static str;
    /// The columns in the file's order, where that is not the order of the fields.
    const ORDER: &'static str = "";

    /// The row's place in the run: never falls from row to row.
    fn key(&self) -> u64 {
        0
    }
}

/// What a column's fields hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text, which may be empty.
    Text,
    /// A number; empty where it is not known.
    Number,
    /// A count, a flag or a word out of a list, which is never empty: a file without the column is of another kind.
    Required,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvColumn {
    /// Its name in the header.
    pub name: &'static str,
    /// What its fields hold.
    pub kind: ColumnKind,
}

/// The columns of a row type, in the file's order.
pub fn columns<R: Row>() -> Vec<CsvColumn> {
    let mut columns = columns_of_struct::<R>();
    columns.sort_by_key(place::<R>);
    columns
}

fn columns_of_struct<R: DeserializeOwned>() -> Vec<CsvColumn> {
    let columns = RefCell::default();
    // Makes a row of zeros, which nobody needs: what counts is which fields it asks for.
    let _ = R::deserialize(CsvField {
        name: "",
        source: FieldSource::None(&columns),
    });
    columns.into_inner()
}

fn place<R: Row>(column: &CsvColumn) -> Option<usize> {
    R::ORDER.split(',').position(|name| name == column.name)
}

/// The row's columns with their fields as text, in the file's order.
pub fn fields<R: Row>(row: &R) -> Result<Vec<(CsvColumn, String)>> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    writer.serialize(row)?;
    let line = String::from_utf8(writer.into_inner().map_err(|error| anyhow!("{error}"))?)?;
    let record = parse_line(line.strip_suffix('\n').unwrap_or(&line))?;
    let columns = columns_of_struct::<R>();
    ensure!(
        columns.len() == record.len(),
        "{} columns, but {} fields",
        columns.len(),
        record.len()
    );
    let text = |(column, field): (CsvColumn, &str)| match (column.kind, field) {
        (ColumnKind::Number, "NaN") => (column, String::new()),
        (ColumnKind::Text, text) => (column, cell(text).into_owned()),
        _ => (column, field.to_owned()),
    };
    let mut fields: Vec<(CsvColumn, String)> = columns.into_iter().zip(&record).map(text).collect();
    fields.sort_by_key(|(column, _)| place::<R>(column));
    Ok(fields)
}

/// The header line, with its line break.
pub fn header<R: Row>() -> String {
    let names: Vec<&str> = columns::<R>().iter().map(|column| column.name).collect();
    names.join(",") + "\n"
}

/// The lines of some rows, each with its line break.
pub fn lines<R: Row>(rows: &[R]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        let fields = fields(row)?;
        let mut texts = fields.iter().map(|(_, text)| text);
        if let Some(text) = texts.find(|text| text.contains(['\n', '\r'])) {
            bail!(
                "{text:?} holds a line break and cannot be a field of {}",
                R::FILE_NAME
            );
        }
        writer.write_record(fields.iter().map(|(_, text)| text))?;
    }
    let bytes = writer.into_inner().map_err(|error| anyhow!("{error}"))?;
    Ok(String::from_utf8(bytes)?)
}

/// The rows as JSON objects of their columns, in the file's order.
pub fn to_json<R: Row>(rows: &[R]) -> Result<Vec<Map<String, Value>>> {
    let columns = columns::<R>();
    let object = |row: &R| {
        let mut flat = Map::new();
        if let Value::Object(fields) = serde_json::to_value(row)? {
            for (name, value) in fields {
                match value {
                    Value::Object(inner) => flat.extend(inner),
                    value => drop(flat.insert(name, value)),
                }
            }
        }
        let entry =
            |column: &CsvColumn| Some((column.name.to_owned(), flat.get(column.name)?.clone()));
        Ok(columns.iter().filter_map(entry).collect())
    };
    rows.iter().map(object).collect()
}

/// The fields of a line without its line break.
pub fn parse_line(line: &str) -> Result<StringRecord> {
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

/// Refuses a header that lacks a column without which there are no rows of this type.
pub fn check_header<R: DeserializeOwned>(header: &StringRecord) -> Result<()> {
    let columns = columns_of_struct::<R>();
    let is_missing = |column: &&CsvColumn| {
        column.kind == ColumnKind::Required && !header.iter().any(|name| name == column.name)
    };
    match columns.iter().find(is_missing) {
        Some(column) => bail!("column `{}` is missing", column.name),
        None => Ok(()),
    }
}

/// Reads a line of a file whose header was checked.
pub fn decode<R: DeserializeOwned>(line: &StringRecord, header: &StringRecord) -> Result<R> {
    ensure!(
        line.len() == header.len(),
        "{} fields, where the header has {}",
        line.len(),
        header.len()
    );
    let source = FieldSource::Line { header, line };
    R::deserialize(CsvField { name: "", source }).map_err(|error| anyhow!("{error}"))
}

/// Reads a line, which may not be text.
pub fn decode_bytes<R: Row>(line: &[u8], header: &StringRecord) -> Result<R> {
    let text = std::str::from_utf8(line).context("not UTF-8 text")?;
    decode(&parse_line(text)?, header)
}

/// Where fields come from.
#[derive(Clone, Copy)]
enum FieldSource<'a> {
    Line {
        header: &'a StringRecord,
        line: &'a StringRecord,
    },
    /// From nowhere; which columns were asked for is noted.
    None(&'a RefCell<Vec<CsvColumn>>),
}

/// One field, or under the name of a field that is a struct, all of them.
#[derive(Clone, Copy)]
struct CsvField<'a> {
    name: &'static str,
    source: FieldSource<'a>,
}

impl<'a> CsvField<'a> {
    /// The field's text; `None` where the file lacks the column.
    fn text(self, kind: ColumnKind) -> Option<&'a str> {
        match self.source {
            FieldSource::Line { header, line } => {
                let place = header.iter().position(|name| name == self.name)?;
                line.get(place)
            }
            FieldSource::None(columns) => {
                let name = self.name;
                columns.borrow_mut().push(CsvColumn { name, kind });
                None
            }
        }
    }

    fn parse<T: FromStr<Err: Display>>(self, kind: ColumnKind, empty: T) -> Result<T, Error> {
        match self.text(kind) {
            None => Ok(empty),
            Some("") if kind == ColumnKind::Number => Ok(empty),
            Some(text) => text.parse().map_err(|error| self.blame(error)),
        }
    }

    fn blame(self, error: impl Display) -> Error {
        Error::custom(format!("column `{}`: {error}", self.name))
    }
}

impl<'de> Deserializer<'de> for CsvField<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let cells = fields.iter().map(|name| (*name, CsvField { name, ..self }));
        visitor.visit_map(MapDeserializer::new(cells))
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(self.parse(ColumnKind::Required, 0)?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.parse(ColumnKind::Number, f64::NAN)?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.parse(ColumnKind::Required, false)?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.text(ColumnKind::Text).map(of_cell).unwrap_or_default())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text(ColumnKind::Number) {
            None | Some("") => visitor.visit_none(),
            Some(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let given = self.text(ColumnKind::Required);
        let word = given.or(variants.first().copied());
        let word: StrDeserializer<Error> = word.unwrap_or_default().into_deserializer();
        visitor.visit_enum(word).map_err(|error| self.blame(error))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(self.blame("no table has columns of this type"))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 char str bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for CsvField<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
