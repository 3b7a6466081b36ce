//! `summary.json`: how a run ended. It is written last, so its presence means that the run is over.

use super::metrics::TABLES;
use super::row::Row;
use super::{files, json, meta};
use crate::errln;
use crate::event::{EpochRow, Status};
use crate::run_key::RunKey;
use crate::stats::range;
use crate::text::numbers::hexadecimal;
use anyhow::{Result, bail};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// Name of the file in a run directory.
pub const FILE_NAME: &str = "summary.json";

/// What is recorded of a run besides its results.
#[derive(Debug, Clone, PartialEq)]
pub struct RunIdentity {
    /// Which run; without a label.
    pub key: RunKey,
    /// Dataset name.
    pub dataset: String,
    /// Trainable parameters.
    pub parameters: u64,
}

/// How a run ended. Also what `train --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// How it ended.
    pub status: Status,
    /// Which run.
    #[serde(flatten)]
    pub key: RunKey,
    /// Dataset name.
    pub dataset: String,
    /// Final test error (fraction).
    #[serde(deserialize_with = "null_as_nan")]
    pub test_error: f64,
    /// Final test loss (nats).
    #[serde(deserialize_with = "null_as_nan")]
    pub test_loss: f64,
    /// Last epoch's training loss (nats).
    #[serde(deserialize_with = "null_as_nan")]
    pub train_loss: f64,
    /// Last epoch's training error (fraction).
    #[serde(deserialize_with = "null_as_nan")]
    pub train_error: f64,
    /// Lowest test error over the epochs (fraction).
    #[serde(deserialize_with = "null_as_nan")]
    pub best_test_error: f64,
    /// Final expected calibration error on the test images; NaN of versions that did not measure it.
    #[serde(default = "unknown", deserialize_with = "null_as_nan")]
    pub test_calibration_error: f64,
    /// Final Brier score on the test images, likewise.
    #[serde(default = "unknown", deserialize_with = "null_as_nan")]
    pub test_brier_score: f64,
    /// Epochs done.
    pub epochs: u64,
    /// Steps done.
    pub steps: u64,
    /// Seconds of training over all sittings.
    #[serde(deserialize_with = "null_as_nan")]
    pub train_s: f64,
    /// Training images per second over all sittings.
    #[serde(deserialize_with = "null_as_nan")]
    pub images_per_s: f64,
    /// Trainable parameters.
    pub parameters: u64,
    /// The run directory.
    pub run_dir: String,
    /// SHA-256 of each table, with line feeds as line ends; none where an older version wrote it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables_sha256: BTreeMap<String, String>,
}

impl RunSummary {
    /// Refuses tables that are not those which the run wrote, since nobody can tell which of the two is right.
    pub fn check_tables(&self, run_dir: &Path, rows: &[EpochRow]) -> Result<()> {
        let is_last = |row: &EpochRow| {
            let own = [self.test_error, self.test_loss];
            let there = [row.test_error, row.test_loss];
            own.map(f64::to_bits) == there.map(f64::to_bits)
                || own.iter().any(|number| number.is_nan())
        };
        let changed = self.tables_sha256.iter().find_map(|(name, recorded)| {
            let found = table_sha256(&run_dir.join(name)).ok();
            (found.as_ref() != Some(recorded)).then_some(name.as_str())
        });
        let contradicts = !rows.last().is_none_or(is_last);
        match changed.or(contradicts.then_some(EpochRow::FILE_NAME)) {
            Some(name) => bail!(
                "{} is not what the run wrote: it contradicts {FILE_NAME}; put the file back, or delete the folder to start this run over",
                run_dir.join(name).display()
            ),
            None => Ok(()),
        }
    }
}

/// SHA-256 of a table in hexadecimal; that an editor changed the line ends does not count.
fn table_sha256(path: &Path) -> Result<String> {
    let text = files::plain_text(&std::fs::read(path)?);
    Ok(hexadecimal(&Sha256::digest(text)))
}

/// The checksums of the tables that are in a run directory.
fn tables_sha256(run_dir: &Path) -> Result<BTreeMap<String, String>> {
    let there = TABLES.into_iter();
    let there = there.filter(|name| run_dir.join(name).is_file());
    let entry = |name: &str| Ok((name.to_owned(), table_sha256(&run_dir.join(name))?));
    there.map(entry).collect()
}

/// How the run in a directory ended, or `None` when it has not.
///
/// A file that cannot be read counts as none, and is named: the run's other files tell how it ended, and going on
/// with the run writes it again.
pub fn read_summary(run_dir: &Path) -> Option<RunSummary> {
    read(run_dir).unwrap_or_else(|error| {
        errln!("normprop: {error:#}; the run counts as unfinished");
        None
    })
}

/// [`read_summary`], with an error where the file cannot be read.
pub fn read(run_dir: &Path) -> Result<Option<RunSummary>> {
    let (path, repair) = (
        run_dir.join(FILE_NAME),
        "going on with the run writes it again",
    );
    json::read(&path, meta::SCHEMA_VERSION, repair, "folder for runs")
}

/// What the rows of `metrics.csv` say about the whole run; `None` when there is no row.
///
/// The rate is Σ rᵢ tᵢ / Σ tᵢ, with rᵢ the images per second of epoch i and tᵢ its seconds of training.
pub fn summarize(
    identity: &RunIdentity,
    run_dir: &Path,
    rows: &[EpochRow],
    status: Status,
) -> Option<RunSummary> {
    let last = rows.last()?;
    let (mut train_s, mut images) = (0.0, 0.0);
    for row in rows
        .iter()
        .filter(|row| row.train_s.is_finite() && row.train_s > 0.0)
    {
        train_s += row.train_s;
        if row.images_per_s.is_finite() {
            images += row.train_s * row.images_per_s;
        }
    }
    Some(RunSummary {
        status,
        key: identity.key.clone(),
        dataset: identity.dataset.clone(),
        test_error: last.test_error,
        test_loss: last.test_loss,
        train_loss: last.train_loss,
        train_error: last.train_error,
        // NaN only when every epoch's error is.
        best_test_error: range(rows.iter().map(|row| row.test_error)).0,
        test_calibration_error: last.test_calibration_error,
        test_brier_score: last.test_brier_score,
        epochs: last.epoch,
        steps: last.step,
        train_s,
        images_per_s: images / train_s,
        parameters: identity.parameters,
        run_dir: run_dir.display().to_string(),
        tables_sha256: tables_sha256(run_dir).unwrap_or_default(),
    })
}

/// What a number is that a summary of an older version lacks.
fn unknown() -> f64 {
    f64::NAN
}

/// Reads null, which stands for a number that is not finite, as NaN.
fn null_as_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_key::GroupKey;

    fn row(epoch: u64, test_error: f64, train_s: f64, images_per_s: f64) -> EpochRow {
        EpochRow {
            epoch,
            step: epoch * 10,
            lr: 0.1,
            train_loss: 2.0 / (1.0 + epoch as f64),
            train_error: 0.5,
            test_loss: 1.5,
            test_error,
            grad_norm: 1.0,
            train_s,
            eval_s: 1.0,
            images_per_s,
            rss_mb: 100.0,
            status: Status::Running,
            test_calibration_error: 0.1 * test_error,
            test_brier_score: 1.5 * test_error,
        }
    }

    fn identity() -> RunIdentity {
        RunIdentity {
            key: RunKey {
                group: GroupKey {
                    method: "normprop".to_owned(),
                    label: String::new(),
                    batch_size: 50,
                    lr: 0.08,
                },
                seed: 3,
            },
            dataset: "mini".to_owned(),
            parameters: 1234,
        }
    }

    #[test]
    fn figures_come_from_the_rows_and_times_are_weighted() {
        let rows = [
            row(0, 0.9, f64::NAN, f64::NAN),
            row(1, 0.3, 2.0, 100.0),
            row(2, 0.4, 6.0, 200.0),
        ];
        let summary = summarize(&identity(), Path::new("runs/a"), &rows, Status::Finished).unwrap();
        assert_eq!(summary.best_test_error, 0.3);
        assert_eq!(
            (summary.test_error, summary.epochs, summary.steps),
            (0.4, 2, 20)
        );
        assert_eq!((summary.train_s, summary.images_per_s), (8.0, 175.0));
        let json = json::text(&summary).unwrap();
        let back: RunSummary = serde_json::from_str(&json).unwrap();
        assert_eq!(back, summary);
        assert_eq!(back.test_brier_score, 1.5 * 0.4);
        let older = json.lines().filter(|line| {
            !line.contains("test_calibration_error") && !line.contains("test_brier_score")
        });
        let older: RunSummary = serde_json::from_str(&older.collect::<String>()).unwrap();
        assert!(older.test_calibration_error.is_nan() && older.test_brier_score.is_nan());
        assert_eq!(older.test_error, 0.4);
        assert!(json.contains("\"method\": \"normprop\"") && !json.contains("label"));
        assert!(summarize(&identity(), Path::new("a"), &[], Status::Finished).is_none());
    }

    #[test]
    fn a_diverged_run_is_written_with_null_and_read_as_nan() {
        let rows = [row(0, 0.9, 0.0, 0.0), row(1, f64::NAN, 1.0, 10.0)];
        let summary = summarize(&identity(), Path::new("a"), &rows, Status::Diverged).unwrap();
        let json = json::text(&summary).unwrap();
        assert!(json.contains("\"test_error\": null"), "{json}");
        let back: RunSummary = serde_json::from_str(&json).unwrap();
        assert!(back.test_error.is_nan());
        assert_eq!((back.best_test_error, back.status), (0.9, Status::Diverged));
    }

    #[test]
    fn a_damaged_summary_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap().is_none());
        for damaged in ["", "{\"status\": \"fin", "{}", "{\"status\": null}", "[1]"] {
            std::fs::write(folder.path().join(FILE_NAME), damaged).unwrap();
            let error = read(folder.path()).unwrap_err().to_string();
            assert!(error.contains("summary.json is damaged"), "{error}");
            assert_eq!(read_summary(folder.path()), None);
        }
    }
}
