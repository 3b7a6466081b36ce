use std::rc::Rc;
use std::slice::from_ref;

use tch::Device;

use super::*;
use crate::nn::init::{self, standard_normal};
use crate::nn::parameters::{Parameters, Role};
use crate::nn::{Optimizer, OptimizerConfig, SgdStep, StepFormula};
use crate::streams::{Purpose, stream};

fn gaussian(shape: &[i64], seed: u64) -> Tensor {
    standard_normal(shape, &mut stream(seed, Purpose::Probe, 0))
}

fn gap(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

fn matrix(values: &[f64], columns: i64) -> Tensor {
    Tensor::from_slice(values).reshape([-1, columns])
}

fn row(values: &Tensor, index: i64) -> Vec<f64> {
    Vec::try_from(values.select(0, index).contiguous()).unwrap()
}

fn golden_weight() -> Tensor {
    matrix(&[0.5, -1.0, 2.0, 1.0, 1.0, -0.5], 3)
}

fn settings(lr: f64) -> Update {
    Update {
        decay: 0.5,
        lr,
        formula: StepFormula::Sgd(SgdStep {
            momentum: 0.9,
            nesterov: true,
        }),
        step: 1,
        bias: [1.0; 2],
    }
}

fn step(adam: bool) -> SphereStep {
    let zeros = |length: i64| Tensor::zeros([length], (Kind::Double, Device::Cpu));
    let adam = adam.then(|| Adam {
        beta1: 0.9,
        beta2: 0.99,
        second: zeros(2),
        steps: zeros(1),
    });
    SphereStep {
        lr_factor: 1.0,
        longest: 0.1,
        orthogonality: 0.0,
        adam,
    }
}

fn unit(rows: &Tensor) -> Tensor {
    rows / init::row_norms(rows).view([-1, 1])
}

fn golden_gradient() -> Tensor {
    matrix(&[0.3, -0.2, 0.1, 0.05, 0.4, -0.6], 3)
}

/// Rows and momentum after one step from the golden weight.
fn after_golden_step(adam: bool, lr: f64) -> (Tensor, Tensor) {
    let (rows, momentum) = (unit(&golden_weight()), golden_weight() * 0.0);
    let left = step(adam).before_step(
        &rows,
        &golden_gradient(),
        from_ref(&momentum),
        &settings(lr),
    );
    assert!(left.is_none());
    (rows, momentum)
}

#[test]
fn one_step_of_each_equals_the_published_values() {
    let (rows, momentum) = after_golden_step(false, 0.2);
    // The 1e-8 beside lengths near 1 shifts the tenth digit.
    let near = |got: Vec<f64>, want: [f64; 3]| {
        assert!(
            got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-8),
            "{got:?} {want:?}"
        );
    };
    near(row(&rows, 0), [0.2009209761, -0.4297126224, 0.8803282474]);
    near(
        row(&momentum, 0),
        [-0.01733825287, 0.006809551726, 0.007281112061],
    );
    let (rows, _) = after_golden_step(true, 0.05);
    near(row(&rows, 0), [0.1748292583, -0.4193073487, 0.8908513214]);
}

#[test]
fn rows_stay_on_the_sphere_and_momentum_stays_tangent() {
    for adam in [false, true] {
        let rule = step(adam);
        let (rows, momentum) = (unit(&golden_weight()), golden_weight() * 0.0);
        for index in 0..20 {
            let left = rule.before_step(
                &rows,
                &gaussian(&[2, 3], index),
                from_ref(&momentum),
                &settings(0.3),
            );
            assert!(left.is_none());
            assert!(gap(&init::row_norms(&rows), &Tensor::from_slice(&[1.0, 1.0])) < 1e-7);
            assert!(inner(&rows, &momentum).abs().max().double_value(&[]) < 1e-7);
        }
        assert!(momentum.abs().max().double_value(&[]) > 1e-3);
    }
}

#[test]
fn transport_keeps_lengths_and_agrees_on_the_direction_itself() {
    let rows = unit(&golden_weight());
    let tangent = |seed: u64| {
        let raw = gaussian(&[2, 3], seed);
        &raw - &rows * inner(&rows, &raw)
    };
    let (direction, other) = (tangent(1), tangent(2));
    let geodesic = Geodesic::along(&direction);
    let end = geodesic.end(&rows);
    for (before, after) in [
        (&direction, geodesic.own_transport(&rows)),
        (&other, geodesic.transport(&rows, &other)),
    ] {
        assert!(gap(&init::row_norms(before), &init::row_norms(&after)) < 1e-6);
        assert!(inner(&end, &after).abs().max().double_value(&[]) < 1e-6);
    }
    assert!(
        gap(
            &geodesic.transport(&rows, &direction),
            &geodesic.own_transport(&rows)
        ) < 1e-6
    );
}

#[test]
fn a_small_step_is_a_projected_gradient_step() {
    let start = unit(&golden_weight());
    let (rows, _) = after_golden_step(false, 1e-2);
    let moved = &start - step(false).tangent(&start, &golden_gradient()) * 1e-2;
    assert!(gap(&rows, &moved) < 1e-6);
    assert!(gap(&rows, &start) > 5e-4);
}

#[test]
fn it_finds_the_smallest_eigenvector_of_a_quotient() {
    // yᵀAy with A = QΛQᵀ, Q a rotation: smallest eigenvalue 0.5 at the first column of Q.
    for (adam, lr) in [(false, 0.2), (true, 0.02)] {
        let (sin, cos) = 0.7f64.sin_cos();
        let rotation = matrix(&[cos, -sin, 0.0, sin, cos, 0.0, 0.0, 0.0, 1.0], 3);
        let matrix = rotation
            .matmul(&Tensor::from_slice(&[0.5, 1.0, 2.0]).diag(0))
            .matmul(&rotation.tr());
        let (rows, momentum) = (unit(&golden_weight()), golden_weight() * 0.0);
        let rule = step(adam);
        for index in 0..1500 {
            let rate = lr * (1.0 - f64::from(index) / 1500.0);
            let left = rule.before_step(
                &rows,
                &(rows.matmul(&matrix) * 2.0),
                from_ref(&momentum),
                &settings(rate),
            );
            assert!(left.is_none());
        }
        let quotient = inner(&rows, &rows.matmul(&matrix));
        assert!(
            gap(&quotient, &quotient.full_like(0.5)) < 1e-5,
            "adam={adam}"
        );
    }
}

#[test]
fn the_regularizers_gradient_is_that_of_its_formula() {
    let rule = SphereStep {
        orthogonality: 0.1,
        longest: f64::INFINITY,
        ..step(false)
    };
    let rows = unit(&gaussian(&[3, 5], 1)).set_requires_grad(true);
    let gram = rows.matmul(&rows.tr()) - Tensor::eye(3, (Kind::Double, Device::Cpu));
    let penalty = gram.square().sum(Kind::Double) * (0.5 * 0.1);
    let gradient = Tensor::run_backward(&[&penalty], &[&rows], false, false).remove(0);
    let rows = rows.detach();
    let expected = &gradient - &rows * inner(&rows, &gradient);
    assert!(gap(&rule.tangent(&rows, &rows.zeros_like()), &expected) < 1e-12);
    assert!(expected.abs().max().double_value(&[]) > 1e-3);
}

#[test]
fn the_optimizer_calls_the_rule_with_its_clipping_and_no_decay() {
    let run = |gradient_factor: f64, clip_norm: f64, weight_decay: f64| {
        let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
        let start = unit(&golden_weight());
        let weight = parameters
            .register("w".into(), Role::Weight, start)
            .unwrap();
        parameters.set_rule("w", Rc::new(step(false))).unwrap();
        let formula = StepFormula::Sgd(SgdStep {
            momentum: 0.9,
            nesterov: false,
        });
        let config = OptimizerConfig {
            weight_decay,
            clip_norm,
            ..OptimizerConfig::plain(formula)
        };
        let mut sgd = Optimizer::new(config, &parameters).unwrap();
        let squared = sgd.step(&parameters, &[golden_gradient() * gradient_factor], 0.2);
        (weight.detach(), squared)
    };
    let squared = golden_gradient()
        .square()
        .sum(Kind::Double)
        .double_value(&[]);
    let (plain, reported) = run(1.0, 0.0, 0.0);
    assert!((reported.value() - squared).abs() < 1e-12);
    assert_eq!(plain, after_golden_step(false, 0.2).0);
    assert_eq!(plain, run(1.0, 0.0, 0.3).0);
    assert!(gap(&plain, &run(10.0, squared.sqrt(), 0.0).0) < 1e-12);
}
