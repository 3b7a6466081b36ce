//! A training that diverges ends there as on the CPU, although its losses are read many steps later.

use anyhow::Result;
use normprop::config::RunConfig;
use normprop::data::Dataset;
use normprop::engine::trainer::Trainer;
use normprop::engine::{Interrupt, setup};
use normprop::event::{Event, Observer, Status};
use normprop::nn::layout::to_values;

use crate::load::TestDevice;

/// What is recorded, and the state that is left.
#[derive(Default)]
struct Ended {
    /// Steps that were told, and the last row's step and images.
    counts: Vec<u64>,
    /// Losses of these steps, and what the last row says.
    numbers: Vec<f64>,
    /// Parameters, buffers.
    tensors: Vec<f64>,
}

impl Observer for Ended {
    fn on(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Step { row, sums, .. } => {
                self.counts.extend([row.step, sums.images]);
                self.numbers.extend([row.loss, row.lr]);
            }
            Event::Epoch { row, .. } => {
                self.counts.extend([row.epoch, row.step]);
                self.numbers.extend([
                    row.lr,
                    row.train_loss,
                    row.train_error,
                    row.test_loss,
                    row.test_error,
                    row.grad_norm,
                ]);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Epochs of 50 steps, in which the rate makes the loss infinite or no number.
fn configured(device: &str, keys: &str) -> (RunConfig, Dataset) {
    let text = format!(
        "train_subset = 200\ntest_subset = 10\nbatch_size = 4\nepochs = 2\nprobe_images = 0\nprecision = \"f64\"\n\
         augment = \"crop-flip\"\ndevice = \"{device}\"\n{keys}"
    );
    let config = RunConfig::from_table(text.parse().unwrap()).unwrap();
    let dataset = setup::load_dataset(&config, &setup::data_dir()).unwrap();
    (config, dataset)
}

fn ended(device: &str, keys: &str) -> Ended {
    let (config, dataset) = configured(device, keys);
    let mut ended = Ended::default();
    let mut trainer = Trainer::new(config.clone(), &dataset).unwrap();
    let status = trainer.run(&mut [&mut ended], &Interrupt::default());
    assert_eq!(status.unwrap(), Status::Diverged);
    let tensors = trainer.network.parameters.iter();
    let values = tensors.flat_map(|entry| to_values(&entry.tensor));
    ended.tensors = values.collect();
    // Without a record it ends at the same step.
    let mut watched = Trainer::new(config, &dataset).unwrap();
    let done = watched.train_watched(100, 100, &mut |_| Ok(())).unwrap();
    assert_eq!(Some(&done), ended.counts.last());
    ended
}

/// Whether they are equal but for rounding, where they are numbers.
fn alike(one: &[f64], other: &[f64]) -> bool {
    let close = |(a, b): (&f64, &f64)| {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6 * a.abs().max(1e-2)
    };
    one.len() == other.len() && one.iter().zip(other).all(close)
}

#[test]
fn a_training_that_diverges_ends_as_on_the_cpu() {
    let Some((device, _turn)) = TestDevice::alone() else {
        return;
    };
    // At some rates rounding grows to everything within steps, and the device rounds in its own way: there it is compared
    // with itself when it reads every step.
    for (other, own, keys) in [
        (
            "cpu",
            "",
            "width = 0.05\nlr = 1e6\nmethod = { name = \"none\" }",
        ),
        (
            "cuda",
            "record_steps = 1\n",
            "width = 0.05\nlr = 1e10\nmethod = { name = \"bn\", population = \"cumulative\" }",
        ),
        (
            "cpu",
            "",
            "model = \"mlp\"\nmlp_widths = [16, 16]\nlr = 1e3\nmethod = { name = \"none\" }",
        ),
        (
            "cpu",
            "",
            "model = \"mlp\"\nmlp_widths = [16, 16]\nlr = 1e3\nrecord_steps = 3\nmethod = { name = \"none\" }",
        ),
    ] {
        let (here, there) = (ended(other, &format!("{own}{keys}")), ended("cuda", keys));
        assert_eq!(here.counts, there.counts, "{keys}");
        assert!(
            alike(&here.numbers, &there.numbers),
            "{keys}: {:?} and {:?}",
            here.numbers,
            there.numbers
        );
        assert!(alike(&here.tensors, &there.tensors), "{keys}");
        // A few steps more would leave fewer.
        let finite = here.tensors.iter().filter(|value| value.is_finite());
        let finite = finite.count();
        assert!(0 < finite && finite < here.tensors.len(), "{keys}");
    }
    assert_eq!(device.counts().mixed, 0, "{}", device.tell());
}
