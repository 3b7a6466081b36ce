//! What methods say of themselves holds in residual networks too.

use normprop::methods::{BatchSizeOne, Descriptor};
use normprop::moments::Activation;
use normprop::nn::{Network, Pass, backward};
use tch::{Kind, Tensor};

use crate::{built, disturb, each_quiet, each_served, each_small, gap, largest, numbers};

/// A loss that every logit enters differently.
fn loss(network: &Network, images: &Tensor, pass: &Pass) -> Tensor {
    let logits = network.logits(images, pass);
    let target = numbers(&logits.size(), 8);
    (logits.sin() * target).sum(Kind::Double)
}

/// Gap between the gradient along a direction in all parameters and a central difference, relative to what the
/// parameters contribute.
fn gradient_gap(network: &Network, images: &Tensor, seed: i64) -> f64 {
    let pass = Pass::train(0, 0);
    let value = loss(network, images, &pass);
    let gradients = backward::gradients(&value, &network.parameters, &pass);
    let trained: Vec<&Tensor> = network.parameters.trainable().map(|e| &e.tensor).collect();
    let directions: Vec<Tensor> = (0..)
        .zip(&trained)
        .map(|(index, tensor)| numbers(&tensor.size(), seed + index))
        .collect();
    let along = gradients.iter().zip(&directions);
    let along: Vec<f64> = along
        .map(|(gradient, direction)| (gradient * direction).sum(Kind::Double).double_value(&[]))
        .collect();
    let shift = |factor: f64| {
        for (tensor, direction) in trained.iter().zip(&directions) {
            let _ = tensor.shallow_clone().g_add_(&(direction * factor));
        }
    };
    let moved = |factor: f64| {
        tch::no_grad(|| {
            shift(factor);
            let value = loss(network, images, &Pass::train(0, 0)).double_value(&[]);
            shift(-factor);
            value
        })
    };
    let step = 1e-7;
    let numeric = (moved(step) - moved(-step)) / (2.0 * step);
    let size: f64 = along.iter().map(|part| part * part).sum();
    (along.iter().sum::<f64>() - numeric).abs() / size.sqrt()
}

/// With an activation that bends nowhere, so that no step crosses a kink.
#[test]
fn gradients_equal_finite_differences_unless_declared() {
    let images = numbers(&[5, 2, 8, 8], 2);
    for (method, nodes, what) in each_served((2, 8), Activation::Silu) {
        let network = match built(nodes, method, "") {
            Err(_) if is_for_relu_only(method, &what) => continue,
            built => built.unwrap_or_else(|error| panic!("{what}: {error}")),
        };
        disturb(&network);
        let worst = [100, 200].map(|seed| gradient_gap(&network, &images, seed));
        let worst = worst.into_iter().fold(0.0, f64::max);
        assert_eq!(worst < 1e-5, method.exact_gradient, "{what}: {worst:e}");
    }
}

/// NormProp's rule for order v1 knows its constants for ReLU only, and ENorm moves factors through the activation.
fn is_for_relu_only(method: &Descriptor, network: &str) -> bool {
    method.name == "enorm" || method.name == "normprop" && network.contains("v1")
}

#[test]
fn training_equals_evaluation_exactly_where_claimed() {
    let images = numbers(&[5, 2, 8, 8], 2);
    for (method, network, what) in each_small() {
        disturb(&network);
        let evaluated = network.logits(&images, &Pass::eval());
        let same = network.logits(&images, &Pass::train(0, 0)) == evaluated;
        assert_eq!(same, method.train_equals_eval, "{what}");
    }
}

#[test]
fn an_image_gives_what_it_gives_in_a_batch_unless_declared() {
    let images = numbers(&[5, 2, 8, 8], 2);
    for ((method, network, what), (_, twin, _)) in each_quiet().zip(each_quiet()) {
        for network in [&network, &twin] {
            disturb(network);
        }
        let whole = network.logits(&images, &Pass::train(0, 0));
        // The last image, since it may also depend on those before it only.
        let alone = twin.logits(&images.narrow(0, 4, 1), &Pass::train(0, 0));
        let size = largest(&whole).max(1.0);
        let same = gap(&whole.narrow(0, 4, 1), &alone) < 1e-11 * size;
        assert_eq!(same, !method.uses_batch_statistics, "{what}");
    }
}

#[test]
fn one_image_a_step_behaves_as_declared() {
    let image = numbers(&[1, 2, 8, 8], 3);
    for (method, network, what) in each_quiet() {
        // Evaluation first: training may move what it uses.
        let evaluated = network.logits(&image, &Pass::eval());
        let trained = network.logits(&image, &Pass::train(0, 0));
        assert!(largest(&trained).is_finite(), "{what}");
        let size = largest(&trained).max(1.0);
        let same = gap(&trained, &evaluated) < 1e-12 * size;
        let works = method.batch_size_one_conv == BatchSizeOne::Works;
        assert_eq!(same, works, "{what}");
    }
}
