//! The tables of probes: columns as data, from which CSV files, JSON documents and tables in the terminal are made.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::text::numbers::{count, significant};
use crate::text::{Table, Terminal, cell};

/// Digits of a number in the terminal.
const DIGITS: usize = 3;

/// A field of a table. A number that is NaN is an empty field, and null in JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum TableField {
    /// A name.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A measured number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
}

impl TableField {
    fn in_file(&self) -> TableField {
        match self {
            TableField::Text(text) => TableField::Text(cell(text).into_owned()),
            field => field.clone(),
        }
    }

    fn in_terminal(&self) -> String {
        match self {
            TableField::Text(text) => text.clone(),
            TableField::Count(number) => count(*number),
            TableField::Number(number) => significant(*number, DIGITS),
            TableField::Flag(flag) => flag.to_string(),
        }
    }
}

impl Serialize for TableField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            TableField::Text(text) => serializer.serialize_str(text),
            TableField::Count(count) => serializer.serialize_u64(*count),
            TableField::Number(number) if number.is_nan() => serializer.serialize_none(),
            TableField::Number(number) => serializer.serialize_f64(*number),
            TableField::Flag(flag) => serializer.serialize_bool(*flag),
        }
    }
}

impl From<String> for TableField {
    fn from(text: String) -> Self {
        TableField::Text(text)
    }
}

impl From<u64> for TableField {
    fn from(count: u64) -> Self {
        TableField::Count(count)
    }
}

impl From<usize> for TableField {
    fn from(count: usize) -> Self {
        TableField::Count(count as u64)
    }
}

impl From<f64> for TableField {
    fn from(number: f64) -> Self {
        TableField::Number(number)
    }
}

impl From<bool> for TableField {
    fn from(flag: bool) -> Self {
        TableField::Flag(flag)
    }
}

/// A table with the names of its columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProbeTable {
    names: Vec<Cow<'static, str>>,
    rows: Vec<Vec<TableField>>,
}

impl ProbeTable {
    /// A single row of named fields.
    pub fn of_one_row(fields: impl Iterator<Item = (&'static str, TableField)>) -> ProbeTable {
        let (names, row): (Vec<&'static str>, _) = fields.unzip();
        let names = names.into_iter().map(Cow::from).collect();
        let rows = vec![row];
        ProbeTable { names, rows }
    }

    /// Tables of the same columns, one below the other.
    pub fn stacked(tables: impl IntoIterator<Item = ProbeTable>) -> ProbeTable {
        let below = |mut above: ProbeTable, table: ProbeTable| {
            above.rows.extend(table.rows);
            above
        };
        tables.into_iter().reduce(below).unwrap_or_default()
    }

    /// The table with more columns in front, in which all rows have the same.
    pub fn labeled<const N: usize>(self, labels: [(&'static str, TableField); N]) -> ProbeTable {
        let (names, fields): (Vec<&'static str>, Vec<_>) = labels.into_iter().unzip();
        let names = names.into_iter().map(Cow::from).collect();
        let rows = self.rows.into_iter();
        ProbeTable {
            names: [names, self.names].concat(),
            rows: rows.map(|row| [fields.clone(), row].concat()).collect(),
        }
    }

    /// As a CSV file.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.names.iter().map(|name| name.as_bytes()))?;
        for row in &self.rows {
            writer.serialize(row.iter().map(TableField::in_file).collect::<Vec<_>>())?;
        }
        writer.into_inner().map_err(|error| anyhow!("{error}"))
    }

    /// As a JSON array, an object a row.
    pub fn json(&self) -> Result<Value> {
        let entry = |(name, field): (&Cow<str>, &TableField)| {
            Ok((name.clone().into_owned(), serde_json::to_value(field)?))
        };
        let object = |row: &Vec<TableField>| {
            let entries = self.names.iter().zip(row).map(entry);
            entries.collect::<Result<Map<_, _>>>().map(Value::Object)
        };
        self.rows.iter().map(object).collect()
    }

    /// For the terminal: names at the left, numbers at the right, to three digits.
    pub fn text(&self) -> String {
        let mut table = Table::of(&self.rows);
        for (index, name) in self.names.iter().enumerate() {
            let cell = |row: &Vec<TableField>| row[index].in_terminal();
            table = match self.rows.first().map(|row| &row[index]) {
                Some(TableField::Text(_)) => table.left(name, cell),
                _ => table.right(name, cell),
            };
        }
        table.build().render(&Terminal::detect())
    }

    /// A table that was written as a CSV file.
    pub fn read(path: &Path) -> Result<ProbeTable> {
        let read = || -> Result<ProbeTable> {
            let mut reader = csv::Reader::from_path(path)?;
            let names = reader.headers()?.iter();
            let names = names.map(|name| name.to_owned().into()).collect();
            let field = |text: &str| TableField::Text(text.to_owned());
            let row = |record: csv::StringRecord| record.iter().map(field).collect();
            let rows = reader.records().map(|record| Ok(row(record?)));
            Ok(ProbeTable {
                names,
                rows: rows.collect::<Result<_>>()?,
            })
        };
        read().with_context(|| format!("cannot read {}", path.display()))
    }

    /// The rows, whose values are found by the names of their columns.
    pub fn rows(&self) -> impl Iterator<Item = TableRow<'_>> {
        self.rows.iter().map(|fields| TableRow {
            names: &self.names,
            fields,
        })
    }
}

/// A row of a table.
#[derive(Clone, Copy)]
pub struct TableRow<'t> {
    names: &'t [Cow<'static, str>],
    fields: &'t [TableField],
}

impl<'t> TableRow<'t> {
    fn field(&self, column: &str) -> Option<&'t TableField> {
        let place = self.names.iter().position(|name| name == column)?;
        self.fields.get(place)
    }

    /// A text; empty where the table lacks the column.
    pub fn text(&self, column: &str) -> &'t str {
        match self.field(column) {
            Some(TableField::Text(text)) => text,
            _ => "",
        }
    }

    /// A number; NaN where the row has none.
    pub fn number(&self, column: &str) -> f64 {
        match self.field(column) {
            Some(TableField::Number(number)) => *number,
            Some(TableField::Count(count)) => *count as f64,
            Some(TableField::Text(text)) => text.parse().unwrap_or(f64::NAN),
            Some(TableField::Flag(_)) | None => f64::NAN,
        }
    }
}

/// In which tables a column stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Both,
    OneNetwork,
    OverCheckpoints,
}

struct ProbeColumn<M> {
    name: &'static str,
    scope: Scope,
    value: Box<dyn Fn(&M) -> TableField>,
}

/// The columns of the rows that are made of `M`.
pub struct Columns<M>(Vec<ProbeColumn<M>>);

impl<M> Columns<M> {
    /// No columns yet.
    pub fn new() -> Self {
        Columns(Vec::new())
    }

    /// One more column.
    pub fn with<V: Into<TableField>>(
        mut self,
        name: &'static str,
        value: impl Fn(&M) -> V + 'static,
    ) -> Self {
        self.0.push(ProbeColumn {
            name,
            scope: Scope::Both,
            value: Box::new(move |row: &M| value(row).into()),
        });
        self
    }

    /// The table over checkpoints does not have the column added last.
    pub fn of_one_network(self) -> Self {
        self.scoped(Scope::OneNetwork)
    }

    /// Only the table over checkpoints has the column added last.
    pub fn over_checkpoints(self) -> Self {
        self.scoped(Scope::OverCheckpoints)
    }

    fn scoped(mut self, scope: Scope) -> Self {
        if let Some(column) = self.0.last_mut() {
            column.scope = scope;
        }
        self
    }

    /// The table of one network.
    pub fn table(&self, rows: &[M]) -> ProbeTable {
        self.without(Scope::OverCheckpoints, rows)
    }

    /// The tables of several things, one below the other, with the names of these in a column in front.
    pub fn stacked<'m>(
        &self,
        column: &'static str,
        tables: impl Iterator<Item = (&'m String, &'m Vec<M>)>,
    ) -> ProbeTable
    where
        M: 'm,
    {
        let labeled = |(name, rows): (&String, &Vec<M>)| {
            self.table(rows).labeled([(column, name.clone().into())])
        };
        ProbeTable::stacked(tables.map(labeled))
    }

    /// What a table over checkpoints has of these columns.
    pub fn checkpoint_table(&self, rows: &[M]) -> ProbeTable {
        self.without(Scope::OneNetwork, rows)
    }

    fn without(&self, scope: Scope, rows: &[M]) -> ProbeTable {
        let columns = || self.0.iter().filter(|column| column.scope != scope);
        let fields = |row: &M| columns().map(|column| (column.value)(row)).collect();
        ProbeTable {
            names: columns().map(|column| column.name.into()).collect(),
            rows: rows.iter().map(fields).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_written_as_csv_and_as_json() {
        let columns = Columns::<(&str, f64)>::new()
            .with("name", |row| row.0.to_owned())
            .with("value", |row| row.1)
            .of_one_network()
            .with("half", |row| 0.5 * row.1)
            .over_checkpoints()
            .with("count", |_| 3_usize)
            .with("large", |row| row.1 > 1.0);
        let rows = [("=a,b", 1.5), ("", f64::NAN), ("c", f64::INFINITY)];
        let table = columns.table(&rows);
        let csv = "name,value,count,large\n\"'=a,b\",1.5,3,true\n,,3,false\nc,inf,3,true\n";
        assert_eq!(String::from_utf8(table.csv().unwrap()).unwrap(), csv);
        let json = table.json().unwrap();
        assert_eq!(
            json[0].to_string(),
            r#"{"name":"=a,b","value":1.5,"count":3,"large":true}"#
        );
        assert!(json[1]["value"].is_null());
        assert_eq!(
            columns.checkpoint_table(&rows).names,
            ["name", "half", "count", "large"]
        );
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let columns = Columns::<(&str, f64)>::new()
            .with("name", |row| row.0.to_owned())
            .with("value", |row| row.1);
        let table = columns.table(&[("a", 1.0 / 3.0), ("b", f64::NAN)]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, table.csv().unwrap()).unwrap();
        let read = ProbeTable::read(&path).unwrap();
        let rows: Vec<_> = read.rows().collect();
        assert_eq!(
            (rows[0].text("name"), rows[0].number("value")),
            ("a", 1.0 / 3.0)
        );
        assert!(rows[1].number("value").is_nan() && rows[1].number("other").is_nan());
        let error = ProbeTable::read(&folder.path().join("none.csv")).unwrap_err();
        assert!(format!("{error:#}").contains("none.csv"));
    }

    #[test]
    fn tables_are_labeled_and_stacked() {
        let columns = Columns::<f64>::new().with("value", |value| *value);
        let of = |run: &str, values: &[f64]| {
            columns
                .table(values)
                .labeled([("run", run.to_owned().into())])
        };
        let table = ProbeTable::stacked([of("bn", &[1.0, 2.0]), of("none", &[3.0])]);
        let csv = "run,value\nbn,1.0\nbn,2.0\nnone,3.0\n";
        assert_eq!(String::from_utf8(table.csv().unwrap()).unwrap(), csv);
        assert!(table.text().contains("2.00"), "{}", table.text());
    }
}
