//! The weight rows that a layer applies.

use tch::{Kind, Tensor};

use super::basis::Basis;
use crate::nn::{Block, LinearOp, Network, Pass, Signal};

/// A layer whose pre-activations its rows predict to this share is taken as affine.
const AFFINE_TOLERANCE: f64 = 1e-2;

/// Which weight rows were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// The rows that the layer applies in evaluation, method included: measured, since
    /// pre-activation = rows·input + constant.
    Effective,
    /// The stored weight, for layers that are not affine in evaluation.
    Stored,
}

impl Rows {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Rows::Effective => "effective",
            Rows::Stored => "stored",
        }
    }
}

/// The rows the layer applies, or the stored ones where it is not affine.
pub(super) fn weight_rows(
    network: &Network,
    index: usize,
    block: &Block,
    inputs: &Tensor,
    outputs: &Tensor,
) -> (Rows, Tensor) {
    let (rows, constant) = effective_rows(network, index, &block.op);
    // Where the inputs read are channels, they do not determine the pre-activation.
    let comparable = Basis::of(&block.op) != Basis::Channels;
    let stored = network.parameters.get(&format!("{}.weight", block.name));
    if let Some(stored) = stored.filter(|_| comparable) {
        let predicted = inputs.matmul(&rows.tr()) + &constant;
        let off = (predicted - outputs).norm().double_value(&[]);
        let size = (outputs - &constant).norm().double_value(&[]);
        if off > AFFINE_TOLERANCE * size {
            let rows = stored.detach().flatten(1, -1);
            return (Rows::Stored, rows.to_kind(Kind::Double));
        }
    }
    (Rows::Effective, rows)
}

/// Rows `[outputs, fan-in]` and constant `[outputs]` of a layer's affine map, by sending the unit
/// vectors and zero through it.
pub fn effective_rows(network: &Network, index: usize, op: &LinearOp) -> (Tensor, Tensor) {
    let _guard = tch::no_grad_guard();
    let layer = &network.blocks[index].layer;
    let fan_in = op.fan_in();
    let send = |x| layer.pre_activation(&Signal::plain(x), &Pass::eval());
    let answer = |units: Tensor| match *op {
        LinearOp::Dense { .. } | LinearOp::Identity { .. } => send(units),
        LinearOp::Conv {
            inputs,
            kernel,
            padding,
            stride,
            ..
        } => {
            // So many zeros before the patch, and the kernel lies on it, and only on it, at one position.
            let zeros = (stride - padding % stride) % stride;
            let maps = units.view([-1, inputs, kernel, kernel]);
            let pre = send(maps.constant_pad_nd([zeros, 0, zeros, 0]));
            let position = (padding + zeros) / stride;
            pre.select(3, position).select(2, position)
        }
    };
    let options = (network.parameters.kind, network.parameters.device);
    let constant = answer(Tensor::zeros([1, fan_in], options));
    let moved = answer(Tensor::eye(fan_in, options));
    let rows = (moved - &constant).tr().to_kind(Kind::Double);
    (rows, constant.squeeze_dim(0).to_kind(Kind::Double))
}
