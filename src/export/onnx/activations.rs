//! Activations as operators of ONNX.

use std::f64::consts::SQRT_2;

use anyhow::Result;

use super::NodeWriter;
use crate::export::proto::Attribute;
use crate::moments::{Activation, SELU_ALPHA, SELU_SCALE};
use crate::nn::graph::{GraphValue, PlainOperation, Step};

impl NodeWriter<'_> {
    /// Appends the nodes of an activation.
    pub(super) fn activation(
        &mut self,
        step: &Step,
        activation: Activation,
        x: &str,
        out: &str,
    ) -> Result<()> {
        let (operator, attributes) = match activation {
            Activation::Identity => ("Identity", Vec::new()),
            Activation::Relu => ("Relu", Vec::new()),
            Activation::LeakyRelu { slope } => {
                ("LeakyRelu", vec![Attribute::number("alpha", slope)])
            }
            Activation::Prelu { .. } => {
                // One slope a channel stands along the last axis of what it broadcasts with.
                let is_dense = self.receives_features(step);
                let shape: &[i64] = if is_dense { &[-1] } else { &[-1, 1, 1] };
                let slope = self.tensor(step, "slope", Some(shape))?;
                self.node("PRelu", &[x, &slope], out, Vec::new());
                return Ok(());
            }
            Activation::Elu { alpha } => ("Elu", vec![Attribute::number("alpha", alpha)]),
            Activation::Selu => (
                "Selu",
                vec![
                    Attribute::number("alpha", SELU_ALPHA),
                    Attribute::number("gamma", SELU_SCALE),
                ],
            ),
            Activation::Tanh => ("Tanh", Vec::new()),
            Activation::Sigmoid => ("Sigmoid", Vec::new()),
            Activation::Softplus => ("Softplus", Vec::new()),
            Activation::Silu => {
                let gate = format!("{out}.gate");
                self.node("Sigmoid", &[x], &gate, Vec::new());
                self.node("Mul", &[x, &gate], out, Vec::new());
                return Ok(());
            }
            Activation::Gelu => return self.gelu(x, out),
        };
        self.node(operator, &[x], out, attributes);
        Ok(())
    }

    /// x·Φ(x) = (x/2)·(1 + erf(x/√2)).
    fn gelu(&mut self, x: &str, out: &str) -> Result<()> {
        let names = ["divided", "erf", "raised", "half"].map(|what| format!("{out}.{what}"));
        let [divided, erf, raised, half] = names.each_ref().map(String::as_str);
        let root = self.number(out, "root", SQRT_2)?;
        let one = self.number(out, "one", 1.0)?;
        let two = self.number(out, "two", 2.0)?;
        self.node("Div", &[x, &root], divided, Vec::new());
        self.node("Erf", &[divided], erf, Vec::new());
        self.node("Add", &[erf, &one], raised, Vec::new());
        self.node("Div", &[x, &two], half, Vec::new());
        self.node("Mul", &[half, raised], out, Vec::new());
        Ok(())
    }

    /// Whether the step follows a dense one.
    fn receives_features(&self, step: &Step) -> bool {
        step.inputs.iter().any(|input| match input {
            GraphValue::Step(number) => {
                self.subject.graph.steps[*number].operation == PlainOperation::Dense
            }
            GraphValue::Images => false,
        })
    }
}
