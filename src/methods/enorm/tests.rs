use super::*;
use crate::methods::conformance;
use crate::nn::network::Network;
use crate::nn::{Optimizer, OptimizerConfig, Pass, SgdStep, StepFormula};
use tch::{Device, Kind};

const LAYERS: [&str; 3] = ["layer1", "layer2", "logits"];

fn small(options: &str) -> Network {
    let method = crate::methods::find("enorm").unwrap();
    let options = method.resolve(&options.parse().unwrap()).unwrap();
    let nodes = crate::nn::networks::perceptron(3, 2, &[2, 2], Activation::Relu);
    method
        .network(&options, nodes, 1, Kind::Double, Device::Cpu)
        .unwrap()
}

fn get<'n>(net: &'n Network, name: &str) -> &'n Tensor {
    net.parameters.get(name).unwrap()
}

/// With biases that matter.
fn disturb(net: &Network) {
    for (seed, entry) in (50..).zip(net.parameters.trainable()) {
        let change = conformance::gaussian(&entry.tensor.size(), seed) * 0.5;
        let _ = tch::no_grad(|| entry.tensor.shallow_clone().g_add_(&change));
    }
}

#[test]
fn golden_balances() {
    let case = conformance::golden_case("enorm");
    for (options, key) in [
        ("asymmetry = 1.1", "all"),
        ("asymmetry = 1.1\nlast = false", "without_last"),
    ] {
        let net = small(options);
        for layer in LAYERS {
            let name = format!("{layer}.weight");
            conformance::set(
                &net,
                &name,
                &conformance::golden_tensor(&case["inputs"], &name),
            );
        }
        net.after_step();
        for (name, want) in case[key].as_object().unwrap() {
            conformance::assert_golden(&format!("{key}: {name}"), get(&net, name), want);
        }
    }
}

#[test]
fn the_network_computes_what_it_did_and_rows_equal_columns() {
    let dense = conformance::gaussian(&[9, 12], 1);
    let maps = conformance::gaussian(&[9, 2, 8, 8], 2);
    for (net, x, layers) in [
        (
            conformance::dense_network("enorm", "", 3),
            dense,
            ["layer1", "layer2"],
        ),
        (
            conformance::conv_network("enorm", "", 3),
            maps,
            ["conv1", "conv2"],
        ),
    ] {
        disturb(&net);
        let logits = || net.logits(&x, &Pass::eval());
        let before = logits();
        for _ in 0..50 {
            net.after_step();
        }
        assert!(conformance::gap(&before, &logits()) < 1e-12);
        let rows = init::row_norms(get(&net, &format!("{}.weight", layers[0])));
        let next = get(&net, &format!("{}.weight", layers[1])).transpose(0, 1);
        assert!(conformance::gap(&rows, &init::row_norms(&next)) < 1e-9);
    }
}

#[test]
fn weights_get_no_longer_and_biases_that_stay_change_the_network() {
    let net = conformance::dense_network("enorm", "", 3);
    disturb(&net);
    let total = || {
        let weights =
            ["layer1", "layer2", "logits"].map(|layer| get(&net, &format!("{layer}.weight")));
        let squares = weights.map(|weight| weight.square().sum(Kind::Double).double_value(&[]));
        squares.iter().sum::<f64>()
    };
    let mut last = total();
    for _ in 0..10 {
        net.after_step();
        assert!(total() <= last * (1.0 + 1e-12));
        last = total();
    }
    let net = conformance::dense_network("enorm", "scale_biases = false", 3);
    disturb(&net);
    let x = conformance::gaussian(&[9, 12], 1);
    let before = net.logits(&x, &Pass::eval());
    net.after_step();
    assert!(conformance::gap(&before, &net.logits(&x, &Pass::eval())) > 1e-3);
}

/// A velocity is a sum of gradients, and where weights are multiplied by d gradients are divided by it.
#[test]
fn velocities_follow_in_front_of_the_next_step() {
    let formula = StepFormula::Sgd(SgdStep {
        momentum: 0.5,
        nesterov: false,
    });
    let net = small("");
    disturb(&net);
    let mut sgd = Optimizer::new(OptimizerConfig::plain(formula), &net.parameters).unwrap();
    let ones: Vec<Tensor> = net
        .parameters
        .trainable()
        .map(|e| e.tensor.ones_like())
        .collect();
    sgd.step(&net.parameters, &ones, 0.0);
    net.after_step();
    let balance = ["layer1", "layer2"].map(|layer| get(&net, &format!("{layer}.balance")).copy());
    sgd.step(&net.parameters, &ones, 0.0);
    let velocity = |name: &str| {
        let name = format!("velocity.{name}");
        let mut state = sgd.state(&net.parameters);
        state.find(|(it, _)| *it == name).unwrap().1
    };
    let expected = balance[1].reciprocal().view([2, 1]) * balance[0].view([1, 2]) * 0.5 + 1.0;
    assert!(conformance::gap(velocity("layer2.weight"), &expected) < 1e-12);
    let expected = balance[1].reciprocal() * 0.5 + 1.0;
    assert!(conformance::gap(velocity("layer2.bias"), &expected) < 1e-12);
    let expected =
        balance[1].view([1, 2]) * 0.5 + Tensor::ones([2, 2], (Kind::Double, Device::Cpu));
    assert!(conformance::gap(velocity("logits.weight"), &expected) < 1e-12);
    assert!(conformance::gap(&balance[0], &balance[0].ones_like()) > 1e-2);
}

#[test]
fn activations_that_keep_factors_to_themselves_are_refused() {
    let method = crate::methods::find("enorm").unwrap();
    let nodes = crate::nn::networks::perceptron(3, 2, &[2], Activation::Tanh);
    let options = method.default_options();
    let built = method.network(&options, nodes, 1, Kind::Double, Device::Cpu);
    let message = built.err().map(|error| error.to_string()).unwrap();
    assert!(
        message.contains("tanh") && message.contains("relu"),
        "{message}"
    );
}
