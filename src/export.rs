//! Trained networks for other programs: ONNX, PyTorch, NumPy.
//!
//! What is written is the network as plain operations ([`crate::nn::graph::Graph`]), with the normalization of
//! pixels as its first step.

pub mod onnx;
pub mod proto;
pub mod torch;

use std::collections::BTreeMap;

use crate::event::NetworkIdentity;
use crate::nn::graph::Graph;

/// A network to be written.
pub struct ExportedNetwork<'s> {
    /// Its operations.
    pub graph: &'s Graph,
    /// What it is.
    pub identity: &'s NetworkIdentity,
    /// What is told of it in the file, such as method, dataset and epoch.
    pub about: &'s BTreeMap<&'static str, String>,
}

/// Name of what goes in.
pub const INPUT: &str = "images";
/// Name of what comes out.
pub const OUTPUT: &str = "logits";
