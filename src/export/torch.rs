//! A network as a Python file for PyTorch, which needs nothing but torch, and its weights as a safetensors file.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use anyhow::Result;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tch::Tensor;

use super::ExportedNetwork;
use crate::moments::Activation;
use crate::nn::graph::{GraphValue, PlainOperation, Step};
use crate::nn::parameters::to_named;
use crate::text::one_line;

/// What every file begins with, behind its first lines.
const IMPORTS: &str = "\
import json
import struct
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
";

const STANDARDIZE: &str = "
class Standardize(nn.Module):
    \"\"\"(pixel - mean) / std, with the constants of the training images.\"\"\"

    def __init__(self, *shape):
        super().__init__()
        self.register_buffer(\"mean\", torch.zeros(1, *shape))
        self.register_buffer(\"std\", torch.ones(1, *shape))

    def forward(self, images):
        return (images - self.mean) / self.std

";

const SCALE: &str = "
class Scale(nn.Module):
    \"\"\"A factor and a shift for each channel.\"\"\"

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)

";

const LOADING: &str = "

def read_weights(path):
    \"\"\"The tensors of a safetensors file, all float32: a length, a JSON text that says where each lies, the bytes.\"\"\"
    content = Path(path).read_bytes()
    (length,) = struct.unpack(\"<Q\", content[:8])
    entries = json.loads(content[8 : 8 + length])
    entries.pop(\"__metadata__\", None)
    tensors = {}
    for name, entry in entries.items():
        begin, end = (8 + length + offset for offset in entry[\"data_offsets\"])
        values = torch.frombuffer(bytearray(content[begin:end]), dtype=torch.float32)
        tensors[name] = values.reshape(entry[\"shape\"])
    return tensors


def load(path=None):
    \"\"\"The network with its weights, by default from the .safetensors file beside this one.\"\"\"
    path = Path(__file__).with_suffix(\".safetensors\") if path is None else path
    network = Network()
    network.load_state_dict(read_weights(path))
    return network.eval()
";

/// The text of the Python file.
pub fn module(subject: &ExportedNetwork) -> Result<String> {
    let graph = subject.graph;
    let mut text = String::new();
    // The classes stand below.
    let about = subject.about.iter().filter(|(key, _)| **key != "classes");
    for (key, value) in about {
        writeln!(text, "# {key}: {}", one_line(value))?;
    }
    let shape = subject.identity.image;
    let [channels, rows, columns] = shape;
    writeln!(
        text,
        "#\n# network = load()\n# logits = network(images)  # float32 [N, {channels}, {rows}, {columns}], pixels from 0 to 1\n# names = [CLASSES[i] for i in logits.argmax(1)]\n"
    )?;
    text += IMPORTS;
    let classes = serde_json::to_string(&subject.identity.classes)?;
    writeln!(text, "\nCLASSES = {classes}\n")?;
    text += STANDARDIZE;
    if graph
        .steps
        .iter()
        .any(|step| step.operation == PlainOperation::Scale)
    {
        text += SCALE;
    }
    text += "\nclass Network(nn.Module):\n    def __init__(self):\n        super().__init__()\n";
    for step in &graph.steps {
        if let Some((name, made)) = submodule(subject, step)? {
            writeln!(text, "        self.{name} = {made}")?;
        }
    }
    text += "\n    def forward(self, images):\n";
    text += &forward(subject)?;
    text += LOADING;
    Ok(text)
}

/// The bytes of the weights' file: every tensor under the name that the module gives it.
pub fn weights(subject: &ExportedNetwork) -> Result<Vec<u8>> {
    let graph = subject.graph;
    let slopes: BTreeSet<String> = graph
        .steps
        .iter()
        .map(|step| step.tensor("slope"))
        .collect();
    let lstm = graph.steps.iter();
    let lstm = lstm.filter(|step| step.operation == PlainOperation::Lstm);
    let of_lstm: BTreeSet<String> = lstm
        .flat_map(|step| ["input", "state", "bias"].map(|what| step.tensor(what)))
        .collect();
    let mut named = Vec::new();
    for (name, tensor) in &graph.tensors {
        if of_lstm.contains(name) {
            for (own, tensor) in lstm_tensors(name, tensor) {
                named.push((own.clone(), to_named(&own, &tensor)?));
            }
            continue;
        }
        let own = match slopes.contains(name) {
            true => name.replace(".slope", "_slope.weight"),
            false => name.clone(),
        };
        named.push((own, to_named(name, tensor)?));
    }
    let mut views = Vec::new();
    for (name, tensor) in &named {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), &tensor.bytes)?;
        views.push((name.as_str(), view));
    }
    // One entry: with more of them the order in the file would be left to chance.
    let about = serde_json::to_string(subject.about)?;
    let metadata = HashMap::from([("normprop".to_owned(), about)]);
    Ok(safetensors::serialize(views, Some(metadata))?)
}

/// A tensor of an LSTM as `nn.LSTM` has it: gates in the order i, f, g, o, and a bias of each product.
fn lstm_tensors(name: &str, tensor: &Tensor) -> Vec<(String, Tensor)> {
    let gates = tensor.chunk(4, 0);
    let own = Tensor::cat(&[0, 1, 3, 2].map(|gate| &gates[gate]), 0);
    let (block, what) = name.rsplit_once('.').unwrap_or((name, ""));
    match what {
        "input" => vec![(format!("{block}.weight_ih_l0"), own)],
        "state" => vec![(format!("{block}.weight_hh_l0"), own)],
        _ => {
            let zeros = own.zeros_like();
            vec![
                (format!("{block}.bias_ih_l0"), own),
                (format!("{block}.bias_hh_l0"), zeros),
            ]
        }
    }
}

/// The submodule that a step needs: name and constructor.
fn submodule(subject: &ExportedNetwork, step: &Step) -> Result<Option<(String, String)>> {
    let size = |what: &str| {
        let tensor = subject.graph.tensor(&step.tensor(what));
        tensor.map(Tensor::size).unwrap_or_default()
    };
    let own = step.block.clone();
    Ok(match &step.operation {
        PlainOperation::Standardize => {
            let shape = size("mean");
            let shape: Vec<String> = shape.iter().skip(1).map(i64::to_string).collect();
            Some((own, format!("Standardize({})", shape.join(", "))))
        }
        PlainOperation::Convolution { padding, stride } => {
            let shape = size("weight");
            let mut made = format!("nn.Conv2d({}, {}, {}", shape[1], shape[0], shape[2]);
            if *stride != 1 {
                write!(made, ", stride={stride}")?;
            }
            if *padding != 0 {
                write!(made, ", padding={padding}")?;
            }
            Some((own, made + ")"))
        }
        PlainOperation::Dense => {
            let shape = size("weight");
            Some((own, format!("nn.Linear({}, {})", shape[1], shape[0])))
        }
        PlainOperation::Scale => Some((own, format!("Scale({})", size("weight")[0]))),
        PlainOperation::Lstm => {
            let (inputs, hidden) = (size("input")[1], size("state")[1]);
            let made = format!("nn.LSTM({inputs}, {hidden}, batch_first=True)");
            Some((own, made))
        }
        PlainOperation::Activate(Activation::Prelu { .. }) => {
            let channels = size("slope")[0];
            Some((format!("{own}_slope"), format!("nn.PReLU({channels})")))
        }
        _ => None,
    })
}

/// The lines of the forward pass. A value that only the next step needs is called x; any other has a name of its own.
fn forward(subject: &ExportedNetwork) -> Result<String> {
    let steps = &subject.graph.steps;
    let last_use = |value: GraphValue| {
        let users = steps.iter().enumerate();
        let users = users.filter(|(_, step)| step.inputs.contains(&value));
        users.map(|(number, _)| number).max()
    };
    let name = |value: GraphValue| match value {
        GraphValue::Images => "images".to_owned(),
        GraphValue::Step(number) if last_use(value) > Some(number + 1) => format!("kept{number}"),
        GraphValue::Step(_) => "x".to_owned(),
    };
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate() {
        let inputs: Vec<String> = step.inputs.iter().map(|&value| name(value)).collect();
        let made = expression(step, &inputs)?;
        writeln!(text, "        {} = {made}", name(GraphValue::Step(number)))?;
    }
    text += "        return x\n";
    Ok(text)
}

fn expression(step: &Step, inputs: &[String]) -> Result<String> {
    let (x, own) = (&inputs[0], &step.block);
    Ok(match &step.operation {
        PlainOperation::Standardize
        | PlainOperation::Convolution { .. }
        | PlainOperation::Dense
        | PlainOperation::Scale => format!("self.{own}({x})"),
        PlainOperation::Activate(activation) => match activation {
            Activation::Identity => x.clone(),
            Activation::Relu => format!("F.relu({x})"),
            Activation::LeakyRelu { slope } => format!("F.leaky_relu({x}, {slope:?})"),
            Activation::Prelu { .. } => format!("self.{own}_slope({x})"),
            Activation::Elu { alpha } => format!("F.elu({x}, {alpha:?})"),
            Activation::Selu => format!("F.selu({x})"),
            Activation::Gelu => format!("F.gelu({x})"),
            Activation::Silu => format!("F.silu({x})"),
            Activation::Tanh => format!("torch.tanh({x})"),
            Activation::Sigmoid => format!("torch.sigmoid({x})"),
            Activation::Softplus => format!("F.softplus({x})"),
        },
        PlainOperation::Pool(pool) => format!(
            "F.max_pool2d({x}, {}, stride={}, padding={})",
            pool.window, pool.stride, pool.padding
        ),
        PlainOperation::AddNumber(number) => format!("{x} + {number:?}"),
        PlainOperation::Multiply(number) => format!("{x} * {number:?}"),
        PlainOperation::Average => format!("{x}.mean((2, 3))"),
        PlainOperation::Flatten => format!("{x}.flatten(1)"),
        PlainOperation::Rows => format!("{x}.transpose(1, 2).flatten(2)"),
        PlainOperation::Lstm => format!("self.{own}({x})[1][0][0]"),
        PlainOperation::PadChannels { stride, channels } => {
            format!("F.pad({x}[:, :, ::{stride}, ::{stride}], (0, 0, 0, 0, 0, {channels}))")
        }
        PlainOperation::Add => format!("{x} + {}", inputs[1]),
    })
}
