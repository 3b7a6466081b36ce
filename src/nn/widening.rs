//! What a method does to the widths of a network.

use super::Block;
use super::node::Node;
use super::residual::{Kept, Shortcut};

/// How a method changes the widths of a network's hidden blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Widening {
    /// Channels that a block hands on for each output of its linear operation.
    pub channels_per_output: i64,
    /// Multiplies the outputs of every hidden linear operation.
    pub width: f64,
}

impl Widening {
    /// Leaves every network as it is.
    pub const NONE: Widening = Widening {
        channels_per_output: 1,
        width: 1.0,
    };

    /// The nodes with these widths. An LSTM keeps its own. In a residual network the stream has a channel for each output:
    /// only inside a branch and behind the head has it more.
    pub fn apply(self, mut nodes: Vec<Node>) -> Vec<Node> {
        let (mut inputs, mut stream) = (None, None);
        for node in &mut nodes {
            let Node::Block(block) = node else { continue };
            let keeps = block.residual.and_then(|part| part.keeps());
            if keeps == Some(Kept::Input) {
                stream = inputs;
            }
            let on_shortcut = block.residual.is_some_and(|part| part.acts_on_shortcut());
            let received = if on_shortcut { stream } else { inputs };
            let made = self.widen(block, received, stream);
            if keeps == Some(Kept::Output) {
                stream = Some(made);
            }
            if !on_shortcut {
                inputs = Some(made);
            }
        }
        nodes
    }

    /// Widens a block that receives so many channels; returns how many it hands on.
    fn widen(self, block: &mut Block, received: Option<i64>, stream: Option<i64>) -> i64 {
        let width = if block.last { 1.0 } else { self.width };
        let widened = ((block.op.outputs() as f64 * width).round() as i64).max(1);
        let received = received.unwrap_or(block.op.inputs());
        block.op = block.op.resized(received, widened);
        let outputs = block.op.outputs();
        let Some(part) = &mut block.residual else {
            return outputs * self.channels_per_output;
        };
        if let (Shortcut::Pad { channels, .. }, Some(stream)) = (&mut part.shortcut, stream) {
            *channels = outputs - stream;
        }
        match part.may_widen() {
            true => outputs * self.channels_per_output,
            false => outputs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Activation;
    use crate::nn::networks::network_in_network;

    #[test]
    fn a_widening_changes_hidden_outputs_and_what_the_next_block_receives() {
        let nodes = network_in_network(3, 10, 1.0, Activation::Relu);
        assert_eq!(Widening::NONE.apply(nodes.clone()), nodes);
        let doubled = Widening {
            channels_per_output: 2,
            width: 0.5,
        }
        .apply(nodes);
        let sizes: Vec<(i64, i64)> = doubled
            .iter()
            .filter_map(Node::block)
            .map(|block| (block.op.inputs(), block.op.outputs()))
            .collect();
        assert_eq!(sizes[..3], [(3, 96), (192, 80), (160, 48)]);
        assert_eq!(sizes[8], (192, 10));
    }
}
