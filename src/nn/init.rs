//! Initial values from our own random streams.
//!
//! Each block draws one tensor of standard normals, its *directions*. Methods scale it as they need, so
//! that with the same seed all methods start with weight rows that point the same way.

use rand_chacha::ChaCha8Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal, StandardUniform};
use tch::{Kind, Tensor};

/// A tensor of independent standard normals of the given shape, in float64 on the CPU.
pub fn standard_normal(shape: &[i64], stream: &mut ChaCha8Rng) -> Tensor {
    let count = shape.iter().product::<i64>().max(0) as usize;
    let values: Vec<f64> = (0..count).map(|_| StandardNormal.sample(stream)).collect();
    Tensor::from_slice(&values).reshape(shape)
}

/// A tensor of independent uniform numbers in [0, 1), in float64 on the CPU.
pub fn uniform(shape: &[i64], stream: &mut ChaCha8Rng) -> Tensor {
    let count = shape.iter().product::<i64>().max(0) as usize;
    let values: Vec<f64> = (0..count).map(|_| StandardUniform.sample(stream)).collect();
    Tensor::from_slice(&values).reshape(shape)
}

/// A tensor of independent draws of χ² with `degrees` > 0 degrees of freedom, in float64 on the CPU; NaN for others.
pub fn chi_squared(degrees: f64, shape: &[i64], stream: &mut ChaCha8Rng) -> Tensor {
    let count = shape.iter().product::<i64>().max(0) as usize;
    let distribution = ChiSquared::new(degrees);
    let draw = |_| {
        let drawn = distribution.as_ref().map(|d| d.sample(stream));
        drawn.unwrap_or(f64::NAN)
    };
    let values: Vec<f64> = (0..count).map(draw).collect();
    Tensor::from_slice(&values).reshape(shape)
}

/// He initialization for ReLU: N(0, 2/n), n = fan-in (He et al. 2015, arXiv:1502.01852).
pub fn he(directions: &Tensor, fan_in: i64) -> Tensor {
    directions * (2.0 / fan_in as f64).sqrt()
}

/// Euclidean length of each row, `[outputs]`.
pub fn row_norms(weight: &Tensor) -> Tensor {
    weight
        .flatten(1, -1)
        .square()
        .sum_dim_intlist([1].as_slice(), false, None::<Kind>)
        .sqrt()
}
