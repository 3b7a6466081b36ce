//! Every method trains a residual network, and folds where it says so.

use normprop::methods::METHODS;
use normprop::moments::Activation;
use normprop::nn::{Network, NetworkKind, Pass, backward, scores};
use tch::{Kind, Tensor};

use crate::{built_in, disturb, each_served, each_small, gap, largest, nodes, numbers};

const STEPS: u64 = 12;
const RATE: f64 = 0.01;

/// The loss of a pass over four images.
fn loss(network: &Network, images: &Tensor, step: u64) -> (Tensor, Pass) {
    let labels = Tensor::from_slice(&[1_i64, 4, 7, 2]);
    let pass = Pass::train(3, step);
    let logits = network.logits(images, &pass);
    (scores::cross_entropy(&logits, &labels), pass)
}

/// Losses before and after some steps of gradient descent, with the same noise where a method has any.
fn losses(network: &Network, images: &Tensor) -> [f64; 2] {
    let first = loss(network, images, 0).0.double_value(&[]);
    for step in 0..STEPS {
        let (value, pass) = loss(network, images, step);
        let gradients = backward::gradients(&value, &network.parameters, &pass);
        tch::no_grad(|| {
            for (entry, gradient) in network.parameters.trainable().zip(gradients) {
                let _ = entry.tensor.shallow_clone().g_sub_(&(gradient * RATE));
            }
        });
        network.after_step();
    }
    [first, loss(network, images, 0).0.double_value(&[])]
}

#[test]
fn every_method_trains_a_residual_network_or_says_that_it_cannot() {
    let images = numbers(&[4, 3, 8, 8], 1).to_kind(Kind::Float);
    for method in METHODS {
        let mut orders = 0;
        for (order, shortcut) in [("v2", "B"), ("v1", "A")] {
            let what = format!("{} {order}", method.name);
            let keys =
                format!("depth = 8\nwidth = 0.5\norder = \"{order}\"\nshortcut = \"{shortcut}\"");
            let nodes = nodes("resnet", &keys, (3, 8), Activation::Relu);
            let serves = method.serves(NetworkKind::of(&nodes[0]));
            match built_in(Kind::Float, nodes, method, "") {
                Err(error) => {
                    assert!(!serves, "{what}: {error}");
                    let message = error.to_string();
                    assert!(message.contains("order"), "{what}: {message}");
                }
                Ok(network) => {
                    assert!(serves, "{what}");
                    orders += 1;
                    network.initialize(&images);
                    let [first, last] = losses(&network, &images);
                    assert!(last < first, "{what}: {first} -> {last}");
                }
            }
        }
        assert!(orders > 0, "{}", method.name);
    }
}

#[test]
fn folded_networks_compute_what_evaluation_does() {
    let images = numbers(&[4, 2, 8, 8], 1);
    for (method, network, what) in each_small() {
        disturb(&network);
        let folded = network.fold();
        assert_eq!(folded.is_some(), method.folds, "{what}");
        let Some(folded) = folded else { continue };
        let plain = network.logits(&images, &Pass::eval());
        let size = largest(&plain).max(1.0);
        assert!(
            gap(&folded.logits(&images), &plain) <= 1e-10 * size,
            "{what}"
        );
    }
}

#[test]
fn fused_layers_compute_what_their_halves_do() {
    let images = numbers(&[4, 2, 8, 8], 1);
    for (_, network, what) in each_small() {
        disturb(&network);
        let pass = Pass::eval();
        let halves = network.walk(&images, &pass, network.blocks.len(), |_, layer, signal| {
            layer.post_activation(layer.pre_activation(signal, &pass), &pass)
        });
        let (fused, halves) = (network.logits(&images, &pass), halves.value());
        let size = largest(&fused).max(1.0);
        assert!(gap(&fused, &halves) <= 1e-10 * size, "{what}");
    }
}

/// All gradients of a float32 network whose signals have this element type, in one vector.
fn gradients_in(compute: Kind, network: &mut Network) -> Tensor {
    network.compute = compute;
    let images = numbers(&[4, 3, 8, 8], 1).to_kind(Kind::Float);
    let (value, pass) = loss(network, &images, 0);
    let all = backward::gradients(&value, &network.parameters, &pass);
    let flat: Vec<Tensor> = all.iter().map(|one| one.flatten(0, -1)).collect();
    Tensor::cat(&flat, 0)
}

#[test]
fn gradients_in_mixed_precision_point_where_exact_ones_do() {
    for (method, nodes, what) in each_served((3, 8), Activation::Relu) {
        // Four images have 16 values of each of the last 16 channels: whitened together, rounding would decide.
        let options = match method.has_option("block") {
            true => "block = 4",
            false => "",
        };
        let [wide, narrow] = [Kind::Float, Kind::BFloat16].map(|compute| {
            let built = built_in(Kind::Float, nodes.clone(), method, options);
            let mut network = built.unwrap_or_else(|error| panic!("{what}: {error}"));
            gradients_in(compute, &mut network)
        });
        assert_ne!(wide, narrow, "{what}");
        let inner = |a: &Tensor, b: &Tensor| (a * b).sum(Kind::Double).double_value(&[]);
        let lengths = (inner(&wide, &wide) * inner(&narrow, &narrow)).sqrt();
        let cosine = inner(&wide, &narrow) / lengths;
        assert!(cosine > 0.7, "{what}: {cosine}");
    }
}
