//! What Normalization Propagation promises at the start: known moments and a known Jacobian.

use tch::{Device, Kind, Tensor};

use super::slopes::Halves;
use super::*;
use crate::methods::conformance::gaussian;
use crate::moments::{self, Activation};
use crate::nn::block::{LinearOp, MaxPool};
use crate::nn::network::Network;
use crate::nn::networks::perceptron;
use crate::nn::node::Node;
use crate::nn::{Pass, Signal};

fn network(options: &str, nodes: Vec<Node>) -> Network {
    let options = DESCRIPTOR.resolve(&options.parse().unwrap()).unwrap();
    DESCRIPTOR
        .network(&options, nodes, 5, Kind::Double, Device::Cpu)
        .unwrap()
}

/// Hidden layers of 512 units with a classifier behind them, and 2,000 images of independent standard normals.
///
/// Of a million values the mean is known to 0.001. A unit's variance is wᵀCw for the covariance C of the layer's
/// inputs, whose entries beside the diagonal are about 0.73/√512: over a layer it averages to 1 within 0.5 %.
fn wide(options: &str, hidden: usize, activation: Activation) -> (Network, Tensor) {
    let blocks = perceptron(512, 10, &vec![512; hidden], activation);
    (network(options, blocks), gaussian(&[2000, 512], 1))
}

fn mean(values: &Tensor) -> f64 {
    values.mean(Kind::Double).double_value(&[])
}

/// Root of the mean over units of a unit's variance over the batch.
fn unit_std(values: &Tensor) -> f64 {
    mean(&values.var_dim([0].as_slice(), true, false)).sqrt()
}

/// (mean, std) of every hidden layer's pre-activation, then of its output.
fn layer_moments(network: &Network, x: &Tensor) -> Vec<[(f64, f64); 2]> {
    let mut signal = network.input(x);
    let mut found = Vec::new();
    for built in network.blocks.iter().filter(|built| !built.node.is_last()) {
        let pre = built.layer.pre_activation(&signal, &Pass::eval());
        let before = (mean(&pre), unit_std(&pre));
        signal = built.layer.post_activation(pre, &Pass::eval());
        let output = signal.value();
        found.push([before, (mean(&output), unit_std(&output))]);
    }
    found
}

/// Every activation by name, with its default parameter.
pub(super) fn activations() -> impl Iterator<Item = Activation> {
    Activation::ALL.iter().copied()
}

#[test]
fn without_jacobian_factor_every_layer_starts_with_zero_mean_and_unit_variance() {
    let (network, x) = wide("jacobian_scale = \"none\"", 4, Activation::Relu);
    for (layer, figures) in layer_moments(&network, &x).iter().enumerate() {
        for (mean, std) in figures {
            assert!(
                mean.abs() < 0.01 && (std - 1.0).abs() < 0.015,
                "layer {layer}: {figures:?}"
            );
        }
    }
}

#[test]
fn the_jacobian_factor_shrinks_each_layer_by_1_over_1_2112() {
    let expected = 1.0 / 1.211_173_896;
    for scale in ["init", "fixed"] {
        let (network, x) = wide(
            &format!("jacobian_scale = \"{scale}\""),
            2,
            Activation::Relu,
        );
        let figures = layer_moments(&network, &x);
        // ReLU is homogeneous: what goes in with a smaller deviation comes out with the same smaller deviation.
        let stds = [figures[0][0].1, figures[0][1].1, figures[1][0].1 / expected];
        assert!(
            stds.iter().all(|std| (std / expected - 1.0).abs() < 0.015),
            "{scale}: {figures:?}"
        );
    }
}

/// ‖∂y/∂x‖² over the number of inputs, averaged over the batch: the mean squared singular value for square layers,
/// by ‖Jᵀv‖² for v ~ N(0, I), whose expectation is ‖J‖². With 256 active units and 2,000 images it is known to
/// √(2/256/2000) = 0.2 %, and the fraction of active units to 0.2 %.
fn mean_squared_singular_value(options: &str, activation: Activation) -> f64 {
    let (network, x) = wide(options, 1, activation);
    let x = x.set_requires_grad(true);
    let output = network.blocks[0]
        .layer
        .forward(&Signal::plain(x.shallow_clone()), &Pass::eval());
    let probed = (output.value() * gaussian(&[2000, 512], 2)).sum(Kind::Double);
    let gradient = &Tensor::run_backward(&[probed], &[&x], false, false)[0];
    mean(&gradient.square())
}

#[test]
fn the_jacobians_mean_squared_singular_value_is_j_and_1_with_the_factor() {
    for activation in activations() {
        let found = mean_squared_singular_value("jacobian_scale = \"none\"", activation);
        let expected = moments::moments(activation).jacobian();
        assert!(
            (found / expected - 1.0).abs() < 0.015,
            "{activation}: {found}, expected {expected}"
        );
    }
    assert!((moments::moments(Activation::Relu).jacobian() - 1.466_942_207).abs() < 1e-9);
    // The slope of ReLU and its like does not depend on the size of what comes in.
    for activation in [
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.2 },
        Activation::Prelu { slope: 0.25 },
    ] {
        for scale in ["init", "fixed"] {
            let found =
                mean_squared_singular_value(&format!("jacobian_scale = \"{scale}\""), activation);
            assert!((found - 1.0).abs() < 0.015, "{activation} {scale}: {found}");
        }
    }
}

#[test]
fn every_activation_hands_on_zero_mean_and_unit_variance() {
    for activation in activations() {
        let (network, x) = wide("jacobian_scale = \"none\"", 1, activation);
        let [_, (mean, std)] = layer_moments(&network, &x)[0];
        assert!(
            mean.abs() < 0.01 && (std - 1.0).abs() < 0.01,
            "{activation}: {mean} {std}"
        );
    }
}

/// (mean, std) behind a pool over nine positions that know nothing of each other: a 1×1 convolution of noise.
/// 160,000 windows give the mean to 0.0025 and the deviation to 0.003.
fn pooled_moments(options: &str, activation: Activation) -> (f64, f64) {
    let block = |name: &str, pool, last: bool| {
        Node::Block(Block {
            name: name.into(),
            op: LinearOp::Conv {
                inputs: 64,
                outputs: 64,
                kernel: 1,
                padding: 0,
                stride: 1,
            },
            activation,
            pool,
            first: !last,
            last,
            residual: None,
        })
    };
    let pool = MaxPool {
        window: 3,
        stride: 3,
        padding: 0,
    };
    let network = network(
        &format!("jacobian_scale = \"none\"\n{options}"),
        vec![
            block("pooled", Some(pool), false),
            block("logits", None, true),
        ],
    );
    let x = Signal::plain(gaussian(&[40, 64, 24, 24], 3));
    let output = network.blocks[0].layer.forward(&x, &Pass::eval()).value();
    (mean(&output), output.std(false).double_value(&[]))
}

#[test]
fn joint_constants_standardize_what_comes_out_of_a_pool() {
    for activation in activations() {
        let (mean, std) = pooled_moments("pool = \"moments\"", activation);
        assert!(
            mean.abs() < 0.015 && (std - 1.0).abs() < 0.015,
            "{activation}: {mean} {std}"
        );
        let (mean, _) = pooled_moments("pool = \"plain\"", activation);
        assert!(
            mean > 1.0,
            "{activation}: the largest of nine lies above the average, not at {mean}"
        );
    }
}

#[test]
fn a_trained_slope_has_the_constants_of_leaky_relu_with_that_slope() {
    for (positions, slopes) in [
        (1, vec![-0.5, 0.0, 0.1, 0.25, 1.0, 1.5]),
        (9, vec![0.0, 0.1, 0.25, 1.0, 1.5]),
    ] {
        let (mean, std) = Halves::of(positions).constants(&Tensor::from_slice(&slopes));
        for (index, &slope) in slopes.iter().enumerate() {
            let expected = moments::max_pool_moments(Activation::LeakyRelu { slope }, positions);
            let at = [index as i64];
            assert!(
                (mean.double_value(&at) - expected.mean).abs() < 1e-10,
                "{positions} {slope}"
            );
            assert!(
                (std.double_value(&at) - expected.std()).abs() < 1e-10,
                "{positions} {slope}"
            );
        }
    }
}
