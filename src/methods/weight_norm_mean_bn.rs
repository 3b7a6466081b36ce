//! Weight normalization with mean-only batch normalization (Salimans, Kingma, NIPS 2016,
//! arXiv:1602.07868, section 2.3).
//!
//! t = g·v·x/‖v‖, y = f(t − μ + b) with μ the mean of each channel over images and positions of the batch;
//! at evaluation a running average, r ← (1 − ρ) r + ρ·μ. The gradient goes through μ, which centres it.
//! One batch of training images sets g = 1/σ of each channel, as in `weight-norm`; b stays 0.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, BatchSizeOne, Descriptor, Paper};
use crate::nn::block::Block;
use crate::nn::init;
use crate::nn::statistics::{channel_means, channel_stds};
use crate::nn::{ActivationPool, Builder, Folded, Layer, Pass, Signal};
use crate::options::{OptionKind, OptionSpec, Options};

/// Standard deviation of the entries of v at the start, as in the authors' code.
const DIRECTION_STD: f64 = 0.05;
/// Smallest σ that g = 1/σ is taken from: a channel that says nothing must not get an infinite gain.
const SMALLEST_STD: f64 = 1e-6;

/// What `weight-norm-mean-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "weight-norm-mean-bn",
    summary: "weight normalization, and the mean (not the variance) of the batch removed",
    formula: "y = f(t − μ_B + b),  t = g·v·x/‖v‖",
    paper: Paper {
        authors: "Salimans, Kingma",
        title: "Weight Normalization: A Simple Reparameterization to Accelerate Training of Deep Neural Networks",
        venue: "NIPS 2016, arXiv:1602.07868",
        year: 2016,
    },
    acts_on: ActsOn::WeightsAndPreActivation,
    uses_batch_statistics: true,
    train_equals_eval: false,
    row_scale_invariant: true,
    data_dependent_start: true,
    batch_size_one_conv: BatchSizeOne::Degenerates,
    batch_size_one_fc: BatchSizeOne::Refused,
    extra_parameters: "g, b",
    options: &[
        OptionSpec {
            name: "start",
            kind: OptionKind::Choice(&["data", "he", "unit"]),
            help: "g from a batch of training images, or the length of He's row, or 1",
        },
        OptionSpec {
            name: "average_momentum",
            kind: OptionKind::Number {
                default: 0.1,
                low: 0.0,
                high: 1.0,
            },
            help: "ρ, the weight of the newest batch in the running mean",
        },
    ],
    departures: &[
        "σ is taken as at least 1e-6 at the start, and the running mean starts at the start batch's mean.",
        "Weight decay, where asked for, acts on v; in the authors' code on g.",
        "The last layer is treated like the others, as in the authors' CIFAR-10 code.",
    ],
    learning_rate_at_50: 0.01,
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let (direction, outputs) = (builder.direction(), block.op.outputs());
    let length = match options.choice("start") {
        "he" => init::row_norms(&init::he(&direction, block.op.fan_in())),
        _ => builder.filled(outputs, 1.0),
    };
    let zeros = builder.filled(outputs, 0.0);
    Ok(Box::new(MeanNormalized {
        block: block.clone(),
        direction: builder.weight("weight", direction * DIRECTION_STD)?,
        length: builder.gain("g", length)?,
        bias: builder.shift("bias", zeros.copy())?,
        running_mean: builder.buffer("running_mean", zeros)?,
        momentum: options.number("average_momentum"),
        from_data: options.choice("start") == "data",
        activation_pool: ActivationPool::build(block, builder)?,
    }))
}

struct MeanNormalized {
    block: Block,
    /// v.
    direction: Tensor,
    /// g, `[outputs]`.
    length: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    momentum: f64,
    from_data: bool,
    activation_pool: ActivationPool,
}

impl MeanNormalized {
    /// g·v/‖v‖ row by row.
    fn kernel(&self, length: &Tensor) -> Tensor {
        Tensor::internal_weight_norm(&self.direction, &self.block.op.per_row(length), 0)
    }
}

impl Layer for MeanNormalized {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        let kernel = self.kernel(&self.length);
        if !pass.training() {
            let bias = &self.bias - &self.running_mean;
            return self.block.op.apply(&input.value(), &kernel, Some(&bias));
        }
        let linear = self.block.op.apply(&input.value(), &kernel, None);
        let mean = channel_means(&linear);
        tch::no_grad(|| {
            let _ = self
                .running_mean
                .shallow_clone()
                .lerp_(&mean, self.momentum);
        });
        linear + self.block.op.per_channel(&(&self.bias - mean))
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.activation_pool.apply(pre))
    }

    fn fold(&self) -> Option<Folded> {
        let bias = &self.bias - &self.running_mean;
        Some(Folded::plain(
            self.kernel(&self.length),
            bias,
            &self.activation_pool,
        ))
    }

    fn initialize(&self, input: &Signal) {
        if !self.from_data {
            return;
        }
        let unit_rows = self.kernel(&self.length.ones_like());
        let linear = self.block.op.apply(&input.value(), &unit_rows, None);
        let length = channel_stds(&linear).clamp_min(SMALLEST_STD).reciprocal();
        self.running_mean
            .shallow_clone()
            .copy_(&(channel_means(&linear) * &length));
        self.length.shallow_clone().copy_(&length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::walk;
    use crate::nn::block::LinearOp;
    use tch::{Device, Kind};

    const OP: LinearOp = LinearOp::Dense {
        inputs: 3,
        outputs: 3,
    };

    #[test]
    fn the_batch_mean_goes_and_gradients_are_centred() {
        let net = walk::single("weight-norm-mean-bn", "start = \"unit\"", OP);
        walk::set(
            &net,
            "layer.weight",
            &Tensor::eye(3, (Kind::Double, Device::Cpu)),
        );
        let bias = Tensor::from_slice(&[0.1, -0.2, 0.3]);
        walk::set(&net, "layer.bias", &bias);
        let x = walk::golden_inputs().set_requires_grad(true);
        let y = walk::pre_activation(&net, &x);
        let expected = &x - x.mean_dim([0].as_slice(), true, None::<Kind>) + bias;
        assert!(walk::gap(&y, &expected) < 1e-12);

        let upstream = walk::gaussian(&[4, 3], 2);
        let loss = (y * &upstream).sum(Kind::Double);
        let gradient = &Tensor::run_backward(&[&loss], &[&x], false, false)[0];
        let centred = &upstream - upstream.mean_dim([0].as_slice(), true, None::<Kind>);
        assert!(walk::gap(gradient, &centred) < 1e-12);
    }

    #[test]
    fn evaluation_subtracts_the_running_mean() {
        let net = walk::single(
            "weight-norm-mean-bn",
            "start = \"unit\"\naverage_momentum = 0.25",
            OP,
        );
        walk::set(
            &net,
            "layer.weight",
            &Tensor::eye(3, (Kind::Double, Device::Cpu)),
        );
        let x = walk::golden_inputs();
        let _ = walk::pre_activation(&net, &x);
        let y = net.blocks[0]
            .layer
            .pre_activation(&Signal::plain(x.copy()), &Pass::eval());
        let expected = &x - x.mean_dim([0].as_slice(), true, None::<Kind>) * 0.25;
        assert!(walk::gap(&y, &expected) < 1e-12);
    }

    #[test]
    fn every_channel_starts_standardized_with_bias_zero() {
        let net = walk::conv_network("weight-norm-mean-bn", "", 3);
        let images = walk::gaussian(&[40, 2, 8, 8], 2) * 3.0 + 1.0;
        net.initialize(&images);
        for pass in [Pass::eval(), Pass::train(0, 0)] {
            let mut signal = net.input(&images);
            for built in &net.blocks {
                let pre = built.layer.pre_activation(&signal, &pass);
                let (mean, std) = (channel_means(&pre), channel_stds(&pre));
                assert!(
                    walk::gap(&mean, &mean.zeros_like()) < 1e-10,
                    "{}",
                    built.node.name()
                );
                assert!(
                    walk::gap(&std, &std.ones_like()) < 1e-10,
                    "{}",
                    built.node.name()
                );
                signal = built.layer.post_activation(pre, &pass);
            }
        }
        let bias = net.parameters.get("conv2.bias").unwrap();
        assert_eq!(bias.abs().max().double_value(&[]), 0.0);
    }

    #[test]
    fn the_start_can_be_switched_off() {
        let x = walk::gaussian(&[9, 12], 1);
        for start in ["he", "unit"] {
            let net =
                walk::dense_network("weight-norm-mean-bn", &format!("start = \"{start}\""), 3);
            let before = net.logits(&x, &Pass::eval());
            net.initialize(&x);
            assert_eq!(before, net.logits(&x, &Pass::eval()));
        }
    }

    #[test]
    fn a_single_image_on_dense_layers_would_give_the_bias() {
        let net = walk::dense_network("weight-norm-mean-bn", "", 3);
        let logits = net.logits(&walk::gaussian(&[1, 12], 1), &Pass::train(0, 0));
        assert!(walk::gap(&logits, &logits.zeros_like()) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        walk::assert_exact_gradients("weight-norm-mean-bn", &["start = \"he\""]);
    }
}
