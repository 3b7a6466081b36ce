//! One layer as the prediction sees it: the lengths and sums of its rows, and its activation.

use tch::{Kind, Tensor};

use super::products::Products;
use crate::moments::Activation;
use crate::nn::LinearOp;
use crate::nn::network::NetworkBlock;

/// A layer.
pub(super) struct Stage {
    pub rows: Option<RandomRows>,
    /// f(z) = z for z > 0, slope·z otherwise.
    pub slope: f64,
    /// Added behind it.
    pub offset: f64,
    /// Multiplies the sum.
    pub scale: f64,
}

/// The rows of a linear operation.
pub(super) enum RandomRows {
    /// A factor for each channel: the means of its square and of the squared shift.
    Factors { square: f64, bias: f64 },
    /// A convolution.
    Kernel {
        /// Mean over rows of the squared weights at each place of the kernel, `[1, 1, k, k]`.
        squares: Tensor,
        /// Each row's sums over inputs, `[outputs, 1, k, k]`.
        sums: Tensor,
        /// Mean squared shift.
        bias: f64,
        stride: i64,
        padding: i64,
    },
}

impl RandomRows {
    fn of(op: LinearOp, weight: &Tensor, bias: &Tensor) -> Option<RandomRows> {
        let mean_square = |values: &Tensor| {
            let values = values.detach().to_kind(Kind::Double);
            values.square().mean(Kind::Double).double_value(&[])
        };
        let bias = mean_square(bias);
        match op {
            LinearOp::Identity { .. } => Some(RandomRows::Factors {
                square: mean_square(weight),
                bias,
            }),
            LinearOp::Conv {
                stride, padding, ..
            } => {
                let weight = weight.detach().to_kind(Kind::Double);
                let sum =
                    |values: &Tensor| values.sum_dim_intlist([1].as_slice(), true, Kind::Double);
                Some(RandomRows::Kernel {
                    squares: sum(&weight.square()).mean_dim([0].as_slice(), true, Kind::Double),
                    sums: sum(&weight),
                    bias,
                    stride,
                    padding,
                })
            }
            LinearOp::Dense { .. } => None,
        }
    }

    /// Products behind the operation, of inputs that have the products `common` by their mean over channels alone.
    ///
    /// RandomRows whose weights are independent have E (Σ W)² = Σ W²; those of centered rows are 0, and what inputs have in
    /// common does not pass.
    fn forward(&self, received: &Products, common: &Products) -> Products {
        match self {
            RandomRows::Factors { square, bias } => received.scaled_and_shifted(*square, *bias),
            RandomRows::Kernel {
                squares,
                sums,
                bias,
                stride,
                padding,
            } => {
                let convolve = |maps: &Tensor, kernel: &Tensor| {
                    let (stride, padding) = ([*stride; 2], [*padding; 2]);
                    maps.conv2d(kernel, None::<&Tensor>, stride, padding, [1, 1], 1)
                };
                let (height, width) = received.sides();
                let ones = Tensor::ones([1, 1, height, width], (Kind::Double, squares.device()));
                let of_sums = convolve(&ones, sums).square();
                let of_sums = of_sums.mean_dim([1].as_slice(), true, Kind::Double);
                let share = of_sums / convolve(&ones, squares).clamp_min(f64::MIN_POSITIVE);
                let behind =
                    received.with_common(common, |maps| convolve(maps, squares), &(share - 1.0));
                behind.scaled_and_shifted(1.0, *bias)
            }
        }
    }

    /// Squared gradients at what it receives, maps of these sides, from those at what it makes.
    fn backward(&self, gradient: &Tensor, (height, width): (i64, i64)) -> Tensor {
        match self {
            RandomRows::Factors { square, .. } => gradient * *square,
            RandomRows::Kernel {
                squares,
                stride,
                padding,
                ..
            } => {
                let size = gradient.size();
                let side = squares.size()[2];
                let missing = |of: i64, made: i64| of - ((made - 1) * stride - 2 * padding + side);
                gradient.conv_transpose2d(
                    squares,
                    None::<&Tensor>,
                    [*stride; 2],
                    [*padding; 2],
                    [missing(height, size[2]), missing(width, size[3])],
                    1,
                    [1, 1],
                )
            }
        }
    }
}

impl Stage {
    /// Of a block; nothing where it is no linear operation with a piecewise linear activation behind it.
    pub fn of(built: &NetworkBlock) -> Option<Stage> {
        let folded = built.layer.fold()?;
        let end = &folded.activation_pool;
        if end.pool.is_some() || end.slope.is_some() {
            return None;
        }
        let slope = match end.activation {
            Activation::Identity => 1.0,
            Activation::Relu => 0.0,
            Activation::LeakyRelu { slope } => slope,
            _ => return None,
        };
        let op = built.node.block()?.op;
        let rows = match &folded.linear {
            Some((weight, bias)) => Some(RandomRows::of(op, weight, bias)?),
            None => None,
        };
        Some(Stage {
            rows,
            slope,
            offset: folded.offset,
            scale: folded.scale,
        })
    }

    /// Products of what it hands on, and those of its mean over channels, from the same of what it receives.
    pub fn forward(&self, (received, common): &(Products, Products)) -> (Products, Products) {
        let before = match &self.rows {
            Some(rows) => rows.forward(received, common),
            None => received.shallow_clone(),
        };
        before.through_activation(self.slope, self.offset, self.scale)
    }

    /// The map of squared gradients at what it receives, of these sides, from the one at what it hands on.
    pub fn backward(&self, gradient: &Tensor, sides: (i64, i64)) -> Tensor {
        let derivative = 0.5 * (1.0 + self.slope * self.slope) * self.scale * self.scale;
        let before = gradient * derivative;
        match &self.rows {
            Some(rows) => rows.backward(&before, sides),
            None => before,
        }
    }
}
