//! Layers whose weights are computed from other parameters: the part that all such methods share.

use anyhow::Result;
use tch::Tensor;

use super::{ActivationLayer, ActivationPool, Block, Builder, Folded, Layer, Pass, Signal};

/// Weights as a function of trained parameters.
pub trait Reparametrization {
    /// The weights that the linear operation gets, of the block's weight shape.
    fn kernel(&self) -> Tensor;

    /// As [`Layer::initialize`]; may set `bias`, where there is one.
    fn initialize(&self, _bias: Option<&Tensor>, _input: &Signal) {}

    /// As [`Layer::sum_factor`].
    fn sum_factor(&self) -> f64 {
        1.0
    }

    /// As [`Layer::after_step`].
    fn after_step(&self) {}
}

/// y = pool(f(Ŵ·x + b)) with Ŵ from a [`Reparametrization`], b started at 0. Every block with weights, the last
/// included, is built so.
pub struct ReparametrizedLayer<R> {
    block: Block,
    weights: R,
    bias: Option<Tensor>,
    activation_pool: ActivationPool,
}

impl<R: Reparametrization + 'static> ReparametrizedLayer<R> {
    /// A block with the weights that `make` builds.
    pub fn build(
        block: &Block,
        builder: &mut Builder,
        make: impl FnOnce(&mut Builder) -> Result<R>,
    ) -> Result<Box<dyn Layer>> {
        ReparametrizedLayer::build_with(true, block, builder, make)
    }

    /// The same without b.
    pub fn without_bias(
        block: &Block,
        builder: &mut Builder,
        make: impl FnOnce(&mut Builder) -> Result<R>,
    ) -> Result<Box<dyn Layer>> {
        ReparametrizedLayer::build_with(false, block, builder, make)
    }

    fn build_with(
        has_bias: bool,
        block: &Block,
        builder: &mut Builder,
        make: impl FnOnce(&mut Builder) -> Result<R>,
    ) -> Result<Box<dyn Layer>> {
        if block.op.is_identity() {
            return ActivationLayer::build(block, builder);
        }
        Ok(Box::new(ReparametrizedLayer {
            block: block.clone(),
            weights: make(builder)?,
            bias: match has_bias {
                true => Some(builder.shift("bias", builder.filled(block.op.outputs(), 0.0))?),
                false => None,
            },
            activation_pool: ActivationPool::build(block, builder)?,
        }))
    }
}

impl<R: Reparametrization> Layer for ReparametrizedLayer<R> {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        self.block
            .op
            .apply_narrow(&input.value(), &self.weights.kernel(), self.bias.as_ref())
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.activation_pool.apply(pre))
    }

    fn fold(&self) -> Option<Folded> {
        let kernel = self.weights.kernel();
        let zeros =
            || kernel.new_zeros([self.block.op.outputs()], (kernel.kind(), kernel.device()));
        let bias = self.bias.as_ref().map_or_else(zeros, Tensor::shallow_clone);
        Some(Folded::plain(kernel, bias, &self.activation_pool))
    }

    fn initialize(&self, input: &Signal) {
        self.weights.initialize(self.bias.as_ref(), input);
    }

    fn sum_factor(&self) -> f64 {
        self.weights.sum_factor()
    }

    fn after_step(&self) {
        self.weights.after_step();
    }
}
