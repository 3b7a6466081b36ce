//! `manifest.json`: which runs a comparison is made of, what they ran on, and what is shown beside them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::event::Status;
use crate::record::files::RealDisk;
use crate::record::json;
use crate::run_key::RunKey;

/// Name of the file in a results folder.
pub const FILE_NAME: &str = "manifest.json";
/// Version of the layout of a results folder.
pub const SCHEMA_VERSION: u32 = 1;

/// The content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the layout of the results folder.
    pub schema_version: u32,
    /// Version of normprop that made it.
    pub normprop: String,
    /// The experiment's name.
    pub experiment: String,
    /// The report's title.
    pub title: String,
    /// When the results were collected, UTC.
    pub collected: String,
    /// Dataset.
    pub dataset: String,
    /// What every run shares, as TOML.
    pub configuration: String,
    /// The methods in the order of the experiment, the first being what the others are compared with.
    pub methods: Vec<ManifestMethod>,
    /// Test error (a fraction) whose first epoch is reported.
    pub target_test_error: Option<f64>,
    /// Runs at a time; above 1 the times of runs are not comparable.
    pub jobs: usize,
    /// Sentences that the report shows among its caveats.
    pub notes: Vec<String>,
    /// Numbers from elsewhere.
    pub reference: Option<Cited>,
    /// Names and values about machine and versions.
    pub machine: Vec<(String, String)>,
    /// Every run.
    pub runs: Vec<ManifestRun>,
    /// How a sweep found and judged settings, in sentences; none without a sweep.
    #[serde(default)]
    pub sweep: Vec<String>,
}

/// Numbers of a publication, printed beside ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cited {
    /// Where they come from.
    pub source: String,
    /// How sure they are.
    pub label: String,
    /// Test error (a fraction) by name; a name that is a method's label stands beside that method.
    pub test_error: BTreeMap<String, f64>,
}

/// One method of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestMethod {
    /// What tables and pictures call it.
    pub label: String,
    /// Registry name.
    pub method: String,
    /// What it does, a line.
    pub summary: String,
    /// What its runs have that not every run of the comparison has, as `key = value` lines.
    pub differs: Vec<String>,
}

/// One run of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestRun {
    /// Name of the run's folder.
    pub run: String,
    /// Hash of its configuration.
    pub hash: String,
    /// What tables call it.
    #[serde(flatten)]
    pub key: RunKey,
    /// How it ended.
    pub status: Status,
    /// Threads that computed it, where its record says.
    pub threads: Option<u64>,
    /// What computed it, sitting after sitting, where its record says.
    #[serde(default)]
    pub devices: Vec<String>,
    /// Source tree, where its record says.
    pub git_commit: Option<String>,
    /// SHA-256 of the dataset, where its record says.
    pub dataset_sha256: Option<String>,
    /// Trainable parameters.
    pub parameters: u64,
}

impl Manifest {
    /// Reads the manifest of a results folder; `None` when there is none, an error when it is of a newer schema.
    pub fn read(folder: &Path) -> Result<Option<Manifest>> {
        let (path, repair) = (
            folder.join(FILE_NAME),
            "delete it and run normprop compare again",
        );
        json::read(&path, SCHEMA_VERSION, repair, "folder with --out")
    }

    /// Whether it has runs, and none of these (by the names of their directories) is among them: then it is of another
    /// comparison.
    pub fn has_none_of(&self, names: &[String]) -> bool {
        !self.runs.is_empty() && !self.runs.iter().any(|run| names.contains(&run.run))
    }

    /// Writes the manifest in one step.
    pub fn write(&self, folder: &Path) -> Result<()> {
        json::write(&RealDisk, &folder.join(FILE_NAME), self)
    }
}
