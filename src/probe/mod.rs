//! What is measured inside a network.

pub mod gaussianity;
pub mod images;
pub mod layers;
