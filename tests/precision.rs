//! What a method computes does not hang on rounding: not in float32 beside float64, not with two threads beside one.
//!
//! A program of its own, because the number of threads is the whole process's.

use normprop::methods::{Descriptor, METHODS};
use normprop::moments::Activation;
use normprop::nn::networks::{self, lstm, network_in_network, perceptron};
use normprop::nn::node::{NetworkKind, Node};
use normprop::nn::residual::Order;
use normprop::nn::{Pass, Task};
use tch::{Device, Kind, Tensor};

/// Images of 28×28 whose ground is constant, as that of clothes and digits is: a wave in a window of its own in each.
fn images(count: i64) -> Tensor {
    let options = (Kind::Double, Device::Cpu);
    let ramp = Tensor::arange(28, options);
    let image = |index: i64| {
        let wave = (ramp.view([28, 1]) * 0.7 + &ramp * (0.3 + 0.1 * index as f64)).sin();
        let window = ramp
            .ge(6.0 + index as f64)
            .logical_and(&ramp.le(14.0 + index as f64));
        let window = window
            .view([28, 1])
            .logical_and(&window)
            .to_kind(Kind::Double);
        wave * &window - (1.0 - window) * 0.8
    };
    Tensor::stack(&(0..count).map(image).collect::<Vec<_>>(), 0).unsqueeze(1)
}

fn nodes(kind: NetworkKind) -> Vec<Node> {
    match kind {
        NetworkKind::Convolutional => network_in_network(1, 10, 0.125, Activation::Relu),
        NetworkKind::Dense => perceptron(28 * 28, 10, &[32, 32], Activation::Relu),
        NetworkKind::Recurrent => lstm(28, 16, 10),
        NetworkKind::Residual(order) => residual(order),
    }
}

/// A ResNet-8 at half the width.
fn residual(order: Order) -> Vec<Node> {
    let network = networks::find("resnet").unwrap();
    let keys = format!("depth = 8\nwidth = 0.5\norder = \"{}\"", order.name());
    let task = Task {
        channels: 1,
        height: 28,
        width: 28,
        classes: 10,
        activation: Activation::Relu,
    };
    let keys = network.resolve(&keys.parse().unwrap()).unwrap();
    (network.build)(&keys, &task).unwrap()
}

/// The logits of a training pass through a new network.
fn logits(method: &Descriptor, network: NetworkKind, kind: Kind, threads: i32) -> Tensor {
    tch::set_num_threads(threads);
    // Logits that start at 0 would be equal whatever stands before them.
    let given = match method.has_option("logit_gain") {
        true => "logit_gain = 1.0",
        false => "",
    };
    let options = method.resolve(&given.parse().unwrap()).unwrap();
    let network = method.network(&options, nodes(network), 3, kind, Device::Cpu);
    let images = images(12).to_kind(kind);
    tch::no_grad(|| {
        let network = network.unwrap();
        network.initialize(&images);
        network.logits(&images, &Pass::train(0, 0))
    })
    .to_kind(Kind::Double)
}

/// The kinds of networks that a method serves with its default options: of two orders of residual units, the default.
fn served(method: &Descriptor) -> impl Iterator<Item = NetworkKind> {
    let second = method.serves(NetworkKind::Residual(Order::PreActivation));
    let first = NetworkKind::Residual(Order::PostActivation);
    let kinds = NetworkKind::ALL.iter().copied();
    kinds.filter(move |&kind| method.serves(kind) && !(second && kind == first))
}

#[test]
fn constant_patches_give_the_same_in_both_precisions_and_with_any_threads() {
    let mut apart = Vec::new();
    for method in METHODS {
        for network in served(method) {
            let exact = logits(method, network, Kind::Double, 1);
            // Rounding adds up over the layers of a residual network, which are three times as many.
            let bound = match network {
                NetworkKind::Residual(_) => 3e-4,
                _ => 1e-4,
            };
            let scale = exact.abs().max().double_value(&[]).max(1e-2);
            for threads in [1, 2] {
                let got = logits(method, network, Kind::Float, threads);
                let gap = (got - &exact).abs().max().double_value(&[]) / scale;
                if gap.is_nan() || gap > bound {
                    apart.push(format!(
                        "{} {network:?}, {threads} threads: {gap:.1e}",
                        method.name
                    ));
                }
            }
        }
    }
    assert!(apart.is_empty(), "{}", apart.join("\n"));
}
