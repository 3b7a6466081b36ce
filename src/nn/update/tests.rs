//! One pass over memory equals libtorch's functions for lists, and half-lives follow the batch size.

use super::*;
use crate::nn::{init, layout};
use crate::streams::{Purpose, stream};

/// Every formula with every switch.
fn formulas() -> Vec<StepFormula> {
    let mut formulas = Vec::new();
    for first in [false, true] {
        formulas.push(StepFormula::Sgd(SgdStep {
            momentum: 0.9,
            nesterov: first,
        }));
        for second in [false, true] {
            formulas.push(StepFormula::Adam(AdamStep {
                beta1: 0.8,
                beta2: 0.95,
                eps: 1e-4,
                amsgrad: first,
                decoupled: second,
            }));
            formulas.push(StepFormula::RmsProp(RmsPropStep {
                alpha: 0.95,
                eps: 1e-4,
                momentum: if second { 0.9 } else { 0.0 },
                centered: first,
            }));
        }
    }
    formulas
}

fn gap(a: &Tensor, b: &Tensor) -> f64 {
    let difference = a.to_kind(Kind::Double) - b.to_kind(Kind::Double);
    difference.abs().max().double_value(&[])
}

fn normal(index: u64) -> Tensor {
    init::standard_normal(&[4, 3, 5, 5], &mut stream(8, Purpose::Probe, index))
}

#[test]
fn one_pass_equals_libtorchs_lists_whatever_the_formula() {
    for formula in formulas() {
        for (kind, tolerance) in [(Kind::Double, 1e-12), (Kind::Float, 2e-5)] {
            let start = layout::channels_last(&normal(0)).to_kind(kind);
            let (fast, plain) = (start.copy(), [start.copy()]);
            let at_rest = || formula.kept().iter().map(|_| start.zeros_like());
            let [fast_kept, plain_kept] = [(); 2].map(|()| at_rest().collect::<Vec<Tensor>>());
            for t in 1..11 {
                let update = Update {
                    decay: 0.1,
                    lr: 0.01,
                    formula,
                    step: t,
                    bias: formula.bias(t),
                };
                let gradient = layout::in_order_of(normal(t).to_kind(kind), &start);
                assert!(update.is_in_memory(&fast, &gradient, &fast_kept));
                update.apply(&fast, &gradient, &fast_kept);
                update.apply_to_all(&plain, vec![gradient], &[&plain_kept]);
            }
            assert!(gap(&fast, &start) > 0.01, "{formula:?}");
            assert!(gap(&fast, &plain[0]) < tolerance, "{formula:?}");
            for (fast, plain) in fast_kept.iter().zip(&plain_kept) {
                assert!(gap(fast, plain) < tolerance, "{formula:?}");
            }
        }
    }
}

#[test]
fn a_constant_gradient_leaves_centered_rmsprop_finite() {
    let formula = StepFormula::RmsProp(RmsPropStep {
        alpha: 0.5,
        eps: 1e-8,
        momentum: 0.0,
        centered: true,
    });
    for gradient in [0.1, 0.3, 0.7] {
        let gradient = Tensor::full([16], gradient, (Kind::Float, tch::Device::Cpu));
        let (weight, kept) = (
            gradient.zeros_like(),
            [(); 3].map(|()| gradient.zeros_like()),
        );
        for t in 1..200 {
            let update = Update {
                decay: 0.0,
                lr: 1e-9,
                formula,
                step: t,
                bias: formula.bias(t),
            };
            update.apply(&weight, &gradient, &kept);
        }
        assert!(weight.isfinite().all().int64_value(&[]) != 0);
    }
}

#[test]
fn every_name_of_what_is_kept_is_among_all_of_them_once() {
    let mut names: Vec<&str> = formulas()
        .iter()
        .flat_map(|formula| formula.kept())
        .copied()
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut all = StepFormula::ALL_KEPT.to_vec();
    all.sort_unstable();
    assert_eq!(names, all);
}

#[test]
fn a_half_life_in_images_is_kept_whatever_the_batch_size() {
    let h = 34_640.0;
    let at_50 = decay_of_half_life(h, 50);
    assert!((at_50 - 0.999).abs() < 1e-7, "{at_50}");
    for size in [1, 2, 8, 200, 5000] {
        let expected = at_50.powf(size as f64 / 50.0);
        assert!((decay_of_half_life(h, size) - expected).abs() < 1e-12);
        // After h images a gradient counts half.
        let steps = h / size as f64;
        assert!((decay_of_half_life(h, size).powf(steps) - 0.5).abs() < 1e-12);
    }
}
