use super::*;
use crate::methods::conformance;
use tch::Device;

fn moments(mean: &[f64], variance: &[f64]) -> ChannelMoments {
    ChannelMoments {
        mean: Tensor::from_slice(mean).unsqueeze(0),
        variance: Tensor::from_slice(variance).unsqueeze(0),
    }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.flatten(0, -1)).unwrap()
}

#[test]
fn the_mixture_equals_the_published_values_and_ends_at_its_parts() {
    let predicted = moments(&[0.5, 0.0, 1.0], &[1.0, 1.0, 2.0]);
    let observed = group_moments(&grouped(&conformance::golden_inputs(), 1));
    let mixed = mixture(0.3, &predicted, &observed);
    conformance::assert_close(&values(&mixed.mean), &[0.5, 0.175, 1.4375]);
    conformance::assert_close(&values(&mixed.variance), &[1.175, 1.844375, 3.42734375]);
    assert_eq!(
        mixture(0.0, &predicted, &observed).variance,
        observed.variance
    );
    assert_eq!(mixture(1.0, &predicted, &observed).mean, predicted.mean);
    assert_eq!(
        mixture(1.0, &predicted, &observed).variance,
        predicted.variance
    );
}

#[test]
fn the_mixtures_variance_is_that_of_a_draw_from_either_gaussian() {
    let (first, second) = (moments(&[-1.0], &[0.5]), moments(&[2.0], &[1.5]));
    let draws = 200_000;
    let noise = conformance::gaussian(&[draws], 1);
    let from_first = conformance::gaussian(&[draws], 2).special_ndtr().lt(0.3);
    let a = &noise * 0.5f64.sqrt() - 1.0;
    let b = &noise * 1.5f64.sqrt() + 2.0;
    let drawn = a.where_self(&from_first, &b);
    let mixed = mixture(0.3, &first, &second);
    assert!((drawn.mean(Kind::Double).double_value(&[]) - values(&mixed.mean)[0]).abs() < 0.02);
    assert!((drawn.var(false).double_value(&[]) - values(&mixed.variance)[0]).abs() < 0.04);
}

#[test]
fn without_prediction_it_is_batch_normalization() {
    for (own, other, x) in [
        (
            conformance::conv_network("kalman", "gain = \"fixed\"\np = 0.0", 3),
            conformance::conv_network("bn", "", 3),
            conformance::gaussian(&[9, 2, 8, 8], 2),
        ),
        (
            conformance::dense_network("kalman", "gain = \"fixed\"\np = 0.0", 3),
            conformance::dense_network("bn", "", 3),
            conformance::gaussian(&[9, 12], 2),
        ),
    ] {
        let (own, other) = (
            own.logits(&x, &Pass::train(0, 0)),
            other.logits(&x, &Pass::train(0, 0)),
        );
        assert!(conformance::gap(&own, &other) < 1e-10);
    }
}

#[test]
fn with_prediction_alone_a_layer_ignores_the_batch() {
    for prediction in ["sampled", "analytic"] {
        let options = format!(
            "prediction = \"{prediction}\"\ngain = \"fixed\"\np = 1.0\nfallback_ratio = 1e30"
        );
        let net = conformance::conv_network("kalman", &options, 3);
        let estimate = || {
            if prediction == "analytic" {
                Estimate::Moments(moments(&[0.5; 6], &[2.0; 6]))
            } else {
                Estimate::Sample(conformance::gaussian(&[1, 6, 4, 4], 1).relu())
            }
        };
        let pre = |x: Tensor| {
            let signal = Signal::plain(x).with_estimate(estimate());
            net.blocks[1]
                .layer
                .pre_activation(&signal, &Pass::train(0, 0))
        };
        let x = conformance::gaussian(&[5, 6, 4, 4], 2);
        assert!(
            conformance::gap(
                &pre(x.shallow_clone()).narrow(0, 0, 2),
                &pre(x.narrow(0, 0, 2))
            ) < 1e-12
        );
    }
}

#[test]
fn draws_and_moments_predict_the_same_where_both_are_exact() {
    // On vectors without a pool the analytic moments are exact, and draws are off by 1/√256.
    let predicted = |prediction: &str| {
        let options = format!(
            "prediction = \"{prediction}\"\ngain = \"fixed\"\np = 1.0\nfallback_ratio = 1e30"
        );
        let net = conformance::dense_network("kalman", &options, 3);
        let _ = net.logits(&conformance::gaussian(&[64, 12], 2), &Pass::train(0, 0));
        net.parameters
            .get("layer2.running_mean")
            .map(|mean| mean * 10.0)
            .unwrap()
    };
    let (sampled, analytic) = (predicted("sampled"), predicted("analytic"));
    assert!(
        conformance::gap(&sampled, &analytic) < 0.5,
        "{}",
        conformance::gap(&sampled, &analytic)
    );
    assert!(conformance::gap(&analytic, &analytic.zeros_like()) > 1.0);
}

#[test]
fn a_prediction_of_another_scale_is_dropped_group_by_group() {
    let layer = layer("fallback_ratio = 100.0");
    let predicted = ChannelMoments {
        mean: Tensor::from_slice(&[1.0, 1.0, 1.0, 1.0]).view([2, 2]),
        variance: Tensor::from_slice(&[1.0, 1.0, 150.0, 60.0]).view([2, 2]),
    };
    let observed = || ChannelMoments {
        mean: Tensor::zeros([2, 2], (Kind::Double, Device::Cpu)),
        variance: Tensor::ones([2, 2], (Kind::Double, Device::Cpu)),
    };
    let corrected = layer.correct(0.5, &predicted, observed(), 9);
    assert_eq!(values(&corrected.mean), [0.5, 0.5, 0.0, 0.0]);
    assert_eq!(values(&corrected.variance), [1.25, 1.25, 1.0, 1.0]);
    // One value a channel has no variance to compare with.
    assert_eq!(
        values(&layer.correct(0.5, &predicted, observed(), 1).mean),
        [0.5; 4]
    );
}

fn layer(options: &str) -> Kalman {
    let method = crate::methods::find("kalman").unwrap();
    let options = method.resolve(&options.parse().unwrap()).unwrap();
    let mut parameters = crate::nn::parameters::Parameters::new(Kind::Double, Device::Cpu);
    let op = crate::nn::block::LinearOp::Dense {
        inputs: 3,
        outputs: 2,
    };
    let block = Block {
        name: "layer".into(),
        op,
        activation: crate::moments::Activation::Relu,
        pool: None,
        first: false,
        last: false,
        residual: None,
    };
    let mut builder = Builder::new(&mut parameters, "layer", conformance::gaussian(&[2, 3], 1));
    make(&block, &options, &mut builder).unwrap()
}

#[test]
fn running_averages_take_the_corrected_statistics_of_the_first_group() {
    let net = conformance::dense_network("kalman", "group_size = 3\naverage_momentum = 0.25", 3);
    let x = conformance::gaussian(&[9, 12], 1);
    let weight = net.parameters.get("layer1.weight").unwrap();
    let first = x.narrow(0, 0, 3).matmul(&weight.tr());
    let _ = net.logits(&x, &Pass::train(0, 0));
    let running = |name: &str| net.parameters.get(name).unwrap().copy();
    let mean = first.mean_dim([0].as_slice(), false, None::<Kind>) * 0.25;
    let variance = first.var_dim([0].as_slice(), false, false) * 0.25 + 0.75;
    assert!(conformance::gap(&running("layer1.running_mean"), &mean) < 1e-12);
    assert!(conformance::gap(&running("layer1.running_var"), &variance) < 1e-12);
    let before = running("layer2.running_var");
    let _ = net.logits(&x, &Pass::eval());
    assert_eq!(before, running("layer2.running_var"));
}

#[test]
fn groups_share_nothing_but_weights() {
    let net = conformance::conv_network("kalman", "group_size = 3\nprediction = \"analytic\"", 3);
    let x = conformance::gaussian(&[9, 2, 8, 8], 2);
    let whole = net.logits(&x, &Pass::train(0, 0));
    let part = net.logits(&x.narrow(0, 3, 3), &Pass::train(0, 0));
    assert!(conformance::gap(&whole.narrow(0, 3, 3), &part) < 1e-12);
    // 9 images in groups of 4 do not go up: one group.
    let uneven =
        conformance::conv_network("kalman", "group_size = 4\nprediction = \"analytic\"", 3);
    let plain = conformance::conv_network("kalman", "prediction = \"analytic\"", 3);
    assert_eq!(
        uneven.logits(&x, &Pass::train(0, 0)),
        plain.logits(&x, &Pass::train(0, 0))
    );
}

#[test]
fn groups_of_one_image_are_refused_on_vectors_and_serve_maps() {
    let built = |blocks: Vec<crate::nn::node::Node>| {
        let method = crate::methods::find("kalman").unwrap();
        let options = method.resolve(&"group_size = 1".parse().unwrap()).unwrap();
        method.network(&options, blocks, 3, Kind::Double, Device::Cpu)
    };
    let relu = crate::moments::Activation::Relu;
    let dense = built(crate::nn::networks::perceptron(12, 4, &[16], relu));
    let error = dense.err().expect("a network whose outputs are all β");
    let failure = error.downcast_ref::<crate::error::Failure>();
    assert_eq!(failure.map(crate::error::Failure::exit_code), Some(2));
    let message = error.to_string();
    assert!(
        message.contains("layer1") && message.contains("method.group_size of at least 2"),
        "{message}"
    );
    let conv = built(conformance::conv_blocks(relu)).unwrap();
    let x = conformance::gaussian(&[9, 2, 8, 8], 2);
    let logits = conv.logits(&x, &Pass::train(0, 0));
    assert!(conformance::gap(&logits.narrow(0, 0, 1), &logits.narrow(0, 1, 1)) > 1e-3);
}

#[test]
fn gains_between_the_published_ones_are_interpolated() {
    assert_eq!(automatic_gain(1), 0.9);
    assert_eq!(automatic_gain(2), 0.9);
    assert!((automatic_gain(64) - 0.05).abs() < 1e-12);
    assert!((automatic_gain(128) - 0.05).abs() < 1e-12);
    assert!((automatic_gain(8) - 0.56).abs() < 1e-12);
}

#[test]
fn gradients_are_right_with_groups_and_with_moments() {
    for options in [
        "group_size = 3",
        "prediction = \"analytic\"",
        "gain = \"fixed\"\np = 0.7",
    ] {
        let net = conformance::conv_network("kalman", options, 3);
        let (relative, at) =
            conformance::gradient_gap(&net, &conformance::gaussian(&[9, 2, 8, 8], 2));
        assert!(relative < 1e-6, "{options} {at}");
        let net = conformance::dense_network("kalman", options, 3);
        let (relative, at) = conformance::gradient_gap(&net, &conformance::gaussian(&[9, 12], 2));
        assert!(relative < 1e-6, "{options} {at}");
    }
}
