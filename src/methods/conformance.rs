//! Tests that every method passes because it is in the registry, and small networks for methods' own tests.

use tch::{Device, Kind, Tensor};

use super::{BatchSizeOne, Descriptor, METHODS, find};
use crate::moments::Activation;
use crate::nn::backward;
use crate::nn::block::{Block, LinearOp, MaxPool};
use crate::nn::init;
use crate::nn::network::Network;
use crate::nn::networks::{lstm, perceptron};
use crate::nn::node::{NetworkKind, Node};
use crate::nn::parameters::{Role, restore, to_named};
use crate::nn::{Pass, Signal};
use crate::streams::{Purpose, stream};

mod declared;
#[path = "../../tests/common/golden.rs"]
mod golden;
mod goldens;
mod invariance;
mod paths;

pub use goldens::{assert_golden, assert_golden_layer, golden_case, golden_layer, golden_tensor};

/// Standard normals in float64.
pub fn gaussian(shape: &[i64], seed: u64) -> Tensor {
    init::standard_normal(shape, &mut stream(seed, Purpose::Probe, 0))
}

fn network(method: &'static Descriptor, options: &str, nodes: Vec<Node>, seed: u64) -> Network {
    let options = method.resolve(&options.parse().unwrap()).unwrap();
    method
        .network(&options, nodes, seed, Kind::Double, Device::Cpu)
        .unwrap()
}

/// 12-16-16-4 perceptron in float64.
pub fn dense_network(method: &str, options: &str, seed: u64) -> Network {
    dense_with(method, options, Activation::Relu, seed)
}

/// The same with another activation.
pub fn dense_with(method: &str, options: &str, activation: Activation, seed: u64) -> Network {
    network(
        find(method).unwrap(),
        options,
        perceptron(12, 4, &[16, 16], activation),
        seed,
    )
}

/// Blocks of a small convolutional network on 2×8×8 inputs: 3×3 conv, max-pool, two 1×1 convs.
pub fn conv_blocks(activation: Activation) -> Vec<Node> {
    let block = |name: &str, inputs, outputs, kernel, first: bool, last: bool| {
        Node::Block(Block {
            name: name.into(),
            op: LinearOp::Conv {
                inputs,
                outputs,
                kernel,
                padding: kernel / 2,
                stride: 1,
            },
            activation: if last {
                Activation::Identity
            } else {
                activation
            },
            pool: first.then_some(MaxPool {
                window: 3,
                stride: 2,
                padding: 1,
            }),
            first,
            last,
            residual: None,
        })
    };
    vec![
        block("conv1", 2, 6, 3, true, false),
        block("conv2", 6, 5, 1, false, false),
        block("logits", 5, 3, 1, false, true),
    ]
}

/// That network in float64.
pub fn conv_network(method: &str, options: &str, seed: u64) -> Network {
    conv_with(method, options, Activation::Relu, seed)
}

/// The same with another activation.
pub fn conv_with(method: &str, options: &str, activation: Activation, seed: u64) -> Network {
    network(
        find(method).unwrap(),
        options,
        conv_blocks(activation),
        seed,
    )
}

/// An LSTM of 6 units on 7 steps of 5 numbers, in float64.
pub fn lstm_network(method: &str, options: &str, seed: u64) -> Network {
    network(find(method).unwrap(), options, lstm(5, 6, 4), seed)
}

/// Largest absolute difference.
pub fn gap(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// The methods that serve a convolutional network without residual units.
pub fn convolutional() -> impl Iterator<Item = &'static Descriptor> {
    let methods = METHODS.iter().copied();
    methods.filter(|method| method.serves(NetworkKind::Convolutional))
}

/// The kinds of networks without residual units that the method serves.
fn kinds(method: &Descriptor) -> impl Iterator<Item = NetworkKind> {
    NetworkKind::ALL
        .iter()
        .copied()
        .filter(|&kind| !matches!(kind, NetworkKind::Residual(_)) && method.serves(kind))
}

/// A network of this kind, without residual units, at its start, with a batch for it.
fn built(method: &Descriptor, kind: NetworkKind) -> (Network, Tensor) {
    built_with(method, "", kind)
}

/// The same with options.
fn built_with(method: &Descriptor, options: &str, kind: NetworkKind) -> (Network, Tensor) {
    let name = method.name;
    match kind {
        NetworkKind::Convolutional | NetworkKind::Residual(_) => {
            (conv_network(name, options, 3), gaussian(&[9, 2, 8, 8], 2))
        }
        NetworkKind::Dense => (dense_network(name, options, 3), gaussian(&[9, 12], 1)),
        NetworkKind::Recurrent => (lstm_network(name, options, 3), gaussian(&[9, 1, 7, 5], 1)),
    }
}

/// A network of each kind that the method serves, at its start, with a batch for it.
fn both(method: &Descriptor) -> Vec<(Network, Tensor)> {
    kinds(method).map(|kind| built(method, kind)).collect()
}

/// The same without noise: what an image gives then depends on no number drawn for another.
fn quiet(method: &Descriptor) -> Vec<(Network, Tensor)> {
    let options = if method.has_option("noisy") {
        "noisy = false"
    } else {
        ""
    };
    kinds(method)
        .map(|kind| built_with(method, options, kind))
        .collect()
}

/// One hidden block called `layer`, without activation, in float64.
pub fn single(method: &str, options: &str, op: LinearOp) -> Network {
    single_with(method, options, Activation::Identity, op)
}

/// The same with an activation.
pub fn single_with(method: &str, options: &str, activation: Activation, op: LinearOp) -> Network {
    let block = Block {
        name: "layer".into(),
        op,
        activation,
        pool: None,
        first: true,
        last: false,
        residual: None,
    };
    network(find(method).unwrap(), options, vec![Node::Block(block)], 1)
}

/// Overwrites the tensor called `name`.
pub fn set(network: &Network, name: &str, values: &Tensor) {
    let tensor = network
        .parameters
        .get(name)
        .unwrap_or_else(|| panic!("no tensor {name}"));
    tch::no_grad(|| tensor.shallow_clone().copy_(&values.reshape(tensor.size())));
}

/// A matrix of `columns` columns from numbers.
pub fn matrix(values: &[f64], columns: i64) -> Tensor {
    Tensor::from_slice(values).reshape([-1, columns])
}

/// Golden inputs: four rows, each a sample of three features.
pub fn golden_inputs() -> Tensor {
    matrix(
        &[
            1.0, 2.0, -1.0, 0.0, 1.0, 3.0, 2.0, -2.0, 0.5, -1.0, 0.0, 4.0,
        ],
        3,
    )
}

/// Golden weight: two rows on three features.
pub fn golden_weight() -> Tensor {
    matrix(&[0.5, -1.0, 2.0, 1.0, 1.0, -0.5], 3)
}

/// What the first block of `network` sends to its activation in training.
pub fn pre_activation(network: &Network, x: &Tensor) -> Tensor {
    network.blocks[0]
        .layer
        .pre_activation(&Signal::plain(x.shallow_clone()), &Pass::train(0, 0))
}

/// A normalization of pre-activations with the identity before it, on the golden inputs.
pub fn normalized_golden_inputs(method: &str, options: &str) -> Tensor {
    let net = single(
        method,
        options,
        LinearOp::Dense {
            inputs: 3,
            outputs: 3,
        },
    );
    set(
        &net,
        "layer.weight",
        &Tensor::eye(3, (Kind::Double, Device::Cpu)),
    );
    pre_activation(&net, &golden_inputs())
}

/// A method that changes weights, with the golden weight, on the golden inputs: 4×2.
pub fn golden_outputs(method: &str, options: &str) -> Tensor {
    let net = single(
        method,
        options,
        LinearOp::Dense {
            inputs: 3,
            outputs: 2,
        },
    );
    set(&net, "layer.weight", &golden_weight());
    pre_activation(&net, &golden_inputs())
}

/// Row `index` of a matrix.
pub fn row(values: &Tensor, index: i64) -> Vec<f64> {
    Vec::try_from(values.select(0, index).contiguous()).unwrap()
}

/// Asserts that numbers agree to a relative 1e-9, the precision of the recorded ones.
pub fn assert_close(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    let agree = got
        .iter()
        .zip(want)
        .all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs().max(1e-3));
    assert!(agree, "{got:?} is not {want:?}");
}

/// A loss whose gradient reaches every output differently.
fn loss(network: &Network, x: &Tensor, pass: &Pass) -> Tensor {
    let logits = network.logits(x, pass);
    let target = gaussian(&logits.size(), 8);
    (logits.sin() * target).sum(Kind::Double)
}

/// Largest relative gap between a parameter's gradient along a direction and finite differences.
pub fn gradient_gap(network: &Network, x: &Tensor) -> (f64, String) {
    let pass = Pass::train(0, 0);
    let gradients = backward::gradients(&loss(network, x, &pass), &network.parameters, &pass);
    let mut worst = (0.0, String::new());
    for (parameter, gradient) in network.parameters.trainable().zip(&gradients) {
        let direction = gaussian(&parameter.tensor.size(), 11);
        let analytic = (gradient * &direction).sum(Kind::Double).double_value(&[]);
        let step = 1e-6;
        let moved = |factor: f64| {
            let _ = tch::no_grad(|| {
                parameter
                    .tensor
                    .shallow_clone()
                    .g_add_(&(&direction * factor))
            });
            let value = tch::no_grad(|| loss(network, x, &Pass::train(0, 0))).double_value(&[]);
            let _ = tch::no_grad(|| {
                parameter
                    .tensor
                    .shallow_clone()
                    .g_sub_(&(&direction * factor))
            });
            value
        };
        let numeric = (moved(step) - moved(-step)) / (2.0 * step);
        let scale = analytic.abs().max(numeric.abs()).max(1e-2);
        let relative = (analytic - numeric).abs() / scale;
        if relative.is_nan() || relative >= worst.0 {
            worst = (
                relative,
                format!("{}: {analytic} {numeric}", parameter.name),
            );
        }
    }
    worst
}

/// Asserts exact gradients under options other than the defaults.
pub fn assert_exact_gradients(method: &str, variants: &[&str]) {
    for options in variants {
        let mut cases = vec![(conv_network(method, options, 3), gaussian(&[9, 2, 8, 8], 2))];
        if find(method).unwrap().serves(NetworkKind::Dense) {
            cases.push((dense_network(method, options, 3), gaussian(&[9, 12], 1)));
        }
        for (network, x) in cases {
            let (relative, at) = gradient_gap(&network, &x);
            assert!(relative < 1e-6, "{method} {options} {at}");
        }
    }
}
