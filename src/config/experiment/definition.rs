//! The keys of an experiment file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Table;

use super::method_entry::{MethodEntry, NameOrEntry};
use crate::config::RunConfig;
use crate::config::axes::{LearningRate, Seeds};
use crate::config::schema;
use crate::config::source::Source;
use crate::config::sweep::Sweep;

/// The schema of a comparison.
pub static EXPERIMENT_SCHEMA: LazyLock<Json> = LazyLock::new(schema::of::<Experiment>);

/// A comparison: which runs, and what is shown beside them.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Experiment {
    /// Folder name of its runs and results; without one, the name of the file.
    // Shorter than the name of a run, which may get `-sweep` behind it.
    #[schemars(length(max = 190))]
    pub name: String,
    /// Title of the report.
    #[schemars(length(max = 1000))]
    pub title: String,
    /// Sentences that the report shows among its caveats.
    #[schemars(length(max = 1000), extend("items" = { "type": "string", "multiline": true, "maxLength": 10_000 }))]
    pub notes: Vec<String>,
    /// The methods, by name or as tables. The first one is what the others are compared with.
    #[schemars(with = "Vec<NameOrEntry>", length(min = 1, max = 1000))]
    pub methods: Vec<MethodEntry>,
    /// Images per step, each a run; in place of `run.batch_size`.
    #[schemars(length(min = 1, max = 1000), inner(range(min = 1, max = 10_000_000)), extend("uniqueItems" = true))]
    pub batch_sizes: Vec<usize>,
    /// Learning rates, each a run, for every method that has no `lr` of its own; in place of `run.lr`.
    #[schemars(length(min = 1, max = 1000), extend("uniqueItems" = true), inner(range(min = 1e-30, max = 1e30)))]
    pub lrs: Vec<f64>,
    /// The table `sweep.csv` of an earlier sweep, relative to this file: each method without an `lr` of its own is
    /// trained with the rates chosen for its label.
    #[schemars(length(max = 4000))]
    pub rates_from: Option<String>,
    /// An experiment file that shows the same in less time, relative to this file: it is named before the start where
    /// this one takes longer than twelve hours, and where its data is missing.
    #[schemars(length(max = 4000))]
    pub smaller: Option<String>,
    /// Seeds, or how many (then 0, 1, 2, …); in place of `run.seed`.
    pub seeds: Seeds,
    /// Test error (a fraction) whose first epoch is reported.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub target_test_error: Option<f64>,
    /// Runs at a time.
    #[schemars(range(min = 1, max = 1024))]
    pub jobs: usize,
    /// What every run is. `epochs` may be one for each batch size, as in `{ 1 = 2, 50 = 10 }`.
    #[schemars(with = "RunConfig", transform = schema::take_rates_by_batch_size, transform = schema::take_epochs_by_batch_size)]
    pub run: Table,
    /// How learning rates or other keys are chosen before the runs.
    pub sweep: Option<Sweep>,
    /// Numbers from elsewhere that are printed beside ours.
    pub reference: Option<Reference>,
    /// Where each key stands, for errors that come up when the runs are made.
    #[serde(skip)]
    pub(super) source: Source,
    /// The learning rate that all methods share.
    #[serde(skip)]
    pub(super) shared_lr: Option<LearningRate>,
}

/// Numbers of a publication.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Where they come from.
    #[serde(default)]
    #[schemars(length(max = 10_000), extend("multiline" = true))]
    pub source: String,
    /// How sure they are.
    #[serde(default = "unverified")]
    #[schemars(length(max = 100))]
    pub label: String,
    /// Test error (a fraction) by name; a name that is a method's label stands beside that method.
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "maxLength": 100 }, "additionalProperties" = { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 }))]
    pub test_error: BTreeMap<String, f64>,
}

fn unverified() -> String {
    "unverified".to_owned()
}

impl Default for Experiment {
    fn default() -> Self {
        Experiment {
            name: String::new(),
            title: String::new(),
            notes: Vec::new(),
            methods: Vec::new(),
            batch_sizes: vec![RunConfig::default().batch_size],
            lrs: Vec::new(),
            rates_from: None,
            smaller: None,
            seeds: Seeds::List(vec![RunConfig::default().seed]),
            target_test_error: None,
            jobs: 1,
            run: Table::new(),
            sweep: None,
            reference: None,
            source: Source::default(),
            shared_lr: None,
        }
    }
}

impl Experiment {
    /// Whether it is over when the sweep has chosen.
    pub fn is_only_a_sweep(&self) -> bool {
        self.sweep.as_ref().is_some_and(|sweep| sweep.only)
    }
}
