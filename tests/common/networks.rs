//! Small networks under methods, and numbers to try them with.

use normprop::methods::Descriptor;
use normprop::moments::Activation;
use normprop::nn::{Network, NetworkKind, Node, Role, Task, networks};
use tch::{Device, Kind, Tensor};

/// The nodes of `model` with these keys, for images of so many channels and this side.
pub fn nodes(model: &str, keys: &str, image: (i64, i64), activation: Activation) -> Vec<Node> {
    // Tensors here are so small that two threads would mostly wait for each other.
    tch::set_num_threads(1);
    let descriptor = networks::find(model).unwrap();
    let task = Task {
        channels: image.0,
        height: image.1,
        width: image.1,
        classes: 10,
        activation,
    };
    let keys = descriptor.resolve(&keys.parse().unwrap()).unwrap();
    (descriptor.build)(&keys, &task).unwrap()
}

/// These nodes under a method, in float64.
pub fn built(nodes: Vec<Node>, method: &Descriptor, options: &str) -> anyhow::Result<Network> {
    built_in(Kind::Double, nodes, method, options)
}

/// The same in this element type.
pub fn built_in(
    kind: Kind,
    nodes: Vec<Node>,
    method: &Descriptor,
    options: &str,
) -> anyhow::Result<Network> {
    let options = method.resolve_for(NetworkKind::of(&nodes[0]), &options.parse()?)?;
    method.network(&options, nodes, 7, kind, Device::Cpu)
}

/// The same with the activation ReLU.
pub fn network(
    model: &str,
    keys: &str,
    method: &Descriptor,
    options: &str,
    image: (i64, i64),
) -> anyhow::Result<Network> {
    built(nodes(model, keys, image, Activation::Relu), method, options)
}

/// Numbers that look like nothing in particular, about as large as standard normals.
pub fn numbers(shape: &[i64], seed: i64) -> Tensor {
    let count: i64 = shape.iter().product();
    let index = Tensor::arange(count, (Kind::Double, Device::Cpu)) + 17 * seed;
    ((index.square() * 0.37 + 0.3).sin() * 1.4).reshape(shape)
}

/// Moves what is trained and what is averaged off its start. Numbers stay positive that were.
pub fn disturb(network: &Network) {
    for (index, entry) in network.parameters.iter().enumerate() {
        let change = numbers(&entry.tensor.size(), index as i64 + 1) * 0.1;
        let moved = match entry.role {
            Role::Buffer => &entry.tensor * change.exp(),
            _ => &entry.tensor * change.exp() + &change * 0.5,
        };
        set(&entry.tensor, &moved);
    }
}

pub fn set(tensor: &Tensor, values: &Tensor) {
    tch::no_grad(|| tensor.shallow_clone().copy_(values));
}

/// The tensor of this name.
pub fn get<'n>(network: &'n Network, name: &str) -> &'n Tensor {
    let found = network.parameters.get(name);
    found.unwrap_or_else(|| panic!("no tensor {name}"))
}

/// Largest absolute difference.
pub fn gap(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    largest(&(a - b))
}

pub fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}
