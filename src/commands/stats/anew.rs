//! Runs trained anew from their start and looked at on the way, side by side.

use std::path::PathBuf;

use anyhow::Result;

use super::output::Output;
use super::subject::{initial_config, run_config, run_labels};
use crate::cli::StatsArgs;
use crate::config::RunConfig;
use crate::data::Dataset;
use crate::engine::trainer::Trainer;
use crate::engine::trainer::watched::NextStep;
use crate::engine::{device, setup};

/// A run that is trained anew.
pub struct Anew<'a> {
    /// What it is called beside others.
    pub label: &'a str,
    /// Its configuration.
    pub config: &'a RunConfig,
    /// Its dataset.
    pub dataset: &'a Dataset,
}

/// What looks at a step that is about to be done and makes a row of it.
pub type Look<'a, R> = Box<dyn FnMut(&NextStep) -> Result<R> + 'a>;

/// Trains each run's configuration, or that of `--set`, `--steps` steps, with a look before every `--every`-th of them;
/// `prepare` makes what looks at a run. Returns the rows of each run, in the order of the runs.
pub fn follow<R>(
    runs: &[PathBuf],
    args: &StatsArgs,
    output: &Output,
    prepare: &dyn for<'a> Fn(&Anew<'a>) -> Result<Look<'a, R>>,
) -> Result<Vec<Vec<R>>> {
    let configs = match runs {
        [] => vec![initial_config(args)?],
        _ => runs
            .iter()
            .map(|run| run_config(run, args))
            .collect::<Result<Vec<_>>>()?,
    };
    let labels = match runs {
        [] => vec![configs[0].method.name.clone()],
        _ => run_labels(runs, &configs),
    };
    let mut stories = Vec::new();
    for (config, label) in configs.iter().zip(&labels) {
        output.say(&format!(
            "{label}: training {} steps anew, looking every {}",
            args.steps, args.every
        ));
        device::set_threads(config);
        let dataset = setup::load_dataset(config, &setup::data_dir())?;
        let mut look = prepare(&Anew {
            label,
            config,
            dataset: &dataset,
        })?;
        let mut rows = Vec::new();
        let done = Trainer::new(config.clone(), &dataset)?.train_watched(
            args.steps,
            args.every,
            &mut |next| {
                rows.push(look(next)?);
                Ok(())
            },
        )?;
        if done < args.steps {
            output.say(&format!(
                "{label}: stopped after {done} steps, at the run's end or a loss that is not finite"
            ));
        }
        stories.push(rows);
    }
    Ok(stories)
}
