//! Means and variances of Gaussian signals through a block, as tensors that can be differentiated.
//!
//! Channels and positions are taken as independent, padding is ignored. `crate::moments` has the same
//! numbers for one channel, exact and without gradients; tests hold the two together.

use std::f64::consts::PI;
use std::num::NonZeroUsize;
use std::sync::LazyLock;

use gauss_quad::GaussLegendre;
use tch::{Kind, Tensor};

use super::{ActivationPool, LinearOp, native};
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
        match self.leaky_slope(activation_pool) {
            Some(slope) => self.through_leaky(&slope),
            None => self.by_quadrature(activation_pool),
        }
    }

    /// E f′ of an activation f without a pool, which is also the derivative of E f by the input's mean.
    pub fn mean_slope(&self, activation_pool: &ActivationPool) -> Tensor {
        let std = self.variance.clamp_min(SMALLEST_VARIANCE).sqrt();
        if let Some(slope) = self.leaky_slope(activation_pool) {
            let bend: Tensor = 1.0 - &slope;
            return slope + bend * (&self.mean / std).special_ndtr();
        }
        // Stein: σ·E f′(μ + σz) = E z·f(μ + σz), which needs no derivative of f.
        let (points, weights) = nodes(1, &(&self.mean / &std));
        let values = self.activated(activation_pool, &std, &points);
        (values * points * weights).sum_dim_intlist([0].as_slice(), false, None::<Kind>) / std
    }

    /// The slope on the negative side, where the activation has one on each side and no pool follows.
    fn leaky_slope(&self, activation_pool: &ActivationPool) -> Option<Tensor> {
        let fixed = match activation_pool.activation {
            Activation::Identity => 1.0,
            Activation::Relu => 0.0,
            Activation::LeakyRelu { slope } | Activation::Prelu { slope } => slope,
            _ => return None,
        };
        if activation_pool
            .pool
            .is_some_and(|pool| pool.positions() > 1)
        {
            return None;
        }
        Some(match &activation_pool.slope {
            Some(trained) => trained.shallow_clone(),
            None => Tensor::full_like(&self.mean, fixed),
        })
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

    /// E f(μ + √v·max z) and its variance, for the largest of a pool's positions of standard normals.
    ///
    /// Each channel's integral is split where its input is 0, so that f is smooth on both sides and the sum has the
    /// integral's derivatives too: the points stay where they are, and f is continuous between the two sides.
    fn by_quadrature(&self, activation_pool: &ActivationPool) -> ChannelMoments {
        let positions = activation_pool.pool.map_or(1, |pool| pool.positions());
        let std = self.variance.clamp_min(SMALLEST_VARIANCE).sqrt();
        let (points, weights) = nodes(positions, &(&self.mean / &std));
        let values = self.activated(activation_pool, &std, &points);
        let mean = (&values * &weights).sum_dim_intlist([0].as_slice(), false, None::<Kind>);
        let squares = (values - &mean).square() * weights;
        ChannelMoments {
            mean,
            variance: squares.sum_dim_intlist([0].as_slice(), false, None::<Kind>),
        }
    }

    /// f(μ + σz) for points z of each channel.
    fn activated(&self, activation_pool: &ActivationPool, std: &Tensor, points: &Tensor) -> Tensor {
        let inputs = &self.mean + std * points;
        // A trained slope belongs to the axis after the first.
        let flat = inputs.reshape([-1, *self.mean.size().last().unwrap_or(&1)]);
        let values = activation_pool.activate(flat);
        values.view(inputs.size().as_slice())
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
        native::sent(&values, exact.device()).view(column.as_slice())
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
mod tests;
