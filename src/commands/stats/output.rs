//! Where results go: files in one folder, text on standard output, or one JSON document.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::OutputArgs;
use crate::draw::Figure;
use crate::record::files::{RealDisk, replace};
use crate::record::row::{Row, header, lines};
use crate::{errln, out, outln};

/// The results of one call.
pub struct Output {
    /// The folder that files are written to.
    pub folder: PathBuf,
    switches: OutputArgs,
    documents: Map<String, Value>,
    written: Vec<String>,
}

impl Output {
    /// Makes the folder.
    pub fn new(folder: PathBuf, switches: OutputArgs) -> Result<Output> {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(Output {
            folder,
            switches,
            documents: Map::new(),
            written: Vec::new(),
        })
    }

    /// A remark: on standard error, unless quiet.
    pub fn say(&self, line: &str) {
        if !self.switches.quiet {
            errln!("{line}");
        }
    }

    /// A result in words: on standard output, unless that is for JSON.
    pub fn print(&self, text: &str) -> Result<()> {
        if !self.switches.json {
            out!("{text}")?;
        }
        Ok(())
    }

    /// Writes `R::FILE_NAME` anew with these rows.
    pub fn table<R: Row>(&mut self, rows: &[R]) -> Result<()> {
        let text = header::<R>() + &lines(rows)?;
        replace(&RealDisk, &self.folder.join(R::FILE_NAME), text.as_bytes())?;
        self.written.push(R::FILE_NAME.to_string());
        Ok(())
    }

    /// Writes `<stem>.svg` and `<stem>.png`.
    pub fn figure(&mut self, stem: &str, figure: &Figure) -> Result<()> {
        figure.save(&self.folder.join(stem))?;
        self.written.push(format!("{stem}.svg"));
        self.written.push(format!("{stem}.png"));
        Ok(())
    }

    /// Keeps rows for the JSON document.
    pub fn document<R: Serialize>(&mut self, name: &str, rows: &[R]) -> Result<()> {
        self.documents
            .insert(name.to_string(), serde_json::to_value(rows)?);
        Ok(())
    }

    /// Prints the JSON document (the rows alone where there is one kind of them), or names the files.
    pub fn finish(self) -> Result<()> {
        if !self.switches.json {
            outln!("{}: {}", self.folder.display(), self.written.join(", "))?;
            return Ok(());
        }
        let document = match self.documents.len() {
            1 => self
                .documents
                .into_iter()
                .next()
                .map_or(Value::Null, |(_, rows)| rows),
            _ => Value::Object(self.documents),
        };
        outln!("{}", serde_json::to_string_pretty(&document)?)?;
        Ok(())
    }
}
