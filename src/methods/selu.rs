//! Self-normalizing networks (Klambauer, Unterthiner, Mayr, Hochreiter, NIPS 2017, arXiv:1706.02515).
//!
//! y = selu(W·x + b) with selu(x) = λx for x > 0 and λα(eˣ − 1) otherwise, α = 1.67326, λ = 1.05070, and
//! W ~ N(0, 1/fan_in) (LeCun), b = 0. Mean 0 and variance 1 are then an attracting fixed point of the map
//! from a layer's moments to the next one's.
//!
//! **Alpha dropout** at rate p, q = 1 − p: a dropped unit takes the lower limit α' = −λα, then
//! y ↦ c·y + d with c = (q + α'²qp)^(−1/2) and d = −c·p·α' restores mean and variance.
//!
//! **Residual networks.** A sum of two signals of variance 1 has variance 2, off the fixed point: ours is divided by √2.

use std::f64::consts::FRAC_1_SQRT_2;

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::moments::{Activation, SELU_ALPHA, SELU_SCALE};
use crate::nn::{ActivationPool, Block, Builder, Folded, Layer, Pass, Signal};
use crate::options::{OptionSpec, Options};

/// What `selu` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "selu",
    aliases: &["snn", "self-normalizing"],
    summary: "self-normalizing networks: SELU, LeCun initialization, alpha dropout",
    formula: "y = selu(W·x + b),  W ~ N(0, 1/fan_in)",
    paper: Paper {
        authors: "Klambauer, Unterthiner, Mayr, Hochreiter",
        title: "Self-Normalizing Neural Networks",
        venue: "NIPS 2017, arXiv:1706.02515",
    },
    acts_on: &[ActsOn::Activation],
    extra_parameters: "b",
    options: &[OptionSpec::number("dropout", 0.0, 0.0, 0.9)
            .help("rate of alpha dropout behind hidden layers, in training; 0.05 is usual; above 0 training is not evaluation")],
    departures: &[
        "Hidden layers have SELU whatever the configuration's activation is.",
        "Max-pools stay as the model has them, although they move the mean off 0; alpha dropout comes behind them.",
        "Residual networks are not the paper's; there y = (shortcut + branch)/√2 (ours), which keeps the fixed point, and alpha dropout comes behind each SELU.",
        "The last layer is linear, with LeCun initialization.",
    ],
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let (activation, dropout) = match block.is_activated() {
        true => (Activation::Selu, options.number("dropout")),
        false => (Activation::Identity, 0.0),
    };
    let block = Block {
        activation,
        ..block.clone()
    };
    let linear = match block.op.is_identity() {
        true => None,
        false => {
            let weight = builder.direction() / (block.op.fan_in() as f64).sqrt();
            let zeros = builder.filled(block.op.outputs(), 0.0);
            Some((
                builder.weight("weight", weight)?,
                builder.shift("bias", zeros)?,
            ))
        }
    };
    Ok(Box::new(SelfNormalizing {
        linear,
        dropout,
        activation_pool: ActivationPool::build(&block, builder)?,
        block,
    }))
}

struct SelfNormalizing {
    block: Block,
    /// W and b, where the block has weights.
    linear: Option<(Tensor, Tensor)>,
    dropout: f64,
    activation_pool: ActivationPool,
}

/// Alpha dropout's (c, d) at rate p.
fn restoring_map(rate: f64) -> (f64, f64) {
    let (keep, floor) = (1.0 - rate, -SELU_SCALE * SELU_ALPHA);
    let factor = (keep + floor * floor * keep * rate).powf(-0.5);
    (factor, -factor * rate * floor)
}

/// Alpha dropout of `x` where `chance`, uniform in [0, 1), is below `rate`.
fn alpha_dropout(x: &Tensor, chance: &Tensor, rate: f64) -> Tensor {
    let (factor, shift) = restoring_map(rate);
    x.masked_fill(&chance.lt(rate), -SELU_SCALE * SELU_ALPHA) * factor + shift
}

impl Layer for SelfNormalizing {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let x = input.value();
        match &self.linear {
            Some((weight, bias)) => self.block.op.apply(&x, weight, Some(bias)),
            None => x,
        }
    }

    fn fold(&self) -> Option<Folded> {
        let activation = Folded::activation(&self.activation_pool);
        let linear = self.linear.as_ref();
        Some(Folded {
            linear: linear.map(|(weight, bias)| (weight.shallow_clone(), bias.shallow_clone())),
            ..activation
        })
    }

    fn sum_factor(&self) -> f64 {
        FRAC_1_SQRT_2
    }

    fn post_activation(&self, pre: Tensor, pass: &Pass) -> Signal {
        let output = self.activation_pool.apply_to_shared(&pre);
        if self.dropout == 0.0 || !pass.training() {
            return Signal::plain(output);
        }
        let chance = pass.uniform(&output.size(), &output);
        Signal::plain(alpha_dropout(&output, &chance, self.dropout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments;
    use crate::moments::goldens::variance_map_slope;
    use crate::nn::init;
    use crate::nn::networks::perceptron;
    use tch::{Device, Kind};

    #[test]
    fn golden_row_and_torchs_selu() {
        let net = conformance::single(
            "selu",
            "",
            crate::nn::block::LinearOp::Dense {
                inputs: 3,
                outputs: 3,
            },
        );
        let x = conformance::golden_inputs();
        let y = net.blocks[0]
            .layer
            .post_activation(x.copy(), &Pass::eval())
            .value();
        conformance::assert_close(
            &conformance::row(&y, 0),
            &[1.050700987, 2.101401975, -1.111330738],
        );
        let formula = SELU_SCALE * (x.clamp_min(0.0) + SELU_ALPHA * x.clamp_max(0.0).expm1());
        assert!(conformance::gap(&y, &formula) < 1e-12);
        assert!(conformance::gap(&y, &x.selu()) < 1e-12);
    }

    #[test]
    fn the_configured_activation_does_not_matter_and_the_last_layer_is_linear() {
        let x = conformance::gaussian(&[9, 12], 1);
        let logits = |activation| {
            conformance::dense_with("selu", "", activation, 3).logits(&x, &Pass::eval())
        };
        assert_eq!(logits(Activation::Relu), logits(Activation::Tanh));
        let net = conformance::dense_network("selu", "", 3);
        let weight = net.parameters.get("layer2.weight").unwrap();
        let directions = conformance::dense_network("none", "", 3);
        let he = directions.parameters.get("layer2.weight").unwrap();
        assert!(conformance::gap(&(weight * 2f64.sqrt()), he) < 1e-12);
        let hidden = conformance::gaussian(&[9, 16], 2);
        let last = net.blocks[2]
            .layer
            .forward(&Signal::plain(hidden.copy()), &Pass::eval());
        let linear = hidden.matmul(&net.parameters.get("logits.weight").unwrap().tr());
        assert!(conformance::gap(&last.value(), &linear) < 1e-12);
    }

    #[test]
    fn zero_mean_and_unit_variance_are_a_fixed_point_that_attracts() {
        let fixed = moments::moments(Activation::Selu);
        assert!(fixed.mean.abs() < 1e-9 && (fixed.variance() - 1.0).abs() < 1e-9);
        assert!((variance_map_slope(Activation::Selu) - 0.7826478832).abs() < 1e-6);
    }

    #[test]
    fn a_deep_wide_network_pulls_moments_to_the_fixed_point() {
        let blocks = perceptron(500, 2, &[500; 20], Activation::Selu);
        let options = DESCRIPTOR.resolve(&toml::Table::new()).unwrap();
        let net = DESCRIPTOR
            .network(&options, blocks, 1, Kind::Float, Device::Cpu)
            .unwrap();
        let x = (conformance::gaussian(&[100, 500], 1) * 1.5f64.sqrt() + 0.1).to_kind(Kind::Float);
        let mut signal = net.input(&x);
        for built in &net.blocks[..20] {
            signal = built.layer.forward(&signal, &Pass::eval());
        }
        let y = signal.value().to_kind(Kind::Double);
        let (mean, variance) = (y.mean(Kind::Double), y.var(false));
        assert!(mean.double_value(&[]).abs() < 0.02, "{mean:?}");
        assert!(
            (variance.double_value(&[]) - 1.0).abs() < 0.03,
            "{variance:?}"
        );
    }

    #[test]
    fn alpha_dropout_has_its_known_constants() {
        for (rate, expected) in [
            (0.05, [0.9548444760, 0.0839355722]),
            (0.1, [0.9212845161, 0.1619709701]),
            (0.2, [0.8789035834, 0.3090399621]),
            (0.5, [0.8864048947, 0.7791939305]),
        ] {
            let (factor, shift) = restoring_map(rate);
            conformance::assert_close(&[factor, shift], &expected);
        }
        let dropped = alpha_dropout(
            &Tensor::from_slice(&[9.0_f64]),
            &Tensor::from_slice(&[0.0_f64]),
            0.1,
        );
        conformance::assert_close(&[dropped.double_value(&[0])], &[-1.457738731]);
    }

    #[test]
    fn alpha_dropout_keeps_mean_and_variance_in_training_and_is_off_in_evaluation() {
        let x = init::standard_normal(
            &[400, 500],
            &mut crate::streams::stream(1, crate::streams::Purpose::Probe, 0),
        );
        let kept = alpha_dropout(&x, &Pass::train(1, 1).uniform(&[400, 500], &x), 0.2);
        assert!(kept.mean(Kind::Double).double_value(&[]).abs() < 0.01);
        assert!((kept.var(false).double_value(&[]) - 1.0).abs() < 0.02);

        let net = conformance::dense_network("selu", "dropout = 0.2", 3);
        let plain = conformance::dense_network("selu", "", 3);
        let x = conformance::gaussian(&[9, 12], 1);
        assert_eq!(
            net.logits(&x, &Pass::eval()),
            plain.logits(&x, &Pass::eval())
        );
        let noisy = net.logits(&x, &Pass::train(1, 1));
        assert!(conformance::gap(&noisy, &plain.logits(&x, &Pass::eval())) > 0.01);
        assert_eq!(noisy, net.logits(&x, &Pass::train(1, 1)));
        assert!(conformance::gap(&noisy, &net.logits(&x, &Pass::train(1, 2))) > 0.01);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("selu", &["dropout = 0.2"]);
    }
}
