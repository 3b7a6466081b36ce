//! Methods that are made for residual networks: their units against `scripts/goldens/residual_rivals.py`, their starts,
//! what moves in their first steps, and what every method promises.

use std::sync::LazyLock;

use normprop::methods::{self, Descriptor};
use normprop::moments::Activation;
use normprop::nn::block::{Block, LinearOp};
use normprop::nn::network::NetworkBlock;
use normprop::nn::residual::{Order, Part, Place, Residual, Shortcut, Stream};
use normprop::nn::scores::cross_entropy;
use normprop::nn::{
    self, Builder, Network, Node, Parameters, Pass, Sgd, SgdConfig, Signal, Task, backward,
    networks, wiring,
};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

static GOLDENS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("goldens/residual_rivals.json")).unwrap());

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

/// The methods of this file, with the order that each serves.
const RIVALS: [(&str, &str); 3] = [("skipinit", "v2"), ("fixup", "v1"), ("idshort", "v2")];

/// A tensor of the golden file.
fn tensor(value: &Value) -> Tensor {
    let numbers = |key: &str| value[key].as_array().unwrap().iter();
    let values: Vec<f64> = numbers("values").map(|v| v.as_f64().unwrap()).collect();
    let shape: Vec<i64> = numbers("shape").map(|v| v.as_i64().unwrap()).collect();
    Tensor::from_slice(&values).reshape(shape)
}

fn gap(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

// ---------------------------------------------------------------------------------------- single units

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

/// What a golden file calls an input, and the parameter that it is.
fn parameter(method: &str, input: &str) -> String {
    let name = match (method, input) {
        (_, "w1") => "u-conv1.weight",
        (_, "w2") => "u-conv2.weight",
        (_, "projection") => "u-shortcut.weight",
        (_, "bias1") => "u-conv1.bias",
        (_, "bias2") => "u-conv2.bias",
        (_, "bias_projection") => "u-shortcut.bias",
        (_, "alpha") => "u-conv2.alpha",
        (_, "a1") => "unit1.a1",
        (_, "b1") => "u-conv1.b1",
        (_, "a2") => "u-conv2.a2",
        (_, "scale") => "u-conv2.c",
        (_, "b2") => "u-conv2.b2",
        other => panic!("{other:?}"),
    };
    name.to_owned()
}

#[test]
fn units_and_their_gradients_are_those_of_the_formulas() {
    let (v1, v2) = (Order::PostActivation, Order::PreActivation);
    let pad = Shortcut::Pad {
        stride: 2,
        channels: 2,
    };
    let cases = [
        (
            "skipinit_basic",
            "skipinit",
            unit(v2, Shortcut::Identity, 2),
        ),
        (
            "skipinit_transition",
            "skipinit",
            unit(v2, Shortcut::Projection, 4),
        ),
        ("fixup_basic", "fixup", unit(v1, Shortcut::Identity, 2)),
        ("fixup_transition", "fixup", unit(v1, pad, 4)),
        (
            "fixup_projection",
            "fixup",
            unit(v1, Shortcut::Projection, 4),
        ),
        ("idshort_unit", "idshort", unit(v2, Shortcut::Identity, 2)),
    ];
    for (name, method, blocks) in cases {
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
                    let found = network.parameters.get(&parameter(method, input)).unwrap();
                    tch::no_grad(|| found.shallow_clone().copy_(&value));
                    found
                }
            });
        }
        // Nothing else is trained.
        assert_eq!(
            network.parameters.trainable().count(),
            inputs.len() - 1,
            "{name}"
        );
        for pass in [Pass::train(0, 0), Pass::eval()] {
            let forward = |_, layer: &dyn nn::Layer, signal: &Signal| layer.forward(signal, &pass);
            let output = network
                .walk(&x, &pass, network.blocks.len(), forward)
                .value();
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

// ---------------------------------------------------------------------------------------- whole networks

fn network(
    model: &str,
    keys: &str,
    method: &str,
    options: &str,
    side: i64,
) -> anyhow::Result<Network> {
    let descriptor = networks::find(model)?;
    let task = Task {
        channels: 3,
        height: side,
        width: side,
        classes: 10,
        activation: Activation::Relu,
    };
    let keys = descriptor.resolve(&keys.parse()?)?;
    let nodes = (descriptor.build)(&keys, &task)?;
    let method: &Descriptor = methods::find(method)?;
    let options = method.resolve(&options.parse()?)?;
    method.network(&options, nodes, 7, Kind::Double, Device::Cpu)
}

/// A ResNet-8 at a quarter of the width.
fn small(method: &str, order: &str, more: &str) -> Network {
    let keys = format!("depth = 8\nwidth = 0.25\norder = \"{order}\"\n{more}");
    network("resnet", &keys, method, "", 8).unwrap()
}

fn images(count: i64) -> Tensor {
    let shape = [count, 3, 8, 8];
    let values = Tensor::arange(shape.iter().product::<i64>(), DOUBLE);
    ((values.square() * 0.37).sin() * 1.4).reshape(shape)
}

fn labels() -> Tensor {
    Tensor::from_slice(&[1_i64, 4, 7, 2, 9])
}

fn value(network: &Network, name: &str) -> Tensor {
    network.parameters.get(name).unwrap().detach().copy()
}

/// Moves every trained number a little, each differently.
fn disturb(network: &Network) {
    for (index, entry) in network.parameters.trainable().enumerate() {
        let count = entry.tensor.numel() as i64;
        let wave = (Tensor::arange(count, DOUBLE) * 1.3 + index as f64).sin() * 0.1;
        let _ = tch::no_grad(|| {
            let mut tensor = entry.tensor.shallow_clone();
            tensor.g_add_(&wave.reshape(entry.tensor.size()))
        });
    }
}

#[test]
fn networks_without_residual_units_and_other_orders_are_refused_with_what_would_work() {
    let message = |model: &str, keys: &str, method: &str| {
        let refused = network(model, keys, method, "", 32);
        refused.map(|_| ()).unwrap_err().to_string()
    };
    for (method, order) in RIVALS {
        let served = format!(
            "but a residual network of order {order} (model = \"resnet\", order = \"{order}\"); methods that do: none"
        );
        for model in ["nin", "mlp", "lstm"] {
            let message = message(model, "", method);
            assert!(
                message.contains(method) && message.contains(&served),
                "{message}"
            );
        }
        let other = if order == "v1" { "v2" } else { "v1" };
        let message = message("resnet", &format!("order = \"{other}\""), method);
        let refused =
            format!("{method} does not serve a residual network of order {other}, {served}");
        assert!(message.starts_with(&refused), "{message}");
    }
}

#[test]
fn gradients_evaluation_batch_size_one_and_folding_are_as_declared() {
    for (method, order) in RIVALS {
        for shortcut in ["shortcut = \"A\"", "shortcut = \"B\""] {
            let what = format!("{method} {shortcut}");
            let network = small(method, order, shortcut);
            disturb(&network);
            let images = images(5);
            let trained = network.logits(&images, &Pass::train(0, 0));
            let evaluated = network.logits(&images, &Pass::eval());
            assert_eq!(trained, evaluated, "{what}");
            let alone = network.logits(&images.narrow(0, 2, 1), &Pass::train(0, 0));
            assert!(gap(&alone, &trained.narrow(0, 2, 1)) < 1e-12, "{what}");
            let folded = network.fold();
            assert_eq!(
                folded.is_some(),
                methods::find(method).unwrap().folds,
                "{what}"
            );
            if let Some(folded) = folded {
                assert!(gap(&folded.logits(&images), &evaluated) < 1e-12, "{what}");
            }
            assert_exact_gradients(&network, &images, &what);
        }
    }
}

/// Compares every parameter's gradient along a direction with finite differences.
fn assert_exact_gradients(network: &Network, images: &Tensor, what: &str) {
    let pass = Pass::train(0, 0);
    let loss = |pass: &Pass| cross_entropy(&network.logits(images, pass), &labels());
    let gradients = backward::gradients(&loss(&pass), &network.parameters, &pass);
    for (entry, gradient) in network.parameters.trainable().zip(&gradients) {
        let count = entry.tensor.numel() as i64;
        let direction = (Tensor::arange(count, DOUBLE) * 0.7 + 0.4)
            .sin()
            .reshape(entry.tensor.size());
        let analytic = (gradient * &direction).sum(Kind::Double).double_value(&[]);
        let moved = |step: f64| {
            tch::no_grad(|| {
                let mut tensor = entry.tensor.shallow_clone();
                let start = tensor.copy();
                let _ = tensor.g_add_(&(&direction * step));
                let found = loss(&Pass::train(0, 0)).double_value(&[]);
                tensor.copy_(&start);
                found
            })
        };
        let step = 1e-6;
        let numeric = (moved(step) - moved(-step)) / (2.0 * step);
        let scale = analytic.abs().max(numeric.abs()).max(1e-3);
        let apart = (analytic - numeric).abs() / scale;
        assert!(apart < 1e-5, "{what} {}: {analytic} {numeric}", entry.name);
    }
}

#[test]
fn mixed_precision_has_gradients_in_float32_that_point_the_same_way() {
    for (method, order) in RIVALS {
        let mut found = Vec::new();
        for compute in [Kind::Float, Kind::BFloat16] {
            let double = small(method, order, "");
            disturb(&double);
            let descriptor = methods::find(method).unwrap();
            let nodes = double
                .blocks
                .iter()
                .map(|built| built.node.clone())
                .collect();
            let options = descriptor.default_options();
            let mut network = descriptor
                .network(&options, nodes, 7, Kind::Float, Device::Cpu)
                .unwrap();
            network.compute = compute;
            for (narrow, wide) in network
                .parameters
                .trainable()
                .zip(double.parameters.trainable())
            {
                tch::no_grad(|| narrow.tensor.shallow_clone().copy_(&wide.tensor));
            }
            let pass = Pass::train(0, 0);
            let loss = cross_entropy(
                &network.logits(&images(5).to_kind(Kind::Float), &pass),
                &labels(),
            );
            let gradients = backward::gradients(&loss, &network.parameters, &pass);
            assert!(
                gradients
                    .iter()
                    .all(|gradient| gradient.kind() == Kind::Float),
                "{method}"
            );
            let flat: Vec<Tensor> = gradients
                .iter()
                .map(|gradient| gradient.flatten(0, -1))
                .collect();
            found.push(Tensor::cat(&flat, 0).to_kind(Kind::Double));
        }
        let inner = |a: &Tensor, b: &Tensor| (a * b).sum(Kind::Double).double_value(&[]);
        let lengths = (inner(&found[0], &found[0]) * inner(&found[1], &found[1])).sqrt();
        assert!(inner(&found[0], &found[1]) > 0.95 * lengths, "{method}");
        assert_ne!(found[0], found[1], "{method}");
    }
}

// ---------------------------------------------------------------------------------------- starts and first steps

#[test]
fn fixup_has_the_published_numbers_of_parameters_and_first_convolutions_of_the_published_size() {
    for (depth, expected) in GOLDENS["fixup"].as_object().unwrap() {
        let keys = format!("depth = {depth}\norder = \"v1\"\nshortcut = \"A\"");
        let built = |method| network("resnet", &keys, method, "", 32).unwrap();
        let (fixup, plain) = (built("fixup"), built("none"));
        let count: usize = fixup
            .parameters
            .trainable()
            .map(|entry| entry.tensor.numel())
            .sum();
        assert_eq!(
            Some(count as u64),
            expected["parameters"].as_u64(),
            "{depth}"
        );
        let deviations = expected["deviations"].as_array().unwrap();
        for (stage, deviation) in deviations.iter().enumerate() {
            // The same directions by He's rule, whose deviation is √(2/fan-in).
            let name = format!("s{}u2-conv1.weight", stage + 1);
            let he = value(&plain, &name);
            let fan_in = (he.size()[1] * 9) as f64;
            let own = value(&fixup, &name) / deviation.as_f64().unwrap();
            assert!(gap(&own, &(he * (fan_in / 2.0).sqrt())) < 1e-12, "{name}");
        }
    }
}

/// The names of the parameters that each of some plain steps moves.
fn moved(network: &Network, steps: usize, lr: f64) -> Vec<Vec<String>> {
    let mut sgd = Sgd::new(SGD, &network.parameters);
    let images = images(5);
    let step = |_| {
        let before: Vec<Tensor> = network
            .parameters
            .trainable()
            .map(|p| p.tensor.detach().copy())
            .collect();
        let pass = Pass::train(0, 0);
        let loss = cross_entropy(&network.logits(&images, &pass), &labels());
        let gradients = backward::gradients(&loss, &network.parameters, &pass);
        sgd.step(&network.parameters, &gradients, lr);
        let after = network.parameters.trainable().zip(&before);
        let changed = after.filter(|(entry, before)| gap(&entry.tensor, before) > 0.0);
        changed.map(|(entry, _)| entry.name.clone()).collect()
    };
    (0..steps).map(step).collect()
}

const SGD: SgdConfig = SgdConfig {
    momentum: 0.0,
    nesterov: false,
    weight_decay: 0.0,
    decay_all: false,
    gain_lr_factor: 1.0,
    shift_lr_factor: 1.0,
    clip_norm: 0.0,
    clip_units: 0.0,
};

/// What stands behind a convolution of zeros does not move; a shortcut that changes shape leads past it.
#[test]
fn fixup_starts_at_the_logarithm_of_the_classes_and_wakes_from_the_end() {
    let network = small("fixup", "v1", "shortcut = \"A\"");
    let logits = network.logits(&images(5), &Pass::eval());
    assert_eq!(largest(&logits), 0.0);
    let loss = cross_entropy(&logits, &labels()).double_value(&[]);
    assert!((loss - 10f64.ln()).abs() < 1e-12);
    let steps = moved(&network, 3, 0.1);
    assert_eq!(steps[0], ["logits.weight", "logits.bias"]);
    let second = [
        "stem.weight",
        "stem.b",
        "s1u1-conv2.weight",
        "s1u1-conv2.b2",
        "unit2.a1",
        "s2u1-conv2.weight",
        "s2u1-conv2.b2",
        "unit3.a1",
        "s3u1-conv2.weight",
        "s3u1-conv2.b2",
        "logits.weight",
        "logits.a",
        "logits.bias",
    ];
    let sorted = |names: &[&str]| {
        let mut names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        names.sort();
        names
    };
    let mut found = steps[1].clone();
    found.sort();
    assert_eq!(found, sorted(&second));
    assert_eq!(
        steps[2].len(),
        network.parameters.trainable().count(),
        "{:?}",
        steps[2]
    );
}

#[test]
fn fixup_moves_its_numbers_at_a_tenth_of_the_rate() {
    let network = small("fixup", "v1", "");
    disturb(&network);
    let before: Vec<Tensor> = network
        .parameters
        .trainable()
        .map(|p| p.tensor.detach().copy())
        .collect();
    let gradients: Vec<Tensor> = before.iter().map(Tensor::ones_like).collect();
    Sgd::new(SGD, &network.parameters).step(&network.parameters, &gradients, 0.2);
    for (entry, before) in network.parameters.trainable().zip(&before) {
        let factor = if entry.name.ends_with(".weight") {
            1.0
        } else {
            0.1
        };
        let step = (before - &entry.tensor) - 0.2 * factor;
        assert!(largest(&step) < 1e-12, "{}", entry.name);
    }
}

#[test]
fn skipinit_starts_as_its_shortcuts_and_moves_alpha_first() {
    let network = small("skipinit", "v2", "");
    let steps = moved(&network, 2, 0.1);
    let branches = |names: &[String]| {
        let of_branch = |name: &&String| name.contains("conv") && !name.ends_with("alpha");
        names.iter().filter(of_branch).count()
    };
    assert_eq!(branches(&steps[0]), 0);
    let alphas = steps[0].iter().filter(|name| name.ends_with("conv2.alpha"));
    assert_eq!(alphas.count(), 3);
    assert!(steps[0].contains(&"s2u1-shortcut.weight".to_owned()));
    assert_eq!(steps[1].len(), network.parameters.trainable().count());

    let start = |options: &str| {
        let network = network_of("skipinit", options);
        value(&network, "s2u3-conv2.alpha").double_value(&[0])
    };
    assert_eq!(start(""), 0.0);
    assert_eq!(start("start = 0.25"), 0.25);
    assert!((start("rule = \"depth\"") - 1.0 / 3.0).abs() < 1e-15);
}

/// A ResNet-20.
fn network_of(method: &str, options: &str) -> Network {
    network("resnet", "width = 0.25", method, options, 8).unwrap()
}

#[test]
fn weight_norm_starts_residual_networks_with_the_published_lengths() {
    for (depth, expected) in GOLDENS["row_lengths"].as_object().unwrap() {
        let keys = format!("depth = {depth}\nwidening = 2");
        let built = network(
            "wide-resnet",
            &keys,
            "weight-norm",
            "start = \"residual\"",
            32,
        )
        .unwrap();
        let number = |value: &Value| value.as_f64().unwrap();
        let check = |name: &str, expected: f64| {
            let lengths = value(&built, &format!("{name}.g")) - expected;
            assert!(largest(&lengths) < 1e-12, "{depth} {name}");
        };
        check("stem", number(&expected["stem"]));
        for (stage, start) in expected["stages"].as_array().unwrap().iter().enumerate() {
            let unit = |unit: usize| format!("s{}u{unit}", stage + 1);
            check(&format!("{}-conv1", unit(1)), number(&start["first"]));
            check(&format!("{}-shortcut", unit(1)), number(&start["shortcut"]));
            check(&format!("{}-conv1", unit(2)), number(&expected["conv1"]));
            check(&format!("{}-conv2", unit(1)), number(&expected["conv2"]));
            check(&format!("{}-conv2", unit(2)), number(&expected["conv2"]));
        }
        // The last layer is plain, and data change nothing.
        assert!(built.parameters.get("logits.g").is_none());
        let before = value(&built, "stem.g");
        built.initialize(&images(5));
        assert_eq!(before, value(&built, "stem.g"));
    }
}

#[test]
fn unit_variance_reaches_every_convolution_of_a_residual_network() {
    for (method, order) in [
        ("none", "v1"),
        ("skipinit", "v2"),
        ("fixup", "v1"),
        ("idshort", "v2"),
    ] {
        let network = small(method, order, "");
        let images = images(5);
        network.initialize_to_unit_variance(&images, 3).unwrap();
        let pass = Pass::eval();
        let mut seen = 0;
        tch::no_grad(|| {
            network.walk(
                &images,
                &pass,
                network.blocks.len(),
                |index, layer, signal| {
                    let block = network.blocks[index].node.block().unwrap();
                    if !block.op.is_identity() {
                        let weight = value(&network, &format!("{}.weight", block.name));
                        let output = block.op.apply(&signal.value(), &weight, None);
                        let deviation = output.std(false).double_value(&[]);
                        assert!(
                            (deviation - 1.0).abs() < 1e-6,
                            "{method} {}: {deviation}",
                            block.name
                        );
                        seen += 1;
                    }
                    layer.forward(signal, &pass)
                },
            );
        });
        assert_eq!(seen, 10, "{method}");
    }
}
