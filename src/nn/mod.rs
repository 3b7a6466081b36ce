//! Networks as data: parameters, blocks, layers, initialization and the optimizer.

pub mod adaptive_clip;
pub mod affine;
pub mod backward;
pub mod batch_norm;
pub mod batch_scale;
pub mod block;
pub mod cosine;
pub mod flops;
pub mod fold;
pub mod groups;
pub mod init;
pub mod layer;
pub mod layout;
pub mod lstm;
pub mod models;
pub mod network;
pub mod normalized;
pub mod parameters;
pub mod plain;
pub mod propagation;
pub mod reparametrized;
pub mod rows;
pub mod scores;
pub mod sgd;
pub mod sphere;
pub mod statistics;
