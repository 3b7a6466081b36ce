//! Closed sets of configuration values, each with its TOML spelling.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What moves the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerName {
    /// Stochastic gradient descent with momentum.
    Sgd,
    /// Adam; weight decay is a part of the gradient.
    Adam,
    /// Adam with decoupled weight decay.
    Adamw,
    /// RMSProp.
    Rmsprop,
}

impl OptimizerName {
    /// Every one.
    pub const ALL: [OptimizerName; 4] = [
        OptimizerName::Sgd,
        OptimizerName::Adam,
        OptimizerName::Adamw,
        OptimizerName::Rmsprop,
    ];

    /// As configurations spell it.
    pub fn name(self) -> &'static str {
        match self {
            OptimizerName::Sgd => "sgd",
            OptimizerName::Adam => "adam",
            OptimizerName::Adamw => "adamw",
            OptimizerName::Rmsprop => "rmsprop",
        }
    }
}

/// Learning rate over the training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The base rate throughout.
    Constant,
    /// Multiplied by `step_factor` at each of `step_at`.
    Step,
    /// Half a cosine from the base rate to 0.
    Cosine,
}

/// Where weights start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Initialization {
    /// As the method says.
    Method,
    /// From orthonormal rows and a batch of training images, so that what each linear operation makes has variance 1.
    Lsuv,
}

/// Number format.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32-bit floats.
    #[serde(alias = "float32")]
    F32,
    /// 32-bit floats whose products a GPU may round to 10 bits of fraction (TF32): faster there, refused on the CPU.
    #[serde(alias = "tensorfloat32")]
    Tf32,
    /// 64-bit floats: for checks, slower.
    #[serde(alias = "float64")]
    F64,
    /// Activations and linear operations in bfloat16, parameters and their updates in 32-bit floats.
    #[serde(alias = "bfloat16")]
    Bf16,
}

/// The CUDA device that `device` names; `None` for the CPU, and where it is left out.
///
/// # Errors
/// A name that is none of `cpu`, `cuda`, `cuda:N`.
pub fn cuda_number(name: &str) -> Result<Option<usize>, String> {
    let number = match name {
        "" | "cpu" => return Ok(None),
        "cuda" => Some(0),
        other => other
            .strip_prefix("cuda:")
            .and_then(|number| number.parse().ok()),
    };
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(format!("device = \"{name}\": expected cpu, cuda or cuda:N")),
    }
}
