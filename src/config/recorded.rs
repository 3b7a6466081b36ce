//! The configuration of a run as its directory has it, held against what `meta.json` says the run was started with.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde_json::Value as Json;

use super::RunConfig;
use super::overrides::Assignment;
use crate::record::files::read_text;
use crate::record::meta;
use crate::record::run_dir::CONFIG;
use crate::usage;

impl RunConfig {
    /// The configuration of the run in a directory, with these overrides. One that was changed since the run was
    /// started is refused: it says of the results what they are not.
    pub fn of_run(run_dir: &Path, assignments: &[Assignment]) -> Result<RunConfig> {
        let file = run_dir.join(CONFIG);
        let config = RunConfig::load(Some(&file), assignments)?;
        match config.changes(run_dir)? {
            None => Ok(config),
            Some(changes) => Err(usage!(
                "{} was changed since the run was started: {changes}. Put that back; other settings are another run: normprop train --config COPY-OF-THE-FILE",
                file.display()
            )),
        }
    }

    /// The configuration in a run directory that holds this run; what is told of the machine is what was asked for.
    pub fn recorded_in(&self, run_dir: &Path) -> Option<RunConfig> {
        let file = run_dir.join(CONFIG);
        let text = read_text(&file).ok()?;
        let recorded = RunConfig::load(Some(&file), &[]).ok()?;
        let config = RunConfig {
            name: self.name.clone(),
            device: self.device.clone(),
            threads: self.threads,
            recorded: Some(text),
            ..recorded
        };
        let is_it = config.deciding_keys().ok()? == self.deciding_keys().ok()?;
        let is_changed = matches!(config.changes(run_dir), Ok(Some(_)));
        (is_it && !is_changed).then_some(config)
    }

    /// How this configuration differs from what the run in a directory was started with; nothing where that is not
    /// recorded.
    fn changes(&self, run_dir: &Path) -> Result<Option<String>> {
        let Some(started_with) = meta::read(run_dir)?.and_then(|meta| meta.facts.settings) else {
            return Ok(None);
        };
        let (settings, now, defaults) = (self.settings()?, self.flat()?, self.defaults()?);
        let keys: BTreeSet<&String> = settings.keys().chain(started_with.keys()).collect();
        let changed = keys
            .into_iter()
            .filter(|key| settings.get(*key) != started_with.get(*key));
        let shown = |value: Option<&Json>| value.map_or("nothing".to_owned(), Json::to_string);
        let told = changed.map(|key| {
            let then = started_with.get(key).or(defaults.get(key));
            format!("{key} was {}, is {}", shown(then), shown(now.get(key)))
        });
        let told: Vec<String> = told.collect();
        Ok((!told.is_empty()).then(|| told.join(", ")))
    }
}
