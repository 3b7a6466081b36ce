//! A block's linear operation without a bias, where it has one.

use anyhow::Result;
use tch::Tensor;

use super::statistics::wide_kind;
use super::{Block, Builder, LinearOp};

/// x ↦ W·x, or x where the block has no weights.
#[derive(Debug)]
pub struct Linear {
    op: LinearOp,
    weight: Option<Tensor>,
}

impl Linear {
    /// That of `block`, W registered as `weight` and started at `initial`.
    pub fn build(block: &Block, initial: Tensor, builder: &mut Builder) -> Result<Linear> {
        let weight = match block.op.is_identity() {
            true => None,
            false => Some(builder.weight("weight", initial)?),
        };
        let op = block.op;
        Ok(Linear { op, weight })
    }

    /// The operation.
    pub fn op(&self) -> &LinearOp {
        &self.op
    }

    /// W.
    pub fn weight(&self) -> Option<&Tensor> {
        self.weight.as_ref()
    }

    /// W·x in the element type of W, or x in the one that sums are taken in. The latter may be `x` itself.
    pub fn apply(&self, x: &Tensor) -> Tensor {
        match &self.weight {
            None => x.to_kind(wide_kind(x.kind())),
            Some(weight) => self.op.apply(x, weight, None),
        }
    }
}
