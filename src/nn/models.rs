//! The networks, as lists of blocks.

use super::block::{Block, LAST, LinearOp, MaxPool};
use crate::moments::Activation;

/// Network in Network as NormProp's paper uses it: three groups of a wide convolution and two 1×1 ones,
/// a 3×3 stride-2 max-pool behind the first two groups, global average pool behind the last.
///
/// C(192,5) C(160,1) C(96,1) P · C(192,5) C(192,1) C(192,1) P · C(192,3) C(192,1) C(classes,1).
/// `width` multiplies every hidden channel count (rounded, at least 1). The channel counts are those of
/// Lin, Chen, Yan (ICLR 2014, arXiv:1312.4400); that paper's second pool is an average, here both are maxima.
pub fn network_in_network(
    channels: i64,
    classes: i64,
    width: f64,
    activation: Activation,
) -> Vec<Block> {
    let scaled = |count: f64| ((count * width).round() as i64).max(1);
    // (name, output channels at width 1, kernel, pool behind it)
    let plan = [
        ("conv1", 192.0, 5, false),
        ("conv1a", 160.0, 1, false),
        ("conv1b", 96.0, 1, true),
        ("conv2", 192.0, 5, false),
        ("conv2a", 192.0, 1, false),
        ("conv2b", 192.0, 1, true),
        ("conv3", 192.0, 3, false),
        ("conv3a", 192.0, 1, false),
    ];
    let mut blocks = Vec::new();
    let mut inputs = channels;
    for (name, count, kernel, pooled) in plan {
        let outputs = scaled(count);
        blocks.push(Block {
            name: name.into(),
            op: LinearOp::Conv {
                inputs,
                outputs,
                kernel,
                padding: kernel / 2,
            },
            activation,
            pool: pooled.then_some(MaxPool {
                window: 3,
                stride: 2,
                padding: 1,
            }),
            first: blocks.is_empty(),
            last: false,
        });
        inputs = outputs;
    }
    let op = LinearOp::Conv {
        inputs,
        outputs: classes,
        kernel: 1,
        padding: 0,
    };
    blocks.push(last_block(op, false));
    blocks
}

/// How a method changes the widths of a network's hidden blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// Channels that a block hands on for each output of its linear operation.
    pub channels_per_output: i64,
    /// Multiplies the outputs of every hidden linear operation.
    pub width: f64,
}

impl Layout {
    /// Leaves every network as it is.
    pub const PLAIN: Layout = Layout {
        channels_per_output: 1,
        width: 1.0,
    };

    /// The blocks with this layout.
    pub fn apply(self, mut blocks: Vec<Block>) -> Vec<Block> {
        let mut inputs = None;
        for block in &mut blocks {
            let width = if block.last { 1.0 } else { self.width };
            let widened = ((block.op.outputs() as f64 * width).round() as i64).max(1);
            block.op = block
                .op
                .resized(inputs.unwrap_or(block.op.inputs()), widened);
            inputs = Some(widened * self.channels_per_output);
        }
        blocks
    }
}

/// Multi-layer perceptron on flattened images: dense hidden layers of the given widths, then the logits.
pub fn perceptron(
    inputs: i64,
    classes: i64,
    widths: &[usize],
    activation: Activation,
) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut inputs = inputs;
    for (index, &width) in widths.iter().enumerate() {
        blocks.push(Block {
            name: format!("layer{}", index + 1),
            op: LinearOp::Dense {
                inputs,
                outputs: width as i64,
            },
            activation,
            pool: None,
            first: index == 0,
            last: false,
        });
        inputs = width as i64;
    }
    let op = LinearOp::Dense {
        inputs,
        outputs: classes,
    };
    let first = blocks.is_empty();
    blocks.push(last_block(op, first));
    blocks
}

/// An LSTM that reads images row by row, `inputs` numbers a row, and the logits on its last state.
pub fn lstm(inputs: i64, hidden: i64, classes: i64) -> Vec<Block> {
    let reader = Block {
        name: "lstm".into(),
        op: LinearOp::Lstm { inputs, hidden },
        activation: Activation::Identity,
        pool: None,
        first: true,
        last: false,
    };
    let op = LinearOp::Dense {
        inputs: hidden,
        outputs: classes,
    };
    vec![reader, last_block(op, false)]
}

fn last_block(op: LinearOp, first: bool) -> Block {
    Block {
        name: LAST.into(),
        op,
        activation: Activation::Identity,
        pool: None,
        first,
        last: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nin_has_the_papers_channels() {
        let blocks = network_in_network(3, 10, 1.0, Activation::Relu);
        let channels: Vec<i64> = blocks.iter().map(|block| block.op.outputs()).collect();
        assert_eq!(channels, [192, 160, 96, 192, 192, 192, 192, 192, 10]);
        let weights: i64 = blocks
            .iter()
            .map(|block| block.op.outputs() * block.op.fan_in())
            .sum();
        // 14,400 + 30,720 + 15,360 + 460,800 + 2·36,864 + 331,776 + 36,864 + 1,920
        assert_eq!(weights, 965_568);
    }

    #[test]
    fn width_scales_hidden_channels_only() {
        let blocks = network_in_network(1, 10, 0.25, Activation::Relu);
        let channels: Vec<i64> = blocks.iter().map(|block| block.op.outputs()).collect();
        assert_eq!(channels, [48, 40, 24, 48, 48, 48, 48, 48, 10]);
        assert!(
            network_in_network(1, 10, 0.001, Activation::Relu)[0]
                .op
                .outputs()
                == 1
        );
    }

    #[test]
    fn a_layout_changes_hidden_outputs_and_what_the_next_block_receives() {
        let blocks = network_in_network(3, 10, 1.0, Activation::Relu);
        assert_eq!(Layout::PLAIN.apply(blocks.clone()), blocks);
        let doubled = Layout {
            channels_per_output: 2,
            width: 0.5,
        }
        .apply(blocks);
        let sizes: Vec<(i64, i64)> = doubled
            .iter()
            .map(|block| (block.op.inputs(), block.op.outputs()))
            .collect();
        assert_eq!(sizes[..3], [(3, 96), (192, 80), (160, 48)]);
        assert_eq!(sizes[8], (192, 10));
    }

    #[test]
    fn a_perceptron_without_hidden_layers_is_a_linear_classifier() {
        let blocks = perceptron(784, 10, &[], Activation::Relu);
        assert_eq!(blocks.len(), 1);
        assert!(blocks[0].first && blocks[0].last);
    }
}
