//! Residual networks: their size, their sums, and every method in them.

mod custom_backward;
mod declared;
mod estimates;
#[path = "../common/golden.rs"]
mod golden;
mod goldens;
mod invariance;
mod options;
mod placement;
mod sizes;
mod training;

use normprop::methods::{self, Descriptor, METHODS};
use normprop::moments::Activation;
use normprop::nn::{Network, Node, Role, Task, networks};
use tch::{Device, Kind, Tensor};

/// ResNet-8 with a quarter of the channels, in every order and with every shortcut.
const SMALL: [&str; 4] = [
    "order = \"v2\"\nshortcut = \"B\"\ndepth = 8\nwidth = 0.25",
    "order = \"v2\"\nshortcut = \"A\"\ndepth = 8\nwidth = 0.25",
    "order = \"v1\"\nshortcut = \"B\"\ndepth = 8\nwidth = 0.25",
    "order = \"v1\"\nshortcut = \"A\"\ndepth = 8\nwidth = 0.25",
];

/// The nodes of `model` with these keys, for images of so many channels and this side.
fn nodes(model: &str, keys: &str, image: (i64, i64), activation: Activation) -> Vec<Node> {
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
fn built(nodes: Vec<Node>, method: &Descriptor, options: &str) -> anyhow::Result<Network> {
    let options = method.resolve(&options.parse()?)?;
    method.network(&options, nodes, 7, Kind::Double, Device::Cpu)
}

/// The same with the activation ReLU.
fn network(
    model: &str,
    keys: &str,
    method: &Descriptor,
    options: &str,
    image: (i64, i64),
) -> anyhow::Result<Network> {
    built(nodes(model, keys, image, Activation::Relu), method, options)
}

/// A [`SMALL`] network under a method of this name, on images of two channels and side 8.
fn small(keys: &str, method: &str, options: &str) -> Network {
    let method = methods::find(method).unwrap();
    network("resnet", keys, method, options, (2, 8)).unwrap()
}

/// Every method in every [`SMALL`] network that it serves, with what each is in words.
fn each_small() -> impl Iterator<Item = (&'static Descriptor, Network, String)> {
    each_with(|_| "")
}

/// The same without noise: what an image gives then depends on no number drawn for another.
fn each_quiet() -> impl Iterator<Item = (&'static Descriptor, Network, String)> {
    each_with(|method| match method.has_option("noisy") {
        true => "noisy = false",
        false => "",
    })
}

fn each_with(
    options: fn(&Descriptor) -> &'static str,
) -> impl Iterator<Item = (&'static Descriptor, Network, String)> {
    let pairs = METHODS
        .iter()
        .flat_map(|method| SMALL.map(|keys| (*method, keys)));
    pairs.filter_map(move |(method, keys)| {
        let built = network("resnet", keys, method, options(method), (2, 8)).ok()?;
        Some((method, built, format!("{} {keys:?}", method.name)))
    })
}

/// Numbers that look like nothing in particular, about as large as standard normals.
fn numbers(shape: &[i64], seed: i64) -> Tensor {
    let count: i64 = shape.iter().product();
    let index = Tensor::arange(count, (Kind::Double, Device::Cpu)) + 17 * seed;
    ((index.square() * 0.37 + 0.3).sin() * 1.4).reshape(shape)
}

/// Moves what is trained and what is averaged off its start. Numbers stay positive that were.
fn disturb(network: &Network) {
    for (index, entry) in network.parameters.iter().enumerate() {
        let change = numbers(&entry.tensor.size(), index as i64 + 1) * 0.1;
        let moved = match entry.role {
            Role::Buffer => &entry.tensor * change.exp(),
            _ => &entry.tensor * change.exp() + &change * 0.5,
        };
        set(&entry.tensor, &moved);
    }
}

fn set(tensor: &Tensor, values: &Tensor) {
    tch::no_grad(|| tensor.shallow_clone().copy_(values));
}

/// The tensor of this name.
fn get<'n>(network: &'n Network, name: &str) -> &'n Tensor {
    let found = network.parameters.get(name);
    found.unwrap_or_else(|| panic!("no tensor {name}"))
}

/// Largest absolute difference.
fn gap(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    largest(&(a - b))
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}
