//! Sums over the axes that normalizations average over.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::block::{Block, LinearOp};
use crate::options::OptionSpec;
use crate::usage;

/// The usual ε of a variance.
pub const EPS: OptionSpec =
    OptionSpec::number("eps", 1e-5, 0.0, 1.0).help("ε, added to the variance");

/// ρ of running averages.
pub const AVERAGE_MOMENTUM: OptionSpec = OptionSpec::number("average_momentum", 0.1, 0.0, 1.0)
    .help("ρ, the weight of the newest batch in the running averages");

/// r ← (1 − ρ) r + ρ·newest, without gradient.
pub fn update_average(average: &Tensor, newest: &Tensor, momentum: f64) {
    let _ = tch::no_grad(|| average.shallow_clone().lerp_(newest, momentum));
}

/// Axes of `[N, channels, ...]` beside the channels: images and positions.
pub fn batch_axes(x: &Tensor) -> Vec<i64> {
    (0..x.dim() as i64).filter(|&axis| axis != 1).collect()
}

/// Mean over images and positions, `[channels]`.
pub fn channel_means(x: &Tensor) -> Tensor {
    x.mean_dim(batch_axes(x).as_slice(), false, None::<Kind>)
}

/// Biased standard deviation over images and positions, `[channels]`.
pub fn channel_stds(x: &Tensor) -> Tensor {
    x.var_dim(batch_axes(x).as_slice(), false, false).sqrt()
}

/// Values that a channel's statistics average over: images times positions.
pub fn values_per_channel(x: &Tensor) -> i64 {
    x.numel() as i64 / x.size()[1].max(1)
}

/// n/(n − 1), which makes the biased variance of n values an unbiased one; 1 for a single value, whose variance is 0.
pub fn unbiasing(values: i64) -> f64 {
    values as f64 / (values - 1).max(1) as f64
}

/// The element type in which sums over values of `kind` are taken.
pub fn wide_kind(kind: Kind) -> Kind {
    match kind {
        Kind::BFloat16 => Kind::Float,
        _ => kind,
    }
}

/// What methods with centered rows and a trained shift say of their first step.
pub const AT_THE_KINK: &str = "Where a centered row sees a constant, W·x is 0 but for rounding: ReLU is at its kink while the shift is 0. The first step's gradients of shifts there depend on rounding (8 to 41 % apart were seen between f32 and f64); later steps do not.";

/// A weight minus the mean of each of its rows.
pub fn centered_rows(weight: &Tensor) -> Tensor {
    let axes: Vec<i64> = (1..weight.dim() as i64).collect();
    weight - weight.mean_dim(axes.as_slice(), true, None::<Kind>)
}

/// The sum of `x` over what each output of `op` sees: `[N, 1, H, W]`, or `[N, 1]` for a matrix product.
/// Padding counts as zeros.
pub fn patch_sums(op: &LinearOp, x: &Tensor) -> Tensor {
    let over_channels = x.sum_dim_intlist([1].as_slice(), true, None::<Kind>);
    match *op {
        LinearOp::Conv {
            kernel: 1,
            padding: 0,
            stride: 1,
            ..
        }
        | LinearOp::Dense { .. }
        | LinearOp::Identity { .. } => over_channels,
        LinearOp::Conv {
            kernel,
            padding,
            stride,
            ..
        } => {
            let (window, steps, zeros) = ([kernel; 2], [stride; 2], [padding; 2]);
            over_channels.avg_pool2d(window, steps, zeros, false, true, 1)
        }
    }
}

/// Σ (x − μ)² over what each output of `op` sees, in the shape of [`patch_sums`]; 0 for a constant patch, up to the
/// square of a rounding error. First each position is compared with its mean over channels, then these means with
/// the patch's: Σx² − nμ² would lose as many digits as the mean has.
pub fn patch_spreads(op: &LinearOp, x: &Tensor) -> Tensor {
    let means = x.mean_dim([1].as_slice(), true, None::<Kind>);
    let within = patch_sums(op, &(x - &means).square());
    let LinearOp::Conv {
        inputs,
        kernel: kernel @ 2..,
        padding,
        stride,
        ..
    } = *op
    else {
        return within;
    };
    let patches = means.im2col([kernel; 2], [1, 1], [padding; 2], [stride; 2]);
    let between = patches.var_dim([1].as_slice(), false, true) * (inputs * kernel * kernel);
    &within + between.view(within.size().as_slice())
}

/// Refuses rows of a single weight to a method that subtracts each row's mean.
pub fn check_rows_can_be_centered(block: &Block, method: &str) -> Result<()> {
    if block.op.fan_in() > 1 {
        return Ok(());
    }
    Err(usage!(
        "{method} subtracts the mean of each weight row, and the rows of {} hold one weight; make the layer \
         before it wider (width or mlp_widths)",
        block.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    /// Kernel, padding and stride of convolutions; on maps of 6 × 7 a stride of 2 leaves a row out.
    const WINDOWS: [(i64, i64, i64); 7] = [
        (1, 0, 1),
        (3, 1, 1),
        (3, 0, 1),
        (5, 2, 1),
        (1, 0, 2),
        (3, 1, 2),
        (3, 0, 2),
    ];

    fn ramp(shape: &[i64]) -> Tensor {
        let count = shape.iter().product::<i64>();
        Tensor::arange(count, (Kind::Double, Device::Cpu))
            .sin()
            .reshape(shape)
    }

    #[test]
    fn patch_sums_equal_a_convolution_with_ones() {
        for (kernel, padding, stride) in WINDOWS {
            let op = LinearOp::Conv {
                inputs: 3,
                outputs: 4,
                kernel,
                padding,
                stride,
            };
            let x = ramp(&[2, 3, 6, 7]);
            let ones = Tensor::ones([1, 3, kernel, kernel], (Kind::Double, Device::Cpu));
            let gap = (patch_sums(&op, &x) - op.apply(&x, &ones, None))
                .abs()
                .max();
            assert!(gap.double_value(&[]) < 1e-12, "{kernel} {padding} {stride}");
        }
    }

    #[test]
    fn patch_spreads_are_sums_of_squared_deviations_and_keep_their_digits() {
        for (kernel, padding, stride) in WINDOWS {
            let op = LinearOp::Conv {
                inputs: 3,
                outputs: 4,
                kernel,
                padding,
                stride,
            };
            let x = ramp(&[2, 3, 6, 7]);
            let patches = x.im2col([kernel; 2], [1, 1], [padding; 2], [stride; 2]);
            let mean = patches.mean_dim([1].as_slice(), true, None::<Kind>);
            let expected =
                (patches - mean)
                    .square()
                    .sum_dim_intlist([1].as_slice(), true, None::<Kind>);
            let spreads = patch_spreads(&op, &x);
            let gap = (&spreads - expected.view(spreads.size().as_slice())).abs();
            assert!(
                gap.max().double_value(&[]) < 1e-12,
                "{kernel} {padding} {stride}"
            );
        }
        let op = LinearOp::Conv {
            inputs: 3,
            outputs: 1,
            kernel: 5,
            padding: 0,
            stride: 1,
        };
        let nearly = Tensor::ones([1, 3, 5, 5], (Kind::Float, Device::Cpu)) * 0.8;
        assert!(patch_spreads(&op, &nearly).max().double_value(&[]) < 1e-12);
        let _ = nearly.get(0).get(0).get(2).get(2).g_add_scalar_(0.001);
        // Of 75 numbers one is 0.001 above the others.
        let got = patch_spreads(&op, &nearly).max().double_value(&[]);
        assert!((got / (1e-6 * 74.0 / 75.0) - 1.0).abs() < 1e-3, "{got}");
    }

    #[test]
    fn channel_statistics_leave_the_channels() {
        let x = ramp(&[4, 3, 2, 5]);
        assert_eq!(values_per_channel(&x), 40);
        let one = x.select(1, 2);
        let gap = (channel_means(&x).get(2) - one.mean(Kind::Double)).abs();
        assert!(gap.double_value(&[]) < 1e-14);
        let gap = (channel_stds(&x).get(2) - one.std(false)).abs();
        assert!(gap.double_value(&[]) < 1e-14);
        assert_eq!(values_per_channel(&ramp(&[4, 3])), 4);
    }

    #[test]
    fn centered_rows_have_mean_zero() {
        let rows = centered_rows(&ramp(&[4, 3, 2, 2])).flatten(1, -1);
        let largest = rows
            .mean_dim([1].as_slice(), false, None::<Kind>)
            .abs()
            .max();
        assert!(largest.double_value(&[]) < 1e-15);
    }
}
