//! What a comparison is: one TOML file that stands for many runs.
//!
//! Every key of a run's configuration may stand at the top; `methods`, `batch_sizes`, `lrs` and `seeds` span the
//! runs. Reading is strict: a key that is not known is named with its line and the nearest known one.

mod entry;
mod expand;
mod swept_rates;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::RunConfig;
use super::overrides::{self, Assignment};
use super::source::Source;
use super::sweep::Sweep;
use crate::error::did_you_mean;
use crate::usage;
pub use entry::{LearningRates, MethodEntry};
pub use expand::{Chosen, PlannedRun};
pub use values::{Reader, number};

/// Top-level keys of an experiment beside those of a run.
const OWN_KEYS: &[&str] = &[
    "title",
    "notes",
    "methods",
    "batch_sizes",
    "lrs",
    "seeds",
    "target_test_error",
    "jobs",
    "reference",
    "sweep",
    swept_rates::KEY,
];

/// A comparison: which runs, and what is shown beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// Folder name of its runs and results.
    pub name: String,
    /// Title of the report.
    pub title: String,
    /// Sentences that the report shows among its caveats.
    pub notes: Vec<String>,
    /// The keys that every run shares.
    pub base: toml::Table,
    /// The methods, the first one being what the others are compared with.
    pub methods: Vec<MethodEntry>,
    /// Images per step.
    pub batch_sizes: Vec<usize>,
    /// Learning rates for the methods that have none of their own; empty when the file gives none.
    pub lrs: Vec<f64>,
    /// Seeds.
    pub seeds: Vec<u64>,
    /// Test error (a fraction) whose first epoch is reported.
    pub target_test_error: Option<f64>,
    /// Runs at a time.
    pub jobs: usize,
    /// Numbers from elsewhere that are printed beside ours.
    pub reference: Option<Reference>,
    /// How learning rates or other keys are chosen before the runs.
    pub sweep: Option<Sweep>,
    /// Where each key stands, for errors that come up when the runs are made.
    source: Source,
}

/// Numbers of a publication.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Where they come from.
    pub source: String,
    /// How sure they are.
    pub label: String,
    /// Test error (a fraction) by name; a name that is a method's label stands beside that method.
    pub test_error: BTreeMap<String, f64>,
}

impl Experiment {
    /// Reads an experiment file and applies overrides in order.
    pub fn load(path: &Path, assignments: &[Assignment]) -> Result<Experiment> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| usage!("cannot read experiment {}: {error}", path.display()))?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy());
        let stem = stem.as_deref().unwrap_or("experiment");
        Experiment::parse(&text, &path.display().to_string(), stem, assignments)
    }

    /// Reads the text of an experiment file called `origin`, which `rates_from` is relative to; without a `name` it is
    /// called `default_name`.
    pub fn parse(
        text: &str,
        origin: &str,
        default_name: &str,
        assignments: &[Assignment],
    ) -> Result<Experiment> {
        let (mut source, mut table) = Source::parse(text, origin)?;
        overrides::apply(&mut table, assignments, &known_keys())?;
        source.set_aside(assignments);
        let reader = Reader::new(&source);
        check_keys(&table, &reader)?;
        let mut base = run_keys(&table);
        base.entry("name")
            .or_insert_with(|| default_name.to_owned().into());
        for (key, value) in &base {
            reader.check_run_key(key, key, value)?;
        }
        let mut methods = entry::read_all(&mut base, &table, &reader)?;
        let folder = Path::new(origin).parent().unwrap_or(Path::new(""));
        swept_rates::take(&mut methods, &table, folder, &reader)?;
        let experiment = Experiment {
            name: text_of(&base, "name", default_name),
            title: reader.text(&table, "title")?.unwrap_or_default(),
            notes: reader.texts(&table, "notes")?,
            batch_sizes: batch_sizes(&mut base, &table, &reader)?,
            lrs: reader.rates(&table, "lrs", "lrs")?.unwrap_or_default(),
            seeds: seeds(&mut base, &table, &reader)?,
            target_test_error: reader.fraction(&table, "target_test_error")?,
            jobs: reader.positive(&table, "jobs", "jobs")?.unwrap_or(1),
            reference: reference(&table, &reader)?,
            sweep: Sweep::read(&table, &reader)?,
            methods,
            base,
            source,
        };
        experiment.check_rates_are_used(assignments)?;
        // What cannot be run is an error of the file, and best told before anything starts.
        experiment.expand(&|_, _| None)?;
        let tried = experiment.expand_sweep()?;
        if let Some(halving) = experiment.sweep.as_ref().and_then(|sweep| sweep.halving) {
            let reader = Reader::new(&experiment.source);
            tried
                .iter()
                .try_for_each(|(run, _)| halving.check(run.config.epochs, &reader))?;
        }
        Ok(experiment)
    }

    /// Refuses a learning rate from the command line that some run would not be trained with.
    fn check_rates_are_used(&self, assignments: &[Assignment]) -> Result<()> {
        let has_own = |method: &&MethodEntry| method.rates != LearningRates::Inherited;
        let own = self.methods.iter().find(has_own);
        let swept = self.sweep.as_ref().is_some_and(Sweep::has_own_rates);
        let is_rate = |given: &&Assignment| given.key == "lr" || given.key == "lrs";
        for Assignment { key, value, .. } in assignments.iter().filter(is_rate) {
            if let Some(MethodEntry { label, name, .. }) = own {
                return Err(usage!(
                    "{key}={value}: method `{label}` has learning rates of its own; \
                     use --set 'methods=[{{ name = \"{name}\", {key} = {value} }}, ...]', or change them in the file"
                ));
            }
            if swept {
                return Err(usage!(
                    "{key}={value}: the sweep tries learning rates of its own; use --set 'sweep.lrs=[...]', or change them in the file"
                ));
            }
            if key == "lr" && !self.lrs.is_empty() {
                return Err(usage!(
                    "lr={value}: the experiment's `lrs` take its place; use --set 'lrs=[{value}]'"
                ));
            }
        }
        Ok(())
    }

    /// Whether it is over when the sweep has chosen.
    pub fn is_only_a_sweep(&self) -> bool {
        self.sweep.as_ref().is_some_and(|sweep| sweep.only)
    }
}

fn known_keys() -> Vec<String> {
    let mut keys = RunConfig::known_keys();
    keys.extend(OWN_KEYS.iter().map(|key| (*key).to_owned()));
    keys
}

fn check_keys(table: &toml::Table, reader: &Reader) -> Result<()> {
    let known = known_keys();
    for key in table.keys() {
        if !known.contains(key) {
            let hint = did_you_mean(key, known.iter().map(String::as_str));
            return Err(usage!("{}: unknown key `{key}`; {hint}", reader.place(key)));
        }
    }
    Ok(())
}

/// The part of a table that configures runs.
fn run_keys(table: &toml::Table) -> toml::Table {
    let is_of_runs = |key: &str| !OWN_KEYS.contains(&key);
    let entries = table.iter().filter(|(key, _)| is_of_runs(key));
    entries
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn text_of(table: &toml::Table, key: &str, default: &str) -> String {
    let text = table.get(key).and_then(toml::Value::as_str);
    text.unwrap_or(default).to_owned()
}

fn batch_sizes(base: &mut toml::Table, table: &toml::Table, reader: &Reader) -> Result<Vec<usize>> {
    let single = base.remove("batch_size");
    match (
        reader.batch_sizes(table, "batch_sizes", "batch_sizes")?,
        single,
    ) {
        (Some(_), Some(_)) => Err(usage!(
            "{}: give `batch_size` or `batch_sizes`, not both",
            reader.place("batch_size")
        )),
        (Some(several), None) => Ok(several),
        (None, Some(single)) => {
            let mut list = toml::Table::new();
            list.insert("batch_size".into(), toml::Value::Array(vec![single]));
            let sizes = reader.batch_sizes(&list, "batch_size", "batch_size")?;
            Ok(sizes.unwrap_or_default())
        }
        (None, None) => Ok(vec![RunConfig::default().batch_size]),
    }
}

fn seeds(base: &mut toml::Table, table: &toml::Table, reader: &Reader) -> Result<Vec<u64>> {
    let single = base.remove("seed").and_then(|seed| seed.as_integer());
    match (reader.seeds(table, "seeds", "seeds")?, single) {
        (Some(_), Some(_)) => Err(usage!(
            "{}: give `seed` or `seeds`, not both",
            reader.place("seed")
        )),
        (Some(several), None) => Ok(several),
        (None, Some(single)) => Ok(vec![single.unsigned_abs()]),
        (None, None) => Ok(vec![RunConfig::default().seed]),
    }
}

fn reference(table: &toml::Table, reader: &Reader) -> Result<Option<Reference>> {
    let Some(given) = reader.table(table, "reference", "reference")? else {
        return Ok(None);
    };
    reader.known(given, "reference", &["source", "label", "test_error"])?;
    let mut test_error = BTreeMap::new();
    if let Some(errors) = reader.table(given, "test_error", "reference.test_error")? {
        for name in errors.keys() {
            let path = format!("reference.test_error.{name}");
            if let Some(error) = reader.fraction_at(errors, name, &path)? {
                test_error.insert(name.clone(), error);
            }
        }
    }
    if test_error.is_empty() {
        return Err(usage!(
            "{}: a reference needs a table test_error = {{ name = error }}",
            reader.place("reference")
        ));
    }
    Ok(Some(Reference {
        source: reader.text(given, "source")?.unwrap_or_default(),
        label: reader
            .text(given, "label")?
            .unwrap_or_else(|| "unverified".to_owned()),
        test_error,
    }))
}

#[cfg(test)]
mod tests;
