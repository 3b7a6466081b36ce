//! Networks as data: parameters, blocks, layers, initialization and the optimizer.
//!
//! What the file of a method needs most stands here by name.

pub mod activation_pool;
pub mod adaptive_clip;
pub mod affine;
pub mod backward;
pub mod batch_norm;
pub mod batch_scale;
pub mod block;
pub mod builder;
pub mod cosine;
pub mod flops;
pub mod fold;
pub mod folded;
pub mod groups;
pub mod init;
pub mod kernels;
pub mod layer;
pub mod layout;
pub mod length_direction;
pub mod lstm;
pub mod network;
pub mod networks;
pub mod node;
pub mod normalized;
pub mod parameters;
pub mod pass;
pub mod plain;
pub mod propagation;
pub mod reparametrized;
pub mod rows;
pub mod scores;
pub mod sgd;
pub mod signal;
pub mod sphere;
pub mod statistics;
pub mod update;
pub mod widening;

pub use activation_pool::ActivationPool;
pub use builder::Builder;
pub use folded::Folded;
pub use layer::Layer;
pub use pass::Pass;
pub use signal::{Estimate, Signal};
