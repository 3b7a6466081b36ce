//! How many numbers residual networks train, and how large their streams are.

use normprop::methods;
use normprop::moments::Activation;
use normprop::nn::residual::Part;
use normprop::nn::{Network, Node};

use crate::{network, nodes};

fn trained_numbers(network: &Network) -> usize {
    let tensors = network.parameters.trainable();
    tensors.map(|entry| entry.tensor.numel()).sum()
}

/// Zagoruyko and Komodakis, and He et al., as counted from their architectures.
#[test]
fn networks_with_batch_norm_have_the_known_numbers_of_parameters() {
    let bn = methods::find("bn").unwrap();
    let cases = [
        (
            "resnet",
            "depth = 8\norder = \"v1\"\nshortcut = \"A\"",
            75_290,
        ),
        ("resnet", "depth = 8\norder = \"v1\"", 78_042),
        ("resnet", "depth = 8\nshortcut = \"A\"", 75_290),
        ("resnet", "depth = 8", 77_850),
        ("resnet", "order = \"v1\"\nshortcut = \"A\"", 269_722),
        ("resnet", "order = \"v1\"", 272_474),
        ("resnet", "", 272_282),
        ("resnet", "depth = 32", 466_714),
        ("resnet", "depth = 44", 661_146),
        ("resnet", "depth = 56", 855_578),
        ("resnet", "depth = 110", 1_730_522),
        (
            "resnet",
            "depth = 110\norder = \"v1\"\nshortcut = \"A\"",
            1_727_962,
        ),
        ("wide-resnet", "depth = 10", 77_850),
        ("wide-resnet", "", 175_066),
        ("wide-resnet", "widening = 4", 2_748_890),
        ("wide-resnet", "depth = 28\nwidening = 2", 1_467_610),
        ("wide-resnet", "depth = 40\nwidening = 2", 2_243_546),
    ];
    for (model, keys, expected) in cases {
        let built = network(model, keys, bn, "", (3, 32)).unwrap();
        assert_eq!(trained_numbers(&built), expected, "{model} {keys}");
    }
}

/// β at the entry of every unit and at the head, as normalizer-free networks have them with α = 0.2.
#[test]
fn streams_have_the_known_standard_deviations() {
    let deviations = |model: &str, keys: &str| -> Vec<f64> {
        let nodes = nodes(model, keys, (3, 32), Activation::Relu);
        let places = nodes.iter().filter_map(Node::residual);
        let entries = places.filter(|place| matches!(place.part, Part::Entry | Part::Head));
        entries
            .map(|place| place.place.stream.variance(0.2).sqrt())
            .collect()
    };
    let [one, two, three, four] = [1.0_f64, 1.04, 1.08, 1.12].map(f64::sqrt);
    assert_close(
        &deviations("resnet", "depth = 20"),
        &[one, two, three, four, two, three, four, two, three, four],
    );
    assert_close(
        &deviations("wide-resnet", "depth = 16\nwidening = 2"),
        &[one, two, three, two, three, two, three],
    );
    // Half of the channels are zeros when they are appended.
    let padded = deviations("resnet", "depth = 8\nshortcut = \"A\"");
    let second: f64 = 1.04 / 2.0 + 0.04;
    assert_close(
        &padded,
        &[one, two, second.sqrt(), (second / 2.0 + 0.04).sqrt()],
    );
}

#[track_caller]
fn assert_close(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{got:?}");
    let agree = got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(agree, "{got:?} is not {want:?}");
}
