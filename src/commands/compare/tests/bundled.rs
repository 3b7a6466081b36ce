//! The experiment files of the repository.

use super::*;

#[test]
fn every_experiment_that_comes_along_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let expected = [
        ("batch-size", 105, 175),
        ("best", 9, 15),
        ("cifar10", 15, 15),
        ("cifar10-small", 9, 15),
        ("cifar100", 15, 15),
        ("convergence", 12, 20),
        ("data-normalization", 24, 24),
        ("datasets-cifar100", 12, 16),
        ("datasets-fashion-mnist", 12, 16),
        ("datasets-mnist", 12, 16),
        ("gap", 42, 84),
        ("gap-bs1", 24, 32),
        ("jacobian-scale", 36, 72),
        ("layer-inputs", 12, 12),
        ("methods", 486, 1134),
        ("mnist-bn", 15, 15),
        ("optimizers", 108, 180),
        ("precision", 12, 0),
        ("quick", 12, 0),
        ("quick-sweep", 4, 16),
        ("search", 4, 18),
        ("recurrent", 30, 60),
        ("residual-batch-size", 240, 400),
        ("residual-depth", 132, 484),
        ("residual-recipe", 48, 128),
        ("residual-recipe-cifar10", 24, 64),
        ("stability", 192, 0),
        ("svhn", 15, 15),
    ];
    for (name, runs, sweep) in expected {
        let experiment = Experiment::load(&folder.join(format!("{name}.toml")), &[]).unwrap();
        assert_eq!(
            (experiment.name.as_str(), runs_of(&experiment).len()),
            (name, runs)
        );
        assert_eq!(experiment.expand_sweep().unwrap().len(), sweep, "{name}");
        assert!(
            !experiment.title.is_empty() && !experiment.notes.is_empty(),
            "{name}"
        );
        let paper = ["cifar10", "cifar100", "svhn"].contains(&name);
        let label = experiment.reference.map(|reference| reference.label);
        assert_eq!(
            label.as_deref(),
            paper.then_some("recalled, unverified"),
            "{name}"
        );
    }
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, expected.len());
}
