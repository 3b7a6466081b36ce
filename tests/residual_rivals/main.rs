//! Methods that are made for residual networks: their units against `scripts/goldens/residual_rivals.py`, their starts,
//! what moves in their first steps, and what every method promises.

#[path = "../common/golden.rs"]
mod golden;
mod promises;
mod starts;
mod units;

use std::sync::LazyLock;

use golden::tensor;
use normprop::methods::{self, Descriptor};
use normprop::moments::Activation;
use normprop::nn::{Network, Task, networks};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

static GOLDENS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../goldens/residual_rivals.json")).unwrap()
});

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

/// The methods of this file, with the order that each serves.
const RIVALS: [(&str, &str); 3] = [("skipinit", "v2"), ("fixup", "v1"), ("idshort", "v2")];

fn gap(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

fn network(
    model: &str,
    keys: &str,
    method: &str,
    options: &str,
    side: i64,
) -> anyhow::Result<Network> {
    let descriptor = networks::find(model)?;
    let task = Task {
        channels: 3,
        height: side,
        width: side,
        classes: 10,
        activation: Activation::Relu,
    };
    let keys = descriptor.resolve(&keys.parse()?)?;
    let nodes = (descriptor.build)(&keys, &task)?;
    let method: &Descriptor = methods::find(method)?;
    let options = method.resolve(&options.parse()?)?;
    method.network(&options, nodes, 7, Kind::Double, Device::Cpu)
}

/// A ResNet-8 at a quarter of the width.
fn small(method: &str, order: &str, more: &str) -> Network {
    let keys = format!("depth = 8\nwidth = 0.25\norder = \"{order}\"\n{more}");
    network("resnet", &keys, method, "", 8).unwrap()
}

fn images(count: i64) -> Tensor {
    let shape = [count, 3, 8, 8];
    let values = Tensor::arange(shape.iter().product::<i64>(), DOUBLE);
    ((values.square() * 0.37).sin() * 1.4).reshape(shape)
}

fn labels() -> Tensor {
    Tensor::from_slice(&[1_i64, 4, 7, 2, 9])
}

fn value(network: &Network, name: &str) -> Tensor {
    network.parameters.get(name).unwrap().detach().copy()
}

/// Moves every trained number a little, each differently.
fn disturb(network: &Network) {
    for (index, entry) in network.parameters.trainable().enumerate() {
        let count = entry.tensor.numel() as i64;
        let wave = (Tensor::arange(count, DOUBLE) * 1.3 + index as f64).sin() * 0.1;
        let _ = tch::no_grad(|| {
            let mut tensor = entry.tensor.shallow_clone();
            tensor.g_add_(&wave.reshape(entry.tensor.size()))
        });
    }
}
