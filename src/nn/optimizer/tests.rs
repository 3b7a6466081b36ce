//! What a step does with roles, rates and clipping.

use super::*;
use crate::nn::update::{SgdStep, squared_length};
use tch::{Device, Kind};

fn settings(nesterov: bool, clip_norm: f64) -> OptimizerConfig {
    OptimizerConfig {
        weight_decay: 0.01,
        clip_norm,
        ..OptimizerConfig::plain(StepFormula::Sgd(SgdStep {
            momentum: 0.9,
            nesterov,
        }))
    }
}

fn pair(kind: Kind, config: OptimizerConfig) -> (Parameters, Optimizer) {
    let mut parameters = Parameters::new(kind, Device::Cpu);
    let weight = Tensor::linspace(-1.0, 2.0, 3000, (Kind::Double, Device::Cpu)).reshape([30, 100]);
    let _ = parameters
        .register("a.weight".into(), Role::Weight, weight)
        .unwrap();
    let bias = Tensor::ones([30], (Kind::Double, Device::Cpu));
    let _ = parameters
        .register("a.bias".into(), Role::Shift, bias)
        .unwrap();
    let sgd = Optimizer::new(config, &parameters).unwrap();
    (parameters, sgd)
}

fn gradients(kind: Kind) -> Vec<Tensor> {
    let slope = Tensor::linspace(0.5, -0.7, 3000, (Kind::Double, Device::Cpu)).reshape([30, 100]);
    vec![
        slope.to_kind(kind),
        Tensor::full([30], 0.3, (kind, Device::Cpu)),
    ]
}

#[test]
fn one_pass_equals_tensor_operations() {
    for config in [
        settings(false, 0.0),
        settings(true, 0.0),
        settings(true, 2.0),
    ] {
        let (fast, mut fast_sgd) = pair(Kind::Float, config);
        let (plain, mut plain_sgd) = pair(Kind::Double, config);
        for _ in 0..5 {
            let a = fast_sgd.step(&fast, &gradients(Kind::Float), 0.05).value();
            let b = plain_sgd
                .step(&plain, &gradients(Kind::Double), 0.05)
                .value();
            assert!((a / b - 1.0).abs() < 1e-6);
        }
        for (a, b) in fast.trainable().zip(plain.trainable()) {
            let gap = (a.tensor.to_kind(Kind::Double) - &b.tensor).abs().max();
            assert!(gap.double_value(&[]) < 2e-6);
        }
    }
}

#[test]
fn two_steps_match_the_formula_by_hand() {
    let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
    let start = Tensor::from_slice(&[1.0_f64]);
    let _ = parameters
        .register("w".into(), Role::Weight, start)
        .unwrap();
    let mut sgd = Optimizer::new(settings(false, 0.0), &parameters).unwrap();
    let gradient = [Tensor::from_slice(&[0.5_f64])];
    sgd.step(&parameters, &gradient, 0.1);
    // v = 0.5 + 0.01 = 0.51; p = 1 − 0.051 = 0.949
    sgd.step(&parameters, &gradient, 0.1);
    // v = 0.9·0.51 + 0.5 + 0.00949 = 0.96849; p = 0.949 − 0.096849
    let value = parameters.get("w").unwrap().double_value(&[0]);
    assert!((value - 0.852151).abs() < 1e-12);
}

#[test]
fn a_step_moves_gains_shifts_and_named_parameters_by_their_factors() {
    let config = OptimizerConfig {
        gain_lr_factor: 0.01,
        shift_lr_factor: 0.5,
        ..settings(false, 0.0)
    };
    let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
    let roles = [
        ("weight", Role::Weight, 1.0, 1.0),
        ("slow", Role::Weight, 0.1, 0.1),
        ("slope", Role::Activation, 1.0, 1.0),
        ("gain", Role::Gain, 1.0, 0.01),
        ("shift", Role::Shift, 1.0, 0.5),
        ("slow_shift", Role::Shift, 0.1, 0.05),
    ];
    for (name, role, own, _) in roles {
        let start = Tensor::zeros([1], (Kind::Double, Device::Cpu));
        let _ = parameters.register(name.into(), role, start).unwrap();
        parameters.set_rate_factor(name, own).unwrap();
    }
    let mut sgd = Optimizer::new(config, &parameters).unwrap();
    let gradients = roles.map(|_| Tensor::from_slice(&[2.0_f64]));
    sgd.step(&parameters, &gradients, 0.3);
    for (name, _, _, factor) in roles {
        let moved = parameters.get(name).unwrap().double_value(&[0]);
        assert!((moved + 0.6 * factor).abs() < 1e-12, "{name}: {moved}");
    }
    // What is saved with a run knows nothing of them.
    assert!(
        sgd.state(&parameters)
            .all(|(_, v)| v.double_value(&[0]) == 2.0)
    );
}

#[test]
fn clipping_bounds_the_step_and_spares_short_gradients() {
    let (parameters, mut sgd) = pair(
        Kind::Double,
        OptimizerConfig {
            weight_decay: 0.0,
            ..settings(false, 1.0)
        },
    );
    let before: Vec<Tensor> = parameters
        .trainable()
        .map(|p| p.tensor.detach().copy())
        .collect();
    let squared = sgd.step(&parameters, &gradients(Kind::Double), 1.0).value();
    assert!(squared > 1.0);
    let moved: f64 = parameters
        .trainable()
        .zip(&before)
        .map(|(p, b)| squared_length(&(&p.tensor - b)))
        .sum();
    assert!((moved - 1.0).abs() < 1e-9);
}
