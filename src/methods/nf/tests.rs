use std::f64::consts::FRAC_1_SQRT_2;

use super::*;
use crate::methods::{self, conformance};
use crate::nn::networks::perceptron;
use tch::{Device, Kind};

fn matrix(rows: &[[f64; 3]]) -> Tensor {
    Tensor::from_slice(&rows.concat()).reshape([-1, 3])
}

fn weights() -> Tensor {
    matrix(&[[0.5, -1.0, 2.0], [1.0, 1.0, -0.5]])
}

#[test]
fn standardized_rows_equal_the_published_values() {
    let expected = Tensor::from_slice(&[0.0, -FRAC_1_SQRT_2, FRAC_1_SQRT_2]);
    let rows = standardized_rows(&weights(), Floor::Max);
    assert!(conformance::gap(&rows.get(0), &expected) < 1e-10);
    // (W − μ)/√(n·(v + 1e-6)) of the second row: v = 1/2.
    let rows = standardized_rows(&weights(), Floor::Add);
    let expected = Tensor::from_slice(&[0.5, 0.5, -1.0]) / (3.0 * (0.5 + 1e-6f64)).sqrt();
    assert!(conformance::gap(&rows.get(1), &expected) < 1e-15);
    let constant = matrix(&[[2.0, 2.0, 2.0]]);
    assert_eq!(
        conformance::gap(
            &standardized_rows(&constant, Floor::Max),
            &(&constant * 0.0)
        ),
        0.0
    );
}

#[test]
fn every_tensor_but_the_last_layers_is_clipped() {
    let ruled = |options: &str| -> Vec<bool> {
        let network = conformance::conv_with("nf", options, Activation::Prelu { slope: 0.25 }, 1);
        network
            .parameters
            .trainable()
            .map(|p| p.rule.is_some())
            .collect()
    };
    let mut expected = vec![true; 8];
    expected.extend([false, false]);
    assert_eq!(ruled(""), expected);
    assert!(!ruled("agc = 0").contains(&true));
}

#[test]
fn a_wide_network_keeps_unit_variance_with_every_activation() {
    let method = methods::find("nf").unwrap();
    let options = method.resolve(&toml::Table::new()).unwrap();
    for activation in [Activation::Relu, Activation::Silu, Activation::Tanh] {
        let blocks = perceptron(256, 4, &[512; 5], activation);
        let network = method
            .network(&options, blocks, 1, Kind::Double, Device::Cpu)
            .unwrap();
        let mut signal = network.input(&conformance::gaussian(&[128, 256], 2));
        for built in &network.blocks[..5] {
            let pre = built.layer.pre_activation(&signal, &Pass::eval());
            let std = pre.std(true).double_value(&[]);
            assert!((std - 1.0).abs() < 0.08, "{activation:?} {std}");
            signal = built.layer.post_activation(pre, &Pass::eval());
        }
    }
}

#[test]
fn sampled_constants_are_close_to_exact_ones_and_refused_elsewhere() {
    let activations = SAMPLED
        .split(", ")
        .map(|name| Activation::parse(name).unwrap());
    for activation in activations.filter(|activation| *activation != Activation::Relu) {
        let ratio =
            output_gain(activation, true).unwrap() / output_gain(activation, false).unwrap();
        assert!(
            ratio != 1.0 && (ratio - 1.0).abs() < 2e-3,
            "{activation:?} {ratio}"
        );
    }
    let relu = output_gain(Activation::Relu, true).unwrap()
        / output_gain(Activation::Relu, false).unwrap();
    assert!((relu - 1.000642).abs() < 1e-6);
    assert!((output_gain(Activation::Relu, false).unwrap() - 1.712858550).abs() < 1e-9);
    let error = output_gain(Activation::LeakyRelu { slope: 0.3 }, true)
        .unwrap_err()
        .to_string();
    assert!(error.contains("relu, gelu, silu"), "{error}");
}

#[test]
fn gradients_are_right_with_every_option() {
    for options in ["variance_floor = \"add\"", "gamma = \"sampled\""] {
        let network = conformance::conv_network("nf", options, 3);
        let (relative, at) =
            conformance::gradient_gap(&network, &conformance::gaussian(&[9, 2, 8, 8], 2));
        assert!(relative < 1e-6, "{options} {at}");
    }
}
