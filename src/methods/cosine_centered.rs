//! Centered cosine normalization: Pearson's correlation (Luo, Zhan, Wang, Yang, ICANN 2018,
//! arXiv:1702.05870).
//!
//! As `cosine`, after the mean of the weight row and the mean of what it sees are subtracted:
//! y_o = f(⟨w_o − w̄_o, x − x̄⟩/(‖w_o − w̄_o‖·‖x − x̄‖)). On vectors this is layer normalization of the
//! input, times centered unit rows, over √n.

use anyhow::Result;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::statistics::check_rows_can_be_centered;
use crate::nn::{Block, Builder, CosineLayer, CosineSettings, Layer};
use crate::options::{OptionSpec, Options};

/// What `cosine-centered` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "cosine-centered",
    aliases: &["pearson"],
    summary: "cosine normalization with means removed: the correlation of weight row and input replaces their product",
    formula: "y = f((W − W̄)·(x − x̄)/(‖W − W̄‖·‖x − x̄‖)),  x the input vector or the patch under the kernel",
    paper: Paper::COSINE_NORMALIZATION,
    acts_on: &[ActsOn::LinearOperation],
    row_scale_invariant: true,
    extra_parameters: "none",
    options: &[
        OptionSpec::choice("last", &["plain", "scaled"])
            .help("the last layer: a linear layer with a bias, or the correlation times one trained number"),
        OptionSpec::number("logit_scale", 10.0, 1e-3, 1e3)
            .help("what that number starts at"),
        OptionSpec::number("eps", 1e-8, 0.0, 1.0)
            .help("ε, added to both squared lengths"),
    ],
    departures: &[
        "What the paper does in the last layer is not known to us: it is plain, or scaled.",
        "Padding counts as zeros of the patch, in its mean too.",
        "The product is that with x itself, of which a centered row cancels the mean: in float32 it loses digits where a patch's mean is large beside its contrast. Logits of a ResNet-8 of order v2 were seen to be 2e-4 from those in float64.",
        "A patch without contrast (‖x − x̄‖² ≤ 1e-8·‖x‖²) gives 0 and passes no gradient, where ε alone would magnify rounding errors.",
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let scaled = options.choice("last") == "scaled";
    if !block.op.is_identity() && (scaled || !block.last) {
        check_rows_can_be_centered(block, DESCRIPTOR.name)?;
    }
    let settings = CosineSettings {
        centered: true,
        bias: false,
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
    use crate::nn::statistics::centered_rows;
    use tch::{Kind, Tensor};

    #[test]
    fn golden_row() {
        let y = conformance::golden_outputs("cosine-centered", "eps = 0.0");
        conformance::assert_close(&conformance::row(&y, 0), &[-0.9819805061, 0.9449111825]);
    }

    #[test]
    fn equals_the_correlation_with_patches_written_out() {
        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 3,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let net = conformance::single("cosine-centered", "eps = 0.0", op);
        let x = conformance::gaussian(&[4, 2, 5, 5], 1) + 2.0;
        let rows = centered_rows(&net.parameters.get("layer.weight").unwrap().flatten(1, -1));
        let patches = x.im2col([3, 3], [1, 1], [1, 1], [1, 1]);
        let patches = &patches - patches.mean_dim([1].as_slice(), true, None);
        let lengths = patches
            .square()
            .sum_dim_intlist([1].as_slice(), true, None::<Kind>)
            .sqrt();
        let expected = rows.matmul(&patches) / lengths / init::row_norms(&rows).view([1, 3, 1]);
        let y = conformance::pre_activation(&net, &x);
        assert!(conformance::gap(&y, &expected.view([4, 3, 5, 5])) < 1e-11);
        assert!(y.abs().max().double_value(&[]) <= 1.0);
    }

    #[test]
    fn on_vectors_it_is_layer_norm_of_the_input_times_centered_unit_rows() {
        let net = conformance::single(
            "cosine-centered",
            "eps = 0.0",
            LinearOp::Dense {
                inputs: 7,
                outputs: 3,
            },
        );
        let x = conformance::gaussian(&[5, 7], 1);
        let rows = centered_rows(net.parameters.get("layer.weight").unwrap());
        let unit = &rows / init::row_norms(&rows).view([3, 1]);
        let expected = x
            .layer_norm([7], None::<Tensor>, None::<Tensor>, 0.0, false)
            .matmul(&unit.tr());
        let y = conformance::pre_activation(&net, &x);
        assert!(conformance::gap(&y, &(expected / 7f64.sqrt())) < 1e-12);
        assert!(conformance::gap(&y, &conformance::pre_activation(&net, &(x * 3.0 + 5.0))) < 1e-11);
    }

    #[test]
    fn a_constant_image_gives_zeros_and_no_gradient() {
        for options in ["", "eps = 0.0"] {
            let op = LinearOp::Dense {
                inputs: 7,
                outputs: 3,
            };
            let net = conformance::single("cosine-centered", options, op);
            let x = Tensor::full([2, 7], 0.1, (Kind::Double, tch::Device::Cpu));
            let x = x.set_requires_grad(true);
            let y = conformance::pre_activation(&net, &x);
            let loss = y.sum(Kind::Double);
            let gradient = &Tensor::run_backward(&[&loss], &[&x], false, false)[0];
            for zeros in [&y, gradient] {
                assert_eq!(zeros.abs().max().double_value(&[]), 0.0, "{options}");
            }
        }
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("cosine-centered", &["last = \"scaled\""]);
    }
}
