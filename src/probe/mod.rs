//! What is measured inside a network.

pub mod covariance;
pub mod gaussianity;
pub mod images;
pub mod jacobian;
pub mod landscape;
pub mod layers;
mod restore_guard;
pub mod stream;
pub mod train_eval_gap;
