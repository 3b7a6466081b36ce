//! Short names for runs that lie side by side.

use std::path::{Path, PathBuf};

use crate::config::RunConfig;
use crate::draw::Style;
use crate::methods;

/// A short name for each run: its method, with what distinguishes it where that is not enough.
pub fn run_labels(runs: &[PathBuf], configs: &[RunConfig]) -> Vec<String> {
    let unique = |labels: &Vec<String>| {
        let mut sorted = labels.clone();
        sorted.sort();
        sorted.windows(2).all(|pair| pair[0] != pair[1])
    };
    let folder = |run: &PathBuf| {
        let name = run.file_name().map(Path::new).unwrap_or(run);
        name.display().to_string()
    };
    let methods = configs.iter().map(|config| config.method.name().to_owned());
    let candidates = [
        methods.collect(),
        distinguishing_labels(configs, &[]),
        runs.iter().map(folder).collect(),
    ];
    let paths = || runs.iter().map(|run| run.display().to_string()).collect();
    candidates.into_iter().find(unique).unwrap_or_else(paths)
}

/// Each run's method, with the settings that distinguish it from others of that method, those of `ignored` keys left
/// out.
pub fn distinguishing_labels(configs: &[RunConfig], ignored: &[&str]) -> Vec<String> {
    let settings = configs.iter().map(|config| settings(config, ignored));
    let settings: Vec<_> = settings.collect();
    let differs = |method: &str, setting: &(String, String)| {
        let mut same_method = configs.iter().zip(&settings);
        same_method
            .any(|(config, other)| config.method.name() == method && !other.contains(setting))
    };
    let label = |(config, own): (&RunConfig, &Vec<(String, String)>)| {
        let method = config.method.name();
        let different = own.iter().filter(|setting| differs(method, setting));
        let named = different.map(|(key, value)| format!(" {key}={value}"));
        format!("{method}{}", named.collect::<String>())
    };
    configs.iter().zip(&settings).map(label).collect()
}

/// Every setting of a run, those of the method by their own names.
fn settings(config: &RunConfig, ignored: &[&str]) -> Vec<(String, String)> {
    let mut table = config.to_table().unwrap_or_default();
    if let Some(toml::Value::Table(method)) = table.remove("method") {
        table.extend(method);
    }
    table.retain(|key, _| !ignored.contains(&key));
    let entries = table.into_iter();
    entries
        .map(|(key, value)| (key, value.to_string().trim_matches('"').to_owned()))
        .collect()
}

/// What pictures call runs of these labels, and how they look: as their methods, or as variants of them. Keys become words,
/// and a flag that is off is not named.
pub fn picture_names(labels: &[&str]) -> Vec<(String, Style)> {
    let method = |label: &str| label.split(' ').next().unwrap_or_default().to_owned();
    let name = |label: &str| {
        let mut words = label.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let told = words.filter_map(|word| match word.split_once('=') {
            Some((_, "false")) => None,
            Some((key, "true")) => Some(key.replace('_', " ")),
            Some((key, value)) => Some(format!("{} {value}", key.replace('_', " "))),
            None => Some(word.to_owned()),
        });
        let told: Vec<String> = told.collect();
        match told.is_empty() {
            true => method,
            false => format!("{method}, {}", told.join(", ")),
        }
    };
    let style = |place: usize, label: &str| {
        let before = labels[..place].iter();
        let variant = before
            .filter(|other| method(other) == method(label))
            .count();
        methods::style(&method(label), variant)
    };
    let labels = labels.iter().enumerate();
    labels
        .map(|(place, label)| (name(label), style(place, label)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::overrides::split;

    fn config(assignments: &[&str]) -> RunConfig {
        let given = assignments.iter().map(|text| split(text).unwrap());
        RunConfig::load(None, &given.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn runs_are_told_apart_by_what_differs_within_a_method() {
        let configs = [
            config(&["method.name=bn", "seed=0"]),
            config(&["method.name=bn", "seed=1"]),
            config(&["method.name=normprop", "lr=0.1"]),
            config(&["method.name=normprop", "lr=0.1", "method.center_rows=true"]),
        ];
        let expected = [
            "bn",
            "bn",
            "normprop center_rows=false",
            "normprop center_rows=true",
        ];
        assert_eq!(distinguishing_labels(&configs, &["seed"]), expected);
        let runs = ["a", "b", "c", "d"].map(PathBuf::from);
        assert_eq!(
            run_labels(&runs[..2], &configs[..2]),
            ["bn seed=0", "bn seed=1"]
        );
        assert_eq!(run_labels(&runs[1..3], &configs[1..3]), ["bn", "normprop"]);
        let twins = [configs[0].clone(), configs[0].clone()];
        assert_eq!(run_labels(&runs[..2], &twins), ["a", "b"]);
    }

    #[test]
    fn pictures_say_in_words_what_differs() {
        let labels = [
            "bn",
            "normprop center_rows=false",
            "normprop center_rows=true eps=0.1",
        ];
        let names = picture_names(&labels);
        let expected = ["bn", "normprop", "normprop, center rows, eps 0.1"];
        assert_eq!(
            names.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            expected
        );
        let styles = [("bn", 0), ("normprop", 0), ("normprop", 1)];
        let styles = styles.map(|(method, variant)| methods::style(method, variant));
        assert_eq!(
            names.iter().map(|(_, style)| *style).collect::<Vec<_>>(),
            styles
        );
    }
}
