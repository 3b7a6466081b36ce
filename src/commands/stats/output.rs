//! Where results go: files in one folder, text on standard output, or one JSON document.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::columns::ProbeTable;
use crate::cli::OutputArgs;
use crate::draw::Figure;
use crate::record::files::{RealDisk, replace};
use crate::report::files::save;
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

    /// Writes `<stem>.csv`.
    pub fn table(&mut self, stem: &str, table: &ProbeTable) -> Result<()> {
        let file = format!("{stem}.csv");
        replace(&RealDisk, &self.folder.join(&file), &table.csv()?)?;
        self.written.push(file);
        Ok(())
    }

    /// Writes `<stem>.csv`, and keeps the rows for the JSON document.
    pub fn main_table(&mut self, stem: &str, table: &ProbeTable) -> Result<()> {
        self.documents.insert(stem.replace('-', "_"), table.json()?);
        self.table(stem, table)
    }

    /// Writes `<stem>.svg` and `<stem>.png`.
    pub fn figure(&mut self, stem: &str, figure: &Figure) -> Result<()> {
        save(figure, &self.folder.join(stem))?;
        self.written.push(format!("{stem}.svg"));
        self.written.push(format!("{stem}.png"));
        Ok(())
    }

    /// Prints the JSON document (the rows alone where there is one kind of them), or names the files.
    pub fn finish(self) -> Result<()> {
        if !self.switches.json {
            outln!("{}: {}", self.folder.display(), self.written.join(", "))?;
            return Ok(());
        }
        let mut documents = self.documents;
        let document = match documents.len() {
            1 => documents.values_mut().map(Value::take).next(),
            _ => None,
        };
        let document = document.unwrap_or(Value::Object(documents));
        outln!("{}", serde_json::to_string_pretty(&document)?)?;
        Ok(())
    }
}
