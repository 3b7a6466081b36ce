//! Weight normalization with mean-only batch normalization (Salimans, Kingma, NIPS 2016,
//! arXiv:1602.07868, section 2.3).
//!
//! t = g·v·x/‖v‖, y = f(t − μ + b) with μ the mean of each channel over images and positions of the batch;
//! at evaluation a running average, r ← (1 − ρ) r + ρ·μ. The gradient goes through μ, which centers it.
//! One batch of training images sets g = 1/σ of each channel, as in `weight-norm`; b stays 0.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::length_direction::{LengthDirection, START};
use crate::nn::statistics::{AVERAGE_MOMENTUM, channel_means, update_average};
use crate::nn::{
    ActivationPool, Block, Builder, Folded, Layer, Pass, Reparametrization, ReparametrizedLayer,
    Signal,
};
use crate::options::Options;

/// What `weight-norm-mean-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "weight-norm-mean-bn",
    aliases: &["wn-mean-bn", "mean-only-bn"],
    summary: "weight normalization, then the mean of the batch is removed, not its variance",
    formula: "y = f(t − μ_B + b),  t = g·v·x/‖v‖",
    paper: Paper::WEIGHT_NORMALIZATION,
    acts_on: &[ActsOn::Weights, ActsOn::PreActivation],
    data_dependent_start: true,
    extra_parameters: "g, b",
    options: &[START, AVERAGE_MOMENTUM],
    departures: &[
        "σ is taken as at least 1e-6 at the start, and the running mean starts at the start batch's mean.",
        "Weight decay, where asked for, acts on v; in the authors' code on g.",
        "In residual networks means are removed where batch normalization would stand (ours); convolutions without it have lengths and directions, and no bias.",
        "The last layer is treated like the others, as in the authors' CIFAR-10 code.",
    ],
    learning_rate_at_50: 0.01,
    build,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let outputs = block.op.outputs();
    if !block.last && !block.is_normalized() {
        return ReparametrizedLayer::without_bias(block, builder, |builder| {
            LengthDirection::build(block, options, builder)
        });
    }
    Ok(Box::new(MeanNormalized {
        block: block.clone(),
        weights: match block.op.is_identity() {
            true => None,
            false => Some(LengthDirection::build(block, options, builder)?),
        },
        from_data: options.choice("start") == "data",
        bias: builder.shift("bias", builder.filled(outputs, 0.0))?,
        running_mean: builder.buffer("running_mean", builder.filled(outputs, 0.0))?,
        momentum: options.number("average_momentum"),
        activation_pool: ActivationPool::build(block, builder)?,
    }))
}

struct MeanNormalized {
    block: Block,
    /// Nothing where the block has no weights.
    weights: Option<LengthDirection>,
    from_data: bool,
    bias: Tensor,
    running_mean: Tensor,
    momentum: f64,
    activation_pool: ActivationPool,
}

impl MeanNormalized {
    /// g·v/‖v‖, or a factor 1 for each channel.
    fn kernel(&self) -> Tensor {
        match &self.weights {
            Some(weights) => weights.kernel(),
            None => self.bias.detach().ones_like(),
        }
    }
}

impl Layer for MeanNormalized {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        let (op, x) = (&self.block.op, input.value());
        if !pass.training() {
            let bias = &self.bias - &self.running_mean;
            return op.apply(&x, &self.kernel(), Some(&bias));
        }
        let linear = match &self.weights {
            Some(weights) => op.apply(&x, &weights.kernel(), None),
            None => x.to_kind(self.bias.kind()),
        };
        let mean = channel_means(&linear);
        update_average(&self.running_mean, &mean, self.momentum);
        linear + op.per_channel(&(&self.bias - mean))
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.activation_pool.apply(pre))
    }

    fn fold(&self) -> Option<Folded> {
        let bias = &self.bias - &self.running_mean;
        let kernel = self.kernel();
        Some(Folded::plain(kernel, bias, &self.activation_pool))
    }

    fn initialize(&self, input: &Signal) {
        let means = match &self.weights {
            Some(weights) => weights.scale_to(input),
            None => self.from_data.then(|| channel_means(&input.value())),
        };
        if let Some(means) = means {
            self.running_mean.shallow_clone().copy_(&means);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::block::LinearOp;
    use crate::nn::statistics::channel_stds;
    use tch::{Device, Kind};

    const OP: LinearOp = LinearOp::Dense {
        inputs: 3,
        outputs: 3,
    };

    #[test]
    fn the_batch_mean_goes_and_gradients_are_centered() {
        let net = conformance::single("weight-norm-mean-bn", "start = \"unit\"", OP);
        conformance::set(
            &net,
            "layer.weight",
            &Tensor::eye(3, (Kind::Double, Device::Cpu)),
        );
        let bias = Tensor::from_slice(&[0.1, -0.2, 0.3]);
        conformance::set(&net, "layer.bias", &bias);
        let x = conformance::golden_inputs().set_requires_grad(true);
        let y = conformance::pre_activation(&net, &x);
        let expected = &x - x.mean_dim([0].as_slice(), true, None::<Kind>) + bias;
        assert!(conformance::gap(&y, &expected) < 1e-12);

        let upstream = conformance::gaussian(&[4, 3], 2);
        let loss = (y * &upstream).sum(Kind::Double);
        let gradient = &Tensor::run_backward(&[&loss], &[&x], false, false)[0];
        let centered = &upstream - upstream.mean_dim([0].as_slice(), true, None::<Kind>);
        assert!(conformance::gap(gradient, &centered) < 1e-12);
    }

    #[test]
    fn evaluation_subtracts_the_running_mean() {
        let net = conformance::single(
            "weight-norm-mean-bn",
            "start = \"unit\"\naverage_momentum = 0.25",
            OP,
        );
        conformance::set(
            &net,
            "layer.weight",
            &Tensor::eye(3, (Kind::Double, Device::Cpu)),
        );
        let x = conformance::golden_inputs();
        let _ = conformance::pre_activation(&net, &x);
        let y = net.blocks[0]
            .layer
            .pre_activation(&Signal::plain(x.copy()), &Pass::eval());
        let expected = &x - x.mean_dim([0].as_slice(), true, None::<Kind>) * 0.25;
        assert!(conformance::gap(&y, &expected) < 1e-12);
    }

    #[test]
    fn every_channel_starts_standardized_with_bias_zero() {
        let net = conformance::conv_network("weight-norm-mean-bn", "", 3);
        let images = conformance::gaussian(&[40, 2, 8, 8], 2) * 3.0 + 1.0;
        net.initialize(&images);
        for pass in [Pass::eval(), Pass::train(0, 0)] {
            let mut signal = net.input(&images);
            for built in &net.blocks {
                let pre = built.layer.pre_activation(&signal, &pass);
                let (mean, std) = (channel_means(&pre), channel_stds(&pre));
                assert!(
                    conformance::gap(&mean, &mean.zeros_like()) < 1e-10,
                    "{}",
                    built.node.name()
                );
                assert!(
                    conformance::gap(&std, &std.ones_like()) < 1e-10,
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
        let x = conformance::gaussian(&[9, 12], 1);
        for start in ["he", "unit"] {
            let net = conformance::dense_network(
                "weight-norm-mean-bn",
                &format!("start = \"{start}\""),
                3,
            );
            let before = net.logits(&x, &Pass::eval());
            net.initialize(&x);
            assert_eq!(before, net.logits(&x, &Pass::eval()));
        }
    }

    #[test]
    fn a_single_image_on_dense_layers_would_give_the_bias() {
        let net = conformance::dense_network("weight-norm-mean-bn", "", 3);
        let logits = net.logits(&conformance::gaussian(&[1, 12], 1), &Pass::train(0, 0));
        assert!(conformance::gap(&logits, &logits.zeros_like()) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("weight-norm-mean-bn", &["start = \"he\""]);
    }
}
