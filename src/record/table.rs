//! CSV files of rows: a header line, then one line a row.
//!
//! Rows are only added at the end and carry a number that never falls, the key (epoch or step), by which
//! [`CsvTable::scan`] decides what a resumed run keeps.

use super::files::{self, Disk};
use super::row::{Row, check_header, columns, decode_bytes, header, lines, parse_line};
use anyhow::{Context, Result, bail, ensure};
use csv::StringRecord;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// One CSV file of a run directory.
#[derive(Debug, Clone)]
pub struct CsvTable<R> {
    path: PathBuf,
    row: PhantomData<fn() -> R>,
}

/// The part of a table that a resumed run keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRows<R> {
    /// The kept rows.
    pub rows: Vec<R>,
    /// Header and rows as text.
    pub bytes: Vec<u8>,
    /// Whether that is the whole file.
    pub whole: bool,
}

/// A table's text, taken apart: names of the columns, and number and text of each complete line after the header.
type Lines<'a> = (StringRecord, Vec<(usize, &'a [u8])>);

impl<R: Row> CsvTable<R> {
    /// The table of a run directory; the file need not be there yet.
    pub fn in_folder(folder: &Path) -> Self {
        Self::at(&folder.join(R::FILE_NAME))
    }

    /// The table in a file of any name.
    pub fn at(path: &Path) -> Self {
        let path = path.to_owned();
        CsvTable {
            path,
            row: PhantomData,
        }
    }

    /// The table's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds rows at the end, in one write.
    pub fn append(&self, disk: &dyn Disk, rows: &[R]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        files::append(disk, &self.path, lines(rows)?.as_bytes())
    }

    /// All rows. A last line without a line break is one that is just being written, and is left out.
    pub fn read(&self) -> Result<Vec<R>> {
        let bytes = std::fs::read(&self.path)
            .with_context(|| format!("cannot read {}", self.path.display()))?;
        let bytes = files::plain_text(&bytes);
        let (header, lines) = self.split(&bytes)?;
        let rows = lines.into_iter().map(|(number, line)| {
            decode_bytes(line, &header)
                .with_context(|| format!("{}, line {number}", self.path.display()))
        });
        rows.collect()
    }

    /// All rows; none where there is no file.
    pub fn read_if_there(&self) -> Result<Vec<R>> {
        match self.path.exists() {
            true => self.read(),
            false => Ok(Vec::new()),
        }
    }

    /// The rows up to the first that is damaged or torn; none where there is no file.
    pub fn leading(&self) -> Result<Vec<R>> {
        let bytes = files::plain_text(&self.bytes()?);
        let (header, lines) = self.split(&bytes)?;
        let rows = lines.into_iter();
        let read = rows.map_while(|(_, line)| decode_bytes(line, &header).ok());
        Ok(read.collect())
    }

    /// The file's bytes; none where there is no file.
    fn bytes(&self) -> Result<Vec<u8>> {
        match std::fs::read(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.with_context(|| format!("cannot read {}", self.path.display())),
        }
    }

    /// What is kept of the table when the run goes on from where only keys below `end` have been written for good.
    ///
    /// Kept are the complete rows from the top with keys below `end`; a torn last line and what else stands behind
    /// is not. A damaged line before a good row that ought to be kept is an error, since cutting there would lose
    /// the good row. Rows stand as this version writes them, under its header: of an older version's file with empty fields
    /// where it has no column. Changes nothing; see [`CsvTable::cut`].
    pub fn scan(&self, end: u64) -> Result<KeptRows<R>> {
        let written = self.bytes()?;
        let text = files::plain_text(&written);
        let (names, found) = self.split(&text)?;
        let columns = columns::<R>();
        let is_known = |name: &str| columns.iter().any(|column| column.name == name);
        ensure!(
            names.iter().all(is_known),
            "{} has columns that this version does not know: continue with the version of normprop that wrote it, or delete the run's folder to start it over",
            self.path.display()
        );
        let mut rows = Vec::new();
        let mut stopped: Option<(usize, Option<anyhow::Error>)> = None;
        for (number, line) in found {
            match (decode_bytes::<R>(line, &names), &stopped) {
                (Ok(row), None) if row.key() < end => rows.push(row),
                (Ok(row), Some((damaged, Some(reason)))) if row.key() < end => bail!(
                    "{}, line {damaged} is damaged ({reason:#}), though line {number} is good: repair or delete the damaged line, or delete the run's folder to start it over",
                    self.path.display()
                ),
                (row, None) => stopped = Some((number, row.err())),
                (_, Some(_)) => {}
            }
        }
        let bytes = (header::<R>() + &lines(&rows)?).into_bytes();
        let whole = bytes == written;
        Ok(KeptRows { rows, bytes, whole })
    }

    /// Makes the file what [`CsvTable::scan`] kept of it, in one step; makes a file with only a header where none was.
    pub fn cut(&self, disk: &dyn Disk, kept: &KeptRows<R>) -> Result<()> {
        if kept.whole {
            return Ok(());
        }
        files::replace(disk, &self.path, &kept.bytes)
    }

    /// Drops every row whose key is not below `end`, and a torn end; returns the rows that stay.
    pub fn truncate(&self, disk: &dyn Disk, end: u64) -> Result<Vec<R>> {
        let kept = self.scan(end)?;
        self.cut(disk, &kept)?;
        Ok(kept.rows)
    }

    fn split<'a>(&self, bytes: &'a [u8]) -> Result<Lines<'a>> {
        let expected = header::<R>();
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let names = match lines.next().map(|line| (line.strip_suffix(b"\n"), line)) {
            Some((Some(whole), _)) => self.read_header(whole)?,
            // A torn header is one of which only a beginning was written.
            Some((None, torn)) if !expected.as_bytes().starts_with(torn) => {
                self.read_header(torn)?
            }
            _ => parse_line(expected.trim_end())?,
        };
        let whole = lines.map_while(|line| line.strip_suffix(b"\n"));
        Ok((names, (2..).zip(whole).collect()))
    }

    fn read_header(&self, line: &[u8]) -> Result<StringRecord> {
        let header = parse_line(&String::from_utf8_lossy(line))?;
        check_header::<R>(&header).with_context(|| {
            format!(
                "{}, line 1: the file is no {} of this version of normprop",
                self.path.display(),
                R::FILE_NAME
            )
        })?;
        Ok(header)
    }
}

#[cfg(test)]
mod tests;
