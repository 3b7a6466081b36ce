//! A block that is an activation alone: what methods that act on weights make of an identity.

use anyhow::Result;
use tch::Tensor;

use super::{ActivationPool, Block, Builder, Folded, Layer, Pass, Signal};

/// y = pool(f(x)), for a block without a linear operation.
#[derive(Debug)]
pub struct ActivationLayer {
    activation_pool: ActivationPool,
}

impl ActivationLayer {
    /// The layer of `block`.
    pub fn build(block: &Block, builder: &mut Builder) -> Result<Box<dyn Layer>> {
        Ok(Box::new(ActivationLayer {
            activation_pool: ActivationPool::build(block, builder)?,
        }))
    }
}

impl Layer for ActivationLayer {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        input.value()
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.activation_pool.apply_to_shared(&pre))
    }

    fn fold(&self) -> Option<Folded> {
        Some(Folded::activation(&self.activation_pool))
    }
}
