//! What the dimensions of a layer's input are.

use crate::nn::block::LinearOp;

/// Patches with more numbers than this are described by their channels alone.
pub const LARGEST_PATCH: i64 = 3200;

/// What the dimensions of a layer's input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Input units of a dense layer.
    Inputs,
    /// Channels × kernel positions of a convolution.
    Patches,
    /// Channels of a convolution whose patches are too large.
    Channels,
}

impl Basis {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Basis::Inputs => "inputs",
            Basis::Patches => "patches",
            Basis::Channels => "channels",
        }
    }

    /// Of the inputs of an operation.
    pub(super) fn of(op: &LinearOp) -> Basis {
        match op {
            LinearOp::Dense { .. } => Basis::Inputs,
            _ if op.fan_in() > LARGEST_PATCH => Basis::Channels,
            _ => Basis::Patches,
        }
    }
}
