//! Golden layers: what `scripts/goldens/layers.py` computes from formulas.

use std::sync::LazyLock;

use serde_json::Value;

use super::golden::tensor;
use super::*;

static GOLDENS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../tests/goldens/layers.json")).unwrap()
});

/// How far a value may be from the golden one, relative to the largest of its tensor.
const TOLERANCE: f64 = 1e-11;

/// The case of this name.
pub fn golden_case(name: &str) -> &'static Value {
    let case = &GOLDENS["cases"][name];
    assert!(case.is_object(), "no golden case {name}");
    case
}

/// The tensor called `key` of a case.
pub fn golden_tensor(case: &Value, key: &str) -> Tensor {
    tensor(&case[key])
}

/// Asserts that `got` is the golden tensor.
#[track_caller]
pub fn assert_golden(what: &str, got: &Tensor, want: &Value) {
    let want = tensor(want);
    let got = got.detach().reshape(want.size());
    let off = gap(&got, &want) / want.abs().max().double_value(&[]).max(1e-3);
    assert!(off < TOLERANCE, "{what}: {off:e} apart");
}

/// A hidden block called `layer` for a case, with its parameters set: the weight is the case's, or the identity.
pub fn golden_layer(method: &str, options: &str, activation: Activation, case: &Value) -> Network {
    let inputs = case["inputs"].as_object().unwrap();
    let x = tensor(&inputs["x"]);
    let channels = x.size()[1];
    let (outputs, weight) = match inputs.get("weight") {
        Some(weight) => (tensor(weight).size()[0], tensor(weight)),
        None => (channels, Tensor::eye(channels, (Kind::Double, Device::Cpu))),
    };
    let op = match x.dim() {
        2 => LinearOp::Dense {
            inputs: channels,
            outputs,
        },
        _ => LinearOp::Conv {
            inputs: channels,
            outputs,
            kernel: 1,
            padding: 0,
            stride: 1,
        },
    };
    let network = single_with(method, options, activation, op);
    set(&network, "layer.weight", &weight);
    for (name, values) in inputs.iter().filter(|(name, _)| *name != "x") {
        set(&network, &format!("layer.{name}"), &tensor(values));
    }
    network
}

/// Asserts that a training pass through the layer of a case gives its output, its gradients, and its buffers after it.
#[track_caller]
pub fn assert_golden_layer(method: &str, options: &str, activation: Activation, name: &str) {
    let case = golden_case(name);
    let network = golden_layer(method, options, activation, case);
    let x = golden_tensor(&case["inputs"], "x").set_requires_grad(true);
    let pass = Pass::train(0, 0);
    let layer = &network.blocks[0].layer;
    let output = layer
        .forward(&Signal::plain(x.shallow_clone()), &pass)
        .value();
    assert_golden(&format!("{name}: output"), &output, &case["output"]);

    let loss = (output * golden_tensor(case, "upstream")).sum(Kind::Double);
    let wanted = case["gradients"].as_object().unwrap();
    let leaves: Vec<&Tensor> = wanted
        .keys()
        .map(|key| match key.as_str() {
            "x" => &x,
            key => network.parameters.get(&format!("layer.{key}")).unwrap(),
        })
        .collect();
    let found = backward::gradients_at(&loss, &leaves, &pass);
    for ((key, want), got) in wanted.iter().zip(&found) {
        assert_golden(&format!("{name}: gradient by {key}"), got, want);
    }
    for (key, want) in case["after"].as_object().unwrap() {
        let got = network.parameters.get(&format!("layer.{key}")).unwrap();
        assert_golden(&format!("{name}: {key} after it"), got, want);
    }
}
