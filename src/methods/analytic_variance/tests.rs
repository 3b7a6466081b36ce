use super::*;
use crate::methods::conformance;
use crate::moments::Activation;
use crate::nn::block::LinearOp;
use crate::nn::statistics::{channel_means, channel_stds};

fn close(got: &Tensor, want: &[f64]) {
    conformance::assert_close(&Vec::<f64>::try_from(got.contiguous()).unwrap(), want);
}

#[test]
fn propagated_moments_equal_the_published_values() {
    let activation_pool = ActivationPool {
        activation: Activation::Relu,
        slope: None,
        pool: None,
    };
    let input = ChannelMoments {
        mean: Tensor::from_slice(&[0.1, -0.3, 0.2]),
        variance: Tensor::from_slice(&[1.0, 0.8, 1.2]).square(),
    };
    let active = input.through_activation_pool(&activation_pool);
    close(&active.mean, &[0.4509353312, 0.1913350051, 0.5853644258]);
    close(
        &active.variance,
        &[0.3815786975, 0.1324417636, 0.5897260931],
    );
    let op = LinearOp::Dense {
        inputs: 3,
        outputs: 2,
    };
    let next = active.through_linear(&op, Some(&conformance::golden_weight()));
    close(&next.mean, &[1.204861512, 0.3495881234]);
    close(&next.variance, &[2.58674081, 0.6614519844]);
}

#[test]
fn the_first_layer_equals_the_statistics_of_a_huge_batch_of_white_noise() {
    let net = conformance::single(
        "analytic-variance",
        "",
        LinearOp::Dense {
            inputs: 12,
            outputs: 16,
        },
    );
    let images = 40_000;
    let pre = conformance::pre_activation(&net, &conformance::gaussian(&[images, 12], 5));
    let mean = pre.mean_dim([0].as_slice(), false, None::<Kind>);
    let variance = pre.var_dim([0].as_slice(), false, false);
    // Standard errors are 1/√N and √(2/N); 5 of them are hardly ever exceeded.
    assert!(conformance::gap(&mean, &mean.zeros_like()) < 5.0 / (images as f64).sqrt());
    assert!(conformance::gap(&variance, &mean.ones_like()) < 5.0 * (2.0 / images as f64).sqrt());
}

/// Independent inputs on `shape`, each channel or feature with its own mean and scale.
fn shifted_and_scaled(shape: &[i64], seed: u64) -> Tensor {
    let channels = shape[1];
    let mut wide = vec![1; shape.len()];
    wide[1] = channels;
    let scales = (conformance::gaussian(&[channels], 30) * 0.5).exp() * 3.0;
    let shifts = conformance::gaussian(&[channels], 31) * 2.0 + 1.0;
    conformance::gaussian(shape, seed) * scales.view(wide.as_slice()) + shifts.view(wide.as_slice())
}

#[test]
fn the_first_layer_takes_the_moments_of_the_data_before_training() {
    let dense = LinearOp::Dense {
        inputs: 12,
        outputs: 16,
    };
    // Without padding, which the propagation ignores.
    let conv = LinearOp::Conv {
        inputs: 3,
        outputs: 8,
        kernel: 3,
        padding: 0,
        stride: 1,
    };
    for (op, shape) in [(dense, vec![40_000, 12]), (conv, vec![2_000, 3, 6, 6])] {
        let net = conformance::single("analytic-variance", "", op);
        let (seen, fresh) = (shifted_and_scaled(&shape, 5), shifted_and_scaled(&shape, 6));
        let off = || {
            let pre = conformance::pre_activation(&net, &fresh);
            let (mean, std) = (channel_means(&pre), channel_stds(&pre));
            (
                conformance::gap(&mean, &mean.zeros_like()),
                conformance::gap(&std, &std.ones_like()),
            )
        };
        let (mean, std) = off();
        assert!(mean > 0.5 && std > 0.5, "{mean} {std}");
        net.initialize(&seen);
        // Two batches of 40,000 images, or 32,000 partly overlapping patches: standard errors below 1e-2.
        let (mean, std) = off();
        assert!(mean < 0.03 && std < 0.03, "{mean} {std}");
        let get = |name: &str| net.parameters.get(name).unwrap().copy();
        let (mean, variance) = (get("layer.input_mean"), get("layer.input_var"));
        assert!(conformance::gap(&mean, &channel_means(&seen)) < 1e-12);
        assert!(conformance::gap(&variance, &channel_stds(&seen).square()) < 1e-10);
        // Training keeps them.
        let _ = conformance::pre_activation(&net, &fresh);
        net.after_step();
        assert_eq!(mean, get("layer.input_mean"));
    }
}

#[test]
fn only_the_first_layer_looks_at_data() {
    let names = |net: &crate::nn::network::Network| -> Vec<String> {
        let buffers = net.parameters.iter().map(|entry| entry.name.clone());
        buffers.filter(|name| name.contains("input_")).collect()
    };
    let net = conformance::conv_network("analytic-variance", "", 3);
    assert_eq!(names(&net), ["conv1.input_mean", "conv1.input_var"]);
    // a − μ' and √v' grow with the data alike, and nothing behind them sees it.
    let images = shifted_and_scaled(&[9, 2, 8, 8], 2);
    let logits = |images: &Tensor| {
        net.initialize(images);
        net.logits(images, &Pass::eval())
    };
    assert!(conformance::gap(&logits(&images), &logits(&(&images * 5.0))) < 1e-6);
}

#[test]
fn at_the_start_it_is_normalization_propagation_with_the_centering_behind_the_weights() {
    let own = conformance::dense_network("analytic-variance", "eps = 0.0", 3);
    let other = conformance::dense_network("normprop", "jacobian_scale = \"none\"", 3);
    let x = conformance::gaussian(&[9, 12], 1);
    let (mut a, mut b) = (own.input(&x), other.input(&x));
    for (own, other) in own.blocks.iter().zip(&other.blocks).take(2) {
        let (left, right) = (
            own.layer.pre_activation(&a, &Pass::eval()),
            other.layer.pre_activation(&b, &Pass::eval()),
        );
        assert!(conformance::gap(&left, &right) < 1e-9);
        a = own.layer.post_activation(left, &Pass::eval());
        b = other.layer.post_activation(right, &Pass::eval());
    }
}

#[test]
fn detaching_changes_gradients_only() {
    let x = conformance::gaussian(&[9, 2, 8, 8], 2);
    let gradient = |options: &str| {
        let net = conformance::conv_network("analytic-variance", options, 3);
        let logits = net.logits(&x, &Pass::train(0, 0));
        let weight = net.parameters.get("conv1.weight").unwrap();
        let gradient = Tensor::run_backward(
            &[logits.square().sum(Kind::Double)],
            &[weight],
            false,
            false,
        );
        (
            logits.detach(),
            gradient[0].shallow_clone(),
            weight.detach(),
        )
    };
    let (attached, detached) = (gradient(""), gradient("detach = true"));
    assert_eq!(attached.0, detached.0);
    assert!(conformance::gap(&attached.1, &detached.1) > 1e-3);
    // With gradients through v', rows' lengths do not matter: the gradient is orthogonal to each row.
    let along = |(_, gradient, weight): &(Tensor, Tensor, Tensor)| {
        (gradient * weight)
            .flatten(1, -1)
            .sum_dim_intlist([1].as_slice(), false, Kind::Double)
            .abs()
            .max()
    };
    assert!(along(&attached).double_value(&[]) < 1e-5 * attached.1.abs().max().double_value(&[]));
    assert!(along(&detached).double_value(&[]) > 1e-2 * detached.1.abs().max().double_value(&[]));
}

#[test]
fn noise_is_that_of_n_images_and_absent_at_evaluation() {
    let like = Tensor::zeros([1], (Kind::Double, tch::Device::Cpu));
    for (noise, factor_mean, factor_std) in [
        (Noise::Chi, 1.04144, 0.13733),
        (Noise::Gaussian, 1.0, 0.125),
    ] {
        let (factor, shift) = noise.draw(32, 40_000, &Pass::train(0, 0), &like);
        let moments = |t: &Tensor| {
            (
                t.mean(Kind::Double).double_value(&[]),
                t.std(true).double_value(&[]),
            )
        };
        let (mean, std) = moments(&factor);
        assert!(
            (mean - factor_mean).abs() < 4e-3 && (std - factor_std).abs() < 4e-3,
            "{noise:?} {mean} {std}"
        );
        let (mean, std) = moments(&shift);
        assert!(mean.abs() < 5e-3 && (std - 0.17678).abs() < 4e-3);
    }
    for noise in ["chi", "gaussian"] {
        let plain = conformance::conv_network("analytic-variance", "", 3);
        let noisy =
            conformance::conv_network("analytic-variance", &format!("noise = \"{noise}\""), 3);
        let x = conformance::gaussian(&[9, 2, 8, 8], 2);
        assert_eq!(
            plain.logits(&x, &Pass::eval()),
            noisy.logits(&x, &Pass::eval())
        );
        assert_eq!(
            plain.logits(&x, &Pass::eval()),
            plain.logits(&x, &Pass::train(0, 0))
        );
        assert!(
            conformance::gap(
                &noisy.logits(&x, &Pass::train(0, 0)),
                &noisy.logits(&x, &Pass::train(0, 1))
            ) > 1e-3
        );
    }
}

#[test]
fn gradients_are_right_with_noise_and_with_every_kind_of_moments() {
    let x = conformance::gaussian(&[9, 2, 8, 8], 2);
    for activation in [
        Activation::Prelu { slope: 0.25 },
        Activation::Silu,
        Activation::Elu { alpha: 1.0 },
    ] {
        let net = conformance::conv_with("analytic-variance", "noise = \"chi\"", activation, 3);
        let (relative, at) = conformance::gradient_gap(&net, &x);
        assert!(relative < 1e-6, "{activation:?} {at}");
    }
}
