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
    /// The kept beginning of the file, header included.
    pub bytes: Vec<u8>,
    /// Whether that is the whole file.
    pub whole: bool,
}

/// A table's text, taken apart.
struct Lines<'a> {
    /// Names of the columns.
    header: StringRecord,
    /// Line number, offset of the line's end, and the line, for each complete line after the header.
    rows: Vec<(usize, usize, &'a [u8])>,
    /// Length of the header line; 0 where there is none yet.
    header_bytes: usize,
}

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
        let parts = self.split(&bytes)?;
        let rows = parts.rows.iter().map(|(number, _, line)| {
            decode_bytes(line, &parts.header)
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
        let parts = self.split(&bytes)?;
        let rows = parts.rows.iter();
        let read = rows.map_while(|(_, _, line)| decode_bytes(line, &parts.header).ok());
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
    /// the good row. Of a file that an older version wrote the rows are kept under the present header, with empty fields
    /// where it has no column. Changes nothing; see [`CsvTable::cut`].
    pub fn scan(&self, end: u64) -> Result<KeptRows<R>> {
        let written = self.bytes()?;
        let bytes = files::plain_text(&written);
        let parts = self.split(&bytes)?;
        let names = columns::<R>();
        let is_known = |found: &str| names.iter().any(|column| column.name == found);
        ensure!(
            parts.header.iter().all(is_known),
            "{} has columns that this version does not know: continue with the version of normprop that wrote it, or delete the run's folder to start it over",
            self.path.display()
        );
        let mut rows = Vec::new();
        let mut kept_bytes = parts.header_bytes;
        let mut stopped: Option<(usize, Option<anyhow::Error>)> = None;
        for (number, line_end, line) in &parts.rows {
            match (decode_bytes::<R>(line, &parts.header), &stopped) {
                (Ok(row), None) if row.key() < end => {
                    rows.push(row);
                    kept_bytes = *line_end;
                }
                (Ok(row), Some((damaged, Some(reason)))) if row.key() < end => bail!(
                    "{}, line {damaged} is damaged ({reason:#}), though line {number} is good: repair or delete the damaged line, or delete the run's folder to start it over",
                    self.path.display()
                ),
                (Ok(_), None) => stopped = Some((*number, None)),
                (Err(reason), None) => stopped = Some((*number, Some(reason))),
                (_, Some(_)) => {}
            }
        }
        let as_now = parts
            .header
            .iter()
            .eq(names.iter().map(|column| column.name));
        let headless = parts.header_bytes == 0;
        let whole = kept_bytes == written.len() && !headless && as_now;
        let kept = if as_now && !headless {
            let mut kept = bytes;
            kept.truncate(kept_bytes);
            kept
        } else {
            (header::<R>() + &lines(&rows)?).into_bytes()
        };
        Ok(KeptRows {
            rows,
            bytes: kept,
            whole,
        })
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
        let mut rows = Vec::new();
        let (mut start, mut header_bytes) = (0, 0);
        let mut header = parse_line(expected.trim_end())?;
        for (index, piece) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let Some(line) = piece.strip_suffix(b"\n") else {
                // A torn header is one of which only a beginning was written.
                if index == 0 && !expected.as_bytes().starts_with(piece) {
                    self.read_header(piece)?;
                }
                break;
            };
            start += piece.len();
            if index == 0 {
                header = self.read_header(line)?;
                header_bytes = start;
            } else {
                rows.push((index + 1, start, line));
            }
        }
        Ok(Lines {
            header,
            rows,
            header_bytes,
        })
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
