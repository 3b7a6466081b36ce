//! Methods that estimate what flows know of every stream what its parts say.

use normprop::methods;
use normprop::nn::residual::Shortcut;
use normprop::nn::{ChannelMoments, Estimate, Network, Pass, Signal, wiring};
use tch::{Kind, Tensor};

use crate::{SMALL, gap, network, numbers, small};

fn moments(mean: &[f64], variance: &[f64]) -> ChannelMoments {
    ChannelMoments {
        mean: Tensor::from_slice(mean),
        variance: Tensor::from_slice(variance),
    }
}

/// A signal of zeros with these moments.
fn believed(shape: &[i64], moments: ChannelMoments) -> Signal {
    let x = Tensor::zeros(shape, (Kind::Double, tch::Device::Cpu));
    Signal::plain(x).with_estimate(Estimate::Moments(moments))
}

#[test]
fn moments_of_branch_and_shortcut_add_up() {
    let kept = believed(&[1, 2, 4, 4], moments(&[0.5, -1.0], &[1.3, 0.9]));
    let shortcut = Shortcut::Pad {
        stride: 2,
        channels: 2,
    };
    let of_branch = moments(&[0.1, 0.2, 0.3, 0.4], &[0.25; 4]);
    let branch = believed(&[1, 4, 2, 2], of_branch);
    let sum = wiring::sum(shortcut, &kept, &branch, 2.0);
    let Some(Estimate::Moments(found)) = sum.estimate else {
        panic!("no moments");
    };
    // Appended channels bring nothing; the factor 2 doubles means and quadruples variances.
    let mean = Tensor::from_slice(&[1.2, -1.6, 0.6, 0.8]);
    assert!(gap(&found.mean, &mean) < 1e-12);
    let variance = Tensor::from_slice(&[6.2, 4.6, 1.0, 1.0]);
    assert!(gap(&found.variance, &variance) < 1e-12);
}

/// Whether each block behind the first that sees maps receives an estimate, in a training pass.
fn assert_all_estimated(network: &Network, images: &Tensor, what: &str) {
    let pass = Pass::train(0, 0);
    let maps = network.blocks.len() - 1;
    network.walk(images, &pass, maps, |index, layer, received| {
        let name = network.blocks[index].node.name();
        assert_eq!(received.estimate.is_some(), index > 0, "{what} {name}");
        layer.forward(received, &pass)
    });
}

#[test]
fn every_block_is_told_what_to_expect() {
    let images = numbers(&[4, 2, 8, 8], 1);
    for keys in SMALL {
        for (method, options) in [
            ("analytic-variance", ""),
            ("kalman", ""),
            ("kalman", "prediction = \"analytic\""),
            ("kalman", "group_size = 2"),
        ] {
            let network = small(keys, method, options);
            network.initialize(&images);
            assert_all_estimated(&network, &images, &format!("{method} {options} {keys}"));
        }
    }
}

/// Mean over channels of the variance over images and positions.
fn variance(x: &Tensor) -> f64 {
    let variance = x.var_dim([0, 2, 3].as_slice(), false, false);
    variance.mean(Kind::Double).double_value(&[])
}

/// White noise on large maps, so that zeros at the border count little.
#[test]
fn analytic_variance_predicts_the_streams_of_random_networks() {
    let method = methods::find("analytic-variance").unwrap();
    let keys = "depth = 8\nwidth = 1.0";
    let network = network("resnet", keys, method, "", (3, 48)).unwrap();
    let mut source = normprop::streams::stream(1, normprop::streams::Purpose::Probe, 0);
    let images = normprop::nn::init::standard_normal(&[6, 3, 48, 48], &mut source);
    network.initialize(&images);
    let pass = Pass::eval();
    let mut streams = 0;
    tch::no_grad(|| {
        network.walk(
            &images,
            &pass,
            network.blocks.len(),
            |index, layer, received| {
                let name = network.blocks[index].node.name();
                if name.ends_with("entry") || name == "head" {
                    let Some(Estimate::Moments(expected)) = &received.estimate else {
                        panic!("nothing is known at {name}");
                    };
                    let expected = expected.variance.mean(Kind::Double).double_value(&[]);
                    let ratio = variance(&received.value()) / expected;
                    assert!((0.75..1.1).contains(&ratio), "{name}: {ratio}");
                    streams += 1;
                }
                layer.forward(received, &pass)
            },
        );
    });
    assert_eq!(streams, 4);
}
