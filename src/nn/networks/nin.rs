//! Network in Network.

use super::descriptor::NetworkDescriptor;
use crate::moments::Activation;
use crate::nn::{Block, LinearOp, MaxPool, NetworkKind, Node};
use crate::options::OptionSpec;

/// The descriptor.
pub static DESCRIPTOR: NetworkDescriptor = NetworkDescriptor {
    name: "nin",
    summary: "Network in Network: nine convolutions, two max-pools, global average pool",
    kind: |_| NetworkKind::Convolutional,
    keys: &[OptionSpec::number("width", 0.25, 0.001, 1000.0)
        .help("Multiplies the channels of every hidden layer of the NIN.")],
    takes_activation: true,
    takes_bf16: true,
    build: |keys, task| {
        Ok(network_in_network(
            task.channels,
            task.classes,
            keys.number("width"),
            task.activation,
        ))
    },
};

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
) -> Vec<Node> {
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
    let mut nodes = Vec::new();
    let mut inputs = channels;
    for (name, count, kernel, pooled) in plan {
        let outputs = scaled(count);
        nodes.push(Node::Block(Block {
            name: name.into(),
            op: LinearOp::Conv {
                inputs,
                outputs,
                kernel,
                padding: kernel / 2,
                stride: 1,
            },
            activation,
            pool: pooled.then_some(MaxPool {
                window: 3,
                stride: 2,
                padding: 1,
            }),
            first: nodes.is_empty(),
            last: false,
            residual: None,
        }));
        inputs = outputs;
    }
    let op = LinearOp::Conv {
        inputs,
        outputs: classes,
        kernel: 1,
        padding: 0,
        stride: 1,
    };
    nodes.push(Node::last(op, false));
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nin_has_the_papers_channels() {
        let nodes = network_in_network(3, 10, 1.0, Activation::Relu);
        let channels: Vec<i64> = nodes.iter().map(Node::outputs).collect();
        assert_eq!(channels, [192, 160, 96, 192, 192, 192, 192, 192, 10]);
        let weights: f64 = nodes.iter().map(Node::weights).sum();
        // 14,400 + 30,720 + 15,360 + 460,800 + 2·36,864 + 331,776 + 36,864 + 1,920
        assert_eq!(weights, 965_568.0);
    }

    #[test]
    fn width_scales_hidden_channels_only() {
        let nodes = network_in_network(1, 10, 0.25, Activation::Relu);
        let channels: Vec<i64> = nodes.iter().map(Node::outputs).collect();
        assert_eq!(channels, [48, 40, 24, 48, 48, 48, 48, 48, 10]);
        let narrow = network_in_network(1, 10, 0.001, Activation::Relu);
        assert_eq!(narrow[0].outputs(), 1);
    }
}
