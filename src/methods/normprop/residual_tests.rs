use crate::methods;
use crate::moments::{Activation, moments};
use crate::nn::residual::{Part, Residual, Shortcut};
use crate::nn::{Network, Pass, Signal, Task, backward, networks};
use crate::streams::{Purpose, stream};
use tch::{Device, Kind, Tensor};

pub(super) const TASK: Task = Task {
    channels: 3,
    height: 8,
    width: 8,
    classes: 10,
    activation: Activation::Relu,
};

pub(super) fn network(
    model: &str,
    keys: &str,
    options: &str,
    side: i64,
) -> anyhow::Result<Network> {
    let (height, width) = (side, side);
    network_for(
        &Task {
            height,
            width,
            ..TASK
        },
        model,
        keys,
        options,
    )
}

pub(super) fn network_for(
    task: &Task,
    model: &str,
    keys: &str,
    options: &str,
) -> anyhow::Result<Network> {
    let method = methods::find("normprop")?;
    let descriptor = networks::find(model)?;
    let keys = descriptor.resolve(&keys.parse()?)?;
    let nodes = (descriptor.build)(&keys, task)?;
    let options = method.resolve(&options.parse()?)?;
    method.network(&options, nodes, 3, Kind::Double, Device::Cpu)
}

pub(super) fn noise(shape: &[i64]) -> Tensor {
    crate::nn::init::standard_normal(shape, &mut stream(5, Purpose::Probe, 0))
}

/// Every rule as an option, with the order that it is for.
const RULES: [(&str, &str); 7] = [
    ("v2", "residual = \"alpha-beta\""),
    ("v2", "residual = \"tracked\""),
    ("v2", "residual = \"tracked\"\ntracking = \"analytic\""),
    ("v2", "residual = \"sqrt2\""),
    ("v2", "residual = \"naive\""),
    ("v1", "residual = \"naive\""),
    ("v1", "residual = \"v1-sqrt2\""),
];

fn with_rule((order, options): (&str, &str), depth: i64, side: i64) -> Network {
    let keys = format!("depth = {depth}\norder = \"{order}\"\nwidth = 0.5");
    network("resnet", &keys, options, side).unwrap()
}

/// What the fused passes do equals the formulas, step by step, in values and gradients.
#[test]
fn fused_forward_and_backward_equal_the_formulas() {
    for rule in RULES {
        let net = with_rule(rule, 8, 8);
        tch::no_grad(|| {
            for (index, entry) in net.parameters.trainable().enumerate() {
                let mut source = stream(9, Purpose::Probe, index as u64);
                let size = entry.tensor.size();
                let change = crate::nn::init::standard_normal(&size, &mut source) * 0.1;
                let _ = entry.tensor.shallow_clone().g_add_(&change);
            }
        });
        net.after_step();
        let images = noise(&[4, 3, 8, 8]);
        let upstream = noise(&[4, 10]);
        let count = net.blocks.len();
        let pass = Pass::train(0, 0);
        let fused = net.logits(&images, &pass);
        let fused_gradients = backward::gradients(
            &(&fused * &upstream).sum(Kind::Double),
            &net.parameters,
            &pass,
        );
        let pass = Pass::train(0, 0);
        let plain = net.walk(&images, &pass, count, |_, layer, signal| {
            let input = Signal {
                estimate: signal.shallow_clone().estimate,
                ..Signal::plain(signal.value())
            };
            let pre = layer.pre_activation(&input, &pass);
            let made = layer.post_activation(pre, &pass);
            let value = made.value();
            Signal {
                estimate: made.estimate,
                ..Signal::plain(value)
            }
        });
        let plain = net.pool_globally(plain);
        let gradients = backward::gradients(
            &(&plain * &upstream).sum(Kind::Double),
            &net.parameters,
            &pass,
        );
        let gap = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
        let size = plain.abs().max().double_value(&[]);
        assert!(gap(&fused, &plain) < 1e-11 * size.max(1.0), "{rule:?}");
        for (own, other) in fused_gradients.iter().zip(&gradients) {
            let size = other.abs().max().double_value(&[]).max(1.0);
            assert!(gap(own, other) < 1e-10 * size, "{rule:?}");
        }
    }
}

/// What enters each unit and the head, with the unit's number.
fn streams(net: &Network, images: &Tensor) -> Vec<(Residual, Tensor)> {
    let mut found = Vec::new();
    let pass = Pass::eval();
    net.walk(images, &pass, net.blocks.len(), |index, layer, signal| {
        let part = net.blocks[index].node.residual();
        if let Some(part) = part.filter(|part| matches!(part.part, Part::Entry | Part::Head)) {
            found.push((*part, signal.x.shallow_clone()));
        }
        layer.forward(signal, &pass)
    });
    found
}

/// A map of variances behind a 3×3 convolution with unit rows: at the border it sees fewer numbers.
fn taps(variances: &Tensor, stride: i64) -> Tensor {
    variances.avg_pool2d([3, 3], [stride, stride], [1, 1], false, true, 9)
}

/// Maps of the variance of what enters each unit and the head, made as the network is.
fn predicted(net: &Network, alpha: f64, side: i64) -> Vec<Tensor> {
    let ones = Tensor::ones([1, 1, side, side], (Kind::Double, Device::Cpu));
    let (mut stream, mut found) = (taps(&ones, 1), Vec::new());
    for built in &net.blocks {
        let Some(part) = built.node.residual() else {
            continue;
        };
        match part.part {
            Part::Entry => found.push(stream.shallow_clone()),
            Part::Head => found.push(stream.shallow_clone()),
            Part::Second => {
                let read = &stream / part.place.stream.variance(alpha);
                let stride = if part.shortcut == Shortcut::Projection && part.place.unit > 1 {
                    2
                } else {
                    1
                };
                let branch = taps(&taps(&read, stride), 1);
                let kept = match part.shortcut {
                    Shortcut::Projection => read
                        .slice(2, None, None, stride)
                        .slice(3, None, None, stride),
                    _ => stream,
                };
                stream = kept + branch * (alpha * alpha);
            }
            _ => {}
        }
    }
    found
}

/// The stream's variance at the start is 1 + l·α² since its last start, less what the border takes. Narrow networks have
/// more: their inputs' lengths differ from place to place, so that pre-activations are no Gaussians.
#[test]
fn the_stream_of_alpha_beta_has_the_predicted_variance() {
    let net = network("resnet", "depth = 14\nwidth = 8", "", 32).unwrap();
    let alpha = (1.0_f64 / 6.0).sqrt();
    let measured = tch::no_grad(|| streams(&net, &noise(&[12, 3, 32, 32])));
    for ((part, x), predicted) in measured.iter().zip(predicted(&net, alpha, 32)) {
        let units = x.transpose(0, 1).flatten(1, -1);
        let within = mean(&units.var_dim([1].as_slice(), false, false));
        let (unit, predicted) = (part.place.unit, mean(&predicted));
        let gap = (within / predicted - 1.0).abs();
        assert!(gap < 0.05, "unit {unit}: {within} for {predicted}");
    }
}

fn mean(values: &Tensor) -> f64 {
    values.mean(Kind::Double).double_value(&[])
}

/// A branch of two activations multiplies squared gradients by J²: a unit by 1 + J² with the naive sum, by
/// (1 + J²)/2 with sqrt2, by 1 + α²J²/β² with alpha-beta, where the border lets them through.
#[test]
fn squared_gradients_grow_as_predicted() {
    let j_squared = moments(Activation::Relu).jacobian().powi(2);
    let side = 16;
    let ones = Tensor::ones([1, 1, side, side], (Kind::Double, Device::Cpu));
    let share = mean(&taps(&taps(&ones, 1), 1));
    for (rule, alpha, factor) in [
        ("alpha-beta", (1.0_f64 / 9.0).sqrt(), 1.0),
        ("naive", 1.0, 1.0),
        ("sqrt2", 1.0, 0.5),
    ] {
        let keys = "depth = 20\nwidth = 4";
        let net = network("resnet", keys, &format!("residual = \"{rule}\""), side).unwrap();
        let images = noise(&[8, 3, side, side]).set_requires_grad(true);
        let found = streams(&net, &images);
        // The first stage: units 0, 1, 2 and what enters unit 3.
        let inputs: Vec<&Tensor> = found[..3].iter().map(|(_, x)| x).collect();
        let end = &found[3].1;
        let random = noise(&end.size());
        let loss = (end * &random).sum(Kind::Double);
        let gradients = Tensor::run_backward(&[loss], &inputs, false, false);
        let squares: Vec<f64> = gradients
            .iter()
            .chain([&random])
            .map(|g| mean(&g.square()))
            .collect();
        for (pair, (part, _)) in squares.windows(2).zip(&found) {
            let read = match rule {
                "alpha-beta" => part.place.stream.variance(alpha),
                _ => 1.0,
            };
            let predicted = factor * (1.0 + alpha * alpha * j_squared / read * share);
            let measured = pair[0] / pair[1];
            assert!(
                (measured / predicted - 1.0).abs() < 0.1,
                "{rule}: {measured} for {predicted}"
            );
        }
    }
}

/// Evaluation folds away with every rule but `tracked`, whose factors depend on what is tracked; it is training's function.
#[test]
fn folding_changes_nothing() {
    for (order, rule) in RULES {
        for shortcut in ["A", "B"] {
            let keys =
                format!("depth = 8\norder = \"{order}\"\nshortcut = \"{shortcut}\"\nwidth = 0.5");
            let net = network("resnet", &keys, rule, 7).unwrap();
            let images = noise(&[3, 3, 7, 7]);
            let plain = tch::no_grad(|| net.logits(&images, &Pass::eval()));
            let training = tch::no_grad(|| net.logits(&images, &Pass::train(0, 0)));
            let gap = |other: &Tensor| (other - &plain).abs().max().double_value(&[]);
            let size = plain.abs().max().double_value(&[]);
            assert!(gap(&training) < 1e-11 * size, "{order} {rule} {shortcut}");
            match net.fold() {
                Some(folded) => assert!(
                    gap(&folded.logits(&images)) < 1e-10 * size,
                    "{order} {rule} {shortcut}"
                ),
                None => assert!(rule.contains("tracked"), "{rule}"),
            }
        }
    }
}

/// m and s of a trained slope follow it where the stream is read, too.
#[test]
fn a_trained_slope_keeps_its_moments_behind_the_stream() {
    let task = Task {
        activation: Activation::Prelu { slope: 0.25 },
        ..TASK
    };
    let net = network_for(&task, "resnet", "depth = 8\nwidth = 2", "").unwrap();
    tch::no_grad(|| {
        let slope = net.parameters.get("s1u1-entry.slope").unwrap();
        let _ = slope.shallow_clone().fill_(-0.4);
        let index = net
            .blocks
            .iter()
            .position(|built| built.node.name() == "s1u1-entry")
            .unwrap();
        let signal = Signal::plain(noise(&[40, 32, 16, 16]));
        let made = net.blocks[index]
            .layer
            .forward(&signal, &Pass::eval())
            .value();
        assert!(made.mean(Kind::Double).double_value(&[]).abs() < 0.01);
        assert!((made.std(false).double_value(&[]) - 1.0).abs() < 0.01);
    });
}

#[test]
fn what_a_rule_cannot_do_is_refused() {
    let message = |model: &str, keys: &str, options: &str| {
        network(model, keys, options, 8)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let plain = message("nin", "", "residual = \"naive\"");
    assert!(
        plain.contains("method.residual is an option of residual networks"),
        "{plain}"
    );
    let first = message("resnet", "order = \"v1\"", "");
    assert!(
        first.contains("with order = \"v1\" use v1-sqrt2 or naive"),
        "{first}"
    );
    let second = message("resnet", "", "residual = \"v1-sqrt2\"");
    assert!(
        second.contains("use alpha-beta, tracked, sqrt2 or naive"),
        "{second}"
    );
    let tracking = message("resnet", "", "tracking = \"analytic\"");
    assert!(
        tracking.contains("goes with method.residual = \"tracked\""),
        "{tracking}"
    );
    let third = message("resnet", "", "residual = \"sqrt2\"\nalpha = 0.2");
    assert!(third.contains("has no α"), "{third}");
    let fourth = message("resnet", "", "jacobian_scale = \"none\"");
    assert!(fourth.contains("branch_gain = 0.8257"), "{fourth}");
    assert_eq!(message("resnet", "depth = 8", ""), "");
}
