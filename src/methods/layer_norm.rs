//! Layer Normalization (Ba, Kiros, Hinton, 2016, arXiv:1607.06450).
//!
//! For each image, over all channels and positions: μ = mean a, v = mean (a − μ)², y = f(γ (a − μ)/√(v + ε) + β)
//! with one γ and one β a channel. No batch enters, and training equals evaluation.

mod recurrent;

use anyhow::Result;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::length_reset::{self, PROJECT_EVERY};
use crate::nn::statistics::EPS;
use crate::nn::{Block, Builder, GroupNorm, Layer, NormalizedLayer};
use crate::options::Options;

/// What `layer-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "layer-norm",
    aliases: &["ln"],
    summary: "layer normalization: statistics of one image over channels and positions",
    formula: "y = f(γ·(a − μ)/√(v + ε) + β),  μ, v over a = W·x of one image",
    paper: Paper {
        authors: "Ba, Kiros, Hinton",
        title: "Layer Normalization",
        venue: "2016, arXiv:1607.06450",
    },
    acts_on: &[ActsOn::PreActivation],
    extra_parameters: "γ, β",
    options: &[EPS, PROJECT_EVERY],
    departures: &[
        "On maps the statistics run over channels and positions, and γ, β are one a channel, not one an element.",
        "In an LSTM the shifts behind the two products are one, the bias.",
        "project_every is not the method's own: normalize and project (Lyle et al. 2024) with gains and shifts left alone.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    recurrent: Some(recurrent::RECURRENT),
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        length_reset::register(block, options, builder)?;
        // One group of all channels is the same statistic.
        GroupNorm::build(1, options.number("eps"), block, builder)
    })
}

#[cfg(test)]
mod tests {
    use crate::methods::conformance;
    use crate::nn::block::LinearOp;
    use tch::Tensor;

    #[test]
    fn weights_return_to_their_starting_length_when_told() {
        use crate::nn::{SgdStep, StepFormula, Update};
        let plain = Update {
            decay: 0.0,
            lr: 0.3,
            formula: StepFormula::Sgd(SgdStep {
                momentum: 0.0,
                nesterov: false,
            }),
            step: 1,
            bias: [1.0; 2],
        };
        for method in ["layer-norm", "rms-norm", "group-norm"] {
            let net = conformance::conv_network(method, "project_every = 2", 3);
            let own = |name: &str| net.parameters.iter().find(|entry| entry.name == name);
            assert!(own("logits.weight").is_some_and(|entry| entry.rule.is_none()));
            let entry = own("conv2.weight").unwrap();
            let (weight, rule) = (&entry.tensor, entry.rule.as_ref().unwrap());
            let length = || weight.norm().double_value(&[]);
            let start = length();
            for step in 1..=4 {
                let before = weight.detach().copy();
                let gradient = conformance::gaussian(&weight.size(), step);
                let kept = [weight.zeros_like()];
                tch::no_grad(|| {
                    let taken = rule.before_step(weight, &gradient, &kept, &plain).unwrap();
                    plain.apply(weight, &taken, &kept);
                    rule.after_step(weight);
                });
                let moved = before - gradient * 0.3;
                let factor = match step % 2 {
                    0 => start / moved.norm().double_value(&[]),
                    _ => 1.0,
                };
                assert!(
                    conformance::gap(weight, &(moved * factor)) < 1e-12,
                    "{method} {step}"
                );
                assert_eq!((length() - start).abs() < 1e-12, step % 2 == 0, "{method}");
            }
        }
    }

    #[test]
    fn golden_row() {
        let y = conformance::normalized_golden_inputs("layer-norm", "");
        conformance::assert_close(
            &conformance::row(&y, 0),
            &[0.2672603829, 1.069041531, -1.336301914],
        );
    }

    #[test]
    fn equals_torchs_layer_norm_on_vectors_and_maps() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 6,
        };
        let x = conformance::gaussian(&[5, 7], 1);
        let net = conformance::single("layer-norm", "", op);
        let linear = op.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        let torch = linear.layer_norm([6], None::<Tensor>, None::<Tensor>, 1e-5, false);
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &torch) < 1e-12);

        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 6,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let net = conformance::single("layer-norm", "", op);
        let linear = op.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        let torch = linear.layer_norm([6, 4, 4], None::<Tensor>, None::<Tensor>, 1e-5, false);
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &torch) < 1e-12);
    }

    #[test]
    fn each_image_has_mean_zero_and_variance_one() {
        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 6,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let net = conformance::single("layer-norm", "eps = 0.0", op);
        let y = conformance::pre_activation(&net, &conformance::gaussian(&[5, 2, 4, 4], 1))
            .flatten(1, -1);
        let mean = y.mean_dim([1].as_slice(), false, None);
        assert!(conformance::gap(&mean, &mean.zeros_like()) < 1e-12);
        assert!(
            conformance::gap(&y.var_dim([1].as_slice(), false, false), &mean.ones_like()) < 1e-12
        );
    }

    #[test]
    fn a_common_factor_on_all_weights_and_a_common_row_change_nothing() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 6,
        };
        let net = conformance::single("layer-norm", "eps = 0.0", op);
        let x = conformance::gaussian(&[5, 7], 1);
        let before = conformance::pre_activation(&net, &x);
        let weight = net.parameters.get("layer.weight").unwrap().detach().copy();
        conformance::set(&net, "layer.weight", &(&weight * 3.0));
        assert!(conformance::gap(&before, &conformance::pre_activation(&net, &x)) < 1e-12);
        conformance::set(
            &net,
            "layer.weight",
            &(&weight + conformance::gaussian(&[1, 7], 5)),
        );
        assert!(conformance::gap(&before, &conformance::pre_activation(&net, &x)) < 1e-12);
    }
}
