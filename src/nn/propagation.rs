//! Means and variances of Gaussian signals through a block, as tensors that can be differentiated.
//!
//! Channels and positions are taken as independent, padding is ignored. `crate::moments` has the same
//! numbers for one channel, exact and without gradients; tests hold the two together.

use std::f64::consts::PI;
use std::num::NonZeroUsize;
use std::sync::LazyLock;

use gauss_quad::GaussLegendre;
use tch::{Kind, Tensor};

use super::{ActivationPool, LinearOp};
use crate::moments::Activation;

/// Points of the Gauss-Legendre rule on each side of 0, where an activation may have a kink.
const POINTS: NonZeroUsize = NonZeroUsize::new(128).unwrap();
/// Standard deviations beyond which nothing is left.
const REACH: f64 = 8.0;
/// The rule on [−1, 1].
static RULE: LazyLock<GaussLegendre> = LazyLock::new(|| GaussLegendre::new(POINTS));
/// Smallest variance that an activation's moments are computed for.
const SMALLEST_VARIANCE: f64 = 1e-12;

/// Mean μ and variance v, `[channels]` or `[groups, channels]`.
#[derive(Debug)]
pub struct ChannelMoments {
    /// μ.
    pub mean: Tensor,
    /// v.
    pub variance: Tensor,
}

impl ChannelMoments {
    /// Mean 0, variance 1: normalized data.
    pub fn standard(channels: i64, like: &Tensor) -> ChannelMoments {
        let options = (like.kind(), like.device());
        ChannelMoments {
            mean: Tensor::zeros([channels], options),
            variance: Tensor::ones([channels], options),
        }
    }

    /// The same tensors.
    pub fn shallow_clone(&self) -> ChannelMoments {
        ChannelMoments {
            mean: self.mean.shallow_clone(),
            variance: self.variance.shallow_clone(),
        }
    }

    /// Behind a linear operation: μ'_o = Σ_c (Σ_hw W_ochw) μ_c, v'_o = Σ_c (Σ_hw W²_ochw) v_c; the same numbers behind one
    /// without weights.
    pub fn through_linear(&self, op: &LinearOp, weight: Option<&Tensor>) -> ChannelMoments {
        let Some(weight) = weight else {
            return self.shallow_clone();
        };
        let over_kernel = |weight: Tensor| match op {
            LinearOp::Conv { .. } => weight.sum_dim_intlist([2, 3].as_slice(), false, None::<Kind>),
            LinearOp::Dense { .. } => weight,
            LinearOp::Identity { .. } => weight.diag(0),
        };
        ChannelMoments {
            mean: self.mean.matmul(&over_kernel(weight.shallow_clone()).tr()),
            variance: self.variance.matmul(&over_kernel(weight.square()).tr()),
        }
    }

    /// Behind activation and pool, for a Gaussian input. Piecewise linear activations without a pool in closed
    /// form, everything else by quadrature. A pool takes the largest of its positions before the activation,
    /// which is the same for activations that never fall.
    pub fn through_activation_pool(&self, activation_pool: &ActivationPool) -> ChannelMoments {
        let positions = activation_pool.pool.map_or(1, |pool| pool.positions());
        let slope = match activation_pool.activation {
            Activation::Identity => Some(1.0),
            Activation::Relu => Some(0.0),
            Activation::LeakyRelu { slope } | Activation::Prelu { slope } => Some(slope),
            _ => None,
        };
        match (slope, &activation_pool.slope) {
            (Some(_), Some(trained)) if positions == 1 => self.through_leaky(trained),
            (Some(slope), _) if positions == 1 => {
                self.through_leaky(&Tensor::full_like(&self.mean, slope))
            }
            _ => self.by_quadrature(activation_pool, positions),
        }
    }

    /// f(x) = x for x > 0, a·x otherwise, with r = μ/√v:
    /// mean μ(a + (1−a)Φ(r)) + √v(1−a)φ(r), variance v(a² + 2a(1−a)Φ(r) + (1−a)²R(r)),
    /// R(r) = rφ(r) + (r² + 1)Φ(r) − (rΦ(r) + φ(r))².
    fn through_leaky(&self, slope: &Tensor) -> ChannelMoments {
        let variance = self.variance.clamp_min(SMALLEST_VARIANCE);
        let std = variance.sqrt();
        let ratio = &self.mean / &std;
        let cumulative = ratio.special_ndtr();
        let density = (ratio.square() * -0.5).exp() / (2.0 * PI).sqrt();
        let bend: Tensor = 1.0 - slope;
        let rectified = &ratio * &cumulative + &density;
        let residual =
            &ratio * &density + (ratio.square() + 1.0) * &cumulative - rectified.square();
        let shape = slope.square()
            + slope * &bend * &cumulative * 2.0
            + bend.square() * residual.clamp_min(0.0);
        ChannelMoments {
            mean: &self.mean * (slope + &bend * &cumulative) + &std * &bend * &density,
            variance: variance * shape,
        }
    }

    /// E f(μ + √v·max z) and its variance, for the largest of `positions` standard normals.
    ///
    /// Each channel's integral is split where its input is 0, so that f is smooth on both sides and the sum has the
    /// integral's derivatives too: the points stay where they are, and f is continuous between the two sides.
    fn by_quadrature(&self, activation_pool: &ActivationPool, positions: usize) -> ChannelMoments {
        let std = self.variance.clamp_min(SMALLEST_VARIANCE).sqrt();
        let (points, weights) = nodes(positions, &(&self.mean / &std));
        let inputs = &self.mean + std * points;
        // A trained slope belongs to the axis after the first.
        let flat = inputs.reshape([-1, *self.mean.size().last().unwrap_or(&1)]);
        let values = activation_pool
            .activate(flat)
            .view(inputs.size().as_slice());
        let mean = (&values * &weights).sum_dim_intlist([0].as_slice(), false, None::<Kind>);
        let squares = (values - &mean).square() * weights;
        ChannelMoments {
            mean,
            variance: squares.sum_dim_intlist([0].as_slice(), false, None::<Kind>),
        }
    }
}

/// Points z and weights of the density k φ(z) Φ(z)^(k−1) of the largest of k standard normals, for each channel with a
/// panel of points on each side of z = −`ratio`.
fn nodes(positions: usize, ratio: &Tensor) -> (Tensor, Tensor) {
    let (kind, exact) = (ratio.kind(), ratio.detach().to_kind(Kind::Double));
    let mut column = vec![1_i64; exact.dim() + 1];
    column[0] = -1;
    let pairs = RULE.as_node_weight_pairs();
    let along = |value: fn(&(f64, f64)) -> f64| {
        let values = Tensor::from_slice(&pairs.iter().map(value).collect::<Vec<_>>());
        values.to_device(exact.device()).view(column.as_slice())
    };
    let (node, weight) = (along(|pair| pair.0), along(|pair| pair.1));
    let split = -exact.clamp(-REACH, REACH);
    let (below, above) = ((&split + REACH) * 0.5, (&split * -1.0 + REACH) * 0.5);
    let points = Tensor::cat(
        &[
            (&node + 1.0) * &below - REACH,
            (&node - 1.0) * &above + REACH,
        ],
        0,
    );
    let others = positions as i64 - 1;
    let density = (points.square() * -0.5).exp() * points.special_ndtr().pow_tensor_scalar(others);
    let weights = Tensor::cat(&[&weight * below, weight * above], 0) * density;
    let total = weights.sum_dim_intlist([0].as_slice(), false, None::<Kind>);
    (points.to_kind(kind), (weights / total).to_kind(kind))
}

#[cfg(test)]
mod tests {
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
        let by_rule = groups.by_quadrature(&trained, 1);
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
        let weight =
            Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0, -1.0, 0.5, 0.0, 0.0]).view([1, 2, 2, 2]);
        let input = ChannelMoments {
            mean: Tensor::from_slice(&[0.5, 2.0]),
            variance: Tensor::from_slice(&[1.0, 4.0]),
        };
        let got = input.through_linear(&op, Some(&weight));
        assert!((got.mean.double_value(&[0]) - (5.0 - 1.0)).abs() < 1e-12);
        assert!((got.variance.double_value(&[0]) - (30.0 + 5.0)).abs() < 1e-12);
    }
}
