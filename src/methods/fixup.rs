//! Fixup (Zhang, Dauphin, Ma, ICLR 2019, arXiv:1901.09321): a residual network without normalization that starts from
//! small branches.
//!
//! y = f(shortcut + c·W₂·(f(W₁·(x + a₁) + b₁) + a₂) + b₂) with five trained numbers a₁, b₁, a₂, c, b₂ for each unit, in
//! place of biases for each channel. The shortcut is x; where it changes shape, x + a₁ is what it is made of.
//! The stem is f(W·x + b), and the last layer W·(x + a) + b.
//!
//! Start, with L units and k·k·C numbers for each input of a kernel (fan-out): W₁ ~ N(0, 2/(k²·C))·L^(−½); W₂, the last
//! layer and all shifts are 0, c = 1. So all logits are 0, and the loss is the logarithm of the number of classes. The
//! learning rate of shifts and c is a tenth.

use anyhow::Result;
use tch::Tensor;

use super::{BatchSizeOne, Descriptor, Paper};
use crate::nn::residual::{Order, Part, Residual, Shortcut};
use crate::nn::{ActivationLayer, ActivationPool, Block, Builder, Layer, Pass, Signal};
use crate::options::Options;

/// What `fixup` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "fixup",
    aliases: &[],
    summary: "residual units that start from small branches, with five trained numbers each",
    formula: "y = f(shortcut + c·W₂·(f(W₁·(x + a₁) + b₁) + a₂) + b₂)",
    paper: Paper {
        authors: "Zhang, Dauphin, Ma",
        title: "Fixup Initialization: Residual Learning Without Normalization",
        venue: "ICLR 2019, arXiv:1901.09321",
    },
    acts_on: &[],
    is_start: true,
    batch_size_one_fc: BatchSizeOne::Unsupported,
    extra_parameters: "a₁, b₁, a₂, c, b₂ a unit",
    departures: &[
        "The stem starts as W₁ does, without L; the authors' code for CIFAR leaves it at PyTorch's start, of variance 1/81 \
         in place of 1/72.",
        "Weight decay acts on weights alone unless decay_all is set; in that code on everything, and training images are \
         mixed (mixup).",
        "The shortcut of that code is A; with B its 1×1 convolution has no bias and starts as the stem does.",
    ],
    learning_rate_at_50: 0.1,
    build,
    residual_orders: &[Order::PostActivation],
    needs_residual: true,
    ..Descriptor::ORDINARY
};

/// Multiplies the learning rate of shifts and scales.
const RATE_FACTOR: f64 = 0.1;

fn build(block: &Block, _options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if block.op.is_identity() {
        return ActivationLayer::build(block, builder);
    }
    let start = start(block, &builder.direction());
    let mut layer = FixupLayer {
        block: block.clone(),
        weight: builder.weight("weight", start)?,
        before: None,
        scale: None,
        bias: None,
        on_shortcut: None,
        activation_pool: ActivationPool::build(block, builder)?,
    };
    let shift = |name: &str, length, builder: &mut Builder| {
        let shift = builder.shift(name, builder.filled(length, 0.0))?;
        builder.rate_factor(name, RATE_FACTOR)?;
        anyhow::Ok(Some(shift))
    };
    let Some(unit) = &block.residual else {
        layer.before = shift("a", 1, builder)?;
        layer.bias = shift("bias", block.op.outputs(), builder)?;
        return Ok(Box::new(layer));
    };
    match unit.part {
        Part::Stem => layer.bias = shift("b", 1, builder)?,
        Part::Projection => layer.before = Some(first_shift(unit, builder)?),
        Part::First => {
            layer.before = Some(first_shift(unit, builder)?);
            layer.bias = shift("b1", 1, builder)?;
        }
        Part::Second => {
            layer.before = shift("a2", 1, builder)?;
            layer.scale = Some(builder.gain("c", builder.filled(1, 1.0))?);
            builder.rate_factor("c", RATE_FACTOR)?;
            layer.bias = shift("b2", 1, builder)?;
            if let Shortcut::Pad { channels, .. } = unit.shortcut {
                layer.on_shortcut = Some((first_shift(unit, builder)?, channels));
            }
        }
        Part::Entry | Part::AfterSum | Part::Head => {}
    }
    Ok(Box::new(layer))
}

/// W at the start.
fn start(block: &Block, direction: &Tensor) -> Tensor {
    let kernel = block.op.fan_in() / block.op.inputs();
    let he = direction * (2.0 / (kernel * block.op.outputs()) as f64).sqrt();
    match &block.residual {
        None => direction.zeros_like(),
        Some(unit) => match unit.part {
            Part::Second => direction.zeros_like(),
            Part::First => he / (unit.place.units as f64).sqrt(),
            _ => he,
        },
    }
}

/// a₁ of a unit, which its first convolution and its shortcut share.
fn first_shift(unit: &Residual, builder: &mut Builder) -> Result<Tensor> {
    let name = format!("unit{}.a1", unit.place.unit + 1);
    builder.shared_shift(&name, builder.filled(1, 0.0), RATE_FACTOR)
}

/// f(c·W·(x + a) + b).
struct FixupLayer {
    block: Block,
    weight: Tensor,
    /// a.
    before: Option<Tensor>,
    /// c.
    scale: Option<Tensor>,
    /// b, one number or one for each output.
    bias: Option<Tensor>,
    /// What the unit's shortcut adds to all its channels but those of zeros, and how many these are.
    on_shortcut: Option<(Tensor, i64)>,
    activation_pool: ActivationPool,
}

impl FixupLayer {
    /// What is added to each output.
    fn shifts(&self) -> Option<Tensor> {
        let outputs = self.block.op.outputs();
        let bias = self.bias.as_ref()?;
        let bias = bias.expand([outputs], false);
        Some(match &self.on_shortcut {
            None => bias.contiguous(),
            Some((shift, zeros)) => {
                let kept = shift.expand([outputs - zeros], false);
                bias + kept.constant_pad_nd([0, *zeros])
            }
        })
    }
}

impl Layer for FixupLayer {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let x = input.value();
        // Before the convolution pads with zeros, which stay zeros.
        let x = match &self.before {
            None => x,
            Some(shift) => &x + shift.to_kind(x.kind()),
        };
        let scaled = self.scale.as_ref().map(|scale| &self.weight * scale);
        let weight = scaled.as_ref().unwrap_or(&self.weight);
        self.block
            .op
            .apply_narrow(&x, weight, self.shifts().as_ref())
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.activation_pool.apply(pre))
    }
}
