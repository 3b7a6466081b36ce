//! The learning rate at every step.

use crate::config::{RunConfig, Schedule};

/// Learning rate of step `step` (from 0) of `total`, with `steps_per_epoch` steps an epoch.
///
/// Warm-up multiplies by (step + 1)/(warm-up steps) until it is over; the schedule itself runs over all
/// steps: cosine η/2·(1 + cos(π·t/T)), step η·factorᵏ with k the number of `step_at`·T passed.
pub fn learning_rate(config: &RunConfig, step: u64, steps_per_epoch: u64) -> f64 {
    let total = (config.epochs * steps_per_epoch).max(1) as f64;
    let progress = step as f64 / total;
    let shape = match config.schedule {
        Schedule::Constant => 1.0,
        Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        Schedule::Step => {
            let passed = config.step_at.iter().filter(|&&at| progress >= at).count();
            config.step_factor.powi(passed as i32)
        }
    };
    let warmup_steps = config.warmup_epochs * steps_per_epoch as f64;
    let warmup = if warmup_steps > 0.0 {
        ((step + 1) as f64 / warmup_steps).min(1.0)
    } else {
        1.0
    };
    config.lr * shape * warmup
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(schedule: Schedule, warmup_epochs: f64) -> RunConfig {
        RunConfig {
            lr: 0.4,
            epochs: 10,
            schedule,
            warmup_epochs,
            ..RunConfig::default()
        }
    }

    #[test]
    fn cosine_starts_at_the_base_rate_halves_midway_and_ends_near_zero() {
        let config = config(Schedule::Cosine, 0.0);
        let rate = |step| learning_rate(&config, step, 100);
        assert!((rate(0) - 0.4).abs() < 1e-12);
        assert!((rate(500) - 0.2).abs() < 1e-12);
        assert!(rate(999) < 1e-5 && rate(999) > 0.0);
    }

    #[test]
    fn steps_fall_where_told() {
        let config = config(Schedule::Step, 0.0);
        let rate = |step| learning_rate(&config, step, 100);
        assert!((rate(499) - 0.4).abs() < 1e-12);
        assert!((rate(500) - 0.04).abs() < 1e-12);
        assert!((rate(750) - 0.004).abs() < 1e-12);
    }

    #[test]
    fn warm_up_rises_linearly_to_the_base_rate() {
        let config = config(Schedule::Constant, 0.5);
        let rate = |step| learning_rate(&config, step, 100);
        assert!((rate(0) - 0.4 / 50.0).abs() < 1e-12);
        assert!((rate(24) - 0.2).abs() < 1e-12);
        assert!((rate(49) - 0.4).abs() < 1e-12);
        assert!((rate(400) - 0.4).abs() < 1e-12);
    }
}
