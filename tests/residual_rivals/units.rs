//! Single units and their gradients.

use normprop::methods;
use normprop::moments::Activation;
use normprop::nn::block::{Block, LinearOp};
use normprop::nn::network::NetworkBlock;
use normprop::nn::residual::{Order, Part, Place, Residual, Shortcut, Stream};
use normprop::nn::{Builder, Layer, Network, Node, Parameters, Pass, Signal, wiring};
use tch::{Device, Kind, Tensor};

use crate::{DOUBLE, GOLDENS, gap, tensor};

/// The blocks of one unit.
fn unit(order: Order, shortcut: Shortcut, outputs: i64) -> Vec<Block> {
    let wider = outputs != 2;
    let block = |name: &str, part, op, activation| Block {
        name: format!("u-{name}"),
        op,
        activation,
        pool: None,
        first: false,
        last: false,
        residual: Some(Residual {
            order,
            part,
            shortcut,
            place: Place {
                unit: 0,
                units: 1,
                unit_in_stage: 0,
                units_in_stage: 1,
                stream: Stream::START,
            },
        }),
    };
    let convolution = |inputs, kernel, stride| LinearOp::Conv {
        inputs,
        outputs,
        kernel,
        padding: kernel / 2,
        stride,
    };
    let stride = if wider { 2 } else { 1 };
    let (relu, none) = (Activation::Relu, Activation::Identity);
    let identity = |channels| LinearOp::Identity { channels };
    let mut blocks = Vec::new();
    if order == Order::PreActivation {
        blocks.push(block("entry", Part::Entry, identity(2), relu));
    }
    blocks.push(block("conv1", Part::First, convolution(2, 3, stride), relu));
    if shortcut == Shortcut::Projection {
        blocks.push(block(
            "shortcut",
            Part::Projection,
            convolution(2, 1, stride),
            none,
        ));
    }
    blocks.push(block(
        "conv2",
        Part::Second,
        convolution(outputs, 3, 1),
        none,
    ));
    if order == Order::PostActivation {
        blocks.push(block("out", Part::AfterSum, identity(outputs), relu));
    }
    blocks
}

/// A unit under a method.
fn built(method: &str, blocks: Vec<Block>) -> Network {
    let method = methods::find(method).unwrap();
    let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
    let mut built = Vec::new();
    for block in blocks {
        let directions = Tensor::ones(block.op.weight_shape(), DOUBLE);
        let mut builder = Builder::new(&mut parameters, &block.name, directions);
        let layer = (method.build)(&block, &method.default_options(), &mut builder).unwrap();
        built.push(NetworkBlock {
            node: Node::Block(block),
            layer,
        });
    }
    Network::of(built, parameters)
}

/// The parameter that a golden file calls `input`.
fn parameter(input: &str) -> &'static str {
    match input {
        "w1" => "u-conv1.weight",
        "w2" => "u-conv2.weight",
        "projection" => "u-shortcut.weight",
        "bias1" => "u-conv1.bias",
        "bias2" => "u-conv2.bias",
        "bias_projection" => "u-shortcut.bias",
        "alpha" => "u-conv2.alpha",
        "a1" => "unit1.a1",
        "b1" => "u-conv1.b1",
        "a2" => "u-conv2.a2",
        "scale" => "u-conv2.c",
        "b2" => "u-conv2.b2",
        other => panic!("{other}"),
    }
}

#[test]
fn units_and_their_gradients_are_those_of_the_formulas() {
    let (v1, v2) = (Order::PostActivation, Order::PreActivation);
    let (identity, projection) = (Shortcut::Identity, Shortcut::Projection);
    let pad = Shortcut::Pad {
        stride: 2,
        channels: 2,
    };
    check("skipinit_basic", "skipinit", unit(v2, identity, 2));
    check("skipinit_transition", "skipinit", unit(v2, projection, 4));
    check("fixup_basic", "fixup", unit(v1, identity, 2));
    check("fixup_transition", "fixup", unit(v1, pad, 4));
    check("fixup_projection", "fixup", unit(v1, projection, 4));
    check("idshort_unit", "idshort", unit(v2, identity, 2));
}

/// Compares output and gradients of these blocks with the golden case of this name.
fn check(name: &str, method: &str, blocks: Vec<Block>) {
    let case = &GOLDENS["cases"][name];
    let network = built(method, blocks);
    let inputs: Vec<&String> = case["inputs"].as_object().unwrap().keys().collect();
    let x = tensor(&case["inputs"]["x"]).set_requires_grad(true);
    let mut leaves = Vec::new();
    for &input in &inputs {
        let value = tensor(&case["inputs"][input]);
        leaves.push(match input.as_str() {
            "x" => &x,
            _ => {
                let found = network.parameters.get(parameter(input)).unwrap();
                tch::no_grad(|| found.shallow_clone().copy_(&value));
                found
            }
        });
    }
    let trained = network.parameters.trainable().count();
    assert_eq!(trained, inputs.len() - 1, "{name}: nothing else is trained");
    for pass in [Pass::train(0, 0), Pass::eval()] {
        let forward = |_, layer: &dyn Layer, signal: &Signal| layer.forward(signal, &pass);
        let output = network.walk(&x, &pass, network.blocks.len(), forward);
        let output = output.value();
        assert!(gap(&output, &tensor(&case["output"])) < 1e-12, "{name}");
        let loss = (output * tensor(&case["upstream"])).sum(Kind::Double);
        let gradients = Tensor::run_backward(&[loss], &leaves, false, false);
        for (input, gradient) in inputs.iter().zip(&gradients) {
            let expected = tensor(&case["gradients"][*input]);
            let apart = gap(gradient, &expected);
            assert!(apart < 1e-11, "{name}: {input} {apart:e}");
        }
    }
}

#[test]
fn the_sum_of_idshort_is_that_of_the_formula() {
    let case = &GOLDENS["cases"]["idshort"];
    let network = built("idshort", unit(Order::PreActivation, Shortcut::Identity, 2));
    let factor = network.blocks[2].layer.sum_factor();
    let signals = ["x", "branch"].map(|name| Signal::plain(tensor(&case["inputs"][name])));
    let sum = wiring::sum(Shortcut::Identity, &signals[0], &signals[1], factor);
    assert!(gap(&sum.value(), &tensor(&case["output"])) < 1e-12);
}
