//! Builds the network of each setting once, before anything is written: what a network refuses shows at once, with its
//! place in the experiment's file.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::config::RunConfig;
use crate::config::experiment::{Experiment, PlannedRun};
use crate::engine::{device, setup};
use crate::error::Failure;

/// Where many settings take longer than this, the networks of the rest are built when their runs start.
const LONGEST: Duration = Duration::from_secs(3);

/// Builds one network of each setting of the experiment's runs, on the CPU, and forgets it.
pub fn check(experiment: &Experiment) -> Result<()> {
    check_within(experiment, LONGEST).map(drop)
}

/// The same within some time. Returns how many networks were built.
fn check_within(experiment: &Experiment, longest: Duration) -> Result<usize> {
    let begun = Instant::now();
    let mut built: Vec<PlannedRun> = Vec::new();
    for run in experiment.foreseen()? {
        if begun.elapsed() >= longest {
            break;
        }
        if built
            .iter()
            .any(|other| are_alike(&run.config, &other.config))
        {
            continue;
        }
        build(&run.config).map_err(|error| match error.downcast_ref::<Failure>() {
            Some(Failure::Usage(what)) => experiment.refuse_method(&run.label, what),
            _ => error.context(format!("method `{}`", run.label)),
        })?;
        built.push(run);
    }
    Ok(built.len())
}

fn build(config: &RunConfig) -> Result<()> {
    device::check_precision(config)?;
    let (shape, classes) = setup::images_foreseen(config)?;
    // The device may be another machine's.
    let here = RunConfig {
        device: "cpu".to_owned(),
        ..config.clone()
    };
    setup::network_for(&here, shape, classes).map(drop)
}

/// Whether their networks differ in their first weights at most.
fn are_alike(one: &RunConfig, other: &RunConfig) -> bool {
    one.method == other.method
        && one.model == other.model
        && one.dataset == other.dataset
        && one.activation == other.activation
        && one.precision == other.precision
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESIDUAL: &str = "run.model = \"resnet\"\nrun.depth = 8\nrun.width = 0.1\nbatch_sizes = [1, 10]\nseeds = 2\n\
                            sweep.lrs = [0.1, 0.2]\nmethods = [\n  \"bn\",\n  { name = \"normprop\", label = \"ours\"";

    fn read(text: &str) -> Experiment {
        Experiment::parse(text, "x.toml", "x", &[]).unwrap()
    }

    #[test]
    fn each_setting_is_built_once_until_the_time_is_over() {
        let two = read(&format!("{RESIDUAL} }} ]"));
        assert!(two.foreseen().unwrap().len() >= 8);
        assert_eq!(check_within(&two, Duration::from_secs(60)).unwrap(), 2);
        assert_eq!(check_within(&two, Duration::ZERO).unwrap(), 0);
    }

    #[test]
    fn what_a_network_refuses_is_told_with_method_file_and_line() {
        let refused = read(&format!("{RESIDUAL}, jacobian_scale = \"none\" }} ]"));
        let error = check(&refused).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Failure::Usage(_))));
        let text = error.to_string();
        assert!(
            text.starts_with("x.toml, line 9: method `ours`: "),
            "{text}"
        );
    }
}
