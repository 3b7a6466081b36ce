//! How many CPU threads a run gets when nobody says.
//!
//! Handing work to a second thread pays when there is enough of it: at batch size 1 and small widths it does not, and
//! where the border lies depends on the machine and on what else it does. So a few steps are timed with one thread and
//! with all cores. The choice is recorded, and a run that is continued keeps it.

use std::time::Instant;

use anyhow::Result;

use super::trainer::Trainer;
use crate::config::RunConfig;
use crate::data::Dataset;

/// Steps before which nothing is measured: the first ones choose kernels and fill caches.
const WARM_UP: u64 = 2;
/// Steps measured with each number of threads.
const STEPS: u64 = 5;
/// A step that takes longer than this on all cores has enough work for them.
const CERTAINLY_ENOUGH_S: f64 = 0.15;
/// All cores must save this part of a step: two runs side by side are the better use of two cores otherwise.
const WORTH_IT: f64 = 0.05;

/// The number of cores.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

/// Chooses by measurement; `config` is the run that will be trained, on `dataset`. Leaves that number set.
pub fn choose(config: &RunConfig, dataset: &Dataset) -> Result<usize> {
    let cores = cores();
    if cores == 1 {
        return Ok(set(1));
    }
    set(cores);
    let mut trainer = Trainer::new(config.clone(), dataset)?;
    let with_all = step_s(&mut trainer, WARM_UP)?;
    if with_all > CERTAINLY_ENOUGH_S {
        return Ok(cores);
    }
    let with_all = step_s(&mut trainer, STEPS)?;
    set(1);
    step_s(&mut trainer, 1)?;
    let with_one = step_s(&mut trainer, STEPS)?;
    let chosen = if with_all < with_one * (1.0 - WORTH_IT) {
        cores
    } else {
        1
    };
    Ok(set(chosen))
}

/// Sets the number of threads, and returns it.
pub fn set(threads: usize) -> usize {
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    threads
}

/// The shortest of so many steps, in seconds: what disturbs a step makes it longer.
fn step_s(trainer: &mut Trainer, steps: u64) -> Result<f64> {
    let mut shortest = f64::INFINITY;
    let mut started = None;
    // Once more than asked for, because a step is over when the next one is shown.
    trainer.train_watched(steps + 1, 1, &mut |_| {
        let now = Instant::now();
        if let Some(before) = started.replace(now) {
            shortest = f64::min(shortest, now.duration_since(before).as_secs_f64());
        }
        Ok(())
    })?;
    Ok(shortest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::setup;

    #[test]
    fn a_choice_is_one_or_all_and_is_set() {
        let table = "model = \"mlp\"\nmlp_widths = [8]\ntrain_subset = 200\ntest_subset = 50\nprobe_images = 0";
        let config = RunConfig::from_table(table.parse().unwrap()).unwrap();
        let dataset = setup::load_dataset(&config, &setup::data_dir()).unwrap();
        let before = tch::get_num_threads();
        let chosen = choose(&config, &dataset).unwrap();
        assert!(chosen == 1 || chosen == cores());
        assert_eq!(tch::get_num_threads(), chosen as i32);
        tch::set_num_threads(before);
    }
}
