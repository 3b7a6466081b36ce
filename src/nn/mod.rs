//! Networks as data: parameters, blocks, layers, initialization and the optimizer.

pub mod backward;
pub mod block;
pub mod init;
pub mod layer;
pub mod models;
pub mod network;
pub mod parameters;
pub mod plain;
pub mod sgd;
