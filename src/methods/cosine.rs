//! Cosine normalization (Luo, Zhan, Wang, Yang, ICANN 2018, arXiv:1702.05870).
//!
//! The product of a weight row with what it sees becomes their cosine, a number in [−1, 1]:
//! y_o = f(⟨w_o, x⟩/(‖w_o‖·‖x‖)). On maps x is the patch under the kernel. No gain, no shift, no batch.
//!
//! With a bias, one more weight on an input that is 1: y_o = f((⟨w_o, x⟩ + b_o)/(√(‖w_o‖² + b_o²)·√(‖x‖² + 1))).

use anyhow::Result;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::{Block, Builder, CosineLayer, CosineSettings, Layer};
use crate::options::{OptionSpec, Options};

/// What `cosine` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "cosine",
    aliases: &["cosine-norm"],
    summary: "cosine normalization: the cosine between weight row and input replaces their product",
    formula: "y = f(W·x/(‖W‖·‖x‖)),  x the input vector or the patch under the kernel",
    paper: Paper::COSINE_NORMALIZATION,
    acts_on: &[ActsOn::LinearOperation],
    row_scale_invariant: true,
    extra_parameters: "none (b with bias = true)",
    options: &[
        OptionSpec::flag("bias", false)
            .help("a bias as one more weight on an input that is 1, in both lengths; the lengths of rows and inputs then matter"),
        OptionSpec::choice("last", &["plain", "scaled"])
            .help("the last layer: a linear layer with a bias, or the cosine times one trained number"),
        OptionSpec::number("logit_scale", 10.0, 1e-3, 1e3)
            .help("what that number starts at"),
        OptionSpec::number("eps", 1e-8, 0.0, 1.0)
            .help("ε, added to both squared lengths"),
    ],
    departures: &[
        "What the paper does in the last layer is not known to us: bare cosines cannot be confident logits (with 10 classes the cross-entropy stays above 0.797), so it is plain, or scaled.",
        "Padding counts as zeros of the patch.",
        "bias = true is a known implementation's form; the paper's formula has no bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let scaled = options.choice("last") == "scaled";
    let settings = CosineSettings {
        centered: false,
        bias: options.flag("bias"),
        eps: options.number("eps"),
        logit_scale: scaled.then(|| options.number("logit_scale")),
    };
    CosineLayer::build(block, builder, settings)
}

#[cfg(test)]
mod tests {
    use crate::methods::conformance;
    use crate::nn::block::LinearOp;
    use crate::nn::init;
    use tch::{Kind, Tensor};

    #[test]
    fn golden_row() {
        let y = conformance::golden_outputs("cosine", "eps = 0.0");
        conformance::assert_close(&conformance::row(&y, 0), &[-0.6236095645, 0.9525793444]);
    }

    #[test]
    fn equals_the_cosine_with_patches_written_out_and_stays_in_its_range() {
        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 3,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let net = conformance::single("cosine", "eps = 0.0", op);
        let x = conformance::gaussian(&[4, 2, 5, 5], 1);
        let rows = net.parameters.get("layer.weight").unwrap().flatten(1, -1);
        let patches = x.im2col([3, 3], [1, 1], [1, 1], [1, 1]);
        let lengths = patches
            .square()
            .sum_dim_intlist([1].as_slice(), true, None::<Kind>)
            .sqrt();
        let expected = rows.matmul(&patches) / lengths / init::row_norms(&rows).view([1, 3, 1]);
        let y = conformance::pre_activation(&net, &x);
        assert!(conformance::gap(&y, &expected.view([4, 3, 5, 5])) < 1e-12);
        assert!(y.abs().max().double_value(&[]) <= 1.0);
    }

    #[test]
    fn the_length_of_an_image_does_not_matter_and_gradients_are_orthogonal() {
        let net = conformance::single(
            "cosine",
            "eps = 0.0",
            LinearOp::Dense {
                inputs: 7,
                outputs: 3,
            },
        );
        let x = conformance::gaussian(&[5, 7], 1).set_requires_grad(true);
        let y = conformance::pre_activation(&net, &x);
        let factors = Tensor::from_slice(&[2.0, 0.1, 5.0, 30.0, 1.0]).view([5, 1]);
        assert!(
            conformance::gap(
                &y,
                &conformance::pre_activation(&net, &(x.detach() * factors))
            ) < 1e-12
        );

        let weight = net.parameters.get("layer.weight").unwrap();
        let loss = (y.sin() * conformance::gaussian(&[5, 3], 2)).sum(Kind::Double);
        let gradients = Tensor::run_backward(&[&loss], &[&x, weight], false, false);
        for (gradient, tensor) in gradients.iter().zip([&x, weight]) {
            let along = (gradient * tensor).sum_dim_intlist([1].as_slice(), false, None::<Kind>);
            assert!(conformance::gap(&along, &along.zeros_like()) < 1e-12);
        }
    }

    #[test]
    fn a_bias_is_one_more_weight_on_an_input_that_is_one() {
        let dense = |inputs| LinearOp::Dense { inputs, outputs: 3 };
        let biased = conformance::single("cosine", "eps = 0.0\nbias = true", dense(7));
        let (weight, bias) = (
            conformance::gaussian(&[3, 7], 4),
            conformance::gaussian(&[3], 5),
        );
        conformance::set(&biased, "layer.weight", &weight);
        conformance::set(&biased, "layer.bias", &bias);
        let longer = conformance::single("cosine", "eps = 0.0", dense(8));
        let rows = Tensor::cat(&[weight, bias.view([3, 1])], 1);
        conformance::set(&longer, "layer.weight", &rows);
        let x = conformance::gaussian(&[5, 7], 1);
        let ones = Tensor::ones([5, 1], (Kind::Double, tch::Device::Cpu));
        let expected = conformance::pre_activation(&longer, &Tensor::cat(&[&x, &ones], 1));
        assert!(conformance::gap(&conformance::pre_activation(&biased, &x), &expected) < 1e-12);
    }

    #[test]
    fn a_biased_map_is_the_biased_vector_of_each_patch() {
        let conv = LinearOp::Conv {
            inputs: 2,
            outputs: 3,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let dense = LinearOp::Dense {
            inputs: 18,
            outputs: 3,
        };
        let options = "eps = 0.0\nbias = true";
        let (maps, vectors) = (
            conformance::single("cosine", options, conv),
            conformance::single("cosine", options, dense),
        );
        let (weight, bias) = (
            conformance::gaussian(&[3, 18], 4),
            conformance::gaussian(&[3], 5),
        );
        for net in [&maps, &vectors] {
            conformance::set(net, "layer.weight", &weight);
            conformance::set(net, "layer.bias", &bias);
        }
        let x = conformance::gaussian(&[4, 2, 5, 5], 1);
        let patches = x.im2col([3, 3], [1, 1], [1, 1], [1, 1]).transpose(1, 2);
        let by_patch = conformance::pre_activation(&vectors, &patches.reshape([-1, 18]));
        let expected = by_patch.view([4, 25, 3]).transpose(1, 2);
        let y = conformance::pre_activation(&maps, &x).flatten(2, 3);
        assert!(conformance::gap(&y, &expected) < 1e-12);
    }

    #[test]
    fn a_patch_of_zeros_gives_zero_and_a_finite_gradient() {
        let net = conformance::single(
            "cosine",
            "",
            LinearOp::Dense {
                inputs: 7,
                outputs: 3,
            },
        );
        let x = Tensor::zeros([2, 7], (Kind::Double, tch::Device::Cpu)).set_requires_grad(true);
        let y = conformance::pre_activation(&net, &x);
        assert_eq!(y.abs().max().double_value(&[]), 0.0);
        let gradient = &Tensor::run_backward(&[&y.sum(Kind::Double)], &[&x], false, false)[0];
        assert!(bool::try_from(gradient.isfinite().all()).unwrap());
    }

    #[test]
    fn the_last_layer_is_plain_or_bounded_by_its_scale() {
        let x = conformance::gaussian(&[9, 12], 1);
        let plain = conformance::dense_network("cosine", "", 3);
        assert!(plain.parameters.get("logits.bias").is_some());
        let scaled = conformance::dense_network("cosine", "last = \"scaled\"\nlogit_scale = 4", 3);
        assert!(scaled.parameters.get("logits.bias").is_none());
        let largest = scaled.logits(&x, &crate::nn::Pass::eval()).abs().max();
        assert!((1.0..=4.0).contains(&largest.double_value(&[])));
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients(
            "cosine",
            &[
                "last = \"scaled\"",
                "bias = true",
                "bias = true\nlast = \"scaled\"",
            ],
        );
    }
}
