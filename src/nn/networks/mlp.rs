//! Multi-layer perceptron.

use super::descriptor::NetworkDescriptor;
use crate::moments::Activation;
use crate::nn::{Block, LinearOp, NetworkKind, Node};
use crate::options::OptionSpec;

/// The descriptor.
pub static DESCRIPTOR: NetworkDescriptor = NetworkDescriptor {
    name: "mlp",
    summary: "Multi-layer perceptron on flattened images",
    kind: |_| NetworkKind::Dense,
    keys: &[OptionSpec::counts("mlp_widths", &[256, 256], 1, 1_000_000)
        .help("Units of the hidden layers of the MLP.")],
    takes_activation: true,
    takes_bf16: true,
    build: |keys, task| {
        let pixels = task.channels * task.height * task.width;
        Ok(perceptron(
            pixels,
            task.classes,
            &keys.counts("mlp_widths"),
            task.activation,
        ))
    },
};

/// Multi-layer perceptron on flattened images: dense hidden layers of the given widths, then the logits.
pub fn perceptron(inputs: i64, classes: i64, widths: &[i64], activation: Activation) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut inputs = inputs;
    for (index, &width) in widths.iter().enumerate() {
        nodes.push(Node::Block(Block {
            name: format!("layer{}", index + 1),
            op: LinearOp::Dense {
                inputs,
                outputs: width,
            },
            activation,
            pool: None,
            first: index == 0,
            last: false,
            residual: None,
        }));
        inputs = width;
    }
    let op = LinearOp::Dense {
        inputs,
        outputs: classes,
    };
    let first = nodes.is_empty();
    nodes.push(Node::last(op, first));
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perceptron_without_hidden_layers_is_a_linear_classifier() {
        let nodes = perceptron(784, 10, &[], Activation::Relu);
        assert_eq!(nodes.len(), 1);
        assert!(
            nodes[0]
                .block()
                .is_some_and(|block| block.first && block.last)
        );
    }
}
