//! Step times: the rows of `bench.csv`, the record of the machine, tables and a picture.
//!
//! Everything is made from rows, so a results folder that holds a `bench.csv` shows the same as the command that
//! measured it.

pub mod machine;
pub mod picture;
pub mod rows;
pub mod tables;

use std::path::Path;

use anyhow::Result;

use crate::text::Table;

pub use machine::{BenchMachine, ProductPeak};
pub use rows::BenchRow;

/// Step times that lie in a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Bench {
    /// The rows of `bench.csv`.
    pub rows: Vec<BenchRow>,
    /// The content of `machine.json`, where it is there.
    pub machine: Option<BenchMachine>,
}

impl Bench {
    /// The step times of a folder; none where it has no `bench.csv`, or one without rows.
    pub fn read(folder: &Path) -> Result<Option<Bench>> {
        let rows = rows::read(folder)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let machine = BenchMachine::read(folder)?;
        Ok(Some(Bench { rows, machine }))
    }

    /// Method by setting; above it, on what it was measured and what could not be.
    pub fn table(&self) -> Table {
        let machine = self.machine.iter();
        let measured_on = machine.map(|machine| format!("Measured on: {}", machine.sentence()));
        let remarks = tables::remarks(&self.rows);
        Table {
            caption: measured_on.chain(remarks).collect::<Vec<_>>().join("; "),
            ..tables::relative(&self.rows)
        }
    }
}
