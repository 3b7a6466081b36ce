//! Weight rows as a length times a direction: w_o = g_o·v_o/‖v_o‖ (Salimans, Kingma, NIPS 2016, arXiv:1602.07868).

use anyhow::Result;
use tch::Tensor;

use super::residual::Part;
use super::statistics::{channel_means, channel_stds};
use super::{Block, Builder, LinearOp, Reparametrization, Signal, init};
use crate::moments::Activation;
use crate::options::{OptionSpec, Options};

/// Standard deviation of the entries of v at the start, as in the authors' code.
const DIRECTION_STD: f64 = 0.05;
/// Smallest σ that g = 1/σ is taken from: the gain of a channel that is always the same must stay finite.
const SMALLEST_STD: f64 = 1e-6;

/// Where g comes from at the start.
pub const START: OptionSpec = OptionSpec::choice("start", &["data", "he", "unit", "residual"]).help(
    "g and what is added from a batch of training images; or g the length of He's row; or g = 1; or g as Arpit, Campos and Bengio (NeurIPS 2019) start residual networks",
);

/// g and v of a block.
#[derive(Debug)]
pub struct LengthDirection {
    op: LinearOp,
    /// v.
    direction: Tensor,
    /// g, `[outputs]`.
    length: Tensor,
    from_data: bool,
}

impl LengthDirection {
    /// Registers both, started by the option [`START`].
    pub fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Self> {
        let direction = builder.direction();
        let length = match options.choice("start") {
            "he" => init::row_norms(&init::he(&direction, block.op.fan_in())),
            "residual" => builder.filled(block.op.outputs(), residual_length(block)),
            _ => builder.filled(block.op.outputs(), 1.0),
        };
        Ok(LengthDirection {
            op: block.op,
            direction: builder.weight("weight", direction * DIRECTION_STD)?,
            length: builder.gain("g", length)?,
            from_data: options.choice("start") == "data",
        })
    }

    fn rows(&self, length: &Tensor) -> Tensor {
        Tensor::internal_weight_norm(&self.direction, &self.op.per_row(length), 0)
    }

    /// Where the start is from data, makes the standard deviation of each channel of g·v·x/‖v‖ 1, and returns the means.
    pub fn scale_to(&self, input: &Signal) -> Option<Tensor> {
        if !self.from_data {
            return None;
        }
        let unit_rows = self.rows(&self.length.ones_like());
        let linear = self.op.apply(&input.value(), &unit_rows, None);
        let length = channel_stds(&linear).clamp_min(SMALLEST_STD).reciprocal();
        self.length.shallow_clone().copy_(&length);
        Some(channel_means(&linear) * length)
    }
}

/// g that keeps the length of a residual network's signal, forward and backward (Arpit, Campos, Bengio, NeurIPS 2019,
/// arXiv:1906.02341): √(q·fan-in/fan-out), with q = 2 where an activation follows, 1/N for the second convolution of a
/// unit in a stage of N, and 1 elsewhere.
fn residual_length(block: &Block) -> f64 {
    let share = match block.residual {
        Some(unit) if unit.part == Part::Second => 1.0 / unit.place.units_in_stage as f64,
        _ if block.activation == Activation::Identity => 1.0,
        _ => 2.0,
    };
    (share * block.op.inputs() as f64 / block.op.outputs() as f64).sqrt()
}

impl Reparametrization for LengthDirection {
    fn kernel(&self) -> Tensor {
        self.rows(&self.length)
    }

    /// A bias removes the means of the first batch.
    fn initialize(&self, bias: Option<&Tensor>, input: &Signal) {
        if let (Some(means), Some(bias)) = (self.scale_to(input), bias) {
            bias.shallow_clone().copy_(&-means);
        }
    }
}
