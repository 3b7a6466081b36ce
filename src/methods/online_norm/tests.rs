use super::*;
use crate::methods::conformance;
use crate::nn::Signal;
use crate::nn::backward;
use crate::nn::network::Network;
use tch::Device;

/// Three units that pass their input on, so that the stream is the input.
fn through(options: &str) -> Network {
    let op = LinearOp::Dense {
        inputs: 3,
        outputs: 3,
    };
    let net = conformance::single("online-norm", options, op);
    conformance::set(
        &net,
        "layer.weight",
        &Tensor::eye(3, (Kind::Double, Device::Cpu)),
    );
    net
}

fn golden_gradient() -> Tensor {
    conformance::matrix(
        &[
            1.0, 0.0, -2.0, 0.5, 1.0, 1.0, 0.0, -1.0, 2.0, -1.0, 0.5, 0.0,
        ],
        3,
    )
}

/// Outputs for `x`, and what the control makes of `gradient`.
fn forth_and_back(net: &Network, x: &Tensor, gradient: &Tensor) -> (Tensor, Tensor) {
    let pass = Pass::train(0, 0);
    let x = x.detach().set_requires_grad(true);
    let output = net.blocks[0]
        .layer
        .pre_activation(&Signal::plain(x.shallow_clone()), &pass);
    let found = backward::gradients_at(&(&output * gradient).sum(Kind::Double), &[&x], &pass);
    (output.detach(), found.into_iter().next().unwrap())
}

#[test]
fn a_stream_of_four_equals_the_published_values() {
    let net = through("forward_decay = 0.9\nbackward_decay = 0.8\nbound = \"none\"");
    let (output, gradient) =
        forth_and_back(&net, &conformance::golden_inputs(), &golden_gradient());
    conformance::assert_close(
        &conformance::row(&output, 3),
        &[-1.20450448, -0.04189863168, 2.984648991],
    );
    conformance::assert_close(
        &conformance::row(&gradient, 3),
        &[-1.031676295, 0.4037183673, -0.7838734773],
    );
    let state = |name: &str| Vec::<f64>::try_from(net.parameters.get(name).unwrap()).unwrap();
    conformance::assert_close(&state("layer.running_mean"), &[0.1529, 0.0468, 0.6151]);
    conformance::assert_close(
        &state("layer.running_var"),
        &[1.16562159, 1.38650976, 2.70215199],
    );
}

#[test]
fn a_batch_of_many_equals_many_batches_of_one() {
    let options = "forward_decay = 0.9\nbackward_decay = 0.8";
    let op = LinearOp::Conv {
        inputs: 2,
        outputs: 3,
        kernel: 3,
        padding: 1,
        stride: 1,
    };
    let (whole, single) = (
        conformance::single("online-norm", options, op),
        conformance::single("online-norm", options, op),
    );
    let (x, gradient) = (
        conformance::gaussian(&[7, 2, 4, 4], 1) * 2.0 + 0.5,
        conformance::gaussian(&[7, 3, 4, 4], 2),
    );
    let (output, back) = forth_and_back(&whole, &x, &gradient);
    for image in 0..7 {
        let one = |t: &Tensor| t.narrow(0, image, 1);
        let (own_output, own_back) = forth_and_back(&single, &one(&x), &one(&gradient));
        assert!(conformance::gap(&one(&output), &own_output) < 1e-12);
        assert!(conformance::gap(&one(&back), &own_back) < 1e-12);
    }
    for (a, b) in whole.parameters.iter().zip(single.parameters.iter()) {
        assert!(conformance::gap(&a.tensor, &b.tensor) < 1e-12, "{}", a.name);
    }
}

#[test]
fn the_running_variance_is_the_exponentially_weighted_one() {
    // Weights a^(t−1−j)(1−a) on the values, a^t on the start's mean 0 and variance 1.
    let net = through("forward_decay = 0.9");
    let x = conformance::gaussian(&[30, 3], 1) + 2.0;
    let _ = conformance::pre_activation(&net, &x);
    let weights: Vec<f64> = (0..30).map(|j| 0.1 * 0.9f64.powi(29 - j)).collect();
    let weights = Tensor::from_slice(&weights).view([-1, 1]);
    let start = 0.9f64.powi(30);
    let sum = |t: Tensor| t.sum_dim_intlist([0].as_slice(), false, Kind::Double);
    let mean = sum(&x * &weights);
    let variance = sum((&x - &mean).square() * &weights) + (mean.square() + 1.0) * start;
    assert!(conformance::gap(net.parameters.get("layer.running_mean").unwrap(), &mean) < 1e-12);
    assert!(conformance::gap(net.parameters.get("layer.running_var").unwrap(), &variance) < 1e-12);
}

#[test]
fn control_keeps_sums_of_gradients_bounded() {
    let net = through("forward_decay = 0.99\nbackward_decay = 0.9\nbound = \"none\"");
    let (mut along_ones, mut along_output, mut uncontrolled) = (0.0, 0.0, 0.0);
    let rounds = 40;
    for round in 0..rounds {
        let x = conformance::gaussian(&[50, 3], round);
        let gradient = &x * 0.5 + conformance::gaussian(&[50, 3], 1000 + round) + 0.7;
        let (output, back) = forth_and_back(&net, &x, &gradient);
        let mean = |t: Tensor| t.mean(Kind::Double).double_value(&[]) / rounds as f64;
        uncontrolled += mean(gradient);
        along_ones += mean(back.shallow_clone());
        along_output += mean(back * output);
    }
    assert!(uncontrolled > 0.6);
    assert!(
        along_ones.abs() < 0.02 && along_output.abs() < 0.05,
        "{along_ones} {along_output}"
    );
}

#[test]
fn with_frozen_statistics_and_no_control_the_gradient_is_exact() {
    // a = 1 freezes μ and σ² at 0 and 1, b = 1 switches the control off.
    for bound in ["none", "layer-scaling", "clamp"] {
        let options = format!("forward_decay = 1.0\nbackward_decay = 1.0\nbound = \"{bound}\"");
        let net = conformance::conv_network("online-norm", &options, 3);
        let (relative, at) =
            conformance::gradient_gap(&net, &conformance::gaussian(&[9, 2, 8, 8], 2));
        assert!(relative < 1e-6, "{bound} {at}");
    }
}

#[test]
fn bounds_hold() {
    let x = conformance::gaussian(&[5, 3], 1) * 20.0;
    let clamped = conformance::pre_activation(&through("clamp_at = 2.0"), &x);
    assert_eq!(clamped.abs().max().double_value(&[]), 2.0);
    let scaled = conformance::pre_activation(&through("bound = \"layer-scaling\""), &x);
    let squares = scaled
        .square()
        .mean_dim([1].as_slice(), false, Kind::Double);
    assert!(conformance::gap(&squares, &squares.ones_like()) < 1e-4);
}

#[test]
fn evaluation_uses_the_stream_and_leaves_it_alone() {
    let net = through("forward_decay = 0.9\nbound = \"none\"");
    let _ = conformance::pre_activation(&net, &conformance::golden_inputs());
    let x = conformance::gaussian(&[4, 3], 1);
    let value = |name: &str| net.parameters.get(name).unwrap().copy();
    let (mean, variance) = (value("layer.running_mean"), value("layer.running_var"));
    let output = net.blocks[0]
        .layer
        .pre_activation(&Signal::plain(x.shallow_clone()), &Pass::eval());
    assert!(conformance::gap(&output, &((x - &mean) / (&variance + 1e-5).sqrt())) < 1e-12);
    assert_eq!(mean, value("layer.running_mean"));
}
