//! Tests that every method passes because it is in the registry, and small networks for methods' own tests.

use tch::{Device, Kind, Tensor};

use super::options::Options;
use super::{BatchSizeOne, Descriptor, METHODS, NetworkKind, find};
use crate::moments::Activation;
use crate::nn::backward;
use crate::nn::block::{Block, LinearOp, MaxPool};
use crate::nn::init;
use crate::nn::layer::{Pass, Signal};
use crate::nn::models::{lstm, perceptron};
use crate::nn::network::Network;
use crate::nn::parameters::{Role, restore, to_named};
use crate::streams::{Purpose, stream};

mod invariance;

/// Standard normals in float64.
pub fn gaussian(shape: &[i64], seed: u64) -> Tensor {
    init::standard_normal(shape, &mut stream(seed, Purpose::Probe, 0))
}

fn network(method: &'static Descriptor, options: &str, blocks: Vec<Block>, seed: u64) -> Network {
    let options = Options::resolve(method, &options.parse().unwrap()).unwrap();
    method
        .network(&options, blocks, seed, Kind::Double, Device::Cpu)
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

/// An LSTM of 6 units on 7 steps of 5 numbers, in float64.
pub fn lstm_network(method: &str, options: &str, seed: u64) -> Network {
    network(find(method).unwrap(), options, lstm(5, 6, 4), seed)
}

/// Largest absolute difference.
pub fn gap(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// The kinds of networks that the method serves.
fn kinds(method: &Descriptor) -> impl Iterator<Item = NetworkKind> {
    NetworkKind::ALL
        .iter()
        .copied()
        .filter(|&kind| method.serves(kind))
}

/// A network of this kind at its start, with a batch for it.
fn built(method: &Descriptor, kind: NetworkKind) -> (Network, Tensor) {
    match kind {
        NetworkKind::Convolutional => {
            (conv_network(method.name, "", 3), gaussian(&[9, 2, 8, 8], 2))
        }
        NetworkKind::Dense => (dense_network(method.name, "", 3), gaussian(&[9, 12], 1)),
        NetworkKind::Recurrent => (lstm_network(method.name, "", 3), gaussian(&[9, 1, 7, 5], 1)),
    }
}

/// A network of each kind that the method serves, at its start, with a batch for it.
fn both(method: &Descriptor) -> Vec<(Network, Tensor)> {
    kinds(method).map(|kind| built(method, kind)).collect()
}

/// One hidden block called `layer`, without activation, in float64.
pub fn single(method: &str, options: &str, op: LinearOp) -> Network {
    let activation = Activation::Identity;
    let block = Block {
        name: "layer".into(),
        op,
        activation,
        pool: None,
        first: true,
        last: false,
    };
    network(find(method).unwrap(), options, vec![block], 1)
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

#[test]
fn fused_forward_equals_the_two_halves() {
    for method in METHODS {
        // Two equal networks, since a training pass may move what evaluation uses.
        for ((network, x), (twin, _)) in both(method).into_iter().zip(both(method)) {
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
                    let plain = Signal {
                        x: signal.value(),
                        offset: 0.0,
                        scale: 1.0,
                        estimate: signal.estimate,
                    };
                    let pre = built.layer.pre_activation(&plain, &halves);
                    signal = built.layer.post_activation(pre, &halves);
                }
                let textbook = network.pool_globally(signal);
                assert!(
                    gap(&twin.logits(&x, &pass()), &textbook) < 1e-10,
                    "{}",
                    method.name
                );
            }
        }
    }
}

#[test]
fn every_method_trains_and_folds_in_mixed_precision() {
    for method in METHODS {
        for kind in kinds(method).filter(|&kind| kind != NetworkKind::Recurrent) {
            // A trained slope is a parameter that meets narrow activations.
            for activation in [Activation::Relu, Activation::Prelu { slope: 0.25 }] {
                let what = format!("{} {kind:?} {activation}", method.name);
                let (wide, narrow) = (
                    gradients_in(Kind::Float, method, kind, activation, &what),
                    gradients_in(Kind::BFloat16, method, kind, activation, &what),
                );
                let inner = |a: &Tensor, b: &Tensor| (a * b).sum(Kind::Double).double_value(&[]);
                let lengths = (inner(&wide, &wide) * inner(&narrow, &narrow)).sqrt();
                assert!(inner(&wide, &narrow) > 0.95 * lengths, "{what}");
                assert_ne!(wide, narrow, "{what}");
            }
        }
    }
}

/// All gradients of a float32 network whose activations have this element type, in one vector.
fn gradients_in(
    compute: Kind,
    method: &'static Descriptor,
    kind: NetworkKind,
    activation: Activation,
    what: &str,
) -> Tensor {
    let blocks = match kind {
        NetworkKind::Dense => perceptron(12, 4, &[16, 16], activation),
        _ => conv_blocks(activation),
    };
    let x = built(method, kind).1.to_kind(Kind::Float);
    let options = Options::resolve(method, &toml::Table::new()).unwrap();
    let mut network = method
        .network(&options, blocks, 3, Kind::Float, Device::Cpu)
        .unwrap();
    network.compute = compute;
    let pass = Pass::train(0, 0);
    let loss = loss(&network, &x, &pass);
    let found = backward::gradients(&loss, &network.parameters, &pass);
    assert!(
        found.iter().all(|gradient| gradient.kind() == Kind::Float),
        "{what}"
    );
    let evaluated = network.logits(&x, &Pass::eval());
    assert_eq!(evaluated.kind(), Kind::Float, "{what}");
    if let Some(folded) = network.fold() {
        let largest = evaluated.abs().max().double_value(&[]).max(1.0);
        assert!(
            gap(&folded.logits(&x), &evaluated) < 0.05 * largest,
            "{what}"
        );
    }
    let flat: Vec<Tensor> = found
        .iter()
        .map(|gradient| gradient.flatten(0, -1))
        .collect();
    Tensor::cat(&flat, 0)
}

#[test]
fn folded_networks_compute_what_evaluation_does() {
    for method in METHODS {
        for kind in kinds(method).filter(|&kind| kind != NetworkKind::Recurrent) {
            let (network, x) = built(method, kind);
            // Gains, shifts and averages away from where they start.
            for (index, parameter) in network.parameters.iter().enumerate() {
                let change = gaussian(&parameter.tensor.size(), 40 + index as u64) * 0.1;
                let moved = &parameter.tensor * change.exp() + 0.03;
                tch::no_grad(|| parameter.tensor.shallow_clone().copy_(&moved));
            }
            let folded = network.fold();
            assert_eq!(folded.is_some(), method.folds, "{} {kind:?}", method.name);
            let Some(folded) = folded else { continue };
            let expected = network.logits(&x, &Pass::eval());
            let scale = expected.abs().max().double_value(&[]).max(1.0);
            let gap = gap(&folded.logits(&x), &expected);
            assert!(gap < 1e-10 * scale, "{} {kind:?}: {gap}", method.name);
        }
    }
}

#[test]
fn every_method_says_what_it_is() {
    for method in METHODS {
        let texts = [
            method.name,
            method.summary,
            method.formula,
            method.paper.authors,
            method.paper.title,
            method.paper.venue,
            method.extra_parameters,
        ];
        assert!(texts.iter().all(|text| !text.is_empty()), "{}", method.name);
        assert!(method.paper.year > 1990, "{}", method.name);
    }
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

#[test]
fn gradients_equal_finite_differences_unless_declared() {
    for method in METHODS {
        for (network, x) in both(method) {
            let (relative, at) = gradient_gap(&network, &x);
            assert_eq!(
                relative < 1e-6,
                method.exact_gradient,
                "{} {at}",
                method.name
            );
        }
    }
}

#[test]
fn train_equals_eval_exactly_where_claimed() {
    for method in METHODS {
        for (network, x) in both(method) {
            let same = network.logits(&x, &Pass::train(0, 0)) == network.logits(&x, &Pass::eval());
            assert_eq!(same, method.train_equals_eval, "{}", method.name);
        }
    }
}

#[test]
fn outputs_do_not_depend_on_the_rest_of_the_batch_unless_declared() {
    for method in METHODS {
        for ((network, x), (twin, _)) in both(method).into_iter().zip(both(method)) {
            let whole = network.logits(&x, &Pass::train(0, 0));
            // The last images, since images may also depend on those before them only.
            let part = twin.logits(&x.narrow(0, 5, 4), &Pass::train(0, 0));
            let independent = gap(&whole.narrow(0, 5, 4), &part) < 1e-12;
            assert_eq!(
                independent, !method.uses_batch_statistics,
                "{}",
                method.name
            );
        }
    }
}

#[test]
fn parameters_have_unique_names_and_return_bit_for_bit() {
    for method in METHODS {
        for ((source, x), (target, _)) in both(method).into_iter().zip(both(method)) {
            let mut names = std::collections::HashSet::new();
            for (from, to) in source.parameters.iter().zip(target.parameters.iter()) {
                assert!(names.insert(from.name.clone()), "{} twice", from.name);
                assert_eq!(from.name, to.name);
                let _ = tch::no_grad(|| {
                    from.tensor
                        .shallow_clone()
                        .g_add_(&(from.tensor.sin() * 0.1 + 0.05))
                });
                restore(&to.tensor, &to_named(&from.name, &from.tensor).unwrap()).unwrap();
            }
            assert_eq!(
                source.logits(&x, &Pass::eval()),
                target.logits(&x, &Pass::eval()),
                "{}",
                method.name
            );
        }
    }
}

#[test]
fn every_method_starts_from_the_same_directions() {
    let unit = |t: &Tensor| t.flatten(1, -1) / init::row_norms(t).view([-1, 1]);
    for method in METHODS {
        for kind in kinds(method) {
            let ((network, _), (reference, _)) = (built(method, kind), built(METHODS[0], kind));
            for (index, own) in network
                .parameters
                .iter()
                .enumerate()
                .filter(|(_, own)| own.role == Role::Weight)
            {
                let Some(other) = reference.parameters.get(&own.name) else {
                    continue;
                };
                // A method may change how many channels a layer receives; the first one sees the data.
                if index == 0 || own.tensor.size() == other.size() {
                    assert!(
                        gap(&unit(&own.tensor), &unit(other)) < 1e-9,
                        "{} {}",
                        method.name,
                        own.name
                    );
                }
            }
        }
    }
}

#[test]
fn one_image_a_step_behaves_as_declared() {
    for method in METHODS {
        for ((network, x), kind) in both(method).into_iter().zip(kinds(method)) {
            let x = x.narrow(0, 0, 1);
            let dense = kind != NetworkKind::Convolutional;
            let declared = if dense {
                method.batch_size_one_fc
            } else {
                method.batch_size_one_conv
            };
            assert_eq!(
                method.check_batch_size(1, dense).is_err(),
                declared == BatchSizeOne::Refused
            );
            if declared == BatchSizeOne::Refused {
                continue;
            }
            // Evaluation first: training may move what it uses.
            let evaluated = network.logits(&x, &Pass::eval());
            let logits = network.logits(&x, &Pass::train(0, 0));
            assert!(
                bool::try_from(logits.isfinite().all()).unwrap(),
                "{}",
                method.name
            );
            let same = gap(&logits, &evaluated) < 1e-12;
            assert_eq!(
                same,
                declared == BatchSizeOne::Works,
                "{} dense={dense}",
                method.name
            );
        }
    }
}

#[test]
fn layers_that_a_method_does_not_serve_are_refused_with_what_would_work() {
    for method in METHODS {
        let options = Options::resolve(method, &toml::Table::new()).unwrap();
        let cases = [
            (NetworkKind::Convolutional, conv_blocks(Activation::Relu)),
            (
                NetworkKind::Dense,
                perceptron(12, 4, &[16], Activation::Relu),
            ),
            (NetworkKind::Recurrent, lstm(5, 6, 4)),
        ];
        for (kind, blocks) in cases {
            let built = method.network(&options, blocks, 3, Kind::Double, Device::Cpu);
            assert_eq!(
                built.is_ok(),
                method.serves(kind),
                "{} {kind:?}",
                method.name
            );
            if let Err(error) = built {
                let error = error.to_string();
                assert!(
                    error.contains(method.name) && error.contains("normprop"),
                    "{error}"
                );
            }
        }
    }
}
