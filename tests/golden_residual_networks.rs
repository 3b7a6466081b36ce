//! ResNet-20 with batch normalization as PyTorch computes it, from `scripts/goldens/residual_networks.py`: both orders of a
//! unit, both shortcuts; logits, gradients, and evaluation after a step of gradient descent.

use normprop::methods;
use normprop::moments::Activation;
use normprop::nn::scores::cross_entropy;
use normprop::nn::{Network, Pass, Task, backward, layout, networks};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

const LR: f64 = 0.01;

/// The same sines as the script's.
fn sines(shape: &[i64], number: usize, scale: f64) -> Tensor {
    let count: i64 = shape.iter().product();
    let sine = |index: i64| (((index * index) % 10007) as f64 * 0.37 + 0.3 * number as f64).sin();
    let values: Vec<f64> = (0..count).map(|index| scale * sine(index)).collect();
    Tensor::from_slice(&values).reshape(shape)
}

fn resnet(case: &Value) -> Network {
    let task = Task {
        channels: 3,
        height: 16,
        width: 16,
        classes: 10,
        activation: Activation::Relu,
    };
    let text = |key: &str| case[key].as_str().unwrap();
    let keys = format!(
        "order = \"{}\"\nshortcut = \"{}\"",
        text("order"),
        text("shortcut")
    );
    let descriptor = networks::find("resnet").unwrap();
    let keys = descriptor.resolve(&keys.parse().unwrap()).unwrap();
    let nodes = (descriptor.build)(&keys, &task).unwrap();
    let bn = methods::find("bn").unwrap();
    let net = bn
        .network(&bn.default_options(), nodes, 0, Kind::Double, Device::Cpu)
        .unwrap();
    for (number, name) in case["gradient_squares"]
        .as_object()
        .unwrap()
        .keys()
        .enumerate()
    {
        let parameter = net.parameters.get(name).unwrap();
        let shape = parameter.size();
        let (center, scale) = match name.rsplit_once('.').unwrap() {
            ("logits", "weight") => (0.0, 0.2),
            ("logits", _) => (0.0, 0.1),
            (_, "gamma") => (1.0, 0.2),
            (_, "beta") => (0.0, 0.2),
            _ => (
                0.0,
                (4.0 / shape[1..].iter().product::<i64>() as f64).sqrt(),
            ),
        };
        let values = sines(&shape, number, scale) + center;
        tch::no_grad(|| parameter.shallow_clone().copy_(&values));
    }
    net
}

#[track_caller]
fn assert_close(what: &str, got: &Tensor, want: &Value) {
    let want: Vec<f64> = want
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect();
    let largest = want
        .iter()
        .fold(0.0_f64, |largest, value| largest.max(value.abs()));
    for (got, want) in layout::to_values(got).into_iter().zip(want) {
        assert!(
            (got - want).abs() <= 1e-9 * largest,
            "{what}: {got}, expected {want}"
        );
    }
}

#[test]
fn resnet_20_with_batch_norm_equals_pytorchs() {
    let goldens: Value =
        serde_json::from_str(include_str!("goldens/residual_networks.json")).unwrap();
    for case in goldens["cases"].as_array().unwrap() {
        let what = format!("{} {}", case["order"], case["shortcut"]);
        let net = resnet(case);
        let trained = || net.parameters.trainable();
        let count: usize = trained().map(|entry| entry.tensor.numel()).sum();
        assert_eq!(count as u64, case["parameters"].as_u64().unwrap(), "{what}");
        let images = sines(&[4, 3, 16, 16], 5, 1.5);
        let labels = Tensor::from_slice(&[1_i64, 4, 7, 2]);
        let pass = Pass::train(0, 0);
        let logits = net.logits(&images, &pass);
        assert_close(&what, &logits, &case["logits"]);
        let loss = cross_entropy(&logits, &labels);
        let gradients = backward::gradients(&loss, &net.parameters, &pass);
        for (entry, gradient) in trained().zip(gradients) {
            let got = gradient.square().sum(Kind::Double).double_value(&[]);
            let want = case["gradient_squares"][&entry.name].as_f64().unwrap();
            assert!(
                (got / want - 1.0).abs() < 1e-9,
                "{what}, {}: {got}, expected {want}",
                entry.name
            );
            tch::no_grad(|| {
                let _ = entry.tensor.shallow_clone().g_sub_(&(gradient * LR));
            });
        }
        let after = net.logits(&images, &Pass::eval());
        assert_close(&what, &after, &case["logits_after"]);
        let folded = net.fold().unwrap().logits(&images);
        assert_close(&what, &folded, &case["logits_after"]);
    }
}
