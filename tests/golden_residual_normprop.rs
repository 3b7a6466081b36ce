//! Units of Normalization Propagation in residual networks, from `scripts/goldens/residual_normprop.py`: the layers that
//! the method builds for a unit's blocks, forward and backward.

#[path = "common/golden.rs"]
mod golden;

use std::sync::LazyLock;

use golden::tensor;
use normprop::methods;
use normprop::moments::Activation;
use normprop::nn::block::{Block, LinearOp};
use normprop::nn::network::{Network, NetworkBlock};
use normprop::nn::node::Node;
use normprop::nn::residual::{Order, Part, Place, Residual, Shortcut, Stream};
use normprop::nn::{Builder, ChannelMoments, Estimate, Parameters, Pass, Signal, backward};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

static GOLDENS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("goldens/residual_normprop.json")).unwrap());

/// The second of nine units: what is known of its blocks.
fn part(order: Order, part: Part, shortcut: Shortcut) -> Residual {
    Residual {
        order,
        part,
        shortcut,
        place: Place {
            unit: 1,
            units: 9,
            unit_in_stage: 1,
            units_in_stage: 3,
            // A variance of 1.25² for α = 0.5.
            stream: Stream {
                base: 1.0,
                branches: 2.25,
                sums: 1,
            },
        },
    }
}

fn conv(inputs: i64, outputs: i64, kernel: i64, stride: i64) -> LinearOp {
    LinearOp::Conv {
        inputs,
        outputs,
        kernel,
        padding: kernel / 2,
        stride,
    }
}

/// A unit under `normprop` with these options; its parameters are those of the case.
fn unit(
    case: &Value,
    options: &str,
    blocks: Vec<(&str, Part, LinearOp, Activation)>,
    order: Order,
    shortcut: Shortcut,
) -> Network {
    let method = methods::find("normprop").unwrap();
    let options = method.resolve(&options.parse().unwrap()).unwrap();
    let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
    let mut built = Vec::new();
    for (name, place, op, activation) in blocks {
        let block = Block {
            name: name.into(),
            op,
            activation,
            pool: None,
            first: false,
            last: false,
            residual: Some(part(order, place, shortcut)),
        };
        let direction = match op {
            LinearOp::Identity { channels } => {
                Tensor::ones([channels], (Kind::Double, Device::Cpu))
            }
            _ => tensor(&case["inputs"][format!("w{name}")]),
        };
        let mut builder = Builder::new(&mut parameters, name, direction);
        let layer = (method.build)(&block, &options, &mut builder).unwrap();
        built.push(NetworkBlock {
            node: Node::Block(block),
            layer,
        });
        if !op.is_identity() {
            for (kind, letter) in [("weight", "w"), ("gamma", "g"), ("beta", "b")] {
                let value = tensor(&case["inputs"][format!("{letter}{name}")]);
                let parameter = parameters.get(&format!("{name}.{kind}")).unwrap();
                tch::no_grad(|| parameter.shallow_clone().copy_(&value));
            }
        }
    }
    Network::of(built, parameters)
}

/// Runs the case through the unit and compares output and gradients, to 1e-9 of the largest. The output of a case
/// without images is what is tracked of it: means, then variances.
fn check(
    name: &str,
    options: &str,
    blocks: Vec<(&str, Part, LinearOp, Activation)>,
    order: Order,
    shortcut: Shortcut,
) {
    let case = &GOLDENS["cases"][name];
    // With this constraint the gradient is that through the division by a row's length.
    let options = format!("constraint = \"reparametrize\"\n{options}");
    let net = unit(case, &options, blocks, order, shortcut);
    let input = |key: &str| tensor(&case["inputs"][key]).set_requires_grad(true);
    let has_images = case["inputs"]["x"].is_object();
    let mut leaves = Vec::new();
    if has_images {
        leaves.push(("x", input("x")));
    }
    let zeros = || Tensor::zeros([1, 2, 4, 4], (Kind::Double, Device::Cpu));
    let x = leaves
        .first()
        .map_or_else(zeros, |(_, x)| x.shallow_clone());
    let mut signal = Signal::plain(x);
    if case["inputs"]["mu"].is_object() {
        let (mean, variance) = (input("mu"), input("va"));
        signal = signal.with_estimate(Estimate::Moments(ChannelMoments {
            mean: mean.shallow_clone(),
            variance: variance.shallow_clone(),
        }));
        leaves.extend([("mu", mean), ("va", variance)]);
    }
    let pass = Pass::train(0, 0);
    let made = net.follow(signal, &pass, net.blocks.len(), |_, layer, signal| {
        layer.forward(signal, &pass)
    });
    let output = match &made.estimate {
        Some(Estimate::Moments(tracked)) if !has_images => {
            Tensor::stack(&[&tracked.mean, &tracked.variance], 0)
        }
        _ => made.value(),
    };
    let want = tensor(&case["output"]);
    let gap = |a: &Tensor, b: &Tensor| {
        let size = b.abs().max().double_value(&[]).max(1e-3);
        (a - b).abs().max().double_value(&[]) / size
    };
    assert!(
        gap(&output, &want) < 1e-9,
        "{name}: {}",
        gap(&output, &want)
    );
    let named = net.parameters.trainable().map(|entry| {
        let (block, kind) = entry.name.split_once('.').unwrap();
        let letter = match kind {
            "weight" => "w",
            "gamma" => "g",
            _ => "b",
        };
        (format!("{letter}{block}"), entry.tensor.shallow_clone())
    });
    let mut all: Vec<(String, Tensor)> = named.collect();
    all.extend(leaves.into_iter().map(|(key, leaf)| (key.to_owned(), leaf)));
    let tensors: Vec<&Tensor> = all.iter().map(|(_, tensor)| tensor).collect();
    let loss = (&output * tensor(&case["upstream"])).sum(Kind::Double);
    let gradients = backward::gradients_at(&loss, &tensors, &pass);
    for ((key, _), gradient) in all.iter().zip(gradients) {
        let want = tensor(&case["gradients"][key]);
        assert!(
            gap(&gradient, &want) < 1e-9,
            "{name}, {key}: {}",
            gap(&gradient, &want)
        );
    }
}

#[test]
fn units_equal_the_formulas() {
    let identity = LinearOp::Identity { channels: 2 };
    let (relu, none) = (Activation::Relu, Activation::Identity);
    let entry = ("entry", Part::Entry, identity, relu);
    let first = ("1", Part::First, conv(2, 2, 3, 1), relu);
    let second = ("2", Part::Second, conv(2, 2, 3, 1), none);
    let before = Order::PreActivation;
    let plain = Shortcut::Identity;
    check(
        "alpha-beta",
        "alpha = 0.5",
        vec![entry, first, second],
        before,
        plain,
    );
    check(
        "tracked",
        "residual = \"tracked\"\nalpha = 0.5",
        vec![entry, first, second],
        before,
        plain,
    );
    let analytic = "residual = \"tracked\"\ntracking = \"analytic\"\nalpha = 0.5";
    let branch = |kernel| {
        let first = ("1", Part::First, conv(2, 2, kernel, 1), relu);
        let second = ("2", Part::Second, conv(2, 2, kernel, 1), none);
        vec![entry, first, second]
    };
    check("next-moments", analytic, branch(3), before, plain);
    check("next-moments-1x1", analytic, branch(1), before, plain);
    let after = ("out", Part::AfterSum, identity, relu);
    check(
        "v1-sqrt2",
        "residual = \"v1-sqrt2\"",
        vec![first, second, after],
        Order::PostActivation,
        plain,
    );
    let widened = vec![
        entry,
        ("1", Part::First, conv(2, 4, 3, 2), relu),
        ("s", Part::Projection, conv(2, 4, 1, 2), none),
        ("2", Part::Second, conv(4, 4, 3, 1), none),
    ];
    check(
        "projection",
        "alpha = 0.5",
        widened,
        before,
        Shortcut::Projection,
    );
}
