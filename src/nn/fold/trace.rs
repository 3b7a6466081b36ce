//! A folded network written down as plain operations: the same walk as the forward pass, with names in place of tensors.

use tch::Tensor;

use super::{Deferred, FoldedNetwork, Plain};
use crate::moments::Activation;
use crate::nn::graph::{Graph, GraphValue, PlainOperation, SharedGraph};
use crate::nn::residual::Shortcut;
use crate::nn::wiring::{self, Flow};
use crate::nn::{LinearOp, Network, NetworkKind};

/// What stands for a signal: a value of the graph, what is still to be done to it, and whether it has positions.
struct Named<'g> {
    graph: &'g SharedGraph,
    /// The block that made it.
    block: String,
    value: GraphValue,
    deferred: Deferred,
    has_positions: bool,
}

impl Named<'_> {
    fn push(
        &self,
        operation: PlainOperation,
        inputs: Vec<GraphValue>,
        tensors: &[(&str, &Tensor)],
    ) -> GraphValue {
        let mut graph = self.graph.borrow_mut();
        graph.push(&self.block, operation, inputs, tensors)
    }

    /// The value with the factor that was still to be worked in.
    fn settled(&self) -> GraphValue {
        match self.deferred.scale {
            1.0 => self.value,
            scale => self.push(PlainOperation::Multiply(scale), vec![self.value], &[]),
        }
    }

    /// The same place in the graph with another value.
    fn with(&self, value: GraphValue) -> Self {
        Named {
            block: self.block.clone(),
            value,
            ..*self
        }
    }

    /// What a block makes of it.
    fn through(&self, name: &str, block: &Plain) -> Self {
        let made = Named {
            block: name.to_owned(),
            deferred: block.deferred,
            ..*self
        };
        let mut value = self.value;
        let mut then = |operation: PlainOperation, tensors: &[(&str, &Tensor)]| {
            value = made.push(operation, vec![value], tensors);
        };
        if let Some((weight, bias)) = &block.linear {
            then(linear(&block.op), &[("weight", weight), ("bias", bias)]);
        }
        let end = &block.activation_pool;
        if end.activation != Activation::Identity {
            let slope = end.slope.as_ref().map(|slope| ("slope", slope));
            then(PlainOperation::Activate(end.activation), slope.as_slice());
        }
        if let Some(pool) = end.pool {
            then(PlainOperation::Pool(pool), &[]);
        }
        if block.add != 0.0 {
            then(PlainOperation::AddNumber(block.add), &[]);
        }
        Named { value, ..made }
    }
}

fn linear(op: &LinearOp) -> PlainOperation {
    match *op {
        LinearOp::Conv {
            padding, stride, ..
        } => PlainOperation::Convolution { padding, stride },
        LinearOp::Dense { .. } => PlainOperation::Dense,
        LinearOp::Identity { .. } => PlainOperation::Scale,
    }
}

impl Flow for Named<'_> {
    fn handle(&self) -> Self {
        self.with(self.value)
    }

    fn averaged(self) -> Self {
        if !self.has_positions {
            return self;
        }
        let value = self.push(PlainOperation::Average, vec![self.value], &[]);
        Named {
            value,
            has_positions: false,
            ..self
        }
    }

    fn sum(shortcut: Shortcut, kept: &Self, branch: &Self, factor: f64) -> Self {
        let mut stream = kept.settled();
        if let Shortcut::Pad { stride, channels } = shortcut {
            let operation = PlainOperation::PadChannels { stride, channels };
            stream = branch.push(operation, vec![stream], &[]);
        }
        let added = branch.settled();
        let mut value = branch.push(PlainOperation::Add, vec![stream, added], &[]);
        if factor != 1.0 {
            value = branch.push(PlainOperation::Multiply(factor), vec![value], &[]);
        }
        Named {
            deferred: Deferred::NOTHING,
            ..branch.with(value)
        }
    }
}

impl Network {
    /// The network for evaluation as plain operations, images with pixels from 0 to 1 to logits: first they become
    /// (pixel − mean)/std, both `[1, C, 1, 1]` or `[1, C, H, W]`. `None` where it does not fold.
    pub fn graph(&self, mean: &Tensor, std: &Tensor) -> Option<Graph> {
        if self.kind() == NetworkKind::Recurrent {
            return tch::no_grad(|| self.recurrent_graph(mean, std));
        }
        let names = self.blocks.iter().map(|built| built.node.name());
        Some(self.fold()?.trace(&names.collect::<Vec<_>>(), mean, std))
    }

    /// The same for an LSTM and the block that makes the logits.
    fn recurrent_graph(&self, mean: &Tensor, std: &Tensor) -> Option<Graph> {
        let [lstm, last] = self.blocks.as_slice() else {
            return None;
        };
        let [input, state, own_bias] = lstm.layer.plain_lstm()?;
        let (weight, bias) = last.layer.fold()?.linear?;
        let mut graph = Graph::default();
        let constants = [("mean", mean), ("std", std)];
        let images = vec![GraphValue::Images];
        let images = graph.push("input", PlainOperation::Standardize, images, &constants);
        let rows = graph.push("input", PlainOperation::Rows, vec![images], &[]);
        let tensors = [("input", &input), ("state", &state), ("bias", &own_bias)];
        let name = lstm.node.name();
        let read = graph.push(name, PlainOperation::Lstm, vec![rows], &tensors);
        let tensors = [("weight", &weight), ("bias", &bias)];
        graph.push(
            last.node.name(),
            PlainOperation::Dense,
            vec![read],
            &tensors,
        );
        Some(graph)
    }
}

impl FoldedNetwork {
    fn trace(&self, names: &[&str], mean: &Tensor, std: &Tensor) -> Graph {
        let shared = SharedGraph::default();
        let mut input = Named {
            graph: &shared,
            block: "input".to_owned(),
            value: GraphValue::Images,
            deferred: Deferred::NOTHING,
            has_positions: self.kind.is_convolutional(),
        };
        let constants = [("mean", mean), ("std", std)];
        input.value = input.push(PlainOperation::Standardize, vec![input.value], &constants);
        if self.kind == NetworkKind::Dense {
            input.value = input.push(PlainOperation::Flatten, vec![input.value], &[]);
        }
        let last = wiring::walk(
            self.stations(),
            input,
            |named| named,
            |index, received| {
                let block = &self.blocks[index];
                (received.through(names[index], block), block.sum_factor)
            },
        );
        let settled = last.with(last.settled());
        settled.averaged();
        shared.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn a_plain_network_is_written_down_in_order() {
        let method = crate::nn::plain::build;
        let nodes = crate::nn::networks::network_in_network(1, 3, 0.01, Activation::Relu);
        let build = |node: &crate::nn::Node, builder: &mut crate::nn::Builder| {
            method(node.block().unwrap(), builder)
        };
        let network = Network::build(nodes, &build, 0, Kind::Float, Device::Cpu).unwrap();
        let one = Tensor::ones([1, 1, 1, 1], (Kind::Float, Device::Cpu));
        let graph = network.graph(&one, &one).unwrap();
        let names: Vec<&str> = graph
            .steps
            .iter()
            .map(|step| step.operation.name())
            .collect();
        assert_eq!(
            names[..4],
            ["input", "convolution", "activation", "convolution"]
        );
        assert_eq!(names[names.len() - 2..], ["convolution", "average"]);
        assert_eq!(names.iter().filter(|name| **name == "pool").count(), 2);
        let first = graph.tensor("conv1.weight").unwrap();
        let own = network.parameters.get("conv1.weight").unwrap();
        assert_eq!(*first, own.contiguous());
    }
}
