//! Initial values from our own random streams.
//!
//! Each block draws one tensor of standard normals, its *directions*. Methods scale it as they need, so
//! that with the same seed all methods start with weight rows that point the same way.

use rand_chacha::ChaCha8Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal, StandardUniform};
use tch::Tensor;

use super::rows::sum_of_rows;

/// Independent standard normals, in float64 on the CPU.
pub fn standard_normal(shape: &[i64], stream: &mut ChaCha8Rng) -> Tensor {
    sampled(shape, || StandardNormal.sample(stream))
}

/// Independent uniform numbers in [0, 1), in float64 on the CPU.
pub fn uniform(shape: &[i64], stream: &mut ChaCha8Rng) -> Tensor {
    sampled(shape, || StandardUniform.sample(stream))
}

/// Independent draws of χ² with `degrees` > 0 degrees of freedom, in float64 on the CPU; NaN for others.
pub fn chi_squared(degrees: f64, shape: &[i64], stream: &mut ChaCha8Rng) -> Tensor {
    let distribution = ChiSquared::new(degrees);
    sampled(shape, || {
        let drawn = distribution.as_ref().map(|d| d.sample(stream));
        drawn.unwrap_or(f64::NAN)
    })
}

fn sampled(shape: &[i64], draw: impl FnMut() -> f64) -> Tensor {
    let count = shape.iter().product::<i64>().max(0) as usize;
    let values: Vec<f64> = std::iter::repeat_with(draw).take(count).collect();
    Tensor::from_slice(&values).reshape(shape)
}

/// He initialization for ReLU: N(0, 2/n), n = fan-in (He et al. 2015, arXiv:1502.01852).
pub fn he(directions: &Tensor, fan_in: i64) -> Tensor {
    directions * (2.0 / fan_in as f64).sqrt()
}

/// Euclidean length of each row, `[outputs]`.
pub fn row_norms(weight: &Tensor) -> Tensor {
    sum_of_rows(&weight.square()).sqrt()
}

/// The orthogonal factor of a matrix: orthonormal columns, or rows where there are fewer of those.
pub fn orthogonal(matrix: &Tensor) -> Tensor {
    let size = matrix.size();
    if size[0] < size[1] {
        return orthogonal(&matrix.tr()).tr();
    }
    let (factor, triangle) = Tensor::linalg_qr(matrix, "reduced");
    // Signs chosen so that the factor depends on the matrix alone, not on the algorithm.
    factor * triangle.diag(0).sign()
}
