//! Residual networks for small images.

use anyhow::Result;

use super::descriptor::NetworkDescriptor;
use super::units::Stages;
use crate::nn::residual::Order;
use crate::nn::{NetworkKind, Node, Task};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// Channels of stem and stages at width 1.
const CHANNELS: [i64; 3] = [16, 32, 64];
/// Depths of the paper, named where another is refused.
const PAPERS: &str = "20, 32, 44, 56, 110";

/// The descriptor.
pub static DESCRIPTOR: NetworkDescriptor = NetworkDescriptor {
    name: "resnet",
    summary: "Residual network: a 3×3 stem, three stages of units of two 3×3 convolutions, global average pool",
    kind: |keys| NetworkKind::Residual(order(keys)),
    keys: &[
        OptionSpec::count("depth", 20, 8, 1202)
            .help("Layers with weights, 6n + 2, of which n units make a stage."),
        OptionSpec::choice("order", &["v2", "v1"]).help(
            "v1: normalization and activation behind each convolution and the sum; v2: before each convolution.",
        ),
        OptionSpec::choice("shortcut", &["B", "A"]).help(
            "Where a unit changes shape, its shortcut is a 1×1 convolution (B), or takes every other row and column and appends channels of zeros (A).",
        ),
        OptionSpec::number("width", 1.0, 0.001, 1000.0)
            .help("Multiplies the channels of every hidden layer."),
    ],
    takes_activation: true,
    takes_bf16: true,
    build: |keys, task| residual(keys, task),
};

fn order(keys: &Options) -> Order {
    Order::named(keys.choice("order"))
}

/// The networks for CIFAR of He, Zhang, Ren, Sun (CVPR 2016, arXiv:1512.03385), `order` v1, and of the same (ECCV 2016,
/// arXiv:1603.05027), v2: stages of 16, 32 and 64 channels on maps of the image's side, a half and a quarter of it.
///
/// The papers' shortcut on CIFAR is A. Where its zeros stand they do not say; here they are the last channels.
fn residual(keys: &Options, task: &Task) -> Result<Vec<Node>> {
    let depth = keys.count("depth");
    if depth % 6 != 2 {
        let below = (depth - 2) / 6 * 6 + 2;
        return Err(usage!(
            "depth = {depth}: a resnet has 6n + 2 layers, such as {below} or {}; the paper's are {PAPERS}",
            below + 6
        ));
    }
    let width = keys.number("width");
    let scaled = |count: i64| ((count as f64 * width).round() as i64).max(1);
    let stages = Stages {
        order: order(keys),
        projects: keys.choice("shortcut") == "B",
        stem: scaled(CHANNELS[0]),
        channels: CHANNELS.map(scaled),
        units: (depth - 2) / 6,
    };
    Ok(stages.nodes(task))
}
