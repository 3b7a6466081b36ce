//! Reading an experiment file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use toml::{Table, Value};

use super::definition::{EXPERIMENT_SCHEMA, Experiment};
use super::{method_entry, places, recorded_rates};
use crate::config::axes::{LearningRate, Seeds};
use crate::config::overrides::Assignment;
use crate::config::source::Source;
use crate::config::{by_batch_size, limits, sweep, typed};
use crate::error::KeyFault;
use crate::record::files::read_text;
use crate::usage;

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
        let origin = path.display().to_string();
        let text =
            read_text(path).map_err(|error| usage!("cannot read experiment {origin}: {error}"))?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy());
        let stem = stem.as_deref().unwrap_or("experiment");
        Experiment::parse(&text, &origin, stem, assignments)
    }

    /// Reads the text of an experiment file called `origin`, which `rates_from` and `smaller` are relative to; without a `name` it is
    /// called `default_name`.
    pub fn parse(
        text: &str,
        origin: &str,
        default_name: &str,
        assignments: &[Assignment],
    ) -> Result<Experiment> {
        let assignments: Vec<Assignment> = assignments.iter().map(places::in_its_table).collect();
        let (source, table) = Source::parse(text, origin, &assignments)?;
        let folder = Path::new(origin).parent().unwrap_or(Path::new(""));
        let mut experiment =
            from_table(table, default_name, folder).map_err(|fault| source.refuse(fault))?;
        experiment.source = source;
        experiment.check_rates_are_used(&assignments)?;
        // What cannot be run is an error of the file, and best told before anything starts.
        experiment.expand(&|_, _| None)?;
        let tried = experiment.expand_sweep()?;
        if let Some(halving) = experiment.sweep.as_ref().and_then(|sweep| sweep.halving) {
            let mut epochs = tried.iter().map(|(run, _)| run.config.epochs);
            let checked = epochs.try_for_each(|epochs| halving.check(epochs));
            checked.map_err(|fault| experiment.source.refuse(fault))?;
        }
        Ok(experiment)
    }

    /// Refuses a learning rate from the command line that some run would not be trained with.
    fn check_rates_are_used(&self, assignments: &[Assignment]) -> Result<()> {
        let is_rate = |given: &&Assignment| given.key == "run.lr" || given.key == "lrs";
        let Some(Assignment { key, value, origin }) = assignments.iter().find(is_rate) else {
            return Ok(());
        };
        let sweep = self.sweep.as_ref();
        if sweep.is_some_and(|sweep| sweep.has_own_rates()) {
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
        Ok(())
    }

    /// Where the batch sizes stand that methods share.
    pub(super) fn batch_sizes_path(&self) -> &'static str {
        match self.run.contains_key("batch_size") {
            true => "run.batch_size",
            false => "batch_sizes",
        }
    }

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
        let missing = "`methods` is missing: for example methods = [\"bn\", \"normprop\"]";
        KeyFault::unless(!self.methods.is_empty(), "methods", missing)?;
        let mut labels = BTreeSet::new();
        for (index, entry) in self.methods.iter_mut().enumerate() {
            let path = format!("methods.{index}");
            entry.complete(&path)?;
            let what = format!(
                "two methods are called `{}`; give one of them a label = \"...\"",
                entry.label
            );
            KeyFault::unless(labels.insert(&entry.label), path, what)?;
        }
        let Some(table) = &self.rates_from else {
            return Ok(());
        };
        let path = folder.join(table);
        recorded_rates::take(&mut self.methods, &path).map_err(|error| {
            let what = format!("cannot use {}: {error:#}", path.display());
            KeyFault::new("rates_from", what)
        })
    }
}

/// Makes `smaller` a path from where the program was started, and refuses one that is not there.
fn find_smaller(smaller: &mut Option<String>, folder: &Path) -> Result<(), KeyFault> {
    let Some(file) = smaller else {
        return Ok(());
    };
    let path = folder.join(&file).display().to_string();
    let what = format!(
        "smaller = \"{file}\": there is no file {path}; name an experiment file relative to this one"
    );
    KeyFault::unless(Path::new(&path).is_file(), "smaller", what)?;
    *file = path;
    Ok(())
}

fn from_table(mut table: Table, default_name: &str, folder: &Path) -> Result<Experiment, KeyFault> {
    places::check(&table)?;
    list_single_values(&mut table);
    table.get_mut("methods").map(method_entry::spell_out);
    table.get_mut("sweep").map(sweep::dot_keys);
    let mut experiment: Experiment = typed::read(&table, "")?;
    if experiment.name.is_empty() {
        experiment.name = default_name.to_owned();
        limits::text(
            default_name,
            &EXPERIMENT_SCHEMA["properties"]["name"],
            "name",
            "name",
        )?;
    }
    for (single, several) in SPANNED {
        let both = experiment.run.contains_key(single) && table.contains_key(several);
        let what = format!("give `{single}` in [run] or `{several}`, not both");
        KeyFault::unless(!both, format!("run.{single}"), what)?;
    }
    let both = table.contains_key("lrs") && table.contains_key("rates_from");
    KeyFault::unless(!both, "lrs", "give `lrs` or `rates_from`, not both")?;
    experiment.shared_lr = shared_rate(&mut experiment.run)?;
    by_batch_size::check(&experiment.run, "run")?;
    limits::check(&Value::Table(table), &EXPERIMENT_SCHEMA, "")?;
    experiment.span();
    experiment.complete_methods(folder)?;
    find_smaller(&mut experiment.smaller, folder)?;
    experiment.check_count()?;
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

/// Takes the learning rate out of `[run]`, where it may be one for each batch size.
fn shared_rate(run: &mut Table) -> Result<Option<LearningRate>, KeyFault> {
    let given = run.remove("lr").map(|given| ("lr".to_owned(), given));
    let alone = Table::from_iter(given);
    let rate = typed::read::<BTreeMap<String, LearningRate>>(&alone, "run")?.remove("lr");
    match rate.as_ref().and_then(LearningRate::wrong_key) {
        Some(key) => Err(KeyFault::new(
            format!("run.lr.{key}"),
            format!("`{key}` in lr: expected a batch size"),
        )),
        None => Ok(rate),
    }
}
