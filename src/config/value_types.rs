//! Closed sets of configuration values, each with its TOML spelling.

use serde::{Deserialize, Serialize};

use crate::methods::NetworkKind;

/// How pixels become network inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataNormalization {
    /// Pixels divided by 255, nothing else.
    None,
    /// Mean and standard deviation of the training set, one pair a channel.
    Global,
    /// Mean and standard deviation of the training set, one pair a pixel and channel.
    GlobalPixel,
    /// Mean and standard deviation of each training batch, one pair a channel; the training set's at test.
    Batch,
}

/// How training images are varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Augmentation {
    /// Images as they are.
    None,
    /// Mirrored left to right with probability 1/2.
    Flip,
    /// Padded by 4 black pixels on each side and cropped back at a random place, then flipped as above.
    CropFlip,
}

/// Which network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelName {
    /// Network in Network: nine convolutions, two max-pools, global average pool.
    Nin,
    /// Multi-layer perceptron.
    Mlp,
    /// LSTM that reads an image row by row.
    Lstm,
}

impl ModelName {
    /// The kind of network it is.
    pub fn kind(self) -> NetworkKind {
        match self {
            ModelName::Nin => NetworkKind::Convolutional,
            ModelName::Mlp => NetworkKind::Dense,
            ModelName::Lstm => NetworkKind::Recurrent,
        }
    }
}

/// Learning rate over the training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The base rate throughout.
    Constant,
    /// Multiplied by `step_factor` at each of `step_at`.
    Step,
    /// Half a cosine from the base rate to 0.
    Cosine,
}

/// Number format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 64-bit floats: for checks, slower.
    F64,
    /// Activations and linear operations in bfloat16, parameters and their updates in 32-bit floats.
    Bf16,
}
