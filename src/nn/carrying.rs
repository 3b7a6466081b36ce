//! Blocks without a normalization, under methods that estimate what flows: the estimate is carried through them.

use std::cell::RefCell;

use anyhow::Result;
use tch::Tensor;

use super::{ActivationPool, Block, Builder, Estimate, Layer, Linear, Pass, Signal};

/// y = pool(f(W·x)), or pool(f(x)) without a linear operation; the estimate of y is made of that of x.
#[derive(Debug)]
pub struct CarryingLayer {
    linear: Linear,
    activation_pool: ActivationPool,
    /// The estimate in front of the activation, on its way from a pass's first half to its second.
    carried: RefCell<Option<Estimate>>,
}

impl CarryingLayer {
    /// The layer of `block`, W started at `initial`.
    pub fn build(block: &Block, initial: Tensor, builder: &mut Builder) -> Result<CarryingLayer> {
        Ok(CarryingLayer {
            linear: Linear::build(block, initial, builder)?,
            activation_pool: ActivationPool::build(block, builder)?,
            carried: RefCell::new(None),
        })
    }
}

impl Layer for CarryingLayer {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let (op, weight) = (self.linear.op(), self.linear.weight());
        let estimate = input.estimate.as_ref();
        self.carried
            .replace(estimate.map(|estimate| estimate.through_linear(op, weight)));
        self.linear.apply(&input.value())
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        let carried = self.carried.take();
        let estimate =
            carried.map(|estimate| estimate.through_activation_pool(&self.activation_pool));
        Signal {
            estimate,
            ..Signal::plain(self.activation_pool.apply_to_shared(&pre))
        }
    }
}
