//! Where results go: files in one folder, text on standard output, or one JSON document.

use std::path::PathBuf;

use anyhow::{Error, Result};
use serde_json::{Map, Value};

use super::columns::ProbeTable;
use crate::cli::OutputArgs;
use crate::draw::Figure;
use crate::output::print_json;
use crate::report::files::{save, write};
use crate::{out, outln};

/// The results of one call.
pub struct Output {
    /// The folder that files are written to.
    pub folder: PathBuf,
    switches: OutputArgs,
    documents: Map<String, Value>,
    written: Vec<String>,
    /// The files that could not be written, and why the first could not.
    failed: (Vec<String>, Option<Error>),
}

impl Output {
    /// Results that go to this folder, which is made with the first file.
    pub fn new(folder: PathBuf, switches: OutputArgs) -> Output {
        Output {
            folder,
            switches,
            documents: Map::new(),
            written: Vec::new(),
            failed: (Vec::new(), None),
        }
    }

    /// A remark: on standard error, unless quiet.
    pub fn say(&self, line: &str) {
        self.switches.say(line);
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
        let written = write(&self.folder.join(&file), &table.csv()?);
        self.note(vec![file], written);
        Ok(())
    }

    /// What cannot be written must not cost the results on the terminal: it is told at the end.
    fn note(&mut self, files: Vec<String>, written: Result<()>) {
        match written {
            Ok(()) => self.written.extend(files),
            Err(error) => {
                self.failed.0.extend(files);
                self.failed.1.get_or_insert(error);
            }
        }
    }

    /// Writes `<stem>.csv`, and keeps the rows for the JSON document.
    pub fn main_table(&mut self, stem: &str, table: &ProbeTable) -> Result<()> {
        self.documents.insert(stem.replace('-', "_"), table.json()?);
        self.table(stem, table)
    }

    /// Writes `<stem>.svg` and `<stem>.png`.
    pub fn figure(&mut self, stem: &str, figure: &Figure) {
        let written = save(figure, &self.folder.join(stem));
        self.note(vec![format!("{stem}.svg"), format!("{stem}.png")], written);
    }

    /// Prints the JSON document (the rows alone where there is one kind of them), or names the files; fails where some
    /// could not be written.
    pub fn finish(self) -> Result<()> {
        if self.switches.json {
            let mut documents = self.documents;
            let document = match documents.len() {
                1 => documents.values_mut().map(Value::take).next(),
                _ => None,
            };
            print_json(&document.unwrap_or(Value::Object(documents)))?;
        } else if !self.written.is_empty() {
            outln!("{}: {}", self.folder.display(), self.written.join(", "))?;
        }
        match self.failed {
            (files, Some(error)) => {
                Err(error.context(format!("{} could not be written", files.join(", "))))
            }
            _ => Ok(()),
        }
    }
}
