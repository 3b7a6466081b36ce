//! IdShort (Civitelli, Sortino, Lapucci, Bagattini, Galvan, 2021, arXiv:2112.12299): a residual network without
//! normalization, in which the sum of shortcut and branch is multiplied by a constant.
//!
//! y = √½·(shortcut + W₂·f(W₁·f(x) + b₁) + b₂). With He's rule a branch has the second moment of what it receives, and so
//! have the squared gradients behind it; the sum of two such signals has twice as much, which √½ undoes both ways. What
//! is not kept is the variance over images: the mean takes it over with depth.

use std::f64::consts::FRAC_1_SQRT_2;

use anyhow::Result;

use super::{BatchSizeOne, Descriptor, Paper};
use crate::nn::residual::Order;
use crate::nn::{Block, Builder, Layer, plain};
use crate::options::Options;

/// What `idshort` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "idshort",
    aliases: &["id-short"],
    summary: "residual units whose sum is multiplied by √½",
    formula: "y = √½·(shortcut + W₂·f(W₁·f(x) + b₁) + b₂)",
    paper: Paper {
        authors: "Civitelli, Sortino, Lapucci, Bagattini, Galvan",
        title: "A Robust Initialization of Residual Blocks for Effective ResNet Training Without Batch Normalization",
        venue: "2021, arXiv:2112.12299",
    },
    acts_on: &[],
    batch_size_one_fc: BatchSizeOne::Unsupported,
    extra_parameters: "b",
    departures: &[
        "The paper's equations were not at hand. Derived from its claim, that second moments and squared gradients are kept: \
         the factor √½, He's rule in branches and in projections, units of order v2 only.",
        "Its other shortcuts, with a trained factor or a convolution in every unit, are not here.",
    ],
    learning_rate_at_50: 0.05,
    build,
    residual_orders: &[Order::PreActivation],
    needs_residual: true,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, _options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    plain::build_with_sum_factor(block, FRAC_1_SQRT_2, builder)
}
