//! What the loop promises of statistics that are gathered for evaluation.

use super::*;
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
