//! Options that act in residual networks, and what is refused.

use normprop::methods;
use normprop::moments::Activation;
use normprop::nn::Node;
use normprop::nn::Pass;
use normprop::nn::block::LinearOp;

use crate::{built, disturb, gap, get, largest, network, nodes, numbers, small};

fn refusal(model: &str, keys: &str, method: &str, options: &str) -> String {
    let method = methods::find(method).unwrap();
    let built = network(model, keys, method, options, (2, 8));
    built.err().expect("is built").to_string()
}

#[test]
fn groups_that_do_not_divide_the_channels_are_refused_with_those_that_do() {
    for method in ["group-norm", "weight-standardization", "proxy-norm"] {
        let options = match method {
            "proxy-norm" => "groups = 32\nnorm = \"group\"",
            _ => "groups = 32",
        };
        let message = refusal("resnet", "", method, options);
        assert!(message.contains("16 channels of s1u1-entry"), "{message}");
        assert!(message.contains("1, 2, 4, 8, 16"), "{message}");
        assert!(message.contains("groups = 0"), "{message}");
    }
}

#[test]
fn nf_serves_order_v2_only() {
    let message = refusal("resnet", "order = \"v1\"", "nf", "");
    assert!(
        message.contains("order v1") && message.contains("v2"),
        "{message}"
    );
}

#[test]
fn options_of_residual_networks_are_refused_in_others() {
    for (model, keys, method, options) in [
        ("nin", "", "nf", "alpha = 0.1"),
        ("nin", "", "nf", "skip_gain = 0.5"),
        ("mlp", "", "nf", "alpha = 0.1"),
        ("nin", "", "bn", "zero_gamma = true"),
        ("mlp", "", "bn", "zero_gamma = true"),
        ("mlp", "mlp_widths = []", "bn", "zero_gamma = true"),
        ("resnet", "", "bn", "zero_gamma = true"),
        ("wide-resnet", "", "bn", "zero_gamma = true"),
    ] {
        let message = refusal(model, keys, method, options);
        let key = options.split(' ').next().unwrap();
        assert!(message.contains(&format!("method.{key}")), "{message}");
        assert!(message.contains("model = \"resnet\""), "{message}");
    }
}

#[test]
fn gamma_starts_where_it_is_told_to() {
    let gammas = |options: &str| {
        let keys = "order = \"v1\"\ndepth = 8\nwidth = 0.25";
        let network = small(keys, "bn", options);
        let names = ["stem", "s2u1-conv1", "s2u1-shortcut", "s2u1-conv2"];
        names.map(|layer| {
            let gamma = get(&network, &format!("{layer}.gamma"));
            let first = gamma.double_value(&[0]);
            assert_eq!(largest(&(gamma - first)), 0.0, "{layer}");
            first
        })
    };
    assert_eq!(gammas(""), [1.0; 4]);
    assert_eq!(gammas("gamma_start = 0.25"), [0.25; 4]);
    assert_eq!(gammas("zero_gamma = true"), [1.0, 1.0, 1.0, 0.0]);
    assert_eq!(
        gammas("gamma_start = 0.25\nzero_gamma = true"),
        [0.25, 0.25, 0.25, 0.0]
    );
}

#[test]
fn a_smaller_gamma_makes_pre_activations_smaller_by_as_much() {
    let bn = methods::find("bn").unwrap();
    let images = numbers(&[5, 2, 8, 8], 2);
    let stem = |options: &str| {
        let mut nodes = nodes("nin", "width = 0.1", (2, 8), Activation::Relu);
        nodes.truncate(1);
        let network = built(nodes, bn, options).unwrap();
        let input = network.input(&images);
        let layer = &network.blocks[0].layer;
        layer.pre_activation(&input, &Pass::train(0, 0))
    };
    assert!(gap(&(stem("") * 0.1), &stem("gamma_start = 0.1")) < 1e-15);
}

#[test]
fn nf_starts_as_its_shortcuts_and_its_last_layer_as_told() {
    let images = numbers(&[5, 2, 8, 8], 2);
    let keys = "depth = 8\nwidth = 0.25";
    let logits = |options: &str| small(keys, "nf", options).logits(&images, &Pass::eval());
    // With s = 0 no branch counts, whatever is in it.
    let network = small(keys, "nf", "");
    let before = network.logits(&images, &Pass::eval());
    for layer in ["s1u1-conv1", "s1u1-conv2", "s3u1-conv2"] {
        let weight = get(&network, &format!("{layer}.weight"));
        crate::set(weight, &numbers(&weight.size(), 4));
    }
    assert_eq!(before, network.logits(&images, &Pass::eval()));
    assert!(gap(&logits("skip_gain = 0.5"), &before) > 1e-3);
    // Twice α is twice s, but for the stream's standard deviation.
    let doubled = logits("skip_gain = 0.5\nalpha = 0.4");
    assert!(gap(&doubled, &logits("skip_gain = 1.0")) > 1e-3);

    let small_last = small(keys, "nf", "last_std = 0.01");
    let (he, small_last) = (
        get(&network, "logits.weight"),
        get(&small_last, "logits.weight"),
    );
    // He's standard deviation on 16 features is √(2/16).
    assert!(gap(&(he * (0.01 * 8.0_f64.sqrt())), small_last) < 1e-15);
}

/// With an activation that bends elsewhere than at 0, the stream is divided before it.
#[test]
fn nf_divides_the_stream_in_front_of_the_activation() {
    let nf = methods::find("nf").unwrap();
    let keys = "depth = 8\nwidth = 0.25";
    for (activation, fused) in [(Activation::Relu, true), (Activation::Tanh, false)] {
        let nodes = nodes("resnet", keys, (2, 8), activation);
        let place = nodes.iter().position(|node| node.name() == "s2u1-entry");
        let network = built(nodes, nf, "skip_gain = 0.5").unwrap();
        disturb(&network);
        let layer = &network.blocks[place.unwrap()].layer;
        let x = numbers(&[2, 4, 3, 3], 1);
        let input = normprop::nn::Signal::plain(x.copy());
        let output = layer.forward(&input, &Pass::eval());
        let scaled = x.copy() / 1.04_f64.sqrt();
        let gain = normprop::moments::moments(activation).std().recip();
        let expected = match activation {
            Activation::Tanh => scaled.tanh(),
            _ => scaled.relu(),
        } * gain;
        assert!(gap(&output.value(), &expected) < 1e-12, "{activation}");
        // For ReLU the division costs nothing: it is a number that the next weights take in.
        assert_eq!(output.scale != gain, fused, "{activation}");
    }
}

#[test]
fn nf_clips_all_but_skip_gains_and_the_last_layer() {
    let nf = methods::find("nf").unwrap();
    let nodes = nodes(
        "resnet",
        "depth = 8",
        (2, 8),
        Activation::Prelu { slope: 0.25 },
    );
    let network = built(nodes, nf, "").unwrap();
    let free = network
        .parameters
        .trainable()
        .filter(|entry| entry.rule.is_none());
    let free: Vec<&str> = free.map(|entry| entry.name.as_str()).collect();
    let expected = [
        "s1u1-conv2.skip_gain",
        "s2u1-conv2.skip_gain",
        "s3u1-conv2.skip_gain",
        "logits.weight",
        "logits.bias",
    ];
    assert_eq!(free, expected);
    assert!(network.parameters.get("s2u1-entry.slope").is_some());
}

#[test]
fn linked_neurons_leave_the_stream_as_wide_as_it_is() {
    let linked = methods::find("linked").unwrap();
    for (order, entering, last) in [("v2", 16, 64), ("v1", 8, 32)] {
        let keys = format!("order = \"{order}\"\ndepth = 8\nwidth = 0.5");
        let network = network("resnet", &keys, linked, "", (2, 8)).unwrap();
        let inputs = |name: &str| {
            let node = network.blocks.iter().map(|built| &built.node);
            let block = node
                .filter(|node| node.name() == name)
                .find_map(Node::block);
            block.map(|block| block.op.inputs())
        };
        assert_eq!(inputs("s1u1-conv1"), Some(entering), "{order}");
        assert_eq!(inputs("s1u1-conv2"), Some(16), "{order}");
        assert_eq!(inputs("s2u1-shortcut"), Some(entering), "{order}");
        let dense = network.blocks.last().and_then(|built| built.node.block());
        let expected = LinearOp::Dense {
            inputs: last,
            outputs: 10,
        };
        assert_eq!(dense.map(|block| block.op), Some(expected), "{order}");
    }
}
