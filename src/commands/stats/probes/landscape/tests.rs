use super::*;
use crate::config::overrides::Assignment;
use crate::engine::interrupt::Interrupt;
use crate::engine::setup;
use crate::engine::trainer::Trainer;
use crate::event::NamedTensor;
use crate::nn::parameters::to_named;
use std::path::Path;

fn config(method: &str) -> RunConfig {
    let pairs = [
        ("train_subset", "60"),
        ("test_subset", "10"),
        ("width", "0.05"),
        ("batch_size", "12"),
        ("epochs", "2"),
        ("method.name", method),
    ];
    RunConfig::load(None, &pairs.map(|(key, value)| Assignment::set(key, value))).unwrap()
}

fn state(trainer: &Trainer) -> Vec<NamedTensor> {
    let entries = trainer.network.parameters.iter();
    let named = entries.map(|entry| to_named(&entry.name, &entry.tensor).unwrap());
    named.collect()
}

#[test]
fn looking_changes_nothing_in_the_training() {
    for method in ["bn", "normprop"] {
        let config = config(method);
        let dataset = setup::load_dataset(&config, Path::new("/nowhere")).unwrap();
        let trainer = || Trainer::new(config.clone(), &dataset).unwrap();
        let mut plain = trainer();
        plain.run(&mut [], &Interrupt::default()).unwrap();

        let (mut watched, mut steps) = (trainer(), Vec::new());
        let done = watched.train_watched(99, 3, &mut |next| {
            let row = look(&config, &[0.5, 4.0], next)?;
            assert!(row.loss_min <= row.loss_max && row.gradient_norm > 0.0);
            steps.push(next.step);
            Ok(())
        });
        assert_eq!((done.unwrap(), steps), (10, vec![0, 3, 6, 9]));
        assert_eq!(state(&plain), state(&watched), "{method}");
    }
}

#[test]
fn the_batch_that_is_shown_is_the_one_that_is_trained_on() {
    let config = config("none");
    let dataset = setup::load_dataset(&config, Path::new("/nowhere")).unwrap();
    let mut trainer = Trainer::new(config.clone(), &dataset).unwrap();
    // A step down the gradient of that batch lowers its loss, and so the gradients must agree.
    let mut seen = Vec::new();
    let mut watch = |next: &NextStep| {
        let found = look(&config, &[1.0], next)?;
        seen.push((found.loss, found.loss_min, next.lr));
        Ok(())
    };
    trainer.train_watched(3, 1, &mut watch).unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|(loss, after, _)| after < loss), "{seen:?}");
    assert!(
        seen[0].2 == config.lr && seen[2].2 < config.lr,
        "the rate of the schedule"
    );
}
