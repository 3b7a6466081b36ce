//! FReLU, the flexible rectifier (Qiu, Xu, Cai, ICPR 2018, arXiv:1706.08098): a rectifier with a trained offset, in the place
//! of a normalization.
//!
//! y = relu(W·x + b) + o, o one number a channel. It starts at −1/√(2π), the negative mean of a rectified standard normal:
//! with inputs like that, outputs start with mean 0. It is NormProp's centering without its division.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::moments::Activation;
use crate::nn::{Block, Builder, Layer, LinearOp, Pass, Signal, plain};
use crate::options::{OptionSpec, Options};

/// What `frelu` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "frelu",
    aliases: &["flexible-relu"],
    summary: "a rectifier with a trained offset a channel, and no normalization (not the funnel rectifier of the same name)",
    formula: "y = relu(W·x + b) + o",
    paper: Paper {
        authors: "Qiu, Xu, Cai",
        title: "FReLU: Flexible Rectified Linear Units for Improving Convolutional Neural Networks",
        venue: "ICPR 2018, arXiv:1706.08098",
    },
    acts_on: &[ActsOn::Activation],
    extra_parameters: "b, o",
    options: &[
        OptionSpec::number("start", -0.398_942_280_401_432_7, -10.0, 10.0).help("what o starts at"),
    ],
    departures: &[
        "Hidden layers have it whatever the configuration's activation is.",
        "o starts at −1/√(2π), which makes the mean of a rectified standard normal 0 (ours); the paper's start, −1 as we remember it, is start = −1.0.",
        "o is one number a channel, and free of weight decay (ours).",
        "Residual networks are ours: it stands where an activation does.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.03,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if !block.is_activated() {
        return plain::build(block, builder);
    }
    let rectified = Block {
        activation: Activation::Relu,
        ..block.clone()
    };
    let start = builder.filled(block.op.outputs(), options.number("start"));
    Ok(Box::new(OffsetLayer {
        op: block.op,
        rectified: plain::build(&rectified, builder)?,
        offset: builder.activation("offset", start)?,
    }))
}

/// A layer with an offset behind it. A pool of the largest values may come before it as well as after.
struct OffsetLayer {
    op: LinearOp,
    rectified: Box<dyn Layer>,
    /// o, `[outputs]`.
    offset: Tensor,
}

impl Layer for OffsetLayer {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        self.rectified.pre_activation(input, pass)
    }

    fn post_activation(&self, pre: Tensor, pass: &Pass) -> Signal {
        let rectified = self.rectified.post_activation(pre, pass).value();
        let offset = self.op.per_channel(&self.offset).to_kind(rectified.kind());
        Signal::plain(rectified + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use tch::Kind;

    #[test]
    fn golden_layer_forward_and_backward() {
        conformance::assert_golden_layer("frelu", "", Activation::Identity, "frelu");
    }

    #[test]
    fn standard_normals_leave_with_mean_zero() {
        let op = LinearOp::Dense {
            inputs: 3,
            outputs: 3,
        };
        let net = conformance::single("frelu", "", op);
        let identity = Tensor::eye(3, (Kind::Double, tch::Device::Cpu));
        conformance::set(&net, "layer.weight", &identity);
        let x = conformance::gaussian(&[200_000, 3], 1);
        let y = net.logits(&x, &Pass::eval());
        assert!(y.mean(Kind::Double).double_value(&[]).abs() < 2e-3);
    }

    #[test]
    fn the_configured_activation_does_not_matter() {
        let x = conformance::gaussian(&[9, 12], 1);
        let logits = |activation| {
            conformance::dense_with("frelu", "", activation, 3).logits(&x, &Pass::eval())
        };
        assert_eq!(logits(Activation::Relu), logits(Activation::Tanh));
    }

    #[test]
    fn without_offsets_it_is_no_normalization() {
        let x = conformance::gaussian(&[9, 2, 8, 8], 1);
        let frelu = conformance::conv_network("frelu", "start = 0.0", 3);
        let none = conformance::conv_network("none", "", 3);
        let logits = [&frelu, &none].map(|net| net.logits(&x, &Pass::eval()));
        assert_eq!(logits[0], logits[1]);
    }
}
