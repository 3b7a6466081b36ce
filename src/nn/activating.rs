//! Normalizations that are the activation too: their places in a network.
//!
//! They stand where a normalization with an activation behind it would. Where the normalization stands alone, in front of
//! the sum of a residual unit of order v1, only gain and shift are left of them; an activation that stands alone, behind
//! that sum, is the configuration's.

use anyhow::Result;
use tch::Tensor;

use super::{Affine, Block, Builder, Layer, Normalization, NormalizedLayer, Pass};
use crate::moments::Activation;

impl Normalization for Affine {
    fn apply(&self, linear: &Tensor, _pass: &Pass) -> Tensor {
        Affine::apply(self, linear)
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        Some((self.gamma.shallow_clone(), self.beta.shallow_clone()))
    }
}

/// The layer of `block`, with what `make` builds in the place of normalization and activation.
pub fn build<N: Normalization + 'static>(
    block: &Block,
    builder: &mut Builder,
    make: impl FnOnce(&mut Builder) -> Result<N>,
) -> Result<Box<dyn Layer>> {
    if !(block.is_normalized() && block.is_activated()) {
        return NormalizedLayer::build(block, builder, |builder| Affine::build(block, builder));
    }
    // The pool stays where it is.
    let bare = Block {
        activation: Activation::Identity,
        ..block.clone()
    };
    NormalizedLayer::build(&bare, builder, make)
}
