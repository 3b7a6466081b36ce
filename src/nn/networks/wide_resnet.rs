//! Wide residual networks.

use anyhow::Result;

use super::descriptor::NetworkDescriptor;
use super::units::Stages;
use crate::nn::residual::Order;
use crate::nn::{NetworkKind, Node, Task};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// Channels of the stem.
const STEM: i64 = 16;

/// The descriptor.
pub static DESCRIPTOR: NetworkDescriptor = NetworkDescriptor {
    name: "wide-resnet",
    summary: "Wide residual network WRN-d-k: pre-activation units, k times as many channels",
    kind: |_| NetworkKind::Residual(Order::PreActivation),
    keys: &[
        OptionSpec::count("depth", 16, 8, 1202)
            .help("Layers with weights, 6n + 4, of which n units make a stage."),
        OptionSpec::count("widening", 1, 1, 100)
            .help("k, which multiplies the channels of the three stages."),
    ],
    takes_activation: true,
    takes_bf16: true,
    build: |keys, task| wide_residual(keys, task),
};

/// WRN-d-k of Zagoruyko, Komodakis (BMVC 2016, arXiv:1605.07146), without dropout: a stem of 16 channels, stages of 16k,
/// 32k and 64k. Shortcuts that change shape are 1×1 convolutions of the activated input.
fn wide_residual(keys: &Options, task: &Task) -> Result<Vec<Node>> {
    let (depth, widening) = (keys.count("depth"), keys.count("widening"));
    if depth % 6 != 4 {
        let below = ((depth - 4) / 6 * 6 + 4).clamp(10, 1192);
        return Err(usage!(
            "depth = {depth}: a wide-resnet has 6n + 4 layers, such as {} or {}; the paper's are 16, 22, 28, 40",
            below,
            below + 6
        ));
    }
    let stages = Stages {
        order: Order::PreActivation,
        projects: true,
        stem: STEM,
        channels: [16, 32, 64].map(|channels| channels * widening),
        units: (depth - 4) / 6,
    };
    Ok(stages.nodes(task))
}
