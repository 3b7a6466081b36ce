//! One method of an experiment.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::{Table, Value};

use crate::config::RunConfig;
use crate::config::axes::LearningRate;
use crate::config::check;
use crate::error::{KeyFault, joined};
use crate::methods::{self, METHODS};

/// Keys that a method's runs have elsewhere.
const NOT_IN_SET: [&str; 5] = ["method", "lr", "batch_size", "seed", "name"];

/// A method with its options, learning rate and exceptions.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct MethodEntry {
    /// Method, see `normprop methods`.
    #[schemars(extend("enum" = names()))]
    pub name: String,
    /// What tables and pictures call it; without one, its name.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub label: String,
    /// Learning rate, or one for each batch size, as in `{ 1 = 0.002, 50 = 0.02 }`.
    pub lr: Option<LearningRate>,
    /// Batch sizes, where they are not the experiment's.
    #[schemars(length(min = 1, max = 1000), inner(range(min = 1, max = 10_000_000)), extend("uniqueItems" = true))]
    pub batch_sizes: Option<Vec<usize>>,
    /// Keys of `[run]` that this entry changes.
    #[serde(default)]
    #[schemars(with = "RunConfig")]
    pub set: Table,
    /// The method's options that differ from their defaults.
    #[serde(flatten)]
    #[schemars(skip)]
    pub options: Table,
    /// Where it stands in the experiment's file.
    #[serde(skip)]
    pub(super) path: String,
}

/// How an entry may be written.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "read for its schema alone")]
pub enum NameOrEntry {
    /// A name with everything at its default.
    Name(#[schemars(extend("enum" = names()))] String),
    /// All of it.
    Entry(Box<MethodEntry>),
}

fn names() -> Vec<&'static str> {
    METHODS.iter().map(|method| method.name).collect()
}

/// Writes names in a list of methods as the tables that they stand for.
pub fn spell_out(methods: &mut Value) {
    for item in methods.as_array_mut().into_iter().flatten() {
        if item.is_str() {
            *item = Table::from_iter([("name".to_owned(), item.clone())]).into();
        }
    }
}

impl MethodEntry {
    /// Puts the method's own name for an alias, labels an entry that has no label with it, and checks what its type does
    /// not say. It stands at `path`.
    pub fn complete(&mut self, path: &str) -> Result<(), KeyFault> {
        self.path = path.to_owned();
        let at = |keys: &[&str]| joined(path, keys);
        let method =
            methods::find(&self.name).map_err(|error| KeyFault::new(at(&["name"]), error))?;
        self.name = method.name.into();
        if self.label.trim().is_empty() {
            self.label.clone_from(&self.name);
        }
        KeyFault::unless(
            !self.options.contains_key("lrs"),
            at(&["lrs"]),
            "`lrs` stands at the top, for all methods; for one of them write an entry with a label for each lr",
        )?;
        method.resolve(&self.options).map_err(|fault| {
            let entry = "(an entry also takes name, label, lr, batch_sizes, set)";
            KeyFault::new(at(&[&fault.key]), format!("{} {entry}", fault.what))
        })?;
        if let Some(key) = self.lr.as_ref().and_then(LearningRate::wrong_key) {
            let what = format!(
                "`{key}` in lr: expected a batch size, as in lr = {{ 1 = 0.002, 50 = 0.02 }}"
            );
            return Err(KeyFault::new(at(&["lr", key]), what));
        }
        for key in self.set.keys().map(String::as_str) {
            let what = format!("`{key}` has a place of its own and cannot stand in `set`");
            KeyFault::unless(!NOT_IN_SET.contains(&key), at(&["set", key]), what)?;
        }
        check::read(&self.set, &at(&["set"])).map(drop)
    }
}
