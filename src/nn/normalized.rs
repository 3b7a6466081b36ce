//! Layers whose pre-activation is normalized: the part that all such methods share.

use anyhow::Result;
use tch::Tensor;

use super::statistics::wide_kind;
use super::{ActivationPool, Block, Builder, Folded, Layer, Linear, Pass, Signal, init, plain};

/// A normalization of pre-activations.
pub trait Normalization {
    /// The normalized `linear` = W·x of shape `[N, outputs, ...]`, with gain and shift where the method has
    /// them.
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor;

    /// The weights that the linear operation gets, made from the trained ones.
    fn kernel(&self, weight: &Tensor) -> Tensor {
        weight.shallow_clone()
    }

    /// In evaluation, the factor and the shift that it multiplies each channel by and adds to it; `None` where it does
    /// more than that.
    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        None
    }

    /// As [`Layer::has_custom_backward`].
    fn has_custom_backward(&self) -> bool {
        false
    }

    /// As [`Layer::initialize`], with W·x of the start batch.
    fn initialize(&self, _linear: &Tensor) {}

    /// Whether it takes bfloat16 beside its own float32 parameters and loses nothing by it.
    fn takes_narrow(&self) -> bool {
        false
    }

    /// As [`Layer::after_step`].
    fn after_step(&self) {}

    /// As [`Layer::restart_population`].
    fn restart_population(&self) -> bool {
        false
    }
}

/// y = pool(f(norm(W·x))), or pool(f(norm(x))) for a block without a linear operation. W has no bias, since the
/// normalization removes it or has a shift of its own.
pub struct NormalizedLayer<N> {
    linear: Linear,
    normalization: N,
    activation_pool: ActivationPool,
}

impl<N: Normalization + 'static> NormalizedLayer<N> {
    /// A hidden block with the normalization that `make` builds, W started by He's rule. The last block is a plain linear
    /// layer with a bias, and one before the sum of a residual unit a plain one without.
    pub fn build(
        block: &Block,
        builder: &mut Builder,
        make: impl FnOnce(&mut Builder) -> Result<N>,
    ) -> Result<Box<dyn Layer>> {
        let weight = init::he(&builder.direction(), block.op.fan_in());
        NormalizedLayer::with_weight(weight, block, builder, make)
    }

    /// The same with W started at `weight`.
    pub fn with_weight(
        weight: Tensor,
        block: &Block,
        builder: &mut Builder,
        make: impl FnOnce(&mut Builder) -> Result<N>,
    ) -> Result<Box<dyn Layer>> {
        if !block.is_normalized() {
            return plain::build_unnormalized(block, weight, builder);
        }
        Ok(Box::new(NormalizedLayer {
            linear: Linear::build(block, weight, builder)?,
            normalization: make(builder)?,
            activation_pool: ActivationPool::build(block, builder)?,
        }))
    }
}

impl<N: Normalization> NormalizedLayer<N> {
    /// W·x, or x, in the element type that the normalization takes.
    fn linear(&self, input: &Signal) -> Tensor {
        let (op, x) = (self.linear.op(), input.value());
        let is_narrow = self.normalization.takes_narrow();
        match self.linear.weight() {
            None if is_narrow => x,
            None => x.to_kind(wide_kind(x.kind())),
            Some(weight) => {
                let kernel = self.normalization.kernel(weight);
                match is_narrow {
                    true => op.apply_narrow(&x, &kernel, None),
                    false => op.apply(&x, &kernel, None),
                }
            }
        }
    }
}

impl<N: Normalization> Layer for NormalizedLayer<N> {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        self.normalization.apply(&self.linear(input), pass)
    }

    fn initialize(&self, input: &Signal) {
        self.normalization.initialize(&self.linear(input));
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.activation_pool.apply(pre))
    }

    fn fold(&self) -> Option<Folded> {
        let map = self.normalization.evaluation_map()?;
        let weight = self.linear.weight();
        let kernel = weight.map(|weight| self.normalization.kernel(weight));
        Some(Folded::affine(
            self.linear.op(),
            kernel.as_ref(),
            map,
            &self.activation_pool,
        ))
    }

    fn has_custom_backward(&self) -> bool {
        self.normalization.has_custom_backward()
    }

    fn after_step(&self) {
        self.normalization.after_step();
    }

    fn restart_population(&self) -> bool {
        self.normalization.restart_population()
    }
}
