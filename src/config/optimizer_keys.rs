//! The keys of the optimizers: which of them each has, and what they are where they are left out.

use toml::Table;

use super::{OptimizerName, RunConfig};
use crate::error::KeyFault;
use crate::methods::rate_at;

use OptimizerName::{Adam, Adamw, Rmsprop, Sgd};

/// Learning rate of Adam, AdamW and RMSProp at batch size 50. The length of their steps does not depend on that of
/// gradients, so that the methods' rates for SGD say nothing of it.
const ADAPTIVE_RATE_AT_50: f64 = 0.001;
/// λ of AdamW where none is given.
const DECOUPLED_DECAY: f64 = 0.01;

/// Gives the keys that were left out what they are with this optimizer.
pub fn settle(config: &mut RunConfig, given: &Table) {
    if !given.contains_key("momentum") {
        config.momentum = momentum_of(config.optimizer);
    }
    if config.optimizer == Adamw && !given.contains_key("weight_decay") {
        config.weight_decay = DECOUPLED_DECAY;
    }
}

/// Momentum where none is given.
fn momentum_of(optimizer: OptimizerName) -> f64 {
    match optimizer {
        Rmsprop => 0.0,
        Sgd | Adam | Adamw => RunConfig::default().momentum,
    }
}

/// The rate of a run that states none.
pub fn default_learning_rate(config: &RunConfig) -> f64 {
    let (method, network) = (config.method.descriptor, config.model.kind());
    match config.optimizer {
        Sgd => method.default_learning_rate(config.batch_size, network),
        Adam | Adamw | Rmsprop => rate_at(ADAPTIVE_RATE_AT_50, config.batch_size),
    }
}

/// Refuses keys that the optimizer does not have, two that say the same, and a method that it cannot move.
pub fn check(config: &RunConfig) -> Result<(), KeyFault> {
    let name = config.optimizer.name();
    for (key, value, off, optimizers) in limited_keys(config) {
        let is_used = off || optimizers.contains(&config.optimizer);
        let users: Vec<&str> = optimizers.iter().map(|user| user.name()).collect();
        let what = format!(
            "{key} = {value}: optimizer = \"{name}\" has no such key, only {}; leave it out{}",
            users.join(", "),
            match key {
                "momentum" | "momentum_half_life_images" => " (beta1 of adam is its like)",
                "eps" | "alpha" | "centered" => " (an option of the method begins with `method.`)",
                _ => "",
            }
        );
        KeyFault::unless(is_used, key, what)?;
    }
    half_lives(config)?;
    let is_moving = config.momentum > 0.0 || config.momentum_half_life_images > 0.0;
    KeyFault::unless(
        !config.nesterov || is_moving,
        "nesterov",
        "nesterov = true needs momentum > 0",
    )?;
    let method = config.method.descriptor;
    let what = format!(
        "optimizer = \"{name}\": {} moves weights by a step of its own, which is defined beside SGD only; \
         use optimizer = \"sgd\", or another method",
        method.name
    );
    let is_defined = config.optimizer == Sgd || !method.has_own_step();
    KeyFault::unless(is_defined, "optimizer", what)
}

/// A key that only some optimizers have: its value, whether that is what it is where it is left out, and which they are.
type LimitedKey = (&'static str, String, bool, &'static [OptimizerName]);

fn limited_keys(config: &RunConfig) -> Vec<LimitedKey> {
    let plain = RunConfig::default();
    let with_momentum: &[OptimizerName] = &[Sgd, Rmsprop];
    let adams: &[OptimizerName] = &[Adam, Adamw];
    let numbers: [(_, _, _, &[OptimizerName]); 9] = [
        (
            "momentum",
            config.momentum,
            momentum_of(config.optimizer),
            with_momentum,
        ),
        (
            "momentum_half_life_images",
            config.momentum_half_life_images,
            0.0,
            with_momentum,
        ),
        ("beta1", config.beta1, plain.beta1, adams),
        (
            "beta1_half_life_images",
            config.beta1_half_life_images,
            0.0,
            adams,
        ),
        ("beta2", config.beta2, plain.beta2, adams),
        (
            "beta2_half_life_images",
            config.beta2_half_life_images,
            0.0,
            adams,
        ),
        ("alpha", config.alpha, plain.alpha, &[Rmsprop]),
        (
            "alpha_half_life_images",
            config.alpha_half_life_images,
            0.0,
            &[Rmsprop],
        ),
        ("eps", config.eps, plain.eps, &[Adam, Adamw, Rmsprop]),
    ];
    let flags: [(_, _, &[OptimizerName]); 3] = [
        ("nesterov", config.nesterov, &[Sgd]),
        ("amsgrad", config.amsgrad, adams),
        ("centered", config.centered, &[Rmsprop]),
    ];
    let numbers = numbers.map(|(key, own, off, users)| (key, own.to_string(), own == off, users));
    let flags = flags.map(|(key, own, users)| (key, own.to_string(), !own, users));
    numbers.into_iter().chain(flags).collect()
}

/// Refuses a decay beside the half-life that stands in its place.
fn half_lives(config: &RunConfig) -> Result<(), KeyFault> {
    let plain = RunConfig::default();
    let momentum = momentum_of(config.optimizer);
    for (key, value, default, half_life) in [
        (
            "momentum",
            config.momentum,
            momentum,
            config.momentum_half_life_images,
        ),
        (
            "beta1",
            config.beta1,
            plain.beta1,
            config.beta1_half_life_images,
        ),
        (
            "beta2",
            config.beta2,
            plain.beta2,
            config.beta2_half_life_images,
        ),
        (
            "alpha",
            config.alpha,
            plain.alpha,
            config.alpha_half_life_images,
        ),
    ] {
        let what = format!(
            "{key} = {value} and {key}_half_life_images = {half_life} stand for the same: leave one of them out"
        );
        KeyFault::unless(half_life == 0.0 || value == default, key, what)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> RunConfig {
        RunConfig::from_table(text.parse().unwrap()).unwrap()
    }

    fn refusal(text: &str) -> String {
        let refused = RunConfig::from_table(text.parse().unwrap());
        refused.unwrap_err().to_string()
    }

    #[test]
    fn keys_that_are_left_out_are_what_they_are_with_the_optimizer() {
        let values = |text: &str| {
            let config = config(text);
            (config.lr, config.momentum, config.weight_decay)
        };
        assert_eq!(values(""), (0.02, 0.9, 5e-4));
        assert_eq!(values("optimizer = \"adam\""), (0.001, 0.9, 5e-4));
        assert_eq!(values("optimizer = \"adamw\""), (0.001, 0.9, 0.01));
        assert_eq!(values("optimizer = \"rmsprop\""), (0.001, 0.0, 5e-4));
        let at_1 = "optimizer = \"rmsprop\"\nmomentum = 0.9\nweight_decay = 0\nbatch_size = 1";
        assert_eq!(values(at_1), (0.00014, 0.9, 0.0));
        for text in ["optimizer = \"adamw\"", "optimizer = \"rmsprop\"", at_1] {
            let own = config(text);
            let recorded = config(&own.to_toml().unwrap());
            assert_eq!(recorded, own);
            assert_eq!(recorded.run_name().unwrap(), own.run_name().unwrap());
        }
    }

    #[test]
    fn keys_of_optimizers_change_no_name_of_a_run_that_does_not_use_them() {
        let plain = config("").run_name().unwrap();
        let stated = "optimizer = \"sgd\"\nmomentum = 0.9\nbeta1 = 0.9\nbeta2 = 0.999\namsgrad = false\nalpha = 0.99\n\
            centered = false\neps = 1e-8\nmomentum_half_life_images = 0\nbeta2_half_life_images = 0";
        assert_eq!(config(stated).run_name().unwrap(), plain);
        let keys = config(stated).deciding_keys().unwrap();
        let keys: Vec<&str> = keys.keys().map(String::as_str).collect();
        assert_eq!(keys, ["lr", "model"]);
        let mut names = vec![plain];
        for optimizer in OptimizerName::ALL.map(OptimizerName::name) {
            let name = |more: &str| {
                let text = format!("optimizer = \"{optimizer}\"\nlr = 0.01\n{more}");
                config(&text).run_name().unwrap()
            };
            names.push(name(""));
            names.extend((optimizer == "adam").then(|| name("beta2_half_life_images = 5000")));
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 6);
    }

    #[test]
    fn a_key_of_another_optimizer_is_refused_by_name() {
        let cases = [
            (
                "beta2 = 0.99",
                "beta2 = 0.99: optimizer = \"sgd\" has no such key, only adam, adamw; leave it out",
            ),
            (
                "eps = 0.1",
                "eps = 0.1: optimizer = \"sgd\" has no such key, only adam, adamw, rmsprop; leave it out (an option of the method begins with `method.`)",
            ),
            (
                "optimizer = \"adam\"\nmomentum = 0.5",
                "momentum = 0.5: optimizer = \"adam\" has no such key, only sgd, rmsprop; leave it out (beta1 of adam is its like)",
            ),
            (
                "optimizer = \"rmsprop\"\nnesterov = true\nmomentum = 0.9",
                "nesterov = true: optimizer = \"rmsprop\" has no such key, only sgd; leave it out",
            ),
            (
                "optimizer = \"adam\"\ncentered = true",
                "centered = true: optimizer = \"adam\" has no such key, only rmsprop; leave it out (an option of the method begins with `method.`)",
            ),
            (
                "optimizer = \"adam\"\nbeta2 = 0.99\nbeta2_half_life_images = 500",
                "beta2 = 0.99 and beta2_half_life_images = 500 stand for the same: leave one of them out",
            ),
            (
                "momentum = 0.5\nmomentum_half_life_images = 500",
                "momentum = 0.5 and momentum_half_life_images = 500 stand for the same: leave one of them out",
            ),
            (
                "momentum = 0\nnesterov = true",
                "nesterov = true needs momentum > 0",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(refusal(text), expected, "{text}");
        }
        assert!(refusal("optimizer = \"adan\"").contains("did you mean `adam`?"));
    }

    #[test]
    fn a_method_with_a_step_of_its_own_stands_beside_sgd_only() {
        let text = |optimizer: &str| {
            format!("optimizer = \"{optimizer}\"\nmethod = {{ name = \"riemannian-bn\" }}")
        };
        assert!(RunConfig::from_table(text("sgd").parse().unwrap()).is_ok());
        for optimizer in ["adam", "adamw", "rmsprop"] {
            let refused = refusal(&text(optimizer));
            assert!(
                refused.contains("riemannian-bn moves weights by a step of its own")
                    && refused.contains("use optimizer = \"sgd\""),
                "{refused}"
            );
        }
    }
}
