//! What methods say of themselves holds in residual networks too.

use normprop::methods::BatchSizeOne;
use normprop::nn::{Network, Pass, backward};
use tch::{Kind, Tensor};

use crate::{disturb, each_small, gap, largest, numbers};

/// A loss that every logit enters differently.
fn loss(network: &Network, images: &Tensor, pass: &Pass) -> Tensor {
    let logits = network.logits(images, pass);
    let target = numbers(&logits.size(), 8);
    (logits.sin() * target).sum(Kind::Double)
}

/// Relative gap between the gradient along a direction in all parameters and a central difference.
fn gradient_gap(network: &Network, images: &Tensor, seed: i64) -> f64 {
    let pass = Pass::train(0, 0);
    let value = loss(network, images, &pass);
    let gradients = backward::gradients(&value, &network.parameters, &pass);
    let trained: Vec<&Tensor> = network.parameters.trainable().map(|e| &e.tensor).collect();
    let directions: Vec<Tensor> = (0..)
        .zip(&trained)
        .map(|(index, tensor)| numbers(&tensor.size(), seed + index))
        .collect();
    let along = gradients
        .iter()
        .zip(&directions)
        .map(|(gradient, direction)| (gradient * direction).sum(Kind::Double).double_value(&[]));
    let analytic: f64 = along.sum();
    let step = 1e-6;
    let moved = |factor: f64| {
        tch::no_grad(|| {
            let shift = |factor: f64| {
                for (tensor, direction) in trained.iter().zip(&directions) {
                    let _ = tensor.shallow_clone().g_add_(&(direction * factor));
                }
            };
            shift(factor);
            let value = loss(network, images, &Pass::train(0, 0)).double_value(&[]);
            shift(-factor);
            value
        })
    };
    let numeric = (moved(step) - moved(-step)) / (2.0 * step);
    (analytic - numeric).abs() / analytic.abs().max(numeric.abs()).max(1e-2)
}

#[test]
fn gradients_equal_finite_differences_unless_declared() {
    let images = numbers(&[5, 2, 8, 8], 2);
    for (method, network, what) in each_small() {
        disturb(&network);
        let worst = (1..=3).map(|seed| gradient_gap(&network, &images, 100 * seed));
        let worst = worst.fold(0.0, f64::max);
        assert_eq!(worst < 2e-6, method.exact_gradient, "{what}: {worst:e}");
    }
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
    for ((method, network, what), (_, twin, _)) in each_small().zip(each_small()) {
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
    for (method, network, what) in each_small() {
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
