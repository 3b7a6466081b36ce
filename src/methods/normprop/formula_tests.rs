//! Every option computes what the formula says, has the gradient that goes with it, and keeps what it promises.

use tch::{Kind, Tensor};

use super::moment_tests::activations;
use super::*;
use crate::methods::conformance::{conv_with, dense_with, gap, gaussian, set};
use crate::moments::Activation;
use crate::nn::backward;
use crate::nn::network::Network;
use crate::nn::{Optimizer, OptimizerConfig, SgdStep, StepFormula};
use crate::nn::{Pass, Signal};
use crate::options::OptionKind;

/// Every combination of options in a plain network.
fn combinations() -> Vec<String> {
    let mut all = vec![String::new()];
    let of_residual = |option: &OptionSpec| residual::OPTIONS.iter().any(|o| o.name == option.name);
    for option in DESCRIPTOR
        .options
        .iter()
        .filter(|option| !of_residual(option))
    {
        let values: Vec<String> = match option.kind {
            OptionKind::Choice(names) => names.iter().map(|name| format!("\"{name}\"")).collect(),
            OptionKind::Flag(_) => vec!["false".into(), "true".into()],
            _ => vec![option.default_value().to_string()],
        };
        let extend = |start: &String| -> Vec<String> {
            let line = |value: &String| format!("{start}{} = {value}\n", option.name);
            values.iter().map(line).collect()
        };
        all = all.iter().flat_map(extend).collect();
    }
    all
}

/// A loss whose gradient reaches every output differently.
fn loss(network: &Network, x: &Tensor) -> Tensor {
    loss_in(network, x, &Pass::train(0, 0))
}

fn loss_in(network: &Network, x: &Tensor, pass: &Pass) -> Tensor {
    let logits = network.logits(x, pass);
    (logits.sin() * gaussian(&logits.size(), 8)).sum(Kind::Double)
}

fn gradients(network: &Network, x: &Tensor) -> Vec<Tensor> {
    let pass = Pass::train(0, 0);
    backward::gradients(&loss_in(network, x, &pass), &network.parameters, &pass)
}

/// Plain gradient steps, long enough that rows that are free to grow do.
fn take_steps(network: &Network, x: &Tensor) {
    let formula = StepFormula::Sgd(SgdStep {
        momentum: 0.0,
        nesterov: false,
    });
    let config = OptimizerConfig::plain(formula);
    let mut sgd = Optimizer::new(config, &network.parameters).unwrap();
    for _ in 0..5 {
        sgd.step(&network.parameters, &gradients(network, x), 0.02);
        network.after_step();
    }
}

#[test]
fn projection_keeps_rows_at_unit_length_and_centered_through_training() {
    for center in [false, true] {
        for constraint in ["project", "both", "reparametrize"] {
            let options = format!("constraint = \"{constraint}\"\ncenter_rows = {center}");
            let conv = (
                conv_with("normprop", &options, Activation::Relu, 3),
                gaussian(&[9, 2, 8, 8], 2),
            );
            let dense = (
                dense_with("normprop", &options, Activation::Relu, 3),
                gaussian(&[9, 12], 1),
            );
            for (network, x) in [conv, dense] {
                let before = loss(&network, &x).double_value(&[]);
                take_steps(&network, &x);
                assert!(
                    (loss(&network, &x).double_value(&[]) - before).abs() > 1e-3,
                    "{options}: nothing moved"
                );
                for weight in network
                    .parameters
                    .iter()
                    .filter(|p| p.name.ends_with("weight"))
                {
                    let rows = weight.tensor.flatten(1, -1);
                    let off = |values: Tensor| values.abs().max().double_value(&[]);
                    let unit =
                        off(rows.square().sum_dim_intlist([1].as_slice(), false, None) - 1.0);
                    assert_eq!(
                        unit < 1e-9,
                        constraint != "reparametrize",
                        "{options} {}: {unit}",
                        weight.name
                    );
                    if constraint != "reparametrize" {
                        let mean = off(rows.mean_dim([1].as_slice(), false, None));
                        assert_eq!(mean < 1e-9, center, "{options} {}: {mean}", weight.name);
                    }
                }
            }
        }
    }
}

#[test]
fn centered_rows_do_not_see_the_mean_of_the_inputs() {
    for (center, constraint) in [
        (true, "project"),
        (true, "reparametrize"),
        (false, "project"),
    ] {
        let options = format!("constraint = \"{constraint}\"\ncenter_rows = {center}");
        let network = dense_with("normprop", &options, Activation::Relu, 3);
        let x = gaussian(&[9, 12], 1);
        let unchanged = gap(
            &network.logits(&x, &Pass::eval()),
            &network.logits(&(&x + 3.0), &Pass::eval()),
        ) < 1e-9;
        assert_eq!(unchanged, center, "{options}");
    }
}

/// With gains and shifts away from where they start, fused forward and textbook halves agree, and so do gradients
/// and finite differences along a random direction of unit length: short, so that hardly any kink lies within.
fn check(network: &Network, x: &Tensor, what: &str) {
    for (index, parameter) in network
        .parameters
        .trainable()
        .filter(|p| !p.name.ends_with("weight"))
        .enumerate()
    {
        let change = gaussian(&parameter.tensor.size(), 20 + index as u64) * 0.1;
        let _ = tch::no_grad(|| parameter.tensor.shallow_clone().g_add_(&change));
    }
    let pass = Pass::train(0, 0);
    let mut signal = network.input(x);
    for built in &network.blocks {
        let pre = built
            .layer
            .pre_activation(&Signal::plain(signal.value()), &pass);
        signal = built.layer.post_activation(pre, &pass);
    }
    let textbook = network.pool_globally(signal);
    assert!(gap(&network.logits(x, &pass), &textbook) < 1e-10, "{what}");
    for (parameter, gradient) in network.parameters.trainable().zip(gradients(network, x)) {
        let direction = gaussian(&parameter.tensor.size(), 11);
        let direction = &direction / direction.norm();
        let analytic = (gradient * &direction).sum(Kind::Double).double_value(&[]);
        let start = parameter.tensor.detach().copy();
        let at = |distance: f64| {
            tch::no_grad(|| {
                parameter
                    .tensor
                    .shallow_clone()
                    .copy_(&(&start + &direction * distance))
            });
            tch::no_grad(|| loss(network, x)).double_value(&[])
        };
        let step = 2e-7;
        let numeric = (at(step) - at(-step)) / (2.0 * step);
        at(0.0);
        let relative = (analytic - numeric).abs() / analytic.abs().max(numeric.abs()).max(0.05);
        assert!(
            relative < 1e-6,
            "{what} {}: {analytic} {numeric}",
            parameter.name
        );
    }
}

fn check_both(options: &str, activation: Activation) {
    let what = format!("{activation} {options}");
    check(
        &conv_with("normprop", options, activation, 3),
        &gaussian(&[5, 2, 8, 8], 2),
        &what,
    );
    check(
        &dense_with("normprop", options, activation, 3),
        &gaussian(&[5, 12], 1),
        &what,
    );
}

#[test]
fn without_the_constants_of_the_activation_it_is_weight_normalization() {
    let options = "jacobian_scale = \"none\"\nconstraint = \"reparametrize\"";
    let cases = [
        (
            conv_with("normprop", options, Activation::Relu, 3),
            conv_with("weight-norm", "", Activation::Relu, 3),
        ),
        (
            dense_with("normprop", options, Activation::Relu, 3),
            dense_with("weight-norm", "", Activation::Relu, 3),
        ),
    ];
    for (own, other) in cases {
        for (seed, (own_block, other_block)) in own.blocks.iter().zip(&other.blocks).enumerate() {
            let block = own_block.node.block().unwrap();
            let name = &block.name;
            for (from, to) in [("weight", "weight"), ("gamma", "g"), ("beta", "bias")] {
                let size = own
                    .parameters
                    .get(&format!("{name}.{from}"))
                    .unwrap()
                    .size();
                let values = gaussian(&size, 30 + seed as u64);
                set(&own, &format!("{name}.{from}"), &values);
                set(&other, &format!("{name}.{to}"), &values);
            }
            let inputs = block.op.inputs();
            let x = if block.op.is_dense() {
                gaussian(&[5, inputs], 2)
            } else {
                gaussian(&[5, inputs, 6, 6], 2)
            };
            let pre = |network: &Network, layer: &dyn Layer| {
                let pass = Pass::train(0, 0);
                let pre = layer.pre_activation(&Signal::plain(x.shallow_clone()), &pass);
                let loss = (pre.sin() * gaussian(&pre.size(), 8)).sum(Kind::Double);
                (pre, backward::gradients(&loss, &network.parameters, &pass))
            };
            let (left, left_gradients) = pre(&own, own_block.layer.as_ref());
            let (right, right_gradients) = pre(&other, other_block.layer.as_ref());
            assert!(gap(&left, &right) < 1e-11, "{name}");
            // Both register weight, gain and shift, in this order.
            assert_eq!(left_gradients.len(), right_gradients.len());
            for (left, right) in left_gradients.iter().zip(&right_gradients) {
                assert!(gap(left, right) < 1e-10, "{name}");
            }
        }
    }
}

#[test]
fn every_combination_of_options_computes_the_formula_and_its_gradient() {
    let all = combinations();
    assert!(all.len() >= 36, "{}", all.len());
    all.iter()
        .for_each(|options| check_both(options, Activation::Relu));
}

#[test]
fn every_activation_computes_the_formula_and_its_gradient() {
    for activation in activations() {
        check_both("", activation);
        check_both(
            "constraint = \"reparametrize\"\npool = \"moments\"\njacobian_scale = \"fixed\"",
            activation,
        );
    }
    let trained = conv_with("normprop", "", Activation::Prelu { slope: 0.25 }, 3);
    assert!(
        trained
            .parameters
            .trainable()
            .any(|p| p.name == "conv1.slope")
    );
}
