//! The Riemannian approach to batch normalization (Cho, Lee, NIPS 2017, arXiv:1709.09603).
//!
//! Behind batch normalization the length of a weight row does not matter, so a row is a point on the unit sphere
//! (a line through the origin: the Grassmannian G(1, n)), and the optimizer walks on it, by SGD-G or Adam-G
//! (`crate::nn::sphere`), with a regularizer that keeps the rows of a layer apart. Forward and evaluation are those
//! of batch normalization.

use std::rc::Rc;

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, BatchSizeOne, Descriptor, Paper};
use crate::nn::batch_norm::{BatchNorm, BatchNormSettings, Population};
use crate::nn::block::{Block, LinearOp};
use crate::nn::init;
use crate::nn::normalized::Normalization;
use crate::nn::plain;
use crate::nn::sphere::{Adam, SphereStep};
use crate::nn::{ActivationPool, Builder, Folded, Layer, Pass, Signal};
use crate::options::{OptionKind, OptionSpec, Options};

/// What `riemannian-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "riemannian-bn",
    summary: "batch normalization with weight rows optimized on the sphere (SGD-G, Adam-G)",
    formula: "y = bn(W·x);  W_o ← W_o cos a + u sin a,  a = ‖d‖, u = d/a, d tangent to the sphere",
    paper: Paper {
        authors: "Cho, Lee",
        title: "Riemannian Approach to Batch Normalization",
        venue: "NIPS 2017, arXiv:1709.09603",
        year: 2017,
    },
    acts_on: ActsOn::Update,
    uses_batch_statistics: true,
    train_equals_eval: false,
    row_scale_invariant: true,
    batch_size_one_conv: BatchSizeOne::Degenerates,
    batch_size_one_fc: BatchSizeOne::Refused,
    extra_parameters: "γ, β",
    options: &[
        OptionSpec {
            name: "update",
            kind: OptionKind::Choice(&["sgd-g", "adam-g"]),
            help: "the step on the sphere",
        },
        OptionSpec {
            name: "lr_factor",
            kind: OptionKind::Number {
                default: 0.0,
                low: 0.0,
                high: f64::INFINITY,
            },
            help: "learning rate on the sphere, as a multiple of the others'; 0 stands for 20 with sgd-g, 5 with adam-g",
        },
        OptionSpec {
            name: "longest_gradient",
            kind: OptionKind::Number {
                default: 0.1,
                low: 0.0,
                high: f64::INFINITY,
            },
            help: "ν, the length to which a row's tangent gradient is shortened",
        },
        OptionSpec {
            name: "orthogonality",
            kind: OptionKind::Number {
                default: 0.1,
                low: 0.0,
                high: f64::INFINITY,
            },
            help: "ω, the weight of ½‖YYᵀ − I‖² over a layer's rows",
        },
        OptionSpec {
            name: "beta1",
            kind: OptionKind::Number {
                default: 0.9,
                low: 0.0,
                high: 0.999_999,
            },
            help: "β₁ of adam-g; sgd-g uses the run's momentum",
        },
        OptionSpec {
            name: "beta2",
            kind: OptionKind::Number {
                default: 0.99,
                low: 0.0,
                high: 0.999_999,
            },
            help: "β₂ of adam-g",
        },
        OptionSpec {
            name: "eps",
            kind: OptionKind::Number {
                default: 1e-5,
                low: 0.0,
                high: 1.0,
            },
            help: "ε of batch normalization, added to the variance",
        },
        OptionSpec {
            name: "average_momentum",
            kind: OptionKind::Number {
                default: 0.1,
                low: 0.0,
                high: 1.0,
            },
            help: "weight of the newest batch in the running averages (0.01 in the authors' code)",
        },
    ],
    departures: &[
        "On the sphere are the weights of hidden layers with fan-in above the number of outputs, fully connected ones too; the authors take convolutions only.",
        "The other parameters take the run's own step; the authors' learning rates there are 0.01, on the sphere 0.2 (SGD-G) or 0.05 (Adam-G), hence the factors.",
        "Running averages take 0.1 of the newest batch, as bn does, instead of 0.01: runs here are short.",
        "The loss that is reported leaves the orthogonality term out. Weight decay does not act on rows on the sphere.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.02,
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if block.last {
        return plain::build(block, builder);
    }
    let (outputs, direction) = (block.op.outputs(), builder.direction());
    let spherical = block.op.fan_in() > outputs;
    let weight = if spherical {
        &direction / block.op.per_row(&init::row_norms(&direction))
    } else {
        init::he(&direction, block.op.fan_in())
    };
    let settings = BatchNormSettings {
        eps: options.number("eps"),
        momentum: options.number("average_momentum"),
        population: Population::Running,
    };
    let layer = RiemannianBatchNorm {
        op: block.op,
        weight: builder.weight("weight", weight)?,
        norm: BatchNorm::build(block, builder, settings)?,
        activation_pool: ActivationPool::build(block, builder)?,
    };
    if spherical {
        let rule = sphere_step(options, outputs, builder)?;
        builder.rule("weight", Rc::new(rule))?;
    }
    Ok(Box::new(layer))
}

/// The update of a weight with this many rows.
fn sphere_step(options: &Options, rows: i64, builder: &mut Builder) -> Result<SphereStep> {
    let adam = if options.choice("update") == "adam-g" {
        let (second, steps) = (builder.filled(rows, 0.0), builder.filled(1, 0.0));
        Some(Adam {
            beta1: options.number("beta1"),
            beta2: options.number("beta2"),
            second: builder.buffer("second_moment", second)?,
            steps: builder.buffer("sphere_steps", steps)?,
        })
    } else {
        None
    };
    let lr_factor = match options.number("lr_factor") {
        0.0 if adam.is_some() => 5.0,
        0.0 => 20.0,
        factor => factor,
    };
    let (longest, orthogonality) = (
        options.number("longest_gradient"),
        options.number("orthogonality"),
    );
    Ok(SphereStep {
        lr_factor,
        longest,
        orthogonality,
        adam,
    })
}

struct RiemannianBatchNorm {
    op: LinearOp,
    weight: Tensor,
    norm: BatchNorm,
    activation_pool: ActivationPool,
}

impl Layer for RiemannianBatchNorm {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        let linear = self.op.apply(&input.value(), &self.weight, None);
        self.norm.apply(&linear, pass)
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.activation_pool.apply(pre))
    }

    fn fold(&self) -> Option<Folded> {
        let map = self.norm.evaluation_map()?;
        Some(Folded::affine(
            &self.op,
            &self.weight,
            map,
            &self.activation_pool,
        ))
    }
}

#[cfg(test)]
mod tests;
