//! The experiment that shows the same in less time, where one takes long or lacks its data.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Error, Result, anyhow};

use super::plan::{self, PlanEntry};
use crate::config::experiment::Experiment;
use crate::data::{OwnData, catalogue};
use crate::engine::setup;
use crate::text::listed;
use crate::text::numbers::duration;

/// A plan that takes longer names a smaller experiment.
const LONG_S: f64 = 12.0 * 3600.0;

/// A sentence that names it, where the plan takes long.
pub fn where_long(
    experiment: &Experiment,
    entries: &[PlanEntry],
    parallel: usize,
) -> Option<String> {
    let left_s = plan::remaining_s(entries, parallel);
    let smaller = experiment.smaller.as_ref().filter(|_| left_s > LONG_S)?;
    Some(format!(
        "all of this takes about {}; normprop compare {smaller} shows the same in less time",
        duration(left_s)
    ))
}

/// The error of a plan that could not be estimated. It names the smaller experiment where data is missing.
pub fn where_data_is_missing(experiment: &Experiment, error: Error) -> Error {
    with_smaller(experiment, error, &setup::data_dir())
}

fn with_smaller(experiment: &Experiment, error: Error, data_dir: &Path) -> Error {
    let Some(smaller) = &experiment.smaller else {
        return error;
    };
    match missing(experiment, data_dir) {
        Ok(missing) if !missing.is_empty() => {
            let needed = needed(smaller, &missing, data_dir);
            anyhow!("{error:#}\nnormprop compare {smaller} shows the same in less time{needed}")
        }
        _ => error,
    }
}

/// What the smaller experiment needs of data that is not here.
fn needed(smaller: &str, missing: &[String], data_dir: &Path) -> String {
    let own = Experiment::load(Path::new(smaller), &[]);
    match own.and_then(|own| self::missing(&own, data_dir)) {
        Ok(own) if own.is_empty() => "; it needs no data that is not here".to_owned(),
        Ok(own) if own == missing => "; it needs the same data".to_owned(),
        Ok(own) => {
            let fetch = own.iter().map(|name| format!("normprop data fetch {name}"));
            format!("; it needs other data: {}", listed(fetch))
        }
        // Whoever starts it is told what is wrong with it.
        Err(_) => String::new(),
    }
}

/// The datasets of an experiment that are not here.
fn missing(experiment: &Experiment, data_dir: &Path) -> Result<Vec<String>> {
    let runs = experiment.foreseen()?.into_iter();
    let names: BTreeSet<String> = runs.map(|run| run.config.dataset).collect();
    // Data of one's own are nowhere else.
    let is_own = |name: &String| OwnData::named(name).is_ok_and(|own| own.is_some());
    let is_here = |name: &String| {
        is_own(name) || catalogue::find(name).is_ok_and(|dataset| dataset.is_here(data_dir))
    };
    Ok(names.into_iter().filter(|name| !is_here(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_data_is_missing_the_smaller_experiment_is_named_with_what_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let of = |dataset: &str| format!("run.dataset = \"{dataset}\"\nmethods = [\"bn\"]\n");
        let told = |dataset: &str| {
            let (small, large) = (folder.path().join("s.toml"), folder.path().join("l.toml"));
            std::fs::write(&small, of(dataset)).unwrap();
            let text = format!("smaller = \"s.toml\"\n{}", of("cifar10"));
            std::fs::write(&large, text).unwrap();
            let large = Experiment::load(&large, &[]).unwrap();
            let named = format!("normprop compare {} shows", large.smaller.as_ref().unwrap());
            let text = with_smaller(&large, anyhow!("no data"), folder.path()).to_string();
            assert!(
                text.starts_with("no data\n") && text.contains(&named),
                "{text}"
            );
            text.rsplit_once("; ").unwrap().1.to_owned()
        };
        assert_eq!(
            told("fashion-mnist-mini"),
            "it needs no data that is not here"
        );
        assert_eq!(told("cifar10"), "it needs the same data");
        assert_eq!(
            told("svhn"),
            "it needs other data: normprop data fetch svhn"
        );
        let embedded = Experiment::parse(&of("fashion-mnist-mini"), "x.toml", "x", &[]).unwrap();
        let other = with_smaller(&embedded, anyhow!("another fault"), folder.path());
        assert_eq!(other.to_string(), "another fault");
    }
}
