//! Rows of a run with the run's name before them, and the method's label behind them.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use csv::StringRecord;

use crate::record::row::{Row, columns, decode, fields};

/// Columns before those of the run's own table.
pub const TAGS: &str = "method,batch_size,lr,seed";

/// Which run a row is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// Registry name of the method.
    pub method: String,
    /// Images per step.
    pub batch_size: u64,
    /// Base learning rate.
    pub lr: f64,
    /// Seed.
    pub seed: u64,
    /// What tables and pictures call the method with its options.
    pub label: String,
}

impl Tag {
    /// Whether two rows are of runs that differ by seed only.
    pub fn same_group(&self, other: &Tag) -> bool {
        self.label == other.label && self.batch_size == other.batch_size && self.lr == other.lr
    }
}

/// The rows of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRows<R> {
    /// Which run.
    pub tag: Tag,
    /// Its rows, in the order of its own table.
    pub rows: Vec<R>,
}

/// The text of a table of all runs.
pub fn to_csv<R: Row>(runs: &[RunRows<R>]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names = TAGS
        .split(',')
        .chain(columns::<R>().iter().copied())
        .chain(["label"]);
    writer.write_record(names)?;
    for run in runs {
        let tag = &run.tag;
        let before = [
            tag.method.clone(),
            tag.batch_size.to_string(),
            tag.lr.to_string(),
            tag.seed.to_string(),
        ];
        for row in &run.rows {
            let own = fields(row)?;
            writer.write_record(before.iter().chain(&own).chain([&tag.label]))?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| anyhow!("{error}"))?;
    Ok(String::from_utf8(bytes)?)
}

/// Reads a table of all runs; a torn last line is left out, and whether there was one is told.
pub fn from_csv<R: Row>(path: &Path) -> Result<(Vec<RunRows<R>>, bool)> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(&text.as_bytes()[..whole]);
    let expected: Vec<&str> = TAGS
        .split(',')
        .chain(columns::<R>().iter().copied())
        .collect();
    let header = reader.headers()?.clone();
    let label_column = header.iter().position(|name| name == "label");
    ensure!(
        header
            .iter()
            .zip(&expected)
            .filter(|(name, wanted)| name == *wanted)
            .count()
            == expected.len(),
        "{}: its columns are not those of this version: make it anew with normprop compare",
        path.display()
    );
    let mut runs: Vec<RunRows<R>> = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| path.display().to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let (tag, row) = parse(&record, header.len(), label_column)
            .with_context(|| format!("{}, line {line}", path.display()))?;
        match runs.last_mut().filter(|last| last.tag == tag) {
            Some(last) => last.rows.push(row),
            None => runs.push(RunRows {
                tag,
                rows: vec![row],
            }),
        }
    }
    Ok((runs, whole < text.len()))
}

fn parse<R: Row>(
    record: &StringRecord,
    width: usize,
    label_column: Option<usize>,
) -> Result<(Tag, R)> {
    ensure!(
        record.len() == width,
        "{} fields, where the header has {width}",
        record.len()
    );
    let field = |index: usize| record.get(index).unwrap_or_default();
    let number =
        |index: usize, name: &str| format!("column `{name}`: {:?} is not a number", field(index));
    let tag = Tag {
        method: field(0).to_owned(),
        batch_size: field(1).parse().with_context(|| number(1, "batch_size"))?,
        lr: field(2).parse().with_context(|| number(2, "lr"))?,
        seed: field(3).parse().with_context(|| number(3, "seed"))?,
        label: label_column.map_or(field(0), field).to_owned(),
    };
    let own: StringRecord = record.iter().skip(4).take(columns::<R>().len()).collect();
    let mut line = csv::Writer::from_writer(Vec::new());
    line.write_record(&own)?;
    let line = line.into_inner().map_err(|error| anyhow!("{error}"))?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    Ok((tag, decode(line, columns::<R>().len())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::StepRow;

    fn run(label: &str, seed: u64, losses: &[f64]) -> RunRows<StepRow> {
        let tag = Tag {
            method: "bn".into(),
            batch_size: 50,
            lr: 0.1,
            seed,
            label: label.into(),
        };
        let row = |(index, loss): (usize, &f64)| StepRow {
            step: index as u64,
            loss: *loss,
            lr: 0.1,
        };
        RunRows {
            tag,
            rows: losses.iter().enumerate().map(row).collect(),
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_a_torn_line_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.csv");
        let runs = [
            run("bn, \"mine\"", 0, &[1.5, 0.1 + 0.2]),
            run("b", 0, &[2.0]),
            run("b", 1, &[1e-300, 3.0]),
        ];
        let text = to_csv(&runs).unwrap();
        assert!(text.starts_with("method,batch_size,lr,seed,step,loss,lr,label\nbn,50,0.1,0,0,1.5,0.1,\"bn, \"\"mine\"\"\"\n"));
        std::fs::write(&path, &text).unwrap();
        assert_eq!(from_csv::<StepRow>(&path).unwrap(), (runs.to_vec(), false));
        std::fs::write(&path, &text[..text.len() - 3]).unwrap();
        let (torn, was_torn) = from_csv::<StepRow>(&path).unwrap();
        assert!(was_torn);
        assert_eq!((torn[2].rows.len(), &torn[..2]), (1, &runs[..2]));
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
            wrong.contains("curves.csv, line 3") && wrong.contains("`batch_size`: \"fifty\""),
            "{wrong}"
        );
        assert!(message(&format!("{head}bn,50\n")).contains("line 2: 2 fields"));
        assert!(message("method,step\nbn,1\n").contains("columns are not those"));
    }
}
