//! What a block's operation computes.

use tch::{Device, Kind};

use super::*;
use crate::nn::layout::channels_last;

/// Values of this shape without order.
fn mixed(shape: &[i64]) -> Tensor {
    let count: i64 = shape.iter().product();
    let places = Tensor::arange(count, (Kind::Double, Device::Cpu));
    (places.square() * 0.7).sin().reshape(shape)
}

/// The gradient at `weight` of a half of the sum of squares of what `convolve` makes of it.
fn gradient(weight: &Tensor, convolve: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let weight = weight.set_requires_grad(true);
    let loss = convolve(&weight).square().sum(Kind::Double) / 2.0;
    Tensor::run_backward(&[loss], &[&weight], false, false).remove(0)
}

#[test]
fn a_convolution_of_single_pixels_skips_the_same_ones_however_few_channels_it_has() {
    for (inputs, side) in [(2, 16), (4, 8), (7, 9), (8, 8)] {
        let op = LinearOp::Conv {
            inputs,
            outputs: 8,
            kernel: 1,
            padding: 0,
            stride: 2,
        };
        let (x, weight) = (mixed(&[3, inputs, side, side]), mixed(&[8, inputs, 1, 1]));
        let plain = gradient(&weight, |weight| {
            x.conv2d(weight, None::<&Tensor>, [2, 2], [0, 0], [1, 1], 1)
        });
        for kind in [Kind::Double, Kind::Float] {
            let x = channels_last(&x.to_kind(kind));
            let made = gradient(&channels_last(&weight.to_kind(kind)), |weight| {
                op.apply(&x, weight, None)
            });
            let tolerance = if kind == Kind::Double { 1e-12 } else { 1e-5 };
            let difference = (made - &plain).abs().max() / plain.abs().max();
            let difference = difference.double_value(&[]);
            assert!(
                difference < tolerance,
                "{inputs} channels, {kind:?}: {difference}"
            );
        }
    }
}
