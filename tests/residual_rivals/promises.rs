//! What every method promises: refusals, gradients, evaluation, single images, folding, mixed precision.

use normprop::methods;
use normprop::nn::scores::cross_entropy;
use normprop::nn::{Network, Pass, backward};
use tch::{Kind, Tensor};

use crate::{DOUBLE, RIVALS, built_in, disturb, gap, images, labels, network, set, small};

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
                let start = entry.tensor.copy();
                set(&entry.tensor, &(&start + &direction * step));
                let found = loss(&Pass::train(0, 0)).double_value(&[]);
                set(&entry.tensor, &start);
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
            let mut network = built_in(Kind::Float, nodes, descriptor, "").unwrap();
            network.compute = compute;
            for (narrow, wide) in network
                .parameters
                .trainable()
                .zip(double.parameters.trainable())
            {
                set(&narrow.tensor, &wide.tensor);
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
