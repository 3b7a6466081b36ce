//! Mean, variance and Jacobian factor of activations and pools under a Gaussian input: closed forms where
//! they exist, quadrature elsewhere. No tensors here.
//!
//! Normalization Propagation (Arpit, Zhou, Kota, Govindaraju, 2016, arXiv:1603.01431) rests on these
//! numbers: a pre-activation z ~ N(0, 1) leaves the activation f with mean E f(z) and standard deviation
//! √Var f(z), so (f(z) − E f)/√Var f is standardized again, whatever the batch.

mod activation;
mod closed;
pub mod gaussian;
mod gaussian_max;
mod half_normal;
mod notation;
mod of_activation;
mod quadrature;
mod rectified_sum;
mod recurrent;
mod set;

#[cfg(test)]
pub(crate) mod goldens;

pub use activation::{Activation, SELU_ALPHA, SELU_SCALE};
pub use gaussian_max::max_pool_moments;
pub use half_normal::{extreme_bound_constant, half_normal_top_mean};
pub use of_activation::{moments, moments_at, moments_of};
pub use quadrature::{gaussian_expectation, integrate};
pub use rectified_sum::rectified_sum;
pub use recurrent::{CellConstants, GateDeviation, cell_constants};
pub use set::Moments;
