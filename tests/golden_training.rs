//! What PyTorch computes in float64, from `scripts/goldens/methods.py`: single layers forward and backward, and
//! ten steps of SGD on a small MLP and a small convolutional network, through the library's own layers.

#[path = "common/golden.rs"]
mod golden;

use std::sync::LazyLock;

use golden::tensor;
use normprop::methods;
use normprop::moments::{self, Activation};
use normprop::nn::backward;
use normprop::nn::block::{Block, LinearOp, MaxPool};
use normprop::nn::network::{Network, NetworkBlock};
use normprop::nn::node::Node;
use normprop::nn::parameters::Parameters;
use normprop::nn::scores::cross_entropy;
use normprop::nn::{Builder, Pass, Signal};
use normprop::nn::{Optimizer, OptimizerConfig, SgdStep, StepFormula};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

static GOLDENS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("goldens/methods.json")).unwrap());

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Asserts that `got` equals `want` to `tolerance`, relative where `want` is above 0.01.
#[track_caller]
fn assert_close(what: &str, got: f64, want: f64, tolerance: f64) {
    let gap = (got - want).abs() / want.abs().max(0.01);
    assert!(gap < tolerance, "{what}: {got}, expected {want}");
}

#[track_caller]
fn assert_equal(what: &str, got: &Tensor, want: &Value, tolerance: f64) {
    let want = tensor(want);
    assert_eq!(got.size(), want.size(), "{what}");
    let gap = (got - &want).abs().max().double_value(&[]);
    assert!(gap < tolerance, "{what}: {gap:e} apart");
}

/// A network in float64 whose block i starts from `directions[i]`.
fn network(method: &str, options: &str, blocks: Vec<Block>, directions: &[Tensor]) -> Network {
    let method = methods::find(method).unwrap();
    let options = method.resolve(&options.parse().unwrap()).unwrap();
    let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
    let mut built = Vec::new();
    for (block, direction) in blocks.into_iter().zip(directions) {
        let mut builder = Builder::new(&mut parameters, &block.name, direction.copy());
        let layer = (method.build)(&block, &options, &mut builder).unwrap();
        let node = Node::Block(block);
        built.push(NetworkBlock { node, layer });
    }
    Network::of(built, parameters)
}

fn set(network: &Network, name: &str, value: &Tensor) {
    let parameter = network.parameters.get(name).unwrap();
    tch::no_grad(|| parameter.shallow_clone().copy_(value));
}

/// A hidden dense layer `layer1` with `inputs` and `outputs`, and whatever start.
fn hidden_dense(method: &str, options: &str, inputs: i64, outputs: i64) -> Network {
    let block = Block {
        name: "layer1".into(),
        op: LinearOp::Dense { inputs, outputs },
        activation: Activation::Relu,
        pool: None,
        first: true,
        last: false,
        residual: None,
    };
    network(
        method,
        options,
        vec![block],
        &[Tensor::ones([outputs, inputs], (Kind::Double, Device::Cpu))],
    )
}

/// Gradients of sum(output · upstream) by `inputs`.
fn gradients(output: &Tensor, upstream: &Value, inputs: &[&Tensor]) -> Vec<Tensor> {
    let loss = (output * tensor(upstream)).sum(Kind::Double);
    Tensor::run_backward(&[loss], inputs, false, false)
}

#[test]
fn batch_norm_forward_backward_and_running_averages() {
    let case = &GOLDENS["cases"]["bn"];
    assert_eq!(
        (number(&case["eps"]), number(&case["momentum"])),
        (1e-5, 0.1)
    );
    let network = hidden_dense("bn", "", 3, 3);
    let identity = Tensor::eye(3, (Kind::Double, Device::Cpu));
    set(&network, "layer1.weight", &identity);
    let get = |name: &str| network.parameters.get(&format!("layer1.{name}")).unwrap();
    let x = tensor(&case["inputs"]["x"]).set_requires_grad(true);
    let layer = &network.blocks[0].layer;
    let output = layer.pre_activation(&Signal::plain(x.shallow_clone()), &Pass::train(0, 0));
    assert_equal("output", &output, &case["output"], 1e-12);
    let found = gradients(&output, &case["upstream"], &[&x, get("gamma"), get("beta")]);
    for (name, gradient) in ["x", "gamma", "beta"].into_iter().zip(&found) {
        assert_equal(name, gradient, &case["gradients"][name], 1e-12);
    }
    assert_equal(
        "running mean",
        get("running_mean"),
        &case["running_mean"],
        1e-12,
    );
    assert_equal(
        "running variance",
        get("running_var"),
        &case["running_var"],
        1e-12,
    );
    let evaluated = layer.pre_activation(&Signal::plain(x.detach()), &Pass::eval());
    assert_equal("evaluation", &evaluated, &case["eval_output"], 1e-12);
}

/// The golden layer divides by the 1.21 of the paper's text, ours by √J = 1.2112: γ·√J/1.21 in ours is their γ.
fn check_normprop_case(name: &str, options: &str, gain: f64) {
    let case = &GOLDENS["cases"][name];
    for constraint in ["reparametrize", "both"] {
        let options = format!("{options}\nconstraint = \"{constraint}\"");
        let network = hidden_dense("normprop", &options, 3, 2);
        let inputs = &case["inputs"];
        set(&network, "layer1.weight", &tensor(&inputs["weight"]));
        set(&network, "layer1.gamma", &(tensor(&inputs["gamma"]) * gain));
        set(&network, "layer1.beta", &tensor(&inputs["beta"]));
        let get = |name: &str| network.parameters.get(&format!("layer1.{name}")).unwrap();
        let layer = &network.blocks[0].layer;
        for fused in [true, false] {
            let x = tensor(&inputs["x"]).set_requires_grad(true);
            let (signal, pass) = (Signal::plain(x.shallow_clone()), Pass::train(0, 0));
            let output = if fused {
                layer.forward(&signal, &pass).value()
            } else {
                layer
                    .post_activation(layer.pre_activation(&signal, &pass), &pass)
                    .value()
            };
            assert_equal(&format!("{name}: output"), &output, &case["output"], 1e-11);
            let found = gradients(
                &output,
                &case["upstream"],
                &[&x, get("weight"), get("gamma"), get("beta")],
            );
            for (input, gradient) in ["x", "weight", "gamma", "beta"].into_iter().zip(&found) {
                let gradient = if input == "gamma" {
                    gradient * gain
                } else {
                    gradient.shallow_clone()
                };
                assert_equal(
                    &format!("{name}: {input}"),
                    &gradient,
                    &case["gradients"][input],
                    1e-11,
                );
            }
        }
    }
}

#[test]
fn normprop_forward_and_backward() {
    let relu = moments::moments(Activation::Relu);
    let constants = &GOLDENS["constants"];
    assert_close("mean", relu.mean, number(&constants["mean"]), 1e-15);
    assert_close("std", relu.std(), number(&constants["std"]), 1e-15);
    assert_close(
        "√J",
        relu.jacobian_root(),
        number(&constants["jacobian_root"]),
        1e-15,
    );

    check_normprop_case("normprop_c1", "jacobian_scale = \"none\"", 1.0);
    check_normprop_case("normprop_affine", "jacobian_scale = \"none\"", 1.0);
    check_normprop_case(
        "normprop_c1.21",
        "jacobian_scale = \"fixed\"",
        relu.jacobian_root() / 1.21,
    );
    check_normprop_case("normprop_c1.21", "jacobian_scale = \"init\"", 1.0 / 1.21);
}

#[test]
fn weight_norm_forward_and_backward() {
    let case = &GOLDENS["cases"]["weight_norm"];
    let network = hidden_dense("weight-norm", "start = \"unit\"", 3, 2);
    let inputs = &case["inputs"];
    set(&network, "layer1.weight", &tensor(&inputs["weight"]));
    set(&network, "layer1.g", &tensor(&inputs["gain"]));
    let get = |name: &str| network.parameters.get(&format!("layer1.{name}")).unwrap();
    let x = tensor(&inputs["x"]).set_requires_grad(true);
    let (signal, pass) = (Signal::plain(x.shallow_clone()), Pass::train(0, 0));
    let output = network.blocks[0].layer.pre_activation(&signal, &pass);
    assert_equal("output", &output, &case["output"], 1e-12);
    let found = gradients(&output, &case["upstream"], &[&x, get("weight"), get("g")]);
    for (name, gradient) in ["x", "weight", "gain"].into_iter().zip(&found) {
        assert_equal(name, gradient, &case["gradients"][name], 1e-12);
    }
}

/// The blocks that a golden network's directions belong to.
fn blocks(kind: &str, directions: &[Tensor]) -> Vec<Block> {
    let last = directions.len() - 1;
    let block = |(index, direction): (usize, &Tensor)| {
        let shape = direction.size();
        let op = match shape.as_slice() {
            &[outputs, inputs] => LinearOp::Dense { inputs, outputs },
            shape => LinearOp::Conv {
                inputs: shape[1],
                outputs: shape[0],
                kernel: shape[2],
                padding: shape[2] / 2,
                stride: 1,
            },
        };
        let pooled = kind == "conv" && index == 0;
        Block {
            name: format!("layer{}", index + 1),
            op,
            activation: if index == last {
                Activation::Identity
            } else {
                Activation::Relu
            },
            pool: pooled.then_some(MaxPool {
                window: 3,
                stride: 2,
                padding: 1,
            }),
            first: index == 0,
            last: index == last,
            residual: None,
        }
    };
    directions.iter().enumerate().map(block).collect()
}

#[track_caller]
fn assert_state(what: &str, network: &Network, want: &Value) {
    let want = want.as_object().unwrap();
    assert_eq!(network.parameters.iter().count(), want.len(), "{what}");
    for entry in network.parameters.iter() {
        let (what, want) = (format!("{what}: {}", entry.name), &want[&entry.name]);
        let shape: Vec<i64> = want["shape"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_i64().unwrap())
            .collect();
        assert_eq!(entry.tensor.size(), shape, "{what}");
        let sum = |tensor: &Tensor| tensor.sum(Kind::Double).double_value(&[]);
        assert_close(&what, sum(&entry.tensor), number(&want["sum"]), 1e-9);
        assert_close(
            &what,
            sum(&entry.tensor.square()),
            number(&want["sum_of_squares"]),
            1e-9,
        );
    }
}

/// Ten steps of one golden run, through the same calls that the engine makes.
fn check_run(kind: &str, golden: &Value, run: &Value) {
    let settings = &GOLDENS["training"]["settings"];
    let mut options = String::new();
    for key in ["jacobian_scale", "constraint"] {
        if let Some(value) = run[key].as_str() {
            options += &format!("{key} = \"{value}\"\n");
        }
    }
    let method = run["method"].as_str().unwrap();
    let what = format!("{kind} {method} {options:?}");
    let count = golden["directions"].as_object().unwrap().len();
    let directions: Vec<Tensor> = (1..=count)
        .map(|i| tensor(&golden["directions"][format!("layer{i}.weight")]))
        .collect();
    let network = network(method, &options, blocks(kind, &directions), &directions);
    assert_state(&format!("{what}, start"), &network, &run["initial"]);

    let formula = StepFormula::Sgd(SgdStep {
        momentum: number(&settings["momentum"]),
        nesterov: false,
    });
    let config = OptimizerConfig {
        weight_decay: number(&settings["weight_decay"]),
        ..OptimizerConfig::plain(formula)
    };
    let mut optimizer = Optimizer::new(config, &network.parameters).unwrap();
    let (x, lr) = (tensor(&golden["x"]), number(&settings["lr"]));
    let labels: Vec<i64> = golden["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_i64().unwrap())
        .collect();
    let (rows, size) = (
        labels.len(),
        golden["batch_size"].as_u64().unwrap() as usize,
    );
    let labels = Tensor::from_slice(&labels);
    let losses = run["losses"].as_array().unwrap();
    assert_eq!(losses.len() as u64, settings["steps"].as_u64().unwrap());
    for (step, want) in losses.iter().enumerate() {
        let (first, size) = ((step * size % rows) as i64, size as i64);
        let pass = Pass::train(0, step as u64);
        let logits = network.logits(&x.narrow(0, first, size), &pass);
        let loss = cross_entropy(&logits, &labels.narrow(0, first, size));
        let gradients = backward::gradients(&loss, &network.parameters, &pass);
        optimizer.step(&network.parameters, &gradients, lr);
        network.after_step();
        assert_close(
            &format!("{what}, loss of step {step}"),
            loss.double_value(&[]),
            number(want),
            1e-9,
        );
    }
    assert_state(&format!("{what}, end"), &network, &run["final"]);
    let loss = cross_entropy(&network.logits(&x, &Pass::eval()), &labels);
    assert_close(
        &format!("{what}, evaluation"),
        loss.double_value(&[]),
        number(&run["eval_loss"]),
        1e-9,
    );
}

fn check_runs(kind: &str) {
    let golden = &GOLDENS["training"][kind];
    let runs = golden["runs"].as_array().unwrap();
    assert_eq!(
        runs.len(),
        8,
        "none, bn, and normprop with three scales and two constraints"
    );
    runs.iter().for_each(|run| check_run(kind, golden, run));
}

#[test]
fn ten_steps_of_the_perceptron() {
    check_runs("mlp");
}

#[test]
fn ten_steps_of_the_convolutional_network() {
    check_runs("conv");
}
