//! What is measured inside a network.

pub mod covariance;
pub mod gaussianity;
pub mod images;
pub mod jacobian;
mod kept;
pub mod landscape;
pub mod layers;
pub mod modes;
