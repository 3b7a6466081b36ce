//! Step times of several trainers, measured in turn, so that other work of the machine slows all of them.

use std::time::Instant;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::trainer::step::StepTimes;
use super::{Trainer, device, memory};
use crate::event::any_f64;
use crate::nn::fold::Evaluator;

/// How long to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Rounds that are done however long they take.
    pub at_least: u64,
    /// Rounds that are not exceeded.
    pub at_most: u64,
    /// Seconds after which no further round begins.
    pub seconds: f64,
}

impl Budget {
    /// So many rounds, however long they take.
    pub fn exactly(rounds: u64) -> Budget {
        Budget {
            at_least: rounds,
            at_most: rounds,
            seconds: f64::INFINITY,
        }
    }

    /// The part that is used up, from 0 to 1.
    fn spent(&self, rounds: u64, seconds: f64) -> f64 {
        let part = |done: f64, all: f64| match all > 0.0 {
            true => (done / all).min(1.0),
            false => 1.0,
        };
        let rounds = rounds as f64;
        let by_time = part(rounds, self.at_least as f64).min(part(seconds, self.seconds));
        by_time.max(part(rounds, self.at_most as f64))
    }
}

/// One training step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StepSample {
    /// Seconds from its beginning to its end.
    pub total_s: f64,
    /// Where they went.
    pub times: StepTimes,
}

/// Lets every trainer train a step in each round. Returns one list a trainer, in which places are rounds.
pub fn training_steps(
    trainers: &mut [Trainer],
    budget: Budget,
    show: &mut dyn FnMut(f64),
) -> Vec<Vec<StepSample>> {
    let mut step = |trainer: &mut Trainer| {
        trainer.take_turn();
        let started = Instant::now();
        let times = trainer.timed_step();
        StepSample {
            total_s: started.elapsed().as_secs_f64(),
            times,
        }
    };
    in_turn(trainers, budget, &mut step, show)
}

/// Lets every trainer's network evaluate a batch of test images in each round, folded into plain operations where it
/// can be, as evaluation does: seconds, as [`training_steps`].
pub fn evaluation_steps(
    trainers: &[Trainer],
    budget: Budget,
    show: &mut dyn FnMut(f64),
) -> Vec<Vec<f64>> {
    let evaluators = trainers
        .iter()
        .map(|trainer| Evaluator::new(&trainer.network));
    let images = trainers.iter().map(Trainer::evaluation_images);
    let networks = trainers.iter().zip(evaluators.zip(images));
    let mut networks: Vec<_> = networks.collect();
    let mut step = |(trainer, (evaluator, images)): &mut (&Trainer, (Evaluator, Tensor))| {
        trainer.take_turn();
        device::wait(images.device());
        let started = Instant::now();
        drop(evaluator.logits(images));
        device::wait(images.device());
        started.elapsed().as_secs_f64()
    };
    in_turn(&mut networks, budget, &mut step, show)
}

/// Rounds in which everyone has one turn. Who begins changes from round to round, and every other time around the
/// order is reversed, so that none always follows the same one.
fn in_turn<C, T>(
    contestants: &mut [C],
    budget: Budget,
    step: &mut dyn FnMut(&mut C) -> T,
    show: &mut dyn FnMut(f64),
) -> Vec<Vec<T>> {
    let count = contestants.len();
    let mut samples: Vec<Vec<T>> = contestants.iter().map(|_| Vec::new()).collect();
    let started = Instant::now();
    let mut round = 0;
    loop {
        let spent = budget.spent(round as u64, started.elapsed().as_secs_f64());
        show(spent);
        if spent >= 1.0 {
            return samples;
        }
        for turn in 0..count {
            let place = (round + turn) % count;
            let index = match (round / count).is_multiple_of(2) {
                true => place,
                false => count - 1 - place,
            };
            samples[index].push(step(&mut contestants[index]));
        }
        round += 1;
    }
}

/// Memory of a process that trains one network and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PeakMemory {
    /// The most that was resident, in MB.
    #[serde(with = "any_f64")]
    pub process_mb: f64,
    /// How far a training step rises above what is resident between steps, in MB: activations, gradients and
    /// all else that lives within a step. NaN where the system does not let the peak be reset.
    #[serde(with = "any_f64")]
    pub step_mb: f64,
    /// The most that tensors took on a GPU, in MB; NaN where none computes.
    #[serde(with = "any_f64")]
    pub device_mb: f64,
    /// How far a training step rises there above what is kept between steps, in MB.
    #[serde(with = "any_f64")]
    pub device_step_mb: f64,
}

/// Measures the memory of `steps` training steps; the first step of all, which sets libraries up, comes before.
pub fn peak_memory(trainer: &mut Trainer, steps: u64) -> Result<PeakMemory> {
    trainer.initialize().context("cannot start training")?;
    trainer.timed_step();
    let (between_mb, earlier_mb) = (memory::resident_mb(), memory::peak_resident_mb());
    let was_reset = memory::reset_peak();
    let device = trainer.network.parameters.device;
    memory::reset_device_peak(device);
    let (device_between_mb, _) = memory::device_mb(device);
    (0..steps).for_each(|_| {
        trainer.timed_step();
    });
    let peak_mb = memory::peak_resident_mb();
    let (_, device_mb) = memory::device_mb(device);
    Ok(PeakMemory {
        process_mb: peak_mb.max(earlier_mb),
        step_mb: match was_reset {
            true => peak_mb - between_mb,
            false => f64::NAN,
        },
        device_mb,
        device_step_mb: device_mb - device_between_mb,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;

    #[test]
    fn everyone_has_a_turn_a_round_and_is_at_every_place_equally_often() {
        let mut order = Vec::new();
        let mut contestants = ['a', 'b', 'c'];
        let samples = in_turn(
            &mut contestants,
            Budget::exactly(6),
            &mut |name| {
                order.push(*name);
                *name
            },
            &mut |_| {},
        );
        assert_eq!(samples, [vec!['a'; 6], vec!['b'; 6], vec!['c'; 6]]);
        let mut rounds: Vec<String> = order.chunks(3).map(String::from_iter).collect();
        rounds.sort();
        // Six rounds of three are all the orders there are.
        assert_eq!(rounds, ["abc", "acb", "bac", "bca", "cab", "cba"]);
    }

    #[test]
    fn a_budget_ends_by_time_but_not_before_its_least_and_never_after_its_most() {
        let budget = Budget {
            at_least: 20,
            at_most: 100,
            seconds: 10.0,
        };
        assert_eq!(budget.spent(0, 0.0), 0.0);
        assert!(budget.spent(10, 60.0) < 1.0);
        assert_eq!(budget.spent(20, 60.0), 1.0);
        assert!(budget.spent(99, 9.0) < 1.0);
        assert_eq!(budget.spent(100, 1.0), 1.0);
        assert_eq!(budget.spent(30, 5.0), 0.5);
        assert_eq!(Budget::exactly(0).spent(0, 0.0), 1.0);
        assert!(Budget::exactly(3).spent(2, 1e9) < 1.0);
    }

    #[test]
    fn steps_of_all_trainers_are_measured_round_by_round() {
        let config = |method: &str| {
            let table = format!(
                "width = 0.05\ntrain_subset = 30\ntest_subset = 10\nbatch_size = 10\nprobe_images = 0\n\
                 schedule = \"constant\"\nmethod = {{ name = \"{method}\" }}"
            );
            RunConfig::from_table(table.parse().unwrap()).unwrap()
        };
        let configs = [config("none"), config("bn")];
        let folder = std::path::Path::new("nowhere");
        let dataset = super::super::setup::load_dataset(&configs[0], folder).unwrap();
        let mut trainers: Vec<Trainer> = configs
            .iter()
            .map(|config| Trainer::new(config.clone(), &dataset).unwrap())
            .collect();
        // Seven steps of ten images are more than two epochs of thirty.
        let samples = training_steps(&mut trainers, Budget::exactly(7), &mut |_| {});
        assert_eq!(samples.iter().map(Vec::len).collect::<Vec<_>>(), [7, 7]);
        for sample in samples.iter().flatten() {
            let times = sample.times;
            let phases = times.data_s + times.forward_s + times.backward_s + times.update_s;
            assert!(times.forward_s > 0.0 && times.backward_s > 0.0 && times.update_s > 0.0);
            assert!(
                phases > 0.0 && phases <= sample.total_s + 1e-9,
                "{sample:?}"
            );
        }
        assert!(trainers.iter().all(|t| t.network.parameters.are_finite()));
        assert_eq!(trainers[0].evaluation_images().size(), [10, 1, 28, 28]);
        let evaluations = evaluation_steps(&trainers, Budget::exactly(2), &mut |_| {});
        assert!(evaluations.iter().flatten().all(|&seconds| seconds > 0.0));
    }
}
