//! Where in a residual unit each method acts.

use std::collections::BTreeSet;

use normprop::nn::{Network, Pass};
use tch::Tensor;

use crate::{gap, get, largest, numbers, set, small};

/// What each layer of a kind trains, such as "stem: weight bias". Layers without parameters are left out.
fn trained(network: &Network) -> Vec<String> {
    let layers = [
        "stem",
        "s2u1-entry",
        "s2u1-conv1",
        "s2u1-shortcut",
        "s2u1-conv2",
        "s2u1-out",
        "head",
    ];
    let described = layers.iter().filter_map(|&layer| {
        let own = network
            .parameters
            .trainable()
            .filter(|entry| entry.layer() == layer);
        let names: BTreeSet<&str> = own
            .filter_map(|entry| entry.name.split('.').nth(1))
            .collect();
        let names: Vec<&str> = names.into_iter().collect();
        let layer = layer.trim_start_matches("s2u1-");
        (!names.is_empty()).then(|| format!("{layer}: {}", names.join(" ")))
    });
    described.collect()
}

#[track_caller]
fn assert_trained(method: &str, order: &str, expected: &str) {
    let keys = format!("order = \"{order}\"\ndepth = 8\nwidth = 0.25");
    let found = trained(&small(&keys, method, ""));
    assert_eq!(found.join("; "), expected, "{method} {order}");
}

#[test]
fn normalizations_of_pre_activations_stand_in_front_of_activations() {
    for method in [
        "bn",
        "group-norm",
        "layer-norm",
        "analytic-variance",
        "kalman",
        "online-norm",
    ] {
        assert_trained(
            method,
            "v2",
            "stem: weight; entry: beta gamma; conv1: beta gamma weight; shortcut: weight; conv2: weight; head: beta gamma",
        );
        assert_trained(
            method,
            "v1",
            "stem: beta gamma weight; conv1: beta gamma weight; shortcut: beta gamma weight; conv2: beta gamma weight",
        );
    }
    // In front of the average over positions it would leave nothing of a channel.
    assert_trained(
        "instance-norm",
        "v2",
        "stem: weight; entry: beta gamma; conv1: beta gamma weight; shortcut: weight; conv2: weight",
    );
}

#[test]
fn normalizations_with_an_activation_of_their_own_stand_where_one_is() {
    assert_trained(
        "frn",
        "v2",
        "stem: weight; entry: beta gamma tau; conv1: beta gamma tau weight; shortcut: weight; conv2: weight; head: beta gamma tau",
    );
    assert_trained(
        "frn",
        "v1",
        "stem: beta gamma tau weight; conv1: beta gamma tau weight; shortcut: beta gamma weight; conv2: beta gamma weight; out: tau",
    );
    assert_trained(
        "proxy-norm",
        "v1",
        "stem: beta gamma proxy_gain proxy_shift weight; conv1: beta gamma proxy_gain proxy_shift weight; shortcut: beta gamma weight; conv2: beta gamma weight",
    );
}

#[test]
fn methods_of_weights_act_on_every_convolution() {
    for order in ["v1", "v2"] {
        for (method, own) in [
            ("none", "bias weight"),
            ("weight-norm", "bias g weight"),
            ("spectral-norm", "bias gamma weight"),
            ("cosine", "weight"),
            ("selu", "bias weight"),
        ] {
            let layers =
                ["stem", "conv1", "shortcut", "conv2"].map(|layer| format!("{layer}: {own}"));
            assert_trained(method, order, &layers.join("; "));
        }
    }
    assert_trained(
        "weight-norm-mean-bn",
        "v2",
        "stem: g weight; entry: bias; conv1: bias g weight; shortcut: g weight; conv2: g weight; head: bias",
    );
    assert_trained(
        "nf",
        "v2",
        "stem: bias gamma weight; conv1: bias gamma weight; shortcut: bias gamma weight; conv2: bias gamma skip_gain weight",
    );
}

#[test]
fn weight_standardization_acts_in_front_of_a_sum_too_and_leaves_the_dense_layer_alone() {
    let images = numbers(&[4, 2, 8, 8], 1);
    let network = small(
        "depth = 8\nwidth = 0.25",
        "weight-standardization",
        "eps = 0.0",
    );
    let logits = || network.logits(&images, &Pass::eval());
    let before = logits();
    for layer in ["stem", "s1u1-conv1", "s1u1-conv2", "s2u1-shortcut"] {
        let weight = get(&network, &format!("{layer}.weight"));
        set(weight, &(weight * 3.0 + 0.7));
        assert!(
            gap(&before, &logits()) < 1e-10 * largest(&before),
            "{layer}"
        );
    }
    let weight = get(&network, "logits.weight");
    set(weight, &(weight * 3.0));
    assert!(gap(&before, &logits()) > 0.1);
}

/// What each layer hands on, by its name, before a sum is made of it; and what it receives.
fn signals(network: &Network, images: &Tensor) -> Vec<(String, Tensor, Tensor)> {
    let pass = Pass::eval();
    let mut found = Vec::new();
    network.walk(
        images,
        &pass,
        network.blocks.len(),
        |index, layer, received| {
            let made = layer.forward(received, &pass);
            let name = network.blocks[index].node.name().to_owned();
            // A sum may be made in the memory of what is handed on.
            found.push((name, received.value().copy(), made.value().copy()));
            made
        },
    );
    found
}

#[test]
fn the_end_of_a_branch_is_looked_at_before_the_branchs_factor() {
    let images = numbers(&[4, 2, 8, 8], 1);
    let look = |method: &str, options: &str| {
        let network = small("depth = 8\nwidth = 0.25", method, options);
        let pass = Pass::eval();
        let mut seen = None;
        network.walk(&images, &pass, 4, |index, layer, received| {
            let pre = layer.pre_activation(received, &pass);
            if network.blocks[index].node.name() == "s1u1-conv2" {
                seen = Some(pre.copy());
            }
            layer.post_activation(pre, &pass)
        });
        seen.expect("the first unit ends within four blocks")
    };
    for (method, without, with) in [
        ("normprop", "alpha = 1.0", "alpha = 0.1"),
        ("nf", "skip_gain = 1.0", "skip_gain = 0.0"),
        ("skipinit", "start = 1.0", ""),
    ] {
        let [without, with] = [without, with].map(|options| look(method, options));
        assert!(largest(&without) > 0.1, "{method}");
        assert!(gap(&without, &with) < 1e-12, "{method}");
    }
}

#[test]
fn selu_divides_sums_by_the_root_of_two() {
    let images = numbers(&[4, 2, 8, 8], 1);
    let network = small("depth = 8\nwidth = 0.25", "selu", "");
    let found = signals(&network, &images);
    let of = |name: &str| found.iter().find(|(found, ..)| found == name).unwrap();
    let ((_, stream, _), (_, _, branch), (_, sum, _)) =
        (of("s1u1-entry"), of("s1u1-conv2"), of("s2u1-entry"));
    assert!(gap(sum, &((stream + branch) / 2.0_f64.sqrt())) < 1e-12);
    let ((_, _, kept), (_, _, branch), (_, sum, _)) =
        (of("s2u1-shortcut"), of("s2u1-conv2"), of("s3u1-entry"));
    assert!(gap(sum, &((kept + branch) / 2.0_f64.sqrt())) < 1e-12);
}

#[test]
fn weight_norm_starts_every_convolution_from_data_with_and_without_a_bias() {
    let images = numbers(&[6, 2, 8, 8], 1) * 3.0;
    for method in ["weight-norm", "weight-norm-mean-bn"] {
        for order in ["v1", "v2"] {
            let keys = format!("order = \"{order}\"\ndepth = 8\nwidth = 0.25");
            let network = small(&keys, method, "");
            network.initialize(&images);
            let pass = Pass::eval();
            network.walk(
                &images,
                &pass,
                network.blocks.len(),
                |index, layer, received| {
                    let pre = layer.pre_activation(received, &pass).copy();
                    let name = network.blocks[index].node.name();
                    if network.parameters.get(&format!("{name}.g")).is_some() && pre.dim() == 4 {
                        let std = pre.var_dim([0, 2, 3].as_slice(), false, false).sqrt();
                        assert!(
                            gap(&std, &std.ones_like()) < 1e-10,
                            "{method} {order} {name}"
                        );
                    }
                    layer.forward(received, &pass)
                },
            );
        }
    }
}
