//! Residual networks for small images as nodes: a stem, three stages of units of two 3×3 convolutions, a dense layer on
//! the average over positions. `resnet` and `wide-resnet` are made of it.

use crate::moments::Activation;
use crate::nn::networks::Task;
use crate::nn::residual::{Order, Part, Place, Residual, Shortcut, Stream};
use crate::nn::{Block, LinearOp, Node};

/// What a residual network is made of.
#[derive(Debug, Clone, Copy)]
pub struct Stages {
    /// The order of its units.
    pub order: Order,
    /// Whether a shortcut that changes shape is a 1×1 convolution (option B), or appends channels of zeros (option A).
    pub projects: bool,
    /// Channels of the stem.
    pub stem: i64,
    /// Channels of each stage. All but the first halve the maps' sides.
    pub channels: [i64; 3],
    /// Units of each stage.
    pub units: i64,
}

impl Stages {
    /// The network's nodes.
    pub fn nodes(&self, task: &Task) -> Vec<Node> {
        let stages = self.channels.len() as i64;
        let mut made = Maker {
            nodes: Vec::new(),
            order: self.order,
            activation: task.activation,
            channels: task.channels,
            place: Place {
                unit: 0,
                units: stages * self.units,
                unit_in_stage: 0,
                units_in_stage: self.units,
                stream: Stream::START,
            },
        };
        made.convolution("stem", Part::Stem, Shortcut::Identity, (self.stem, 3, 1));
        for (stage, &channels) in self.channels.iter().enumerate() {
            for unit in 0..self.units {
                made.place.unit_in_stage = unit;
                let stride = if stage > 0 && unit == 0 { 2 } else { 1 };
                let shortcut = match channels - made.channels {
                    0 if stride == 1 => Shortcut::Identity,
                    _ if self.projects => Shortcut::Projection,
                    channels => Shortcut::Pad { stride, channels },
                };
                let name = format!("s{}u{}", stage + 1, unit + 1);
                made.unit(&name, shortcut, channels, stride);
            }
        }
        if self.order == Order::PreActivation {
            made.identity("head", Part::Head, Shortcut::Identity);
        }
        made.nodes.push(Node::last(
            LinearOp::Dense {
                inputs: made.channels,
                outputs: task.classes,
            },
            false,
        ));
        made.nodes
    }
}

/// A network in the making.
struct Maker {
    nodes: Vec<Node>,
    order: Order,
    activation: Activation,
    /// Channels that the next node receives.
    channels: i64,
    place: Place,
}

impl Maker {
    /// A unit: see `nn::residual` for its blocks. A projection stands right before the sum, where the maps of its output
    /// are as large as the branch's.
    fn unit(&mut self, name: &str, shortcut: Shortcut, channels: i64, stride: i64) {
        let received = self.channels;
        let named = |part: &str| format!("{name}-{part}");
        if self.order == Order::PreActivation {
            self.identity(&named("entry"), Part::Entry, shortcut);
        }
        self.convolution(
            &named("conv1"),
            Part::First,
            shortcut,
            (channels, 3, stride),
        );
        if shortcut == Shortcut::Projection {
            self.channels = received;
            let name = named("shortcut");
            self.convolution(&name, Part::Projection, shortcut, (channels, 1, stride));
        }
        self.convolution(&named("conv2"), Part::Second, shortcut, (channels, 3, 1));
        self.place.unit += 1;
        self.place.stream = self.place.stream.behind(shortcut, received);
        if self.order == Order::PostActivation {
            self.identity(&named("out"), Part::AfterSum, shortcut);
        }
    }

    /// A convolution of so many outputs, kernel side and stride.
    fn convolution(
        &mut self,
        name: &str,
        part: Part,
        shortcut: Shortcut,
        (outputs, kernel, stride): (i64, i64, i64),
    ) {
        let op = LinearOp::Conv {
            inputs: self.channels,
            outputs,
            kernel,
            padding: kernel / 2,
            stride,
        };
        self.block(name, op, part, shortcut);
        self.channels = outputs;
    }

    fn identity(&mut self, name: &str, part: Part, shortcut: Shortcut) {
        let channels = self.channels;
        self.block(name, LinearOp::Identity { channels }, part, shortcut);
    }

    fn block(&mut self, name: &str, op: LinearOp, part: Part, shortcut: Shortcut) {
        let residual = Residual {
            order: self.order,
            part,
            shortcut,
            place: self.place,
        };
        self.nodes.push(Node::Block(Block {
            name: name.to_owned(),
            op,
            activation: if residual.is_activated() {
                self.activation
            } else {
                Activation::Identity
            },
            pool: None,
            first: self.nodes.is_empty(),
            last: false,
            residual: Some(residual),
        }));
    }
}
