//! A network for evaluation as a list of plain operations on numbered values: what an export writes down.

use std::cell::RefCell;

use tch::{Device, Kind, Tensor};

use super::MaxPool;
use crate::moments::Activation;

/// A value: what the network receives, or what a step makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GraphValue {
    /// The images, `[N, C, H, W]`, with pixels from 0 to 1.
    Images,
    /// What the step of this number makes, from 0.
    Step(usize),
}

/// One plain operation. Names are those of tensors of the graph.
#[derive(Debug, Clone, PartialEq)]
pub enum PlainOperation {
    /// (x − mean)/std, both `[1, C, 1, 1]` or `[1, C, H, W]`: tensors `mean` and `std`.
    Standardize,
    /// A convolution with a square kernel and a bias: tensors `weight` and `bias`.
    Convolution {
        /// Zeros on every side.
        padding: i64,
        /// Step between positions.
        stride: i64,
    },
    /// W·x + b on `[N, D]`: tensors `weight` and `bias`.
    Dense,
    /// A factor and a shift for each channel of maps: tensors `weight` and `bias`.
    Scale,
    /// An activation; PReLU has the tensor `slope`.
    Activate(Activation),
    /// The largest value of each window.
    Pool(MaxPool),
    /// A number is added.
    AddNumber(f64),
    /// It is multiplied by a number.
    Multiply(f64),
    /// The average over positions: `[N, C, H, W]` to `[N, C]`.
    Average,
    /// `[N, C, H, W]` to `[N, C·H·W]`.
    Flatten,
    /// `[N, C, H, W]` to its rows one after the other, `[N, H, C·W]`.
    Rows,
    /// The last state `[N, H]` of an LSTM over `[N, T, I]`: tensors `input` `[4H, I]`, `state` `[4H, H]` and `bias` `[4H]`,
    /// rows in the order i, f, o, g.
    Lstm,
    /// Every `stride`-th row and column, then so many channels of zeros behind the others.
    PadChannels {
        /// Step between rows and columns.
        stride: i64,
        /// Channels of zeros.
        channels: i64,
    },
    /// The sum of two values.
    Add,
}

impl PlainOperation {
    /// Its name, for what a program shows.
    pub fn name(&self) -> &'static str {
        match self {
            PlainOperation::Standardize => "input",
            PlainOperation::Convolution { .. } => "convolution",
            PlainOperation::Dense => "dense",
            PlainOperation::Scale => "scale",
            PlainOperation::Activate(_) => "activation",
            PlainOperation::Pool(_) => "pool",
            PlainOperation::AddNumber(_) => "shift",
            PlainOperation::Multiply(_) => "factor",
            PlainOperation::Average => "average",
            PlainOperation::Flatten => "flatten",
            PlainOperation::Rows => "rows",
            PlainOperation::Lstm => "lstm",
            PlainOperation::PadChannels { .. } => "pad",
            PlainOperation::Add => "sum",
        }
    }
}

/// A step of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The block that it belongs to, as a name of letters, digits and underscores. Its tensors are called
    /// `<block>.<what>`.
    pub block: String,
    /// What it does.
    pub operation: PlainOperation,
    /// What it receives.
    pub inputs: Vec<GraphValue>,
}

impl Step {
    /// The full name of its tensor `what`.
    pub fn tensor(&self, what: &str) -> String {
        format!("{}.{what}", self.block)
    }
}

/// A network as steps in order; the last makes the logits `[N, classes]`.
#[derive(Debug, Default)]
pub struct Graph {
    /// The steps.
    pub steps: Vec<Step>,
    /// Tensors in float32 by name, in the order of the steps.
    pub tensors: Vec<(String, Tensor)>,
}

impl Graph {
    /// Appends a step with its tensors.
    pub fn push(
        &mut self,
        block: &str,
        operation: PlainOperation,
        inputs: Vec<GraphValue>,
        tensors: &[(&str, &Tensor)],
    ) -> GraphValue {
        let step = Step {
            block: identifier(block),
            operation,
            inputs,
        };
        for (what, tensor) in tensors {
            let plain = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float);
            // A parameter may lie in memory channels last.
            let plain = plain.contiguous();
            self.tensors.push((step.tensor(what), plain));
        }
        self.steps.push(step);
        GraphValue::Step(self.steps.len() - 1)
    }

    /// The tensor of this name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        let found = self.tensors.iter().find(|(own, _)| own == name);
        found.map(|(_, tensor)| tensor)
    }

    /// How often a value is received.
    pub fn uses(&self, value: GraphValue) -> usize {
        let inputs = self.steps.iter().flat_map(|step| &step.inputs);
        inputs.filter(|&&input| input == value).count()
    }
}

/// A name as programming languages take it.
fn identifier(name: &str) -> String {
    let fits = |character: char| character.is_ascii_alphanumeric();
    name.replace(|character| !fits(character), "_")
}

/// A graph that several hands write to.
pub type SharedGraph = RefCell<Graph>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_names_and_their_tensors_are_plain() {
        let mut graph = Graph::default();
        let weight = Tensor::ones([2, 3, 1, 1], (Kind::Double, Device::Cpu));
        let operation = PlainOperation::Convolution {
            padding: 0,
            stride: 1,
        };
        let made = graph.push(
            "s1u1-a",
            operation,
            vec![GraphValue::Images],
            &[("weight", &weight)],
        );
        assert_eq!(made, GraphValue::Step(0));
        graph.push("s1u1-a", PlainOperation::Add, vec![made, made], &[]);
        assert_eq!(graph.uses(made), 2);
        let tensor = graph.tensor("s1u1_a.weight").unwrap();
        assert_eq!(
            (tensor.kind(), tensor.size()),
            (Kind::Float, vec![2, 3, 1, 1])
        );
    }
}
