//! The kernels equal tensor operations, whatever the order of memory.

use super::*;
use crate::nn::kernels::alike;
use crate::nn::{AdamStep, SgdStep, StepFormula, init};
use crate::streams::{Purpose, stream};

fn normal(shape: &[i64], index: u64) -> Tensor {
    init::standard_normal(shape, &mut stream(5, Purpose::Probe, index))
}

fn gap(a: &Tensor, b: &Tensor) -> f64 {
    let difference = a.to_kind(Kind::Double) - b.to_kind(Kind::Double);
    difference.abs().max().double_value(&[])
}

/// Weights of a convolution in both orders and of a dense layer, with the tolerance of their element type.
fn weights() -> Vec<(Tensor, f64)> {
    let mut cases = Vec::new();
    for (kind, tolerance) in [(Kind::Double, 1e-12), (Kind::Float, 2e-5)] {
        let conv = normal(&[6, 5, 3, 3], 0).to_kind(kind);
        cases.push((layout::channels_last(&conv), tolerance));
        cases.push((conv, tolerance));
        cases.push((normal(&[4, 2100], 1).to_kind(kind), tolerance));
    }
    cases
}

/// Gains and shifts for the rows of `weight`.
fn vectors(weight: &Tensor) -> (Tensor, Tensor) {
    let vector = |index| normal(&[weight.size()[0]], index).to_kind(weight.kind());
    (vector(2), vector(3))
}

/// Rows by the kernels, and as on another device.
fn here_and_elsewhere(weight: &Tensor, gain: &Tensor, shift: &Tensor) -> [ScaledRows; 2] {
    let here = ScaledRows::new(weight, gain, shift);
    assert!(here.zero.is_none());
    let elsewhere = ScaledRows {
        zero: Some(weight.new_zeros([], (weight.kind(), weight.device()))),
        ..ScaledRows::new(weight, gain, shift)
    };
    [here, elsewhere]
}

fn deferrals() -> [DeferredAffine; 2] {
    [(0.0, 1.0), (-0.4, 0.3)].map(|(constant, shift_factor)| DeferredAffine {
        factor: 1.7,
        shift_factor,
        constant,
    })
}

#[test]
fn weights_and_bias_equal_tensor_operations() {
    for (weight, tolerance) in weights() {
        let (gain, shift) = vectors(&weight);
        for deferred in deferrals() {
            for rows in here_and_elsewhere(&weight, &gain, &shift) {
                let (kernel, bias) = rows.compute(deferred);
                let (plain_kernel, plain_bias) = scaled(&weight, &gain, &shift, deferred);
                assert!(gap(&kernel, &plain_kernel) < tolerance);
                assert!(gap(&bias, &plain_bias) < 10.0 * tolerance);
                assert!(layout::matches(&kernel, &weight));
                assert_eq!(deferred.constant == 0.0, gap(&bias, &shift) == 0.0);
            }
        }
    }
}

#[test]
fn the_way_back_equals_automatic_differentiation() {
    for (weight, tolerance) in weights() {
        let (gain, shift) = vectors(&weight);
        let both = here_and_elsewhere(&weight, &gain, &shift);
        let leaf = |tensor: &Tensor| tensor.detach().set_requires_grad(true);
        let (weight, gain, shift) = (leaf(&weight), leaf(&gain), leaf(&shift));
        for deferred in deferrals() {
            let (kernel, bias) = scaled(&weight, &gain, &shift, deferred);
            let by_kernel = normal(&kernel.size(), 4).to_kind(weight.kind());
            let by_bias = normal(&bias.size(), 5).to_kind(weight.kind());
            let loss =
                (&kernel * &by_kernel).sum(Kind::Double) + (&bias * &by_bias).sum(Kind::Double);
            let expected = Tensor::run_backward(&[&loss], &[&weight, &gain], false, false);
            // The gradient may come in either order of memory.
            for by_kernel in [layout::channels_last(&by_kernel), by_kernel] {
                for rows in &both {
                    let (by_weight, by_gain) = rows.vjp(by_kernel.copy(), deferred.factor);
                    assert!(gap(&by_weight, &expected[0]) < tolerance);
                    assert!(gap(&by_gain, &expected[1]) < 20.0 * tolerance);
                }
            }
        }
    }
}

#[test]
fn a_step_and_the_reset_in_one_pass_equal_two_operations() {
    let sgd = |nesterov| {
        StepFormula::Sgd(SgdStep {
            momentum: 0.9,
            nesterov,
        })
    };
    let adam = StepFormula::Adam(AdamStep {
        beta1: 0.9,
        beta2: 0.99,
        eps: 1e-3,
        amsgrad: true,
        decoupled: true,
    });
    for (start, tolerance) in weights() {
        for (center, formula) in [(false, sgd(false)), (true, sgd(true)), (true, adam)] {
            let update = Update {
                decay: 0.01,
                lr: 0.1,
                formula,
                step: 3,
                bias: formula.bias(3),
            };
            let gradient =
                layout::in_order_of(normal(&start.size(), 6).to_kind(start.kind()), &start);
            let (fast, plain) = (start.copy(), start.copy());
            let at_rest = || formula.kept().iter().map(|_| start.zeros_like());
            let [fast_kept, plain_kept] = [(); 2].map(|()| at_rest().collect::<Vec<Tensor>>());
            for _ in 0..3 {
                assert!(step_and_make_unit(
                    &update, &fast, &gradient, &fast_kept, center
                ));
                update.apply(&plain, &gradient, &plain_kept);
                make_all_unit(&plain, center);
            }
            assert!(gap(&fast, &plain) < tolerance);
            for (fast, plain) in fast_kept.iter().zip(&plain_kept) {
                assert!(gap(fast, plain) < tolerance);
            }
            let lengths = init::row_norms(&fast.to_kind(Kind::Double));
            assert!(gap(&lengths, &lengths.ones_like()) < 1e-5);
            let means = fast
                .flatten(1, -1)
                .mean_dim([1].as_slice(), false, Kind::Double);
            assert_eq!(means.abs().max().double_value(&[]) < 1e-6, center);
        }
    }
}

#[test]
fn what_is_not_in_memory_as_expected_goes_by_tensor_operations() {
    let weight = normal(&[4, 6], 0);
    let half = weight.to_kind(Kind::BFloat16);
    assert!(!in_memory(&half) && !alike(&weight, [&half]));
    assert!(!in_memory(&weight.narrow(1, 0, 3)));
    let transposed = normal(&[6, 4], 1).tr();
    assert!(!alike(&weight, [&transposed]) && !in_memory(&transposed));
    // Narrow numbers have two digits.
    for (weight, tolerance) in [(transposed, 1e-12), (half, 0.05)] {
        let (gain, shift) = vectors(&weight);
        for deferred in deferrals() {
            let rows = ScaledRows::new(&weight, &gain, &shift);
            let (kernel, bias) = rows.compute(deferred);
            let (plain_kernel, plain_bias) = scaled(&weight, &gain, &shift, deferred);
            assert!(gap(&kernel, &plain_kernel) < tolerance && gap(&bias, &plain_bias) < tolerance);
            let (by_weight, by_gain) = rows.vjp(weight.ones_like(), deferred.factor);
            let factors = by_row(&(&gain * deferred.factor), &weight) * weight.ones_like();
            assert!(gap(&by_weight, &factors) < tolerance);
            let sums = sum_of_rows(&weight) * deferred.factor;
            assert!(gap(&by_gain, &sums) < 2.0 * tolerance);
        }
    }
}

#[test]
fn rows_become_unit_in_any_memory_and_rows_of_zeros_stay() {
    for (start, tolerance) in weights() {
        let transposed = start.flatten(1, -1).tr().contiguous().tr();
        for start in [start, transposed] {
            let _ = start.get(1).zero_();
            for center in [false, true] {
                let weight = start.copy();
                make_all_unit(&weight, center);
                assert!(gap(&weight, &unit(&start, center)) < tolerance);
                assert_eq!(weight.get(1), start.get(1));
            }
        }
    }
}
