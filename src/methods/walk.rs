//! Tests that every method passes because it is in the registry, and small networks for methods' own tests.

use tch::{Device, Kind, Tensor};

use super::options::Options;
use super::{BatchSizeOne, Descriptor, METHODS, find};
use crate::moments::Activation;
use crate::nn::block::{Block, LinearOp, MaxPool};
use crate::nn::init;
use crate::nn::layer::{Builder, Pass, Signal};
use crate::nn::models::perceptron;
use crate::nn::network::Network;
use crate::nn::parameters::{Role, restore, to_named};
use crate::streams::{Purpose, stream};

/// Standard normals in float64.
pub fn gaussian(shape: &[i64], seed: u64) -> Tensor {
    init::standard_normal(shape, &mut stream(seed, Purpose::Probe, 0))
}

fn network(method: &'static Descriptor, options: &str, blocks: Vec<Block>, seed: u64) -> Network {
    let options = Options::resolve(method, &options.parse().unwrap()).unwrap();
    let build = |block: &Block, builder: &mut Builder| (method.build)(block, &options, builder);
    Network::build(blocks, &build, seed, Kind::Double, Device::Cpu).unwrap()
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
pub fn conv_blocks(activation: Activation) -> Vec<Block> {
    let block = |name: &str, inputs, outputs, kernel, first: bool, last: bool| Block {
        name: name.into(),
        op: LinearOp::Conv {
            inputs,
            outputs,
            kernel,
            padding: kernel / 2,
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

/// Largest absolute difference.
pub fn gap(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// A network of each kind with a batch for it.
fn both(method: &str) -> Vec<(Network, Tensor)> {
    vec![
        (dense_network(method, "", 3), gaussian(&[9, 12], 1)),
        (conv_network(method, "", 3), gaussian(&[9, 2, 8, 8], 2)),
    ]
}

/// A loss whose gradient reaches every output differently.
fn loss(network: &Network, x: &Tensor) -> Tensor {
    let logits = network.logits(x, &Pass::train(0, 0));
    let target = gaussian(&logits.size(), 8);
    (logits.sin() * target).sum(Kind::Double)
}

#[test]
fn fused_forward_equals_the_two_halves() {
    for method in METHODS {
        for (network, x) in both(method.name) {
            for training in [true, false] {
                let pass = || {
                    if training {
                        Pass::train(0, 0)
                    } else {
                        Pass::eval()
                    }
                };
                let halves = pass();
                let mut signal = network.input(&x);
                for built in &network.blocks {
                    let pre = built
                        .layer
                        .pre_activation(&Signal::plain(signal.value()), &halves);
                    signal = built.layer.post_activation(pre, &halves);
                }
                let textbook = network.pool_globally(signal);
                assert!(
                    gap(&network.logits(&x, &pass()), &textbook) < 1e-10,
                    "{}",
                    method.name
                );
            }
        }
    }
}

#[test]
fn gradients_equal_finite_differences() {
    for method in METHODS {
        for (network, x) in both(method.name) {
            let trained: Vec<&Tensor> = network.parameters.trainable().map(|p| &p.tensor).collect();
            let gradients = Tensor::run_backward(&[&loss(&network, &x)], &trained, false, false);
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
                    let value = tch::no_grad(|| loss(&network, &x)).double_value(&[]);
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
                assert!(
                    relative < 1e-6,
                    "{} {}: {analytic} {numeric}",
                    method.name,
                    parameter.name
                );
            }
        }
    }
}

#[test]
fn train_equals_eval_exactly_where_claimed() {
    for method in METHODS {
        for (network, x) in both(method.name) {
            let same = network.logits(&x, &Pass::train(0, 0)) == network.logits(&x, &Pass::eval());
            assert_eq!(same, method.train_equals_eval, "{}", method.name);
        }
    }
}

#[test]
fn outputs_do_not_depend_on_the_rest_of_the_batch_unless_declared() {
    for method in METHODS {
        for (network, x) in both(method.name) {
            let whole = network.logits(&x, &Pass::train(0, 0));
            let part = network.logits(&x.narrow(0, 0, 4), &Pass::train(0, 0));
            let independent = gap(&whole.narrow(0, 0, 4), &part) < 1e-12;
            assert_eq!(
                independent, !method.uses_batch_statistics,
                "{}",
                method.name
            );
        }
    }
}

#[test]
fn outputs_do_not_depend_on_the_length_of_weight_rows_where_claimed() {
    for method in METHODS {
        // With rows kept at unit length by projection, forward takes them as they are.
        let options = if method.name == "normprop" {
            "constraint = \"reparametrize\""
        } else {
            ""
        };
        let network = conv_network(method.name, options, 3);
        let x = gaussian(&[9, 2, 8, 8], 2);
        let before = network.logits(&x, &Pass::train(0, 0));
        let weight = network
            .parameters
            .get("conv2.weight")
            .unwrap()
            .shallow_clone();
        let _ = tch::no_grad(|| weight.shallow_clone().g_mul_scalar_(3.0));
        let unchanged = gap(&before, &network.logits(&x, &Pass::train(0, 0))) < 1e-4;
        assert_eq!(unchanged, method.row_scale_invariant, "{}", method.name);
    }
}

#[test]
fn parameters_have_unique_names_and_return_bit_for_bit() {
    for method in METHODS {
        let source = conv_network(method.name, "", 3);
        let target = conv_network(method.name, "", 4);
        let mut names = std::collections::HashSet::new();
        for (from, to) in source.parameters.iter().zip(target.parameters.iter()) {
            assert!(names.insert(from.name.clone()), "{} twice", from.name);
            assert_eq!(from.name, to.name);
            restore(&to.tensor, &to_named(&from.name, &from.tensor).unwrap()).unwrap();
        }
        let x = gaussian(&[9, 2, 8, 8], 2);
        assert_eq!(
            source.logits(&x, &Pass::eval()),
            target.logits(&x, &Pass::eval()),
            "{}",
            method.name
        );
    }
}

#[test]
fn every_method_starts_from_the_same_directions() {
    let reference = conv_network("none", "", 3);
    for method in METHODS {
        let network = conv_network(method.name, "", 3);
        for (a, b) in reference.parameters.iter().zip(network.parameters.iter()) {
            if a.role == Role::Weight && b.role == Role::Weight && a.name == b.name {
                let unit = |t: &Tensor| t.flatten(1, -1) / init::row_norms(t).view([-1, 1]);
                assert!(
                    gap(&unit(&a.tensor), &unit(&b.tensor)) < 1e-9,
                    "{} {}",
                    method.name,
                    a.name
                );
            }
        }
    }
}

#[test]
fn one_image_a_step_behaves_as_declared() {
    for method in METHODS {
        let cases = [
            (
                method.batch_size_one_conv,
                conv_network(method.name, "", 3),
                gaussian(&[1, 2, 8, 8], 2),
                false,
            ),
            (
                method.batch_size_one_fc,
                dense_network(method.name, "", 3),
                gaussian(&[1, 12], 1),
                true,
            ),
        ];
        for (declared, network, x, dense) in cases {
            assert_eq!(
                method.check_batch_size(1, dense).is_err(),
                declared == BatchSizeOne::Refused
            );
            if declared == BatchSizeOne::Refused {
                continue;
            }
            let logits = network.logits(&x, &Pass::train(0, 0));
            assert!(
                bool::try_from(logits.isfinite().all()).unwrap(),
                "{}",
                method.name
            );
            let same = gap(&logits, &network.logits(&x, &Pass::eval())) < 1e-12;
            assert_eq!(
                same,
                declared == BatchSizeOne::Works,
                "{} dense={dense}",
                method.name
            );
        }
    }
}
