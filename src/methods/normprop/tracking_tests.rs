//! What is tracked of a residual network's stream against what is there.

use super::residual_tests::{TASK, network, network_for, noise};
use crate::methods;
use crate::methods::conformance::set;
use crate::moments::{Activation, moments};
use crate::nn::residual::{Part, Shortcut};
use crate::nn::{
    ChannelMoments, Estimate, Network, Node, Pass, Signal, Task, backward, networks, rows,
};
use tch::{Device, Kind, Tensor};

const GAINS: &str = "residual = \"tracked\"";
const ANALYTIC: &str = "residual = \"tracked\"\ntracking = \"analytic\"";

/// What is tracked of what enters each unit and the head, with the unit's shortcut.
fn tracked(net: &Network, images: &Tensor) -> Vec<(Shortcut, ChannelMoments)> {
    let mut found = Vec::new();
    let pass = Pass::eval();
    net.walk(images, &pass, net.blocks.len(), |index, layer, signal| {
        let part = net.blocks[index].node.residual();
        if let Some(part) = part.filter(|part| matches!(part.part, Part::Entry | Part::Head)) {
            let Some(Estimate::Moments(stream)) = &signal.estimate else {
                panic!("nothing is known of the stream before block {index}");
            };
            found.push((part.shortcut, stream.shallow_clone()));
        }
        layer.forward(signal, &pass)
    });
    found
}

/// The covariance of random rows: √v·(E f′(z)/s)² times a sum of n products of two numbers of size 1/√n each.
#[test]
fn at_the_start_both_say_the_same_but_for_a_small_covariance() {
    let images = noise(&[2, 3, 16, 16]);
    let built = |options| network("resnet", "depth = 14\nwidth = 2", options, 16).unwrap();
    let [gains, analytic] = [GAINS, ANALYTIC].map(|options| tracked(&built(options), &images));
    assert_eq!(gains.len(), 7);
    let std = moments(Activation::Relu).std();
    let factor = 2.0 * (1.0_f64 / 6.0).sqrt() * (0.5 / std).powi(2);
    let mut expected = 0.0;
    for (unit, ((shortcut, gains), (_, analytic))) in gains.iter().zip(&analytic).enumerate() {
        assert!(
            analytic.mean.abs().max().double_value(&[]) < 1e-12,
            "{unit}"
        );
        let change = (&analytic.variance - &gains.variance).square();
        let found = change.mean(Kind::Double).double_value(&[]);
        assert!(
            (found - expected).abs() <= 0.3 * expected + 1e-24,
            "{unit}: {found} for {expected}"
        );
        let numbers = 9.0 * gains.variance.numel() as f64;
        let variance = gains.variance.mean(Kind::Double).double_value(&[]);
        expected = match shortcut {
            Shortcut::Identity => expected + factor * factor * variance / numbers,
            _ => 0.0,
        };
    }
}

#[test]
fn gradients_flow_through_what_is_tracked() {
    for activation in ["relu", "leaky:0.2", "prelu", "silu"] {
        let activation = Activation::parse(activation).unwrap();
        let task = Task { activation, ..TASK };
        let net = network_for(&task, "resnet", "depth = 14\nwidth = 0.25", ANALYTIC).unwrap();
        for (index, entry) in net.parameters.trainable().enumerate() {
            let change = noise(&entry.tensor.size()) * 0.2 * (index as f64 + 1.0).cos();
            let _ = tch::no_grad(|| entry.tensor.shallow_clone().g_add_(&change));
        }
        net.after_step();
        let (images, upstream) = (noise(&[3, 3, 8, 8]), noise(&[3, 10]));
        let loss = |pass: &Pass| (net.logits(&images, pass).sin() * &upstream).sum(Kind::Double);
        let pass = Pass::train(0, 0);
        let gradients = backward::gradients(&loss(&pass), &net.parameters, &pass);
        for (entry, gradient) in net.parameters.trainable().zip(gradients) {
            let direction = noise(&entry.tensor.size());
            let direction = &direction / direction.norm();
            let analytic = (gradient * &direction).sum(Kind::Double).double_value(&[]);
            let start = entry.tensor.detach().copy();
            let at = |distance: f64| {
                set(&net, &entry.name, &(&start + &direction * distance));
                tch::no_grad(|| loss(&Pass::train(0, 0))).double_value(&[])
            };
            let step = 5e-7;
            let numeric = (at(step) - at(-step)) / (2.0 * step);
            at(0.0);
            let relative = (analytic - numeric).abs() / analytic.abs().max(numeric.abs()).max(0.05);
            let name = &entry.name;
            assert!(relative < 3e-6, "{activation} {name}: {analytic} {numeric}");
        }
    }
}

/// The first unit of a residual network alone, γ and β away from their starts.
fn unit(options: &str) -> Network {
    let method = methods::find("normprop").unwrap();
    let descriptor = networks::find("resnet").unwrap();
    let keys = descriptor.resolve(&"depth = 8".parse().unwrap()).unwrap();
    let nodes: Vec<Node> = (descriptor.build)(&keys, &TASK).unwrap();
    let options = method.resolve(&options.parse().unwrap()).unwrap();
    let nodes = nodes[1..4].to_vec();
    let net = method
        .network(&options, nodes, 3, Kind::Double, Device::Cpu)
        .unwrap();
    for (index, layer) in ["s1u1-conv1", "s1u1-conv2"].iter().enumerate() {
        let numbers = noise(&[2, 16]).roll([5 * index as i64], [1]);
        set(
            &net,
            &format!("{layer}.gamma"),
            &(numbers.get(0).tanh() * 0.3 + 1.0),
        );
        set(&net, &format!("{layer}.beta"), &(numbers.get(1) * 0.3));
    }
    net
}

/// Predicted over measured variance behind the unit, mean and standard deviation over channels, and the largest error of
/// the mean in standard deviations; on numbers of a Gaussian with these moments, away from the border.
fn accuracy(net: &Network) -> (f64, f64, f64) {
    let numbers = noise(&[2, 16]);
    let (mean, variance) = (numbers.get(0) * 0.2, numbers.get(1).tanh() * 0.4 + 1.2);
    let wide = |vector: &Tensor| vector.view([1, -1, 1, 1]);
    let x = noise(&[40, 16, 36, 36]) * wide(&variance.sqrt()) + wide(&mean);
    let known = Estimate::Moments(ChannelMoments { mean, variance });
    let pass = Pass::eval();
    let made = tch::no_grad(|| {
        let signal = Signal::plain(x).with_estimate(known);
        net.follow(signal, &pass, 3, |_, layer, signal| {
            layer.forward(signal, &pass)
        })
    });
    let inner = made.value().narrow(2, 2, 32).narrow(3, 2, 32);
    let inner = inner.transpose(0, 1).flatten(1, -1);
    let Some(Estimate::Moments(predicted)) = made.estimate else {
        panic!("nothing is known of the sum");
    };
    let measured = inner.var_dim([1].as_slice(), false, false);
    let ratio = &predicted.variance / &measured;
    let off = (predicted.mean - inner.mean_dim([1].as_slice(), false, None)) / measured.sqrt();
    let number = |tensor: Tensor| tensor.double_value(&[]);
    (
        number(ratio.mean(Kind::Double)),
        number(ratio.std(false)),
        number(off.abs().max()),
    )
}

/// Gives the branch's last rows the direction in which its first read the stream, so that branch and stream correlate.
fn align(net: &Network) {
    let weight = |name: &str| net.parameters.get(name).unwrap().detach();
    let back = weight("s1u1-conv1.weight").transpose(0, 1).flip([2, 3]);
    let aligned = rows::unit(&(back + weight("s1u1-conv2.weight") * 0.5), false);
    set(net, "s1u1-conv2.weight", &aligned);
}

#[test]
fn following_the_branch_predicts_what_its_gains_do_not() {
    let nets = [GAINS, ANALYTIC].map(|options| unit(&format!("{options}\nalpha = 0.6")));
    let [gains, analytic] = nets.each_ref().map(accuracy);
    for (ratio, ..) in [gains, analytic] {
        assert!((ratio - 1.0).abs() < 0.05, "{ratio}");
    }
    assert!(analytic.1 < 0.6 * gains.1, "{analytic:?} {gains:?}");
    assert!(analytic.2 < 0.02 && gains.2 > 0.1, "{analytic:?} {gains:?}");

    nets.iter().for_each(align);
    let [gains, analytic] = nets.each_ref().map(accuracy);
    assert!(gains.0 < 0.7, "{gains:?}");
    assert!((0.85..1.05).contains(&analytic.0), "{analytic:?}");
    assert!(analytic.2 < 0.02, "{analytic:?}");
}

/// An estimate of a covariance may be larger than two variances allow; that of the sum stays positive.
#[test]
fn a_covariance_beyond_its_bounds_leaves_a_variance() {
    let net = unit(&format!("{ANALYTIC}\nalpha = 0.5"));
    // All units of the middle are the same, which the variances do not know.
    let rows = || Tensor::zeros([16, 16, 3, 3], (Kind::Double, Device::Cpu));
    let (first, second) = (rows(), rows());
    let _ = first.select(3, 1).select(2, 1).select(1, 0).fill_(1.0);
    let _ = second.select(3, 1).select(2, 1).fill_(-0.25);
    set(&net, "s1u1-conv1.weight", &first);
    set(&net, "s1u1-conv2.weight", &second);
    let ones = Tensor::ones([16], (Kind::Double, Device::Cpu));
    let known = Estimate::Moments(ChannelMoments {
        mean: ones.zeros_like(),
        variance: ones,
    });
    let signal = Signal::plain(noise(&[1, 16, 4, 4])).with_estimate(known);
    let pass = Pass::eval();
    let made = net.follow(signal, &pass, 3, |_, layer, signal| {
        layer.forward(signal, &pass)
    });
    let Some(Estimate::Moments(sum)) = made.estimate else {
        panic!("nothing is known of the sum");
    };
    let own = sum.variance.double_value(&[0]);
    assert!(own > 0.0 && own < 0.6, "{own}");
}
