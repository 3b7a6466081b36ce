//! Starts and first steps.

use normprop::methods::METHODS;
use normprop::nn::scores::cross_entropy;
use normprop::nn::{Network, Optimizer, OptimizerConfig, Pass, SgdStep, StepFormula, backward};
use serde_json::Value;
use tch::Tensor;

use crate::{GOLDENS, disturb, gap, images, labels, largest, network, small, value};

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
    let mut sgd = Optimizer::new(SGD, &network.parameters).unwrap();
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

const SGD: OptimizerConfig = OptimizerConfig::plain(StepFormula::Sgd(SgdStep {
    momentum: 0.0,
    nesterov: false,
}));

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
    Optimizer::new(SGD, &network.parameters)
        .unwrap()
        .step(&network.parameters, &gradients, 0.2);
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
    for (method, order) in [("none", "v1"), ("skipinit", "v2"), ("idshort", "v2")] {
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

/// A weight of zeros is there on purpose; a scalar of zeros beside it stays.
#[test]
fn unit_variance_overwrites_no_weight_that_starts_at_0() {
    let mut with_zeros = Vec::new();
    for method in METHODS {
        let orders = method.residual_orders.iter().map(|order| order.name());
        for order in orders {
            let network = small(method.name, order, "");
            let trained = network.parameters.trainable();
            let mut weights = trained.filter(|entry| entry.name.ends_with(".weight"));
            if weights.any(|entry| largest(&entry.tensor) == 0.0) {
                with_zeros.push(method.name);
                assert!(!method.is_scalable(), "{}", method.name);
            }
        }
    }
    assert_eq!(with_zeros, ["fixup"]);

    let network = small("skipinit", "v2", "");
    network.initialize_to_unit_variance(&images(5), 3).unwrap();
    assert_eq!(largest(&value(&network, "s2u1-conv2.alpha")), 0.0);
}
