//! Single residual units, forward and backward, as `scripts/goldens/residual.py` computes them from their formulas.

use std::sync::LazyLock;

use normprop::methods;
use normprop::moments::Activation;
use normprop::nn::residual::{Order, Part, Place, Residual, Shortcut, Stream};
use normprop::nn::{Block, LinearOp, Network, Node, Pass, backward};
use serde_json::Value;
use tch::{Kind, Tensor};

use crate::golden::tensor;
use crate::{built, gap, get, largest, set};

static GOLDENS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../goldens/residual.json")).unwrap());

/// A unit in front of which the stream has two channels and variance 1.44.
struct Unit {
    order: Order,
    shortcut: Shortcut,
    outputs: i64,
    stride: i64,
}

impl Unit {
    fn convolution(&self, inputs: i64, kernel: i64, stride: i64) -> LinearOp {
        LinearOp::Conv {
            inputs,
            outputs: self.outputs,
            kernel,
            padding: kernel / 2,
            stride,
        }
    }

    fn node(&self, name: &str, part: Part, op: LinearOp) -> Node {
        let residual = Residual {
            order: self.order,
            part,
            shortcut: self.shortcut,
            place: Place {
                unit: 1,
                units: 3,
                unit_in_stage: 0,
                units_in_stage: 1,
                stream: Stream {
                    base: 1.44,
                    ..Stream::START
                },
            },
        };
        Node::Block(Block {
            name: name.to_owned(),
            op,
            activation: match residual.is_activated() {
                true => Activation::Relu,
                false => Activation::Identity,
            },
            pool: None,
            first: false,
            last: false,
            residual: Some(residual),
        })
    }

    fn nodes(&self) -> Vec<Node> {
        let identity = |channels| LinearOp::Identity { channels };
        let mut nodes = Vec::new();
        if self.order == Order::PreActivation {
            nodes.push(self.node("entry", Part::Entry, identity(2)));
        }
        let first = self.convolution(2, 3, self.stride);
        nodes.push(self.node("conv1", Part::First, first));
        if self.shortcut == Shortcut::Projection {
            let projection = self.convolution(2, 1, self.stride);
            nodes.push(self.node("shortcut", Part::Projection, projection));
        }
        let second = self.convolution(self.outputs, 3, 1);
        nodes.push(self.node("conv2", Part::Second, second));
        if self.order == Order::PostActivation {
            nodes.push(self.node("out", Part::AfterSum, identity(self.outputs)));
        }
        nodes
    }
}

/// Asserts that `got` is what the file says, relative to the largest number.
#[track_caller]
fn assert_equal(what: &str, got: &Tensor, want: &Value) {
    let want = tensor(want);
    let error = gap(got, &want) / largest(&want).max(1e-3);
    assert!(error <= 1e-9, "{what}: {error:e} apart");
}

fn check(name: &str, method: &str, unit: &Unit) {
    let case = &GOLDENS["cases"][name];
    let network: Network = built(unit.nodes(), methods::find(method).unwrap(), "").unwrap();
    let inputs = case["inputs"].as_object().unwrap();
    let x = tensor(&inputs["x"]).set_requires_grad(true);
    let own = inputs.iter().filter(|(name, _)| *name != "x");
    own.for_each(|(name, value)| set(get(&network, name), &tensor(value)));
    assert_eq!(
        inputs.len() - 1,
        network.parameters.trainable().count(),
        "{name}"
    );

    let pass = Pass::train(0, 0);
    let output = network.walk(&x, &pass, network.blocks.len(), |_, layer, signal| {
        layer.forward(signal, &pass)
    });
    let output = output.value();
    assert_equal(&format!("{name} output"), &output, &case["output"]);

    let loss = (output * tensor(&case["upstream"])).sum(Kind::Double);
    let names: Vec<&String> = inputs.keys().collect();
    let at = |name: &String| if name == "x" { &x } else { get(&network, name) };
    let wanted: Vec<&Tensor> = names.iter().map(|&name| at(name)).collect();
    let found = backward::gradients_at(&loss, &wanted, &pass);
    for (input, gradient) in names.iter().zip(&found) {
        let what = format!("{name} gradient of {input}");
        assert_equal(&what, gradient, &case["gradients"][input.as_str()]);
    }
}

/// Two channels to two, with the stream itself as the shortcut.
fn basic(order: Order) -> Unit {
    Unit {
        order,
        shortcut: Shortcut::Identity,
        outputs: 2,
        stride: 1,
    }
}

/// Two channels to four on maps of half the side.
fn transition(order: Order, shortcut: Shortcut) -> Unit {
    Unit {
        order,
        shortcut,
        outputs: 4,
        stride: 2,
    }
}

#[test]
fn units_of_order_v1_under_batch_norm() {
    let order = Order::PostActivation;
    check("v1_bn_basic", "bn", &basic(order));
    let padded = Shortcut::Pad {
        stride: 2,
        channels: 2,
    };
    check("v1_bn_transition_A", "bn", &transition(order, padded));
    check(
        "v1_bn_transition_B",
        "bn",
        &transition(order, Shortcut::Projection),
    );
}

#[test]
fn units_of_order_v2_under_batch_norm() {
    let order = Order::PreActivation;
    check("v2_bn_basic", "bn", &basic(order));
    check(
        "v2_bn_transition",
        "bn",
        &transition(order, Shortcut::Projection),
    );
}

#[test]
fn normalizer_free_units() {
    let order = Order::PreActivation;
    check("nf_basic", "nf", &basic(order));
    check(
        "nf_transition",
        "nf",
        &transition(order, Shortcut::Projection),
    );
}
