//! SkipInit (De, Smith, NeurIPS 2020, arXiv:2002.10444): a residual network without normalization, in which each branch
//! enters the sum multiplied by a trained number.
//!
//! y = shortcut + α·(W₂·f(W₁·f(x) + b₁) + b₂). At the start α = 0, so that a unit hands on its shortcut and the signal
//! does not grow with depth. α is worked into W₂ and b₂ before the convolution: no pass over activations is added.

use anyhow::Result;
use tch::Tensor;

use super::{BatchSizeOne, Descriptor, Paper};
use crate::nn::residual::{Order, Part};
use crate::nn::{ActivationPool, Block, Builder, Folded, Layer, Pass, Signal, init, plain};
use crate::options::{OptionSpec, Options};

/// What `skipinit` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "skipinit",
    aliases: &["skip-init", "rezero"],
    summary: "residual units whose branch is multiplied by a trained number that starts at 0",
    formula: "y = shortcut + α·(W₂·f(W₁·f(x) + b₁) + b₂)",
    paper: Paper {
        authors: "De, Smith",
        title: "Batch Normalization Biases Residual Blocks Towards the Identity Function in Deep Networks",
        venue: "NeurIPS 2020, arXiv:2002.10444",
    },
    acts_on: &[],
    batch_size_one_fc: BatchSizeOne::Unsupported,
    extra_parameters: "α a unit, b",
    options: &[
        OptionSpec::choice("rule", &["given", "depth"])
            .help("Where α starts: at `start`, or at 1/√d with d residual units in the network"),
        OptionSpec::number("start", 0.0, -10.0, 10.0).help("α at the start, with rule = \"given\""),
    ],
    departures: &[
        "Weights start by He's rule; the authors' published code draws truncated normals of variance 1/fan-in.",
        "The last layer starts as elsewhere here; in that code at 0.",
        "No dropout before the last layer.",
        "ReZero (Bachlechner et al., 2020) is this rule with α = 0 in other networks.",
    ],
    learning_rate_at_50: 0.05,
    build,
    residual_orders: &[Order::PreActivation],
    needs_residual: true,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let unit = block.residual.filter(|part| part.part == Part::Second);
    let Some(unit) = unit else {
        return plain::build(block, builder);
    };
    let start = match options.choice("rule") {
        "depth" => (unit.place.units as f64).sqrt().recip(),
        _ => options.number("start"),
    };
    let weight = init::he(&builder.direction(), block.op.fan_in());
    Ok(Box::new(ScaledBranch {
        block: block.clone(),
        weight: builder.weight("weight", weight)?,
        bias: builder.shift("bias", builder.filled(block.op.outputs(), 0.0))?,
        alpha: builder.gain("alpha", builder.filled(1, start))?,
        activation_pool: ActivationPool::build(block, builder)?,
    }))
}

/// The second convolution of a unit.
struct ScaledBranch {
    block: Block,
    weight: Tensor,
    bias: Tensor,
    alpha: Tensor,
    activation_pool: ActivationPool,
}

impl ScaledBranch {
    /// α·W and α·b.
    fn scaled(&self) -> (Tensor, Tensor) {
        (&self.weight * &self.alpha, &self.bias * &self.alpha)
    }
}

impl Layer for ScaledBranch {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let op = &self.block.op;
        op.apply(&input.value(), &self.weight, Some(&self.bias))
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.activation_pool.apply(pre) * &self.alpha)
    }

    fn forward(&self, input: &Signal, _pass: &Pass) -> Signal {
        let (weight, bias) = self.scaled();
        let op = &self.block.op;
        let pre = op.apply_narrow(&input.value(), &weight, Some(&bias));
        Signal::plain(self.activation_pool.apply(pre))
    }

    fn fold(&self) -> Option<Folded> {
        let (weight, bias) = self.scaled();
        Some(Folded::plain(weight, bias, &self.activation_pool))
    }
}
