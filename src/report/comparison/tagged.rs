//! Rows of runs in one table: each row with the run's key before it and the method's label behind it.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use csv::StringRecord;
use serde::Deserialize;

use crate::record::files::read_text;
use crate::record::row::{Row, check_header, columns, decode, fields};
use crate::run_key::{GroupKey, RunKey};
use crate::text::cell;

/// Columns before those of the run's own table.
const KEY_COLUMNS: [&str; 4] = ["method", "batch_size", "lr", "seed"];

/// The rows of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRows<R> {
    /// Which run.
    pub key: RunKey,
    /// Its rows, in the order of its own table.
    pub rows: Vec<R>,
}

impl<R> RunRows<R> {
    /// The rows of a run.
    pub fn new(key: &RunKey, rows: Vec<R>) -> RunRows<R> {
        let key = key.clone();
        RunRows { key, rows }
    }
}

/// What a column of a run's own table is called beside those of the key: `lr` of an epoch is not that of the run.
fn name_beside_key(name: &str) -> String {
    if KEY_COLUMNS.contains(&name) {
        format!("epoch_{name}")
    } else {
        name.to_owned()
    }
}

/// The header as a row of the run's own table knows it: without the key's columns. Tables of earlier versions call
/// the epoch's learning rate `lr` too.
fn header_of_rows<'h>(header: &'h StringRecord) -> StringRecord {
    let mut key_columns: Vec<&str> = KEY_COLUMNS.into();
    let own_name = |name: &'h str| {
        if let Some(place) = key_columns.iter().position(|column| *column == name) {
            key_columns.remove(place);
            return "";
        }
        let short = name.strip_prefix("epoch_");
        short
            .filter(|short| KEY_COLUMNS.contains(short))
            .unwrap_or(name)
    };
    header.iter().map(own_name).collect()
}

/// A run's key as columns.
#[derive(Deserialize)]
struct KeyColumns {
    group: GroupKey,
    seed: u64,
}

fn key_of(record: &StringRecord, header: &StringRecord) -> Result<RunKey> {
    let KeyColumns { mut group, seed } = decode(record, header)?;
    if group.label.is_empty() {
        group.label = group.method.clone();
    }
    Ok(RunKey { group, seed })
}

/// The text of a table of all runs.
pub fn to_csv<R: Row>(runs: &[RunRows<R>]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let key_columns = KEY_COLUMNS.into_iter().map(str::to_owned);
    let own_columns = columns::<R>().into_iter();
    let own_columns = own_columns.map(|column| name_beside_key(column.name));
    writer.write_record(key_columns.chain(own_columns).chain(["label".to_owned()]))?;
    for RunRows { key, rows } in runs {
        let group = &key.group;
        let before = [
            cell(&group.method).into_owned(),
            group.batch_size.to_string(),
            group.lr.to_string(),
            key.seed.to_string(),
        ];
        let label = cell(&group.label).into_owned();
        for row in rows {
            let own = fields(row)?;
            let own = own.iter().map(|(_, text)| text);
            writer.write_record(before.iter().chain(own).chain([&label]))?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| anyhow!("{error}"))?;
    Ok(String::from_utf8(bytes)?)
}

/// Reads a table of all runs; a torn last line is left out, and whether there was one is told.
pub fn from_csv<R: Row>(path: &Path) -> Result<(Vec<RunRows<R>>, bool)> {
    let text = read_text(path).with_context(|| format!("cannot read {}", path.display()))?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(&text.as_bytes()[..whole]);
    let header = reader.headers()?.clone();
    let own_header = header_of_rows(&header);
    check_header::<KeyColumns>(&header)
        .and_then(|()| check_header::<R>(&own_header))
        .with_context(|| {
            format!(
                "{}: its columns are not those of this version: make it again with normprop compare",
                path.display()
            )
        })?;
    let mut runs: Vec<RunRows<R>> = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| path.display().to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let context = || format!("{}, line {line}", path.display());
        let key = key_of(&record, &header).with_context(context)?;
        let row = decode(&record, &own_header).with_context(context)?;
        match runs.last_mut().filter(|last| last.key == key) {
            Some(last) => last.rows.push(row),
            None => runs.push(RunRows {
                key,
                rows: vec![row],
            }),
        }
    }
    Ok((runs, whole < text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::StepRow;

    fn run(label: &str, seed: u64, losses: &[f64]) -> RunRows<StepRow> {
        let group = GroupKey {
            method: "bn".into(),
            label: label.into(),
            batch_size: 50,
            lr: 0.1,
        };
        let row = |(index, loss): (usize, &f64)| StepRow {
            step: index as u64,
            loss: *loss,
            lr: 0.1,
        };
        RunRows {
            key: RunKey { group, seed },
            rows: losses.iter().enumerate().map(row).collect(),
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_a_torn_line_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.csv");
        let runs = [
            run("bn, \"mine\"", 0, &[1.5, 0.1 + 0.2]),
            run("=b", 0, &[2.0]),
            run("=b", 1, &[1e-300, 3.0]),
        ];
        let text = to_csv(&runs).unwrap();
        assert!(text.starts_with("method,batch_size,lr,seed,step,loss,epoch_lr,label\nbn,50,0.1,0,0,1.5,0.1,\"bn, \"\"mine\"\"\"\n"));
        assert!(text.contains("bn,50,0.1,0,0,2.0,0.1,'=b\n"), "{text}");
        std::fs::write(&path, &text).unwrap();
        assert_eq!(from_csv::<StepRow>(&path).unwrap(), (runs.to_vec(), false));
        std::fs::write(&path, &text[..text.len() - 3]).unwrap();
        let (torn, was_torn) = from_csv::<StepRow>(&path).unwrap();
        assert!(was_torn);
        assert_eq!((torn[2].rows.len(), &torn[..2]), (1, &runs[..2]));
    }

    #[test]
    fn tables_of_other_versions_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            from_csv::<StepRow>(&path).unwrap().0
        };
        let mut wanted = run("bn", 3, &[1.5]);
        wanted.rows[0].lr = 0.05;
        let twice = "method,batch_size,lr,seed,step,loss,lr,label\nbn,50,0.1,3,0,1.5,0.05,bn\n";
        assert_eq!(read(twice), [wanted.clone()], "two columns called lr");
        let later =
            "method,batch_size,lr,seed,later,step,loss,epoch_lr\nbn,50,0.1,3,x,0,1.5,0.05\n";
        assert_eq!(read(later), [wanted], "a column more, and none with labels");
        let earlier = "method,batch_size,lr,seed,step,loss,label\nbn,50,0.1,3,0,1.5,bn\n";
        assert!(read(earlier)[0].rows[0].lr.is_nan());
    }

    #[test]
    fn damage_is_named_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.csv");
        let message = |text: &str| {
            std::fs::write(&path, text).unwrap();
            format!("{:#}", from_csv::<StepRow>(&path).unwrap_err())
        };
        let head = "method,batch_size,lr,seed,step,loss,lr,label\n";
        let wrong = message(&format!(
            "{head}bn,50,0.1,0,0,1.5,0.1,bn\nbn,fifty,0.1,0,0,1.5,0.1,bn\n"
        ));
        assert!(
            wrong.contains("curves.csv, line 3") && wrong.contains("column `batch_size`"),
            "{wrong}"
        );
        assert!(message(&format!("{head}bn,50\n")).contains("line 2: 2 fields"));
        assert!(message("method,step\nbn,1\n").contains("columns are not those"));
    }
}
