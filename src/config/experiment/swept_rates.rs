//! Learning rates from the table that an earlier sweep wrote (`rates_from`).

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use serde::Deserialize;
use toml::Table;

use super::entry::{LearningRates, MethodEntry};
use super::values::Reader;

/// The key that names the table, relative to the experiment's file.
pub const KEY: &str = "rates_from";

/// The columns of `sweep.csv` that are needed here.
#[derive(Debug, Deserialize)]
struct Row {
    batch_size: usize,
    lr: f64,
    /// What else was set with this rate; tables of sweeps over rates alone may lack the column.
    #[serde(default)]
    settings: String,
    chosen: bool,
    label: String,
}

/// Gives each method without learning rates of its own those that a sweep chose for its label.
///
/// `folder` is where the experiment's file lies. A method the sweep did not try is an error: a default would pass
/// for a tuned rate.
pub fn take(
    methods: &mut [MethodEntry],
    table: &Table,
    folder: &Path,
    reader: &Reader,
) -> Result<()> {
    let Some(given) = reader.text(table, KEY)? else {
        return Ok(());
    };
    let path = folder.join(&given);
    let chosen = read(&path)
        .map_err(|error| reader.refuse(KEY, format!("cannot use {}: {error:#}", path.display())))?;
    for method in methods {
        if method.rates != LearningRates::Inherited {
            continue;
        }
        let rates = chosen.get(&method.label).cloned().ok_or_else(|| {
            let label = &method.label;
            reader.refuse(
                KEY,
                format!(
                    "{} chose no learning rate for `{label}`; give the method an lr, or add it to the sweep",
                    path.display()
                ),
            )
        })?;
        method.rates = LearningRates::PerBatchSize(rates);
    }
    Ok(())
}

/// The chosen rates by label and batch size.
fn read(path: &Path) -> Result<BTreeMap<String, BTreeMap<usize, f64>>> {
    let mut chosen: BTreeMap<String, BTreeMap<usize, f64>> = BTreeMap::new();
    for row in csv::Reader::from_path(path)?.deserialize() {
        let row: Row = row?;
        if row.chosen && !row.settings.is_empty() {
            bail!(
                "the rate of `{}` at batch size {} was chosen together with {}: give the method an lr and these settings",
                row.label,
                row.batch_size,
                row.settings
            );
        }
        if row.chosen {
            chosen
                .entry(row.label)
                .or_default()
                .insert(row.batch_size, row.lr);
        }
    }
    Ok(chosen)
}
