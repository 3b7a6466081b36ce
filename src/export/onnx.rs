//! A network as an ONNX file, opset 17.

mod activations;

use anyhow::{Context, Result};
use prost::Message;
use tch::{Kind, Tensor};

use super::proto::{
    Attribute, FLOAT, INT64, Model, OnnxGraph, OnnxNode, OnnxTensor, OperatorSet, Property,
    ValueInfo,
};
use super::{ExportedNetwork, INPUT, OUTPUT};
use crate::nn::MaxPool;
use crate::nn::graph::{GraphValue, PlainOperation, Step};
use crate::nn::parameters::to_named;

/// Version of the operators. What it lacks (GELU) is written as what it is made of.
pub const OPSET: i64 = 17;
/// Version of the format that came with it.
const IR_VERSION: i64 = 8;

/// The bytes of the file; for `batch` images at a time, or any number.
pub fn encode(subject: &ExportedNetwork, batch: Option<i64>) -> Result<Vec<u8>> {
    let mut writer = NodeWriter {
        subject,
        graph: OnnxGraph {
            name: "normprop".to_owned(),
            ..OnnxGraph::default()
        },
    };
    for number in 0..subject.graph.steps.len() {
        writer.step(number)?;
    }
    let [channels, rows, columns] = subject.identity.image.map(|extent| Some(extent as i64));
    let classes = Some(subject.identity.classes.len() as i64);
    let mut graph = writer.graph;
    graph.input = vec![ValueInfo::float(INPUT, &[batch, channels, rows, columns])];
    graph.output = vec![ValueInfo::float(OUTPUT, &[batch, classes])];
    let properties = subject.about.iter();
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "normprop".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: Some(String::new()),
            version: OPSET,
        }],
        metadata_props: properties
            .map(|(key, value)| Property {
                key: (*key).to_owned(),
                value: value.clone(),
            })
            .collect(),
    };
    Ok(model.encode_to_vec())
}

struct NodeWriter<'s> {
    subject: &'s ExportedNetwork<'s>,
    graph: OnnxGraph,
}

impl NodeWriter<'_> {
    /// The name of a value.
    fn name(&self, value: GraphValue) -> String {
        match value {
            GraphValue::Images => INPUT.to_owned(),
            GraphValue::Step(number) if number + 1 == self.subject.graph.steps.len() => {
                OUTPUT.to_owned()
            }
            GraphValue::Step(number) => {
                let step = &self.subject.graph.steps[number];
                format!("{number}.{}.{}", step.block, step.operation.name())
            }
        }
    }

    /// Appends a node that makes `output` and carries its name.
    fn node(&mut self, operator: &str, input: &[&str], output: &str, attribute: Vec<Attribute>) {
        self.node_of(operator, input, &[], output, attribute);
    }

    /// The same for an operator whose outputs before this one are `others`.
    fn node_of(
        &mut self,
        operator: &str,
        input: &[&str],
        others: &[&str],
        output: &str,
        attribute: Vec<Attribute>,
    ) {
        let outputs = others.iter().chain([&output]);
        self.graph.node.push(OnnxNode {
            input: input.iter().map(|&name| name.to_owned()).collect(),
            output: outputs.map(|&name| name.to_owned()).collect(),
            name: output.to_owned(),
            op_type: operator.to_owned(),
            attribute,
        });
    }

    /// Appends a constant and returns its name.
    fn constant(&mut self, name: String, tensor: &Tensor) -> Result<String> {
        let named = to_named(&name, tensor)?;
        self.graph.initializer.push(OnnxTensor {
            dims: tensor.size(),
            data_type: match tensor.kind() {
                Kind::Int64 => INT64,
                _ => FLOAT,
            },
            name: name.clone(),
            raw_data: named.bytes,
        });
        Ok(name)
    }

    /// A number as a constant that belongs to the value `output`.
    fn number(&mut self, output: &str, what: &str, number: f64) -> Result<String> {
        self.constant(format!("{output}.{what}"), &Tensor::from(number as f32))
    }

    /// Whole numbers as a constant.
    fn list(&mut self, output: &str, what: &str, numbers: &[i64]) -> Result<String> {
        self.constant(format!("{output}.{what}"), &Tensor::from_slice(numbers))
    }

    /// A tensor of the step, in this shape where one is given.
    fn tensor(&mut self, step: &Step, what: &str, shape: Option<&[i64]>) -> Result<String> {
        let name = step.tensor(what);
        let tensor = self.subject.graph.tensor(&name);
        let tensor = tensor.with_context(|| format!("the graph has no tensor {name}"))?;
        match shape {
            Some(shape) => self.constant(name, &tensor.reshape(shape)),
            None => self.constant(name, tensor),
        }
    }

    fn step(&mut self, number: usize) -> Result<()> {
        let graph = self.subject.graph;
        let step = &graph.steps[number];
        let out = self.name(GraphValue::Step(number));
        let inputs: Vec<String> = step.inputs.iter().map(|&value| self.name(value)).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let x = inputs[0];
        let from_first_axis = || vec![Attribute::whole("axis", 1)];
        match &step.operation {
            PlainOperation::Standardize
            | PlainOperation::Convolution { .. }
            | PlainOperation::Dense
            | PlainOperation::Scale => self.linear(step, x, &out)?,
            PlainOperation::Activate(activation) => self.activation(step, *activation, x, &out)?,
            PlainOperation::Pool(pool) => self.pool(pool, x, &out),
            PlainOperation::AddNumber(number) => {
                let number = self.number(&out, "number", *number)?;
                self.node("Add", &[x, &number], &out, Vec::new());
            }
            PlainOperation::Multiply(number) => {
                let number = self.number(&out, "number", *number)?;
                self.node("Mul", &[x, &number], &out, Vec::new());
            }
            PlainOperation::Average => {
                let maps = format!("{out}.maps");
                self.node("GlobalAveragePool", &[x], &maps, Vec::new());
                self.node("Flatten", &[&maps], &out, from_first_axis());
            }
            PlainOperation::Flatten => self.node("Flatten", &[x], &out, from_first_axis()),
            PlainOperation::Rows => {
                let turned = format!("{out}.turned");
                let order = vec![Attribute::list("perm", &[0, 2, 1, 3])];
                self.node("Transpose", &[x], &turned, order);
                let shape = self.list(&out, "shape", &[0, 0, -1])?;
                self.node("Reshape", &[&turned, &shape], &out, Vec::new());
            }
            PlainOperation::Lstm => self.lstm(step, x, &out)?,
            PlainOperation::PadChannels { stride, channels } => {
                self.pad_channels(*stride, *channels, x, &out)?;
            }
            PlainOperation::Add => self.node("Add", &inputs, &out, Vec::new()),
        }
        Ok(())
    }

    /// ONNX takes the steps first, has its gates in the order i, o, f, g and a bias of each product.
    fn lstm(&mut self, step: &Step, x: &str, out: &str) -> Result<()> {
        let graph = self.subject.graph;
        let own = |what: &str| {
            let name = step.tensor(what);
            let found = graph.tensor(&name);
            let found = found.with_context(|| format!("the graph has no tensor {name}"))?;
            let gates = found.chunk(4, 0);
            let ordered = [0, 2, 1, 3].map(|gate| &gates[gate]);
            anyhow::Ok((name, Tensor::cat(&ordered, 0)))
        };
        let (input, state, bias) = (own("input")?, own("state")?, own("bias")?);
        let hidden = state.1.size()[1];
        let bias_of_both = Tensor::cat(&[&bias.1, &bias.1.zeros_like()], 0);
        let input = self.constant(input.0, &input.1.unsqueeze(0))?;
        let state = self.constant(state.0, &state.1.unsqueeze(0))?;
        let bias = self.constant(bias.0, &bias_of_both.unsqueeze(0))?;
        let [turned, last] = ["steps", "last"].map(|what| format!("{out}.{what}"));
        let order = vec![Attribute::list("perm", &[1, 0, 2])];
        self.node("Transpose", &[x], &turned, order);
        let inputs = [turned.as_str(), &input, &state, &bias];
        let size = vec![Attribute::whole("hidden_size", hidden)];
        self.node_of("LSTM", &inputs, &[""], &last, size);
        let axes = self.list(out, "axes", &[0])?;
        self.node("Squeeze", &[&last, &axes], out, Vec::new());
        Ok(())
    }

    /// The steps that have two tensors.
    fn linear(&mut self, step: &Step, x: &str, out: &str) -> Result<()> {
        let (names, shape): (_, Option<&[i64]>) = match step.operation {
            PlainOperation::Standardize => (["mean", "std"], None),
            PlainOperation::Scale => (["weight", "bias"], Some(&[1, -1, 1, 1])),
            _ => (["weight", "bias"], None),
        };
        let first = self.tensor(step, names[0], shape)?;
        let second = self.tensor(step, names[1], shape)?;
        let between = format!("{out}.between");
        match step.operation {
            PlainOperation::Standardize => {
                self.node("Sub", &[x, &first], &between, Vec::new());
                self.node("Div", &[&between, &second], out, Vec::new());
            }
            PlainOperation::Convolution { padding, stride } => {
                let attributes = vec![
                    Attribute::list("strides", &[stride; 2]),
                    Attribute::list("pads", &[padding; 4]),
                ];
                self.node("Conv", &[x, &first, &second], out, attributes);
            }
            PlainOperation::Dense => {
                let transposed = vec![Attribute::whole("transB", 1)];
                self.node("Gemm", &[x, &first, &second], out, transposed);
            }
            _ => {
                self.node("Mul", &[x, &first], &between, Vec::new());
                self.node("Add", &[&between, &second], out, Vec::new());
            }
        }
        Ok(())
    }

    fn pool(&mut self, pool: &MaxPool, x: &str, out: &str) {
        let attributes = vec![
            Attribute::list("kernel_shape", &[pool.window; 2]),
            Attribute::list("strides", &[pool.stride; 2]),
            Attribute::list("pads", &[pool.padding; 4]),
        ];
        self.node("MaxPool", &[x], out, attributes);
    }

    fn pad_channels(&mut self, stride: i64, channels: i64, x: &str, out: &str) -> Result<()> {
        let taken = format!("{out}.taken");
        let starts = self.list(out, "starts", &[0, 0])?;
        let ends = self.list(out, "ends", &[i64::MAX, i64::MAX])?;
        let axes = self.list(out, "axes", &[2, 3])?;
        let steps = self.list(out, "steps", &[stride, stride])?;
        let inputs = [x, &starts, &ends, &axes, &steps];
        self.node("Slice", &inputs, &taken, Vec::new());
        let pads = self.list(out, "pads", &[0, 0, 0, 0, 0, channels, 0, 0])?;
        self.node("Pad", &[&taken, &pads], out, Vec::new());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
