//! What is measured inside a network.

pub mod layers;
