//! Propagated moments against exact ones, and their derivatives against integrals.

use super::*;
use crate::moments::gaussian::{cumulative, density};
use crate::moments::{self, integrate};
use crate::nn::block::MaxPool;

const MEANS: [f64; 4] = [-1.5, 0.0, 0.3, 2.0];
const STDS: [f64; 4] = [0.5, 1.0, 1.7, 0.2];

fn inputs() -> ChannelMoments {
    ChannelMoments {
        mean: Tensor::from_slice(&MEANS),
        variance: Tensor::from_slice(&STDS).square(),
    }
}

fn activation_pool(activation: Activation, window: i64) -> ActivationPool {
    let pool = (window > 1).then_some(MaxPool {
        window,
        stride: 1,
        padding: 0,
    });
    ActivationPool {
        activation,
        slope: None,
        pool,
    }
}

#[test]
fn moments_equal_the_exact_ones_for_every_activation() {
    let names = "relu leaky:0.1 elu selu gelu silu tanh sigmoid softplus";
    for name in names.split(' ') {
        let activation = Activation::parse(name).unwrap();
        let got = inputs().through_activation_pool(&activation_pool(activation, 1));
        for (index, (&mean, &std)) in MEANS.iter().zip(&STDS).enumerate() {
            let want = moments::moments_at(activation, mean, std);
            let at = [index as i64];
            assert!(
                (got.mean.double_value(&at) - want.mean).abs() < 1e-12,
                "{name} {mean}"
            );
            assert!(
                (got.variance.double_value(&at) - want.variance()).abs() < 1e-12,
                "{name} {mean}"
            );
        }
    }
}

#[test]
fn closed_forms_are_exact_and_hold_for_groups_and_trained_slopes() {
    let activation = Activation::Prelu { slope: 0.25 };
    let slope = Tensor::from_slice(&[0.25, 0.1, -0.2, 0.9]);
    let trained = ActivationPool {
        slope: Some(slope.shallow_clone()),
        ..activation_pool(activation, 1)
    };
    let groups = ChannelMoments {
        mean: inputs().mean.repeat([3, 1]),
        variance: inputs().variance.repeat([3, 1]),
    };
    let got = groups.through_activation_pool(&trained);
    let by_rule = groups.by_quadrature(&trained);
    assert_eq!(got.mean.size(), [3, 4]);
    assert_eq!(by_rule.variance.size(), [3, 4]);
    for channel in 0..4 {
        let slope = slope.double_value(&[channel]);
        let at = channel as usize;
        let want = moments::moments_at(Activation::LeakyRelu { slope }, MEANS[at], STDS[at]);
        assert!((got.mean.double_value(&[2, channel]) - want.mean).abs() < 1e-13);
        assert!((got.variance.double_value(&[2, channel]) - want.variance()).abs() < 1e-13);
        assert!((by_rule.mean.double_value(&[2, channel]) - want.mean).abs() < 1e-12);
    }
}

#[test]
fn pools_take_the_largest_of_independent_positions() {
    for window in [2, 3] {
        let standard = ChannelMoments::standard(1, &inputs().mean);
        let got = standard.through_activation_pool(&activation_pool(Activation::Relu, window));
        let want = moments::max_pool_moments(Activation::Relu, (window * window) as usize);
        assert!((got.mean.double_value(&[0]) - want.mean).abs() < 1e-12);
        assert!((got.variance.double_value(&[0]) - want.variance()).abs() < 1e-12);
    }
}

#[test]
fn derivatives_behind_a_pool_are_those_of_the_integrals() {
    let kinked = [Activation::Relu, Activation::LeakyRelu { slope: -0.3 }];
    for activation in kinked.into_iter().chain([Activation::Elu { alpha: 1.0 }]) {
        let mean = inputs().mean.set_requires_grad(true);
        let std = Tensor::from_slice(&STDS).set_requires_grad(true);
        let moments = ChannelMoments {
            mean: mean.shallow_clone(),
            variance: std.square(),
        };
        let out = moments.through_activation_pool(&activation_pool(activation, 3));
        let gradients =
            Tensor::run_backward(&[out.mean.sum(None::<Kind>)], &[&mean, &std], true, false);
        // Of E f(μ + σz) by μ and by σ: E f′ and E z f′, over the density of the largest of nine.
        let density = |z: f64| 9.0 * cumulative(z).powi(8) * density(z);
        for (index, (&mean, &std)) in MEANS.iter().zip(&STDS).enumerate() {
            let slope = |z: f64| activation.derivative(mean + std * z) * density(z);
            let breaks = [-12.0, -mean / std, 12.0];
            let want = [
                integrate(slope, &breaks),
                integrate(|z| z * slope(z), &breaks),
            ];
            for (gradient, want) in gradients.iter().zip(want) {
                let got = gradient.double_value(&[index as i64]);
                assert!(
                    (got - want).abs() < 1e-11,
                    "{activation} {mean}: {got} {want}"
                );
            }
        }
    }
}

#[test]
fn a_linear_operation_sums_over_inputs_and_kernel() {
    let op = LinearOp::Conv {
        inputs: 2,
        outputs: 1,
        kernel: 2,
        padding: 0,
        stride: 1,
    };
    let weight = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0, -1.0, 0.5, 0.0, 0.0]).view([1, 2, 2, 2]);
    let input = ChannelMoments {
        mean: Tensor::from_slice(&[0.5, 2.0]),
        variance: Tensor::from_slice(&[1.0, 4.0]),
    };
    let got = input.through_linear(&op, Some(&weight));
    assert!((got.mean.double_value(&[0]) - (5.0 - 1.0)).abs() < 1e-12);
    assert!((got.variance.double_value(&[0]) - (30.0 + 5.0)).abs() < 1e-12);
}

#[test]
fn mean_slopes_are_those_of_the_integrals() {
    let names = "identity relu leaky:0.1 elu selu gelu silu tanh sigmoid softplus";
    for name in names.split(' ') {
        let activation = Activation::parse(name).unwrap();
        let got = inputs().mean_slope(&activation_pool(activation, 1));
        for (index, (&mean, &std)) in MEANS.iter().zip(&STDS).enumerate() {
            let slope = |z: f64| activation.derivative(mean + std * z) * density(z);
            let want = integrate(slope, &[-12.0, -mean / std, 12.0]);
            let got = got.double_value(&[index as i64]);
            assert!((got - want).abs() < 1e-11, "{name} {mean}: {got} {want}");
        }
    }
    let trained = ActivationPool {
        slope: Some(Tensor::from_slice(&[0.25, 0.1, -0.2, 0.9])),
        ..activation_pool(Activation::Prelu { slope: 0.25 }, 1)
    };
    let got = inputs().mean_slope(&trained).double_value(&[2]);
    assert!((got - (-0.2 + 1.2 * cumulative(0.3 / 1.7))).abs() < 1e-13);
}
