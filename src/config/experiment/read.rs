//! Reading an experiment file.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::{Table, Value};

use super::definition::Experiment;
use super::{method_entry, recorded_rates};
use crate::config::axes::{LearningRate, Seeds};
use crate::config::check;
use crate::config::overrides::{self, Assignment};
use crate::config::source::Source;
use crate::config::sweep::Sweep;
use crate::config::{limits, schema, sweep, typed};
use crate::error::KeyFault;
use crate::record::files::read_text;
use crate::usage;

/// The schema of a comparison.
pub static SCHEMA: LazyLock<Json> = LazyLock::new(schema::of::<Experiment>);
static SWEEP: LazyLock<Json> = LazyLock::new(schema::of::<Sweep>);

/// Keys of a run, each with the keys of a comparison that take its place.
const SPANNED: [(&str, &str); 4] = [
    ("batch_size", "batch_sizes"),
    ("seed", "seeds"),
    ("lr", "lrs"),
    ("lr", "rates_from"),
];

impl Experiment {
    /// Reads an experiment file and applies overrides in order.
    pub fn load(path: &Path, assignments: &[Assignment]) -> Result<Experiment> {
        let text = read_text(path)
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
        let assignments: Vec<Assignment> = assignments.iter().map(in_its_table).collect();
        let known: Vec<&str> = known_keys().collect();
        overrides::apply(&mut table, &assignments, &known)?;
        source.set_aside(&assignments);
        let folder = Path::new(origin).parent().unwrap_or(Path::new(""));
        let mut experiment = from_table(table, default_name, folder)
            .map_err(|fault| source.refuse(&fault.key, fault.what))?;
        experiment.source = source;
        experiment.check_rates_are_used(&assignments)?;
        // What cannot be run is an error of the file, and best told before anything starts.
        experiment.expand(&|_, _| None)?;
        let tried = experiment.expand_sweep()?;
        if let Some(halving) = experiment.sweep.as_ref().and_then(|sweep| sweep.halving) {
            for (run, _) in &tried {
                halving
                    .check(run.config.epochs)
                    .map_err(|fault| experiment.source.refuse(&fault.key, fault.what))?;
            }
        }
        Ok(experiment)
    }

    /// Refuses a learning rate from the command line that some run would not be trained with.
    fn check_rates_are_used(&self, assignments: &[Assignment]) -> Result<()> {
        let swept = self
            .sweep
            .as_ref()
            .is_some_and(|sweep| sweep.has_own_rates());
        let is_rate = |given: &&Assignment| given.key == "run.lr" || given.key == "lrs";
        for Assignment { key, value, origin } in assignments.iter().filter(is_rate) {
            if swept {
                return Err(usage!(
                    "{origin}: the sweep tries learning rates of its own; use --set 'sweep.lrs=[...]', or change them in the file"
                ));
            }
            if let Some(own) = self.methods.iter().find(|method| method.lr.is_some()) {
                return Err(usage!(
                    "{origin}: method `{}` has a learning rate of its own; use --set 'methods=[{{ name = \"{}\", lr = {} }}, ...]', or change it in the file",
                    own.label,
                    own.name,
                    if key == "lrs" { "..." } else { value }
                ));
            }
        }
        Ok(())
    }

    /// Where the batch sizes stand that methods share.
    pub(super) fn batch_sizes_path(&self) -> &'static str {
        match self.run.contains_key("batch_size") {
            true => "run.batch_size",
            false => "batch_sizes",
        }
    }
}

/// Every key that may be given on the command line.
fn known_keys() -> impl Iterator<Item = &'static str> {
    schema::keys(&SCHEMA).chain(schema::run_keys())
}

/// A key of the runs is one of the table `[run]`.
fn in_its_table(given: &Assignment) -> Assignment {
    let first = given.key.split('.').next().unwrap_or_default();
    let is_own = schema::keys(&SCHEMA).any(|key| key == first);
    let key = match !is_own && schema::run_keys().any(|key| key == first) {
        true => format!("run.{}", given.key),
        false => given.key.clone(),
    };
    Assignment {
        key,
        ..given.clone()
    }
}

fn from_table(mut table: Table, default_name: &str, folder: &Path) -> Result<Experiment, KeyFault> {
    check_places(&table)?;
    list_single_values(&mut table);
    table.get_mut("methods").map(method_entry::spell_out);
    table.get_mut("sweep").map(sweep::dot_keys);
    let mut experiment: Experiment = typed::read(&table, "")?;
    if experiment.name.is_empty() {
        experiment.name = default_name.to_owned();
    }
    for (single, several) in SPANNED {
        if experiment.run.contains_key(single) && table.contains_key(several) {
            let what = format!("give `{single}` in [run] or `{several}`, not both");
            return Err(KeyFault::new(format!("run.{single}"), what));
        }
    }
    if table.contains_key("lrs") && table.contains_key("rates_from") {
        return Err(KeyFault::new("lrs", "give `lrs` or `rates_from`, not both"));
    }
    experiment.shared_lr = shared_rate(&mut experiment.run)?;
    check::read(&experiment.run, "run")?;
    limits::check(&Value::Table(table), &SCHEMA, "")?;
    experiment.span();
    experiment.complete_methods(folder)?;
    if let Some(sweep) = &experiment.sweep {
        sweep.check()?;
    }
    Ok(experiment)
}

/// Makes lists of one item of `methods = "bn"`, `batch_sizes = 20` and `lrs = 0.1`.
fn list_single_values(table: &mut Table) {
    for (key, value) in table {
        let is_item = match key.as_str() {
            "methods" => value.is_str(),
            "batch_sizes" | "lrs" => value.is_integer() || value.is_float(),
            _ => false,
        };
        if is_item {
            *value = Value::Array(vec![value.clone()]);
        }
    }
}

/// Refuses a key that stands in the wrong table, with the right one.
fn check_places(table: &Table) -> Result<(), KeyFault> {
    let has = |schema, key: &str| schema::keys(schema).any(|known| known == key);
    let is_of_runs = |key: &str| schema::run_keys().any(|known| known == key);
    let stray = |key: &&String| is_of_runs(key) && !has(&SCHEMA, key);
    if let Some(key) = table.keys().find(stray) {
        let what = match key.as_str() {
            "method" => "a comparison has a list: methods = [\"bn\", \"normprop\"]".to_owned(),
            key => format!(
                "`{key}` tells what every run is, and stands in the table [run]:\n\n[run]\n{key} = {}",
                table[key]
            ),
        };
        return Err(KeyFault::new(key, what));
    }
    if let Some(key) = table.keys().find(|key| !has(&SCHEMA, key)) {
        return Err(typed::unknown_key(key, "", known_keys()));
    }
    for header in ["run", "sweep"] {
        let Some(Value::Table(inner)) = table.get(header) else {
            continue;
        };
        for key in inner.keys() {
            let path = format!("{header}.{key}");
            let of_all = has(&SCHEMA, key);
            if header == "run" && matches!(key.as_str(), "name" | "method") {
                let own = if key == "name" { "name" } else { "methods" };
                return Err(KeyFault::new(
                    path,
                    format!("`{key}` cannot stand in [run]: a comparison has `{own}` at the top"),
                ));
            }
            let belongs = match header {
                "run" => is_of_runs(key),
                _ => has(&SWEEP, key),
            };
            if belongs || !(of_all || is_of_runs(key)) {
                continue;
            }
            return Err(KeyFault::new(
                path,
                match of_all {
                    true => format!(
                        "`{key}` is a key of the comparison, but it stands below the header [{header}], which makes it one of that table: move it to the top, above the first header"
                    ),
                    false => format!(
                        "`{key}` is a key of [run], but it stands below the header [{header}], which makes it one of that table: move it below [run], or into {header}.set for the sweep's runs alone"
                    ),
                },
            ));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct WithRate {
    lr: Option<LearningRate>,
}

/// Takes the learning rate out of `[run]`, where it may be one for each batch size.
fn shared_rate(run: &mut Table) -> Result<Option<LearningRate>, KeyFault> {
    let Some(given) = run.remove("lr") else {
        return Ok(None);
    };
    let alone = Table::from_iter([("lr".to_owned(), given.clone())]);
    let rate = typed::read::<WithRate>(&alone, "run")?.lr;
    limits::check(&given, &schema::of::<LearningRate>(), "run.lr")?;
    match rate.as_ref().and_then(LearningRate::wrong_key) {
        Some(key) => Err(KeyFault::new(
            format!("run.lr.{key}"),
            format!("`{key}` in lr: expected a batch size"),
        )),
        None => Ok(rate),
    }
}

impl Experiment {
    /// Takes batch sizes and seeds from `[run]` where they stand there.
    fn span(&mut self) {
        let number = |key: &str| self.run.get(key).and_then(Value::as_integer);
        if let Some(size) = number("batch_size") {
            self.batch_sizes = vec![size.unsigned_abs() as usize];
        }
        if let Some(seed) = number("seed") {
            self.seeds = Seeds::List(vec![seed.unsigned_abs()]);
        }
    }

    fn complete_methods(&mut self, folder: &Path) -> Result<(), KeyFault> {
        if self.methods.is_empty() {
            let what = "`methods` is missing: for example methods = [\"bn\", \"normprop\"]";
            return Err(KeyFault::new("methods", what));
        }
        let mut labels = BTreeSet::new();
        for (index, entry) in self.methods.iter_mut().enumerate() {
            let path = format!("methods.{index}");
            entry.complete(&path)?;
            if !labels.insert(entry.label.clone()) {
                let what = format!(
                    "two methods are called `{}`; give one of them a label = \"...\"",
                    entry.label
                );
                return Err(KeyFault::new(path, what));
            }
        }
        let Some(table) = &self.rates_from else {
            return Ok(());
        };
        let path = folder.join(table);
        recorded_rates::take(&mut self.methods, &path).map_err(|error| {
            KeyFault::new(
                "rates_from",
                format!("cannot use {}: {error:#}", path.display()),
            )
        })
    }
}
