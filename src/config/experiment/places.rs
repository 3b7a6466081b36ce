//! Which table of an experiment file a key belongs to.

use serde_json::Value as Json;
use toml::{Table, Value};

use super::definition::EXPERIMENT_SCHEMA;
use crate::config::RUN_SCHEMA;
use crate::config::overrides::Assignment;
use crate::config::schema::{has, keys};
use crate::config::sweep::SWEEP_SCHEMA;
use crate::config::typed::unknown_key;
use crate::error::{KeyFault, did_you_mean};
use crate::methods;

/// A key given on the command line at its place: those of the runs lie in the table `[run]`.
pub fn in_its_table(given: &Assignment) -> Assignment {
    let first = given.key.split('.').next().unwrap_or_default();
    let key = match has(&RUN_SCHEMA, first) && !has(&EXPERIMENT_SCHEMA, first) {
        true => format!("run.{}", given.key),
        false => given.key.clone(),
    };
    Assignment {
        key,
        ..given.clone()
    }
}

/// Refuses a key that stands in the wrong table, with the right one.
pub fn check(table: &Table) -> Result<(), KeyFault> {
    let strays = || table.keys().filter(|key| !has(&EXPERIMENT_SCHEMA, key));
    if let Some(key) = strays().find(|key| has(&RUN_SCHEMA, key)) {
        let what = match key.as_str() {
            "method" => "a comparison has a list: methods = [\"bn\", \"normprop\"]".to_owned(),
            key => format!(
                "`{key}` tells what every run is, and stands in the table [run]:\n\n[run]\n{key} = {}",
                table[key]
            ),
        };
        return Err(KeyFault::new(key, what));
    }
    if let Some(key) = strays().next() {
        let hint = match methods::have_option(key) {
            true => format!(
                "the option of a method stands in its entry: methods = [{{ name = \"...\", {key} = {} }}]",
                table[key]
            ),
            false => did_you_mean(key, keys(&EXPERIMENT_SCHEMA).chain(keys(&RUN_SCHEMA))),
        };
        return Err(unknown_key(key, "", hint));
    }
    for (header, own) in [("run", &*RUN_SCHEMA), ("sweep", &*SWEEP_SCHEMA)] {
        let inner = table.get(header).and_then(Value::as_table);
        for key in inner.into_iter().flat_map(Table::keys) {
            if let Some(what) = misplaced(key, header, own) {
                return Err(KeyFault::new(format!("{header}.{key}"), what));
            }
        }
    }
    Ok(())
}

/// What is wrong with a key below a header, whose own keys are `own`; nothing where it may stand there or is unknown.
fn misplaced(key: &str, header: &str, own: &Json) -> Option<String> {
    let at_top =
        |own: &str| format!("`{key}` cannot stand in [run]: a comparison has `{own}` at the top");
    let below = format!(
        "but it stands below the header [{header}], which makes it one of that table: move it"
    );
    match (header, key) {
        ("run", "name") => Some(at_top("name")),
        ("run", "method") => Some(at_top("methods")),
        _ if has(own, key) => None,
        _ if has(&EXPERIMENT_SCHEMA, key) => Some(format!(
            "`{key}` is a key of the comparison, {below} to the top, above the first header"
        )),
        _ => has(&RUN_SCHEMA, key).then(|| format!(
            "`{key}` is a key of [run], {below} below [run], or into {header}.set for the sweep's runs alone"
        )),
    }
}
