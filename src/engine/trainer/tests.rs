//! What the loop promises of statistics that are gathered for evaluation.

use super::*;
use crate::event::NamedTensor;
use tch::{Kind, Tensor};

/// Mean over all training images of what the first layer's normalization receives.
fn mean_over_training_images(trainer: &Trainer) -> Tensor {
    let images = trainer.normalizer.evaluation(&trainer.dataset.train.images);
    let parameters = &trainer.network.parameters;
    let (count, shape) = (trainer.dataset.train.len(), trainer.dataset.shape);
    let x = trainer
        .network
        .images(&images, shape.of_batch(count))
        .flatten(1, -1);
    let weight = parameters.get("layer1.weight").unwrap().detach();
    x.matmul(&weight.tr())
        .mean_dim([0].as_slice(), false, None::<Kind>)
}

fn run(population: &str) -> f64 {
    let table = format!(
        "model = \"mlp\"\nmlp_widths = [8]\ntrain_subset = 200\ntest_subset = 50\nepochs = 2\n\
         batch_size = 50\nprobe_images = 0\nmethod = {{ name = \"bn\", population = \"{population}\" }}"
    );
    let config = RunConfig::from_table(table.parse().unwrap()).unwrap();
    let dataset = setup::load_dataset(&config, &setup::data_dir()).unwrap();
    let mut trainer = Trainer::new(config, &dataset).unwrap();
    assert_eq!(
        trainer.run(&mut [], &Interrupt::default()).unwrap(),
        Status::Finished
    );
    let kept = trainer
        .network
        .parameters
        .get("layer1.running_mean")
        .unwrap();
    (kept - mean_over_training_images(&trainer))
        .abs()
        .max()
        .double_value(&[])
}

#[test]
fn precise_population_statistics_are_those_of_the_weights_that_are_evaluated() {
    let (precise, running) = (run("precise"), run("running"));
    assert!(precise < 1e-5, "{precise}");
    assert!(running > 1e-3, "{running}");
}

fn trainer_of<'d>(text: &str, dataset: &'d mut Option<Dataset>) -> Trainer<'d> {
    let config = RunConfig::from_table(text.parse().unwrap()).unwrap();
    let loaded = setup::load_dataset(&config, &setup::data_dir()).unwrap();
    Trainer::new(config, dataset.insert(loaded)).unwrap()
}

/// All tensors at the end of a training, paused after an epoch and taken up again where asked for.
fn tensors_after(text: &str, pauses: bool) -> Vec<NamedTensor> {
    let (mut dataset, mut again) = (None, None);
    let mut trainer = trainer_of(text, &mut dataset);
    if pauses {
        trainer.pause_at(Some(1));
        let status = trainer.run(&mut [], &Interrupt::default()).unwrap();
        assert_eq!(status, Status::Paused);
        let snapshot = trainer.snapshot().unwrap();
        trainer = trainer_of(text, &mut again);
        trainer.resume(&snapshot).unwrap();
    }
    let status = trainer.run(&mut [], &Interrupt::default()).unwrap();
    assert_eq!(status, Status::Finished);
    trainer.snapshot().unwrap().tensors
}

#[test]
fn a_start_of_unit_variance_and_slower_parameters_survive_a_pause() {
    for (own, trained) in [
        ("order = \"v1\"\nmethod = { name = \"fixup\" }", "unit2.a1"),
        (
            "init = \"lsuv\"\nmethod = { name = \"skipinit\" }",
            "s1u1-conv2.alpha",
        ),
    ] {
        let text = format!(
            "model = \"resnet\"\ndepth = 8\nwidth = 0.0625\ntrain_subset = 100\ntest_subset = 20\n\
             epochs = 2\nprobe_images = 0\ngain_lr_factor = 0.5\nlr = 0.05\n{own}"
        );
        let [straight, paused] = [false, true].map(|pauses| tensors_after(&text, pauses));
        assert!(straight.iter().any(|tensor| tensor.name == trained));
        assert_eq!(straight, paused);
    }
}

#[test]
fn every_optimizer_goes_on_after_a_pause_bit_for_bit() {
    for (optimizer, kept) in [
        (
            "optimizer = \"sgd\"\nmomentum_half_life_images = 300",
            "velocity",
        ),
        (
            "optimizer = \"adam\"\nbeta2_half_life_images = 2000",
            "second_moment",
        ),
        (
            "optimizer = \"adamw\"\namsgrad = true",
            "largest_second_moment",
        ),
        (
            "optimizer = \"rmsprop\"\ncentered = true\nmomentum = 0.9",
            "gradient_average",
        ),
    ] {
        // Rows that are projected, a layer that is not, gains and shifts.
        let text = format!(
            "model = \"mlp\"\nmlp_widths = [8]\ntrain_subset = 100\ntest_subset = 20\nepochs = 2\nbatch_size = 10\n\
             probe_images = 0\nlr = 0.01\nclip_norm = 1\n{optimizer}\nmethod = {{ name = \"normprop\" }}"
        );
        let [straight, paused] = [false, true].map(|pauses| tensors_after(&text, pauses));
        let name = format!("{kept}.layer1.weight");
        let found = straight.iter().find(|tensor| tensor.name == name);
        assert!(
            found.is_some_and(|kept| kept.bytes.iter().any(|&byte| byte != 0)),
            "{name}"
        );
        assert_eq!(straight, paused, "{optimizer}");
    }
}

#[test]
fn training_starts_from_unit_variance_where_asked_to() {
    let off_diagonal = |init: &str| {
        let text = format!(
            "model = \"mlp\"\nmlp_widths = [8]\ntrain_subset = 200\ninit = \"{init}\"\nmethod = {{ name = \"none\" }}"
        );
        let mut dataset = None;
        let mut trainer = trainer_of(&text, &mut dataset);
        trainer.initialize().unwrap();
        let weight = trainer.network.parameters.get("layer1.weight").unwrap();
        let products = weight.matmul(&weight.tr()).detach();
        let largest = products.abs().max().double_value(&[]);
        (&products - products.diag(0).diag(0))
            .abs()
            .max()
            .double_value(&[])
            / largest
    };
    assert!(off_diagonal("lsuv") < 1e-5);
    assert!(off_diagonal("method") > 1e-3);
}
