//! How many CPU threads a run gets when none are asked for.
//!
//! Handing work to a second thread pays when there is enough of it: at batch size 1 and small widths it does not, and
//! where the border lies depends on the machine and on what else it does. So a few steps are timed with one thread and
//! with all cores. The choice is recorded, and a run that is continued keeps it.

use std::time::Instant;

use anyhow::Result;

use super::device::{cores, use_threads};
use super::trainer::Trainer;
use crate::config::RunConfig;
use crate::data::Dataset;

/// First steps, which choose kernels and fill caches: of them only what is beyond doubt is concluded.
const WARM_UP: u64 = 2;
/// Steps measured with each number of threads.
const STEPS: u64 = 5;
/// A step that takes longer than this on all cores has enough work for them.
const CERTAINLY_ENOUGH_S: f64 = 0.15;
/// All cores must save this part of a step: two runs side by side are the better use of two cores otherwise.
const WORTH_IT: f64 = 0.05;

/// Chooses by measurement; `config` is the run that will be trained, on `dataset`. Leaves that number set.
pub fn choose(config: &RunConfig, dataset: &Dataset) -> Result<usize> {
    if config.is_on_gpu() {
        // It only hands work over.
        return Ok(use_threads(1));
    }
    let cores = cores();
    if cores == 1 {
        return Ok(use_threads(cores));
    }
    use_threads(cores);
    let mut trainer = Trainer::initialized(config, dataset)?;
    let with_all = step_s(&mut trainer, WARM_UP);
    if with_all > CERTAINLY_ENOUGH_S {
        return Ok(cores);
    }
    let with_all = step_s(&mut trainer, STEPS);
    use_threads(1);
    // One thread may be so slow that more steps of it would only keep the user waiting.
    let first = step_s(&mut trainer, 1);
    let with_one = match first < 2.0 * with_all {
        true => step_s(&mut trainer, STEPS),
        false => first,
    };
    let pays = with_all < with_one * (1.0 - WORTH_IT);
    Ok(use_threads(if pays { cores } else { 1 }))
}

/// The shortest of so many steps, in seconds: what disturbs a step makes it longer.
fn step_s(trainer: &mut Trainer, steps: u64) -> f64 {
    let seconds = (0..steps).map(|_| {
        let begun = Instant::now();
        trainer.timed_step();
        begun.elapsed().as_secs_f64()
    });
    seconds.fold(f64::INFINITY, f64::min)
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
