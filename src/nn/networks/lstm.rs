//! A network that reads an image row by row with a long short-term memory.

use super::descriptor::NetworkDescriptor;
use crate::nn::{LinearOp, LstmBlock, NetworkKind, Node};
use crate::options::OptionSpec;

/// The descriptor.
pub static DESCRIPTOR: NetworkDescriptor = NetworkDescriptor {
    name: "lstm",
    summary: "LSTM that reads an image row by row",
    kind: |_| NetworkKind::Recurrent,
    keys: &[OptionSpec::count("lstm_hidden", 128, 1, 1_000_000).help("Units of the LSTM.")],
    takes_activation: false,
    takes_bf16: false,
    build: |keys, task| {
        Ok(lstm(
            task.channels * task.width,
            keys.count("lstm_hidden"),
            task.classes,
        ))
    },
};

/// An LSTM that reads images row by row, `inputs` numbers a row, and the logits on its last state.
pub fn lstm(inputs: i64, hidden: i64, classes: i64) -> Vec<Node> {
    let reader = LstmBlock {
        name: "lstm".into(),
        inputs,
        hidden,
    };
    let op = LinearOp::Dense {
        inputs: hidden,
        outputs: classes,
    };
    vec![Node::Lstm(reader), Node::last(op, false)]
}
