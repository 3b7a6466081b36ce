//! Residual networks: their size, their sums, and every method in them.

use normprop::methods::{self, Descriptor, METHODS};
use normprop::moments::Activation;
use normprop::nn::{self, Network, Pass, Task, backward, networks};
use tch::{Device, Kind, Tensor};

/// The network of `model` with these keys under a method, for images of so many channels and this side.
fn network(
    model: &str,
    keys: &str,
    method: &Descriptor,
    options: &str,
    image: (i64, i64),
) -> anyhow::Result<Network> {
    let descriptor = networks::find(model)?;
    let task = Task {
        channels: image.0,
        height: image.1,
        width: image.1,
        classes: 10,
        activation: Activation::Relu,
    };
    let keys = descriptor.resolve(&keys.parse()?)?;
    let nodes = (descriptor.build)(&keys, &task)?;
    let options = method.resolve(&options.parse()?)?;
    method.network(&options, nodes, 7, Kind::Double, Device::Cpu)
}

fn trained_numbers(network: &Network) -> usize {
    let tensors = network.parameters.trainable();
    tensors.map(|entry| entry.tensor.numel()).sum()
}

/// Zagoruyko and Komodakis, and He et al., as counted from their architectures.
#[test]
fn networks_with_batch_norm_have_the_known_numbers_of_parameters() {
    let bn = methods::find("bn").unwrap();
    let cases = [
        (
            "resnet",
            "depth = 8\norder = \"v1\"\nshortcut = \"A\"",
            75_290,
        ),
        ("resnet", "depth = 8\norder = \"v1\"", 78_042),
        ("resnet", "depth = 8\nshortcut = \"A\"", 75_290),
        ("resnet", "depth = 8", 77_850),
        ("resnet", "order = \"v1\"\nshortcut = \"A\"", 269_722),
        ("resnet", "order = \"v1\"", 272_474),
        ("resnet", "", 272_282),
        ("resnet", "depth = 32", 466_714),
        ("resnet", "depth = 44", 661_146),
        ("resnet", "depth = 56", 855_578),
        ("resnet", "depth = 110", 1_730_522),
        (
            "resnet",
            "depth = 110\norder = \"v1\"\nshortcut = \"A\"",
            1_727_962,
        ),
        ("wide-resnet", "depth = 10", 77_850),
        ("wide-resnet", "", 175_066),
        ("wide-resnet", "widening = 4", 2_748_890),
        ("wide-resnet", "depth = 28\nwidening = 2", 1_467_610),
        ("wide-resnet", "depth = 40\nwidening = 2", 2_243_546),
    ];
    for (model, keys, expected) in cases {
        let built = network(model, keys, bn, "", (3, 32)).unwrap();
        assert_eq!(trained_numbers(&built), expected, "{model} {keys}");
    }
}

fn images(count: i64, channels: i64, side: i64) -> Tensor {
    let shape = [count, channels, side, side];
    let numbers: i64 = shape.iter().product();
    let values = Tensor::arange(numbers, (Kind::Double, Device::Cpu));
    ((values.square() * 0.37).sin() * 1.4).reshape(shape)
}

/// Which methods serve which order, and what they compute there.
#[test]
fn every_method_trains_a_residual_network_or_says_that_it_cannot() {
    let labels = Tensor::from_slice(&[1_i64, 4, 7, 2]);
    for method in METHODS {
        for keys in ["", "order = \"v1\"\nshortcut = \"A\""] {
            let keys = format!("depth = 8\nwidth = 0.5\n{keys}");
            let what = format!("{} {keys:?}", method.name);
            let built = match network("resnet", &keys, method, "", (3, 8)) {
                Ok(built) => built,
                Err(error) => {
                    println!("{what}: {error}");
                    continue;
                }
            };
            let images = images(4, 3, 8);
            built.initialize(&images);
            let loss = |step| {
                let pass = Pass::train(3, step);
                let logits = built.logits(&images, &pass);
                (nn::scores::cross_entropy(&logits, &labels), pass)
            };
            let first = loss(0).0.double_value(&[]);
            for step in 0..30 {
                let (value, pass) = loss(step);
                let gradients = backward::gradients(&value, &built.parameters, &pass);
                tch::no_grad(|| {
                    for (entry, gradient) in built.parameters.trainable().zip(gradients) {
                        let _ = entry.tensor.shallow_clone().g_sub_(&(gradient * 0.01));
                    }
                });
                built.after_step();
            }
            let last = loss(40).0.double_value(&[]);
            println!("{what}: {first} -> {last}");
            assert!(
                last.is_finite() && last < first,
                "{what}: {first} -> {last}"
            );
            // Evaluation, folded and not.
            if let Some(folded) = built.fold() {
                let plain = tch::no_grad(|| built.logits(&images, &Pass::eval()));
                let gap = (folded.logits(&images) - &plain)
                    .abs()
                    .max()
                    .double_value(&[]);
                let size = plain.abs().max().double_value(&[]);
                assert!(gap <= 1e-9 * size.max(1.0), "{what}: folded is {gap} apart");
            }
        }
    }
}
