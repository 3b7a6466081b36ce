//! The Riemannian approach to batch normalization (Cho, Lee, NIPS 2017, arXiv:1709.09603).
//!
//! Behind batch normalization the length of a weight row does not matter, so a row is a point on the unit sphere
//! (a line through the origin: the Grassmannian G(1, n)), and the optimizer walks on it, by SGD-G or Adam-G
//! (`crate::nn::sphere`), with a regularizer that keeps the rows of a layer apart. Forward and evaluation are those
//! of batch normalization.

use std::rc::Rc;

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::statistics::{AVERAGE_MOMENTUM, EPS};
use crate::nn::{
    Adam, BatchNorm, BatchNormSettings, Block, Builder, Layer, Normalization, NormalizedLayer,
    Pass, Population, SphereStep, init,
};
use crate::options::{OptionSpec, Options};

/// What `riemannian-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "riemannian-bn",
    aliases: &["riemannian-batch-norm"],
    summary: "batch normalization with weight rows optimized on the sphere (SGD-G, Adam-G)",
    formula: "y = bn(W·x);  W_o ← W_o cos a + u sin a,  a = ‖d‖, u = d/a, d tangent to the sphere",
    paper: Paper {
        authors: "Cho, Lee",
        title: "Riemannian Approach to Batch Normalization",
        venue: "NIPS 2017, arXiv:1709.09603",
    },
    acts_on: &[ActsOn::Update],
    options: &[
        OptionSpec::choice("update", &["sgd-g", "adam-g"])
            .help("the step on the sphere"),
        OptionSpec::number("lr_factor", 0.0, 0.0, 1e6)
            .help("learning rate on the sphere, as a multiple of the others'; 0 stands for 20 with sgd-g, 5 with adam-g"),
        OptionSpec::number("longest_gradient", 0.1, 0.0, 1e6)
            .help("ν, the length to which a row's tangent gradient is shortened"),
        OptionSpec::number("orthogonality", 0.1, 0.0, 1e6)
            .help("ω, the weight of ½‖YYᵀ − I‖² over a layer's rows"),
        OptionSpec::number("beta1", 0.9, 0.0, 0.999_999)
            .help("β₁ of adam-g; sgd-g uses the run's momentum"),
        OptionSpec::number("beta2", 0.99, 0.0, 0.999_999)
            .help("β₂ of adam-g"),
        EPS,
        AVERAGE_MOMENTUM,
    ],
    departures: &[
        "On the sphere are the weights of hidden layers with fan-in above the number of outputs, fully connected ones too; the authors take convolutions only.",
        "In residual networks of order v2 these are the first convolutions of the units: stem, shortcuts and second convolutions feed a sum, where the length of a row matters (derived).",
        "The other parameters take the run's own step; the authors' learning rates there are 0.01, on the sphere 0.2 (SGD-G) or 0.05 (Adam-G), hence the factors.",
        "Running averages take 0.1 of the newest batch, as bn does, instead of 0.01: runs here are short.",
        "The running variance is unbiased, as in bn; the authors' is biased.",
        "The loss that is reported leaves the orthogonality term out. Weight decay does not act on rows on the sphere.",
        "The last layer is a plain linear layer with a bias.",
    ],
    build,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let (outputs, direction) = (block.op.outputs(), builder.direction());
    // Only in front of a normalization does the length of a row not matter.
    let spherical = block.is_normalized() && block.op.fan_in() > outputs;
    let weight = if spherical {
        &direction / block.op.per_row(&init::row_norms(&direction))
    } else {
        init::he(&direction, block.op.fan_in())
    };
    let settings = BatchNormSettings::of(options, Population::Running);
    let layer = NormalizedLayer::with_weight(weight, block, builder, |builder| {
        Ok(WideBatchNorm(BatchNorm::build(block, builder, settings)?))
    })?;
    if spherical {
        let rule = sphere_step(options, outputs, builder)?;
        builder.rule("weight", Rc::new(rule))?;
    }
    Ok(layer)
}

/// The update of a weight with this many rows.
fn sphere_step(options: &Options, rows: i64, builder: &mut Builder) -> Result<SphereStep> {
    let adam = if options.choice("update") == "adam-g" {
        Some(Adam {
            beta1: options.number("beta1"),
            beta2: options.number("beta2"),
            second: builder.buffer("second_moment", builder.filled(rows, 0.0))?,
            steps: builder.count("sphere_steps", 0.0)?,
        })
    } else {
        None
    };
    let lr_factor = match options.number("lr_factor") {
        0.0 if adam.is_some() => 5.0,
        0.0 => 20.0,
        factor => factor,
    };
    Ok(SphereStep {
        lr_factor,
        longest: options.number("longest_gradient"),
        orthogonality: options.number("orthogonality"),
        adam,
    })
}

/// Batch normalization that takes float32 also in mixed precision.
struct WideBatchNorm(BatchNorm);

impl Normalization for WideBatchNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        self.0.apply(linear, pass)
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        self.0.evaluation_map()
    }
}

#[cfg(test)]
mod tests;
