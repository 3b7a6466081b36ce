//! A network as data: nodes in the order of the signal, and the kinds of networks.

use tch::Tensor;

use super::block::{Block, LAST, LinearOp};
use super::residual::{Order, Residual};
use crate::moments::Activation;

/// An LSTM that reads `[images, steps, inputs]` and hands on its last state `[images, hidden]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LstmBlock {
    /// Unique name, used in parameter names and tables.
    pub name: String,
    /// Numbers in a step's input.
    pub inputs: i64,
    /// Units of the state.
    pub hidden: i64,
}

/// One node of a network. What a network is made of stands here and in its walks: forward, fold, FLOPs.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A linear operation, activation and pool.
    Block(Block),
    /// A recurrent layer.
    Lstm(LstmBlock),
}

impl Node {
    /// The block that makes the logits; `first` where it is the only one.
    pub fn last(op: LinearOp, first: bool) -> Node {
        Node::Block(Block {
            name: LAST.into(),
            op,
            activation: Activation::Identity,
            pool: None,
            first,
            last: true,
            residual: None,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Node::Block(block) => &block.name,
            Node::Lstm(lstm) => &lstm.name,
        }
    }

    /// Output channels or units.
    pub fn outputs(&self) -> i64 {
        match self {
            Node::Block(block) => block.op.outputs(),
            Node::Lstm(lstm) => lstm.hidden,
        }
    }

    /// Shape of its weights, all together where there are several.
    pub fn weight_shape(&self) -> Vec<i64> {
        match self {
            Node::Block(block) => block.op.weight_shape(),
            Node::Lstm(lstm) => vec![4 * lstm.hidden, lstm.inputs + lstm.hidden],
        }
    }

    /// How many weights these are.
    pub fn weights(&self) -> f64 {
        if self.block().is_some_and(|block| block.op.is_identity()) {
            return 0.0;
        }
        self.weight_shape()
            .iter()
            .map(|&side| side as f64)
            .product()
    }

    /// Whether it makes the logits.
    pub fn is_last(&self) -> bool {
        self.block().is_some_and(|block| block.last)
    }

    /// The block, where it is one.
    pub fn block(&self) -> Option<&Block> {
        match self {
            Node::Block(block) => Some(block),
            Node::Lstm(_) => None,
        }
    }

    /// Its part in a residual network.
    pub fn residual(&self) -> Option<&Residual> {
        self.block()?.residual.as_ref()
    }

    /// Whether it acts on a residual unit's shortcut rather than on the signal before it.
    pub fn acts_on_shortcut(&self) -> bool {
        self.residual().is_some_and(Residual::acts_on_shortcut)
    }

    /// Whether it takes single numbers: maps are averaged before it.
    pub fn is_dense(&self) -> bool {
        self.block().is_some_and(|block| block.op.is_dense())
    }
}

/// Kinds of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkKind {
    /// Convolutions.
    Convolutional,
    /// Fully connected layers.
    Dense,
    /// An LSTM.
    Recurrent,
    /// Convolutions in residual units.
    Residual(Order),
}

impl NetworkKind {
    /// Every kind.
    pub const ALL: &[NetworkKind] = &[
        NetworkKind::Convolutional,
        NetworkKind::Dense,
        NetworkKind::Recurrent,
        NetworkKind::Residual(Order::PostActivation),
        NetworkKind::Residual(Order::PreActivation),
    ];

    /// The kind of network that starts with this node.
    pub fn of(first: &Node) -> NetworkKind {
        match first {
            Node::Lstm(_) => NetworkKind::Recurrent,
            Node::Block(block) => match (&block.residual, block.op) {
                (Some(part), _) => NetworkKind::Residual(part.order),
                (None, LinearOp::Conv { .. } | LinearOp::Identity { .. }) => {
                    NetworkKind::Convolutional
                }
                (None, LinearOp::Dense { .. }) => NetworkKind::Dense,
            },
        }
    }

    /// Name for messages.
    pub fn name(self) -> &'static str {
        match self {
            NetworkKind::Convolutional => "a convolutional network",
            NetworkKind::Dense => "a fully connected network (MLP)",
            NetworkKind::Recurrent => "a recurrent network (LSTM)",
            NetworkKind::Residual(Order::PostActivation) => "a residual network of order v1",
            NetworkKind::Residual(Order::PreActivation) => "a residual network of order v2",
        }
    }

    /// Whether its hidden layers hand on maps.
    pub fn is_convolutional(self) -> bool {
        matches!(self, NetworkKind::Convolutional | NetworkKind::Residual(_))
    }

    /// Images `[N, C, H, W]` as the first node takes them: as they are, flattened, or row by row, `[N, H, C·W]`.
    pub fn read(self, images: &Tensor) -> Tensor {
        match self {
            NetworkKind::Convolutional | NetworkKind::Residual(_) => images.shallow_clone(),
            NetworkKind::Dense => images.flatten(1, -1),
            NetworkKind::Recurrent => images.transpose(1, 2).flatten(2, 3),
        }
    }
}
