//! The networks: one file each, listed once in `registry`.
//!
//! A network is a [`NetworkDescriptor`]: what it is, which keys it has, and a function that makes its nodes. Configuration,
//! command line, documentation and the commands all read the same slice.

mod architecture;
mod descriptor;
mod lstm;
mod mlp;
mod nin;
mod registry;
mod resnet;
mod units;
mod wide_resnet;

pub use architecture::Architecture;
pub use descriptor::{NetworkDescriptor, Task};
pub use lstm::lstm;
pub use mlp::perceptron;
pub use nin::network_in_network;
pub use registry::{NETWORKS, find, keys, names};
