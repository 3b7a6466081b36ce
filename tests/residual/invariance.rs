//! Where the length of a weight row matters, and what a network is whose branches are 0.

use normprop::methods;
use normprop::nn::residual::Shortcut;
use normprop::nn::{Network, Pass, Signal, scores, wiring};
use tch::{Kind, Tensor};

use crate::{disturb, gap, get, largest, network, numbers, set, small};

/// How much the logits change, relative to their size, when every row of this weight has a factor of its own.
fn change(network: &Network, name: &str, images: &Tensor) -> f64 {
    let weight = get(network, name);
    let start = weight.detach().copy();
    let before = network.logits(images, &Pass::train(0, 0));
    let factors = (numbers(&weight.size()[..1], 5) * 0.5).exp();
    set(weight, &(&start * factors.view([-1, 1, 1, 1])));
    let after = network.logits(images, &Pass::train(0, 0));
    set(weight, &start);
    gap(&before, &after) / largest(&before)
}

#[test]
fn the_length_of_a_row_matters_exactly_where_a_sum_follows() {
    let images = numbers(&[5, 2, 8, 8], 2);
    for order in ["v1", "v2"] {
        let keys = format!("order = \"{order}\"\ndepth = 8\nwidth = 0.25");
        let network = small(&keys, "bn", "eps = 1e-12");
        disturb(&network);
        let weights = network.parameters.trainable();
        let weights = weights.filter(|entry| entry.tensor.dim() == 4);
        let mut seen = 0;
        for entry in weights {
            let invariant = order == "v1" || entry.name.contains("conv1");
            let change = change(&network, &entry.name, &images);
            let what = format!("{order} {}: {change:e}", entry.name);
            assert!(
                if invariant {
                    change < 1e-8
                } else {
                    change > 1e-3
                },
                "{what}"
            );
            seen += 1;
        }
        assert_eq!(seen, 9, "a stem, six convolutions, two projections");
    }
}

#[test]
fn riemannian_bn_walks_on_the_sphere_exactly_there() {
    for (order, expected) in [
        ("v2", vec!["s1u1-conv1", "s2u1-conv1", "s3u1-conv1"]),
        // A 1×1 convolution has fewer inputs than outputs.
        (
            "v1",
            vec![
                "stem",
                "s1u1-conv1",
                "s1u1-conv2",
                "s2u1-conv1",
                "s2u1-conv2",
                "s3u1-conv1",
                "s3u1-conv2",
            ],
        ),
    ] {
        let keys = format!("order = \"{order}\"\ndepth = 8\nwidth = 0.25");
        let network = small(&keys, "riemannian-bn", "");
        let ruled = network.parameters.trainable();
        let ruled = ruled.filter(|entry| entry.rule.is_some());
        let layers: Vec<&str> = ruled.map(|entry| entry.layer()).collect();
        assert_eq!(layers, expected, "{order}");
        let lengths = |name: &str| {
            let rows = get(&network, name).flatten(1, -1);
            rows.square()
                .sum_dim_intlist([1].as_slice(), false, None::<Kind>)
        };
        for layer in expected {
            let lengths = lengths(&format!("{layer}.weight"));
            assert!(gap(&lengths, &lengths.ones_like()) < 1e-12, "{layer}");
        }
    }
}

#[test]
fn option_a_takes_every_other_row_and_column_and_appends_zeros() {
    let x = numbers(&[2, 3, 5, 5], 1);
    let branch = numbers(&[2, 5, 3, 3], 2);
    let shortcut = Shortcut::Pad {
        stride: 2,
        channels: 2,
    };
    let kept = Signal::plain(x.copy());
    let sum = wiring::sum(shortcut, &kept, &Signal::plain(branch.copy()), 1.0).x;
    let added = sum - branch;
    for (row, column) in [(0, 0), (1, 2), (2, 1)] {
        let at = |x: &Tensor, row: i64, column: i64| x.select(3, column).select(2, row);
        let taken = at(&added, row, column);
        let expected = at(&x, 2 * row, 2 * column);
        assert!(gap(&taken.narrow(1, 0, 3), &expected) < 1e-12);
    }
    assert_eq!(largest(&added.narrow(1, 3, 2)), 0.0);
}

#[test]
fn with_zero_gamma_a_network_starts_as_its_stem() {
    let bn = methods::find("bn").unwrap();
    let keys = "order = \"v1\"\nshortcut = \"A\"\ndepth = 20\nwidth = 0.25";
    let network = network("resnet", keys, bn, "zero_gamma = true", (2, 8)).unwrap();
    let images = numbers(&[5, 2, 8, 8], 2);
    let logits = network.logits(&images, &Pass::train(0, 0));

    let nothing = None::<Tensor>;
    let stem = images.conv2d(
        get(&network, "stem.weight"),
        nothing.as_ref(),
        [1, 1],
        [1, 1],
        [1, 1],
        1,
    );
    let normalized = stem.batch_norm(nothing.as_ref(), None, None, None, true, 0.1, 1e-5, false);
    // Two units halve the maps, and append 4 and then 8 channels of zeros to the stem's 4.
    let taken = normalized
        .relu()
        .slice(2, None, None, 4)
        .slice(3, None, None, 4);
    let features = taken.constant_pad_nd([0, 0, 0, 0, 0, 12]);
    let features = features.mean_dim([2, 3].as_slice(), false, None::<Kind>);
    let (weight, bias) = (get(&network, "logits.weight"), get(&network, "logits.bias"));
    let expected = features.linear(weight, Some(bias));
    assert!(gap(&logits, &expected) < 1e-12);
    let labels = Tensor::from_slice(&[0_i64, 3, 9, 1, 1]);
    let loss = |logits: &Tensor| scores::cross_entropy(logits, &labels).double_value(&[]);
    assert!((loss(&logits) - loss(&expected)).abs() < 1e-12);
    // Without the option the branches count.
    let plain = crate::network("resnet", keys, bn, "", (2, 8)).unwrap();
    assert!(gap(&plain.logits(&images, &Pass::train(0, 0)), &logits) > 0.1);
}
