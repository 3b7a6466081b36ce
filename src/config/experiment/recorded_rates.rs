//! Learning rates from the table that an earlier sweep wrote (`rates_from`).

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::method_entry::MethodEntry;
use crate::config::axes::LearningRate;
use crate::text::of_cell;

/// The columns of `sweep.csv` that are needed here.
#[derive(Debug, Deserialize)]
struct RecordedRate {
    batch_size: usize,
    lr: f64,
    /// What else was set with this rate; tables of sweeps over rates alone may lack the column.
    #[serde(default)]
    settings: String,
    chosen: bool,
    label: String,
}

/// Gives each method without a learning rate of its own those that a sweep chose for its label.
///
/// A method the sweep did not try is an error: a default would pass for a tuned rate.
pub fn take(methods: &mut [MethodEntry], path: &Path) -> Result<()> {
    let chosen = read(path)?;
    for method in methods.iter_mut().filter(|method| method.lr.is_none()) {
        let label = &method.label;
        let Some(rates) = chosen.get(label) else {
            bail!(
                "it has no learning rate for `{label}`; give the method an lr, or add it to the sweep"
            );
        };
        method.lr = Some(LearningRate::ByBatchSize(rates.clone()));
    }
    Ok(())
}

/// The chosen rates by label and batch size.
fn read(path: &Path) -> Result<BTreeMap<String, BTreeMap<String, f64>>> {
    let mut chosen: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for row in csv::Reader::from_path(path)?.deserialize() {
        let row: RecordedRate = row?;
        if !row.chosen {
            continue;
        }
        let (batch_size, lr) = (row.batch_size, row.lr);
        let rate = format!("the rate of `{}` at batch size {batch_size}", row.label);
        if !row.settings.is_empty() {
            bail!(
                "{rate} was chosen together with {}: give the method an lr and these settings",
                row.settings
            );
        }
        if !(lr.is_finite() && lr > 0.0) {
            bail!("{rate} is {lr:e}, which is outside the range of learning rates");
        }
        let of_label = chosen.entry(of_cell(&row.label).to_owned()).or_default();
        of_label.insert(batch_size.to_string(), lr);
    }
    Ok(chosen)
}
