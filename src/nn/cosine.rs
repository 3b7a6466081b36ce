//! The cosine between weights and what they see, in place of the product.

use anyhow::Result;
use tch::Tensor;

use super::rows::sum_of_rows;
use super::statistics::{centered_rows, patch_spreads, patch_sums};
use super::{ActivationLayer, ActivationPool, Block, Builder, Layer, Pass, Signal, init, plain};

/// A patch has no contrast where Σ(x − μ)² is at most this part of Σx²: of a constant one float32 leaves less.
const FLAT: f64 = 1e-8;

/// How a [`CosineLayer`] is built.
#[derive(Debug, Clone, Copy)]
pub struct CosineSettings {
    /// Whether the means of row and patch are subtracted first (Pearson's correlation).
    pub centered: bool,
    /// Whether rows have a bias b, as one more weight on an input that is 1.
    pub bias: bool,
    /// ε, added to both squared lengths.
    pub eps: f64,
    /// Whether the last layer is such a layer too, times a trained number that starts at this; else it is
    /// a plain linear layer.
    pub logit_scale: Option<f64>,
}

/// y_o = ⟨w_o, x⟩/(√(‖w_o‖² + ε) √(‖x‖² + ε)), x being what the output sees: the input vector, or the patch
/// under the kernel with padding as zeros. Then activation and pool. With a bias w_o is (w_o, b_o) and x is (x, 1).
///
/// No patch is ever written out, and the mean of x drops out of the product because a centered row sums to 0. A
/// patch without contrast has no correlation: its product is a rounding error, which 1/√ε would magnify layer by
/// layer, so it gives 0 and passes no gradient.
pub struct CosineLayer {
    block: Block,
    weight: Tensor,
    /// b, `[outputs]`, started at 0.
    bias: Option<Tensor>,
    settings: CosineSettings,
    /// Number that logits are multiplied by, `[1]`.
    scale: Option<Tensor>,
    activation_pool: ActivationPool,
}

impl CosineLayer {
    /// The layer of `block`; row lengths start by He's rule and do not matter.
    pub fn build(
        block: &Block,
        builder: &mut Builder,
        settings: CosineSettings,
    ) -> Result<Box<dyn Layer>> {
        if block.last && settings.logit_scale.is_none() {
            return plain::build(block, builder);
        }
        if block.op.is_identity() {
            return ActivationLayer::build(block, builder);
        }
        let weight = init::he(&builder.direction(), block.op.fan_in());
        let scale = match settings.logit_scale {
            Some(initial) if block.last => {
                Some(builder.gain("logit_scale", builder.filled(1, initial))?)
            }
            _ => None,
        };
        Ok(Box::new(CosineLayer {
            block: block.clone(),
            weight: builder.weight("weight", weight)?,
            bias: if settings.bias {
                Some(builder.shift("bias", builder.filled(block.op.outputs(), 0.0))?)
            } else {
                None
            },
            settings,
            scale,
            activation_pool: ActivationPool::build(block, builder)?,
        }))
    }

    /// 1/√(Σx² + 1 for a bias + ε) of each patch; centered, 1/√(Σ(x − μ)² + ε), and 0 without contrast.
    fn patch_factors(&self, x: &Tensor) -> Tensor {
        let (op, eps) = (&self.block.op, self.settings.eps);
        let squares = patch_sums(op, &x.square());
        if !self.settings.centered {
            let ones = f64::from(self.settings.bias);
            return (squares + (ones + eps)).rsqrt();
        }
        let spreads = patch_spreads(op, x);
        let is_flat = spreads.le_tensor(&(squares * FLAT));
        // Filled before the root too: its derivative at 0 is not a number.
        let factors = (spreads.masked_fill(&is_flat, 1.0) + eps).rsqrt();
        factors.masked_fill(&is_flat, 0.0)
    }
}

impl Layer for CosineLayer {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let rows = if self.settings.centered {
            centered_rows(&self.weight)
        } else {
            self.weight.shallow_clone()
        };
        let squared = sum_of_rows(&rows.square());
        let squared = match &self.bias {
            Some(bias) => squared + bias.square(),
            None => squared,
        };
        let factor = (squared + self.settings.eps).rsqrt();
        let factor = match &self.scale {
            Some(scale) => factor * scale,
            None => factor,
        };
        let (x, op) = (input.value(), &self.block.op);
        let bias = self.bias.as_ref().map(|bias| bias * &factor);
        let product = op.apply(&x, &(rows * op.per_row(&factor)), bias.as_ref());
        product * self.patch_factors(&x)
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.activation_pool.apply(pre))
    }
}
