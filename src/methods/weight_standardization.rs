//! Weight Standardization (Qiao, Wang, Liu, Shen, Yuille, 2019, arXiv:1903.10520), with group normalization.
//!
//! Each weight row has its mean removed and is divided by its standard deviation,
//! ŵ_o = (w_o − mean w_o)/(std w_o + ε); then group normalization follows, without which pre-activations
//! would grow by √fan_in a layer: y = f(GN(ŵ·x)).

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{ActsOn, Descriptor, Paper};
use crate::nn::groups::{GROUPS, GroupNorm, groups};
use crate::nn::statistics::{AT_THE_KINK, centered_rows, check_rows_can_be_centered};
use crate::nn::{
    Block, Builder, Layer, Normalization, NormalizedLayer, Pass, Reparametrization,
    ReparametrizedLayer, init,
};
use crate::options::{OptionSpec, Options};

/// What `weight-standardization` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "weight-standardization",
    aliases: &["ws"],
    summary: "weight rows with mean 0 and variance 1, followed by group normalization",
    formula: "y = f(γ·GN(ŵ·x) + β),  ŵ = (w − mean w)/(std w + ε) row by row",
    paper: Paper {
        authors: "Qiao, Wang, Liu, Shen, Yuille",
        title: "Micro-Batch Training with Batch-Channel Normalization and Weight Standardization",
        venue: "2019, arXiv:1903.10520",
    },
    acts_on: &[ActsOn::Weights, ActsOn::PreActivation],
    row_scale_invariant: true,
    extra_parameters: "γ, β",
    options: &[
        OptionSpec::choice("deviation", &["unbiased", "biased"])
            .help("divide by the unbiased standard deviation + ε (the authors' code), or by √(biased variance + ε) (a later library)"),
        OptionSpec::number("eps", 1e-5, 0.0, 1.0)
            .help("ε of the weights; 1e-6 goes with \"biased\" in that library"),
        GROUPS
            .help("groups of the group normalization; 0 chooses as group-norm does"),
        OptionSpec::number("norm_eps", 1e-5, 0.0, 1.0)
            .help("ε of the group normalization, added to the variance"),
    ],
    departures: &[
        "Fully connected layers are standardized as well; the paper speaks of convolutions.",
        "In residual networks of order v2 the convolutions in front of a sum are standardized too, without a normalization behind them: a row has length √n, so a branch outweighs a shortcut with fewer inputs (ours).",
        "No bias, as in group-norm; the last layer is a plain linear layer with a bias.",
        AT_THE_KINK,
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if !block.last && !block.op.is_identity() {
        check_rows_can_be_centered(block, DESCRIPTOR.name)?;
    }
    let rows = StandardizedRows {
        unbiased: options.choice("deviation") == "unbiased",
        eps: options.number("eps"),
    };
    if !block.last && !block.is_normalized() {
        return ReparametrizedLayer::without_bias(block, builder, |builder| {
            let weight = init::he(&builder.direction(), block.op.fan_in());
            let weight = builder.weight("weight", weight)?;
            Ok(StandardizedWeight { rows, weight })
        });
    }
    NormalizedLayer::build(block, builder, |builder| {
        let groups = groups(options.count("groups"), block)?;
        let norm = GroupNorm::build(groups, options.number("norm_eps"), block, builder)?;
        Ok(WeightStandardization { rows, norm })
    })
}

struct WeightStandardization {
    rows: StandardizedRows,
    norm: GroupNorm,
}

/// In front of a residual unit's sum, where no normalization follows.
struct StandardizedWeight {
    rows: StandardizedRows,
    weight: Tensor,
}

impl Reparametrization for StandardizedWeight {
    fn kernel(&self) -> Tensor {
        self.rows.of(&self.weight)
    }
}

impl Normalization for WeightStandardization {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        self.norm.apply(linear, pass)
    }

    fn kernel(&self, weight: &Tensor) -> Tensor {
        self.rows.of(weight)
    }
}

/// Rows of mean 0 and standard deviation 1.
#[derive(Debug, Clone, Copy)]
struct StandardizedRows {
    /// Unbiased with ε beside it, or biased with ε under the root.
    unbiased: bool,
    eps: f64,
}

impl StandardizedRows {
    fn of(self, weight: &Tensor) -> Tensor {
        let centered = centered_rows(weight);
        let axes: Vec<i64> = (1..weight.dim() as i64).collect();
        let count = (weight.numel() as i64 / weight.size()[0]) as f64;
        let squares = centered
            .square()
            .sum_dim_intlist(axes.as_slice(), true, None::<Kind>);
        if self.unbiased {
            centered / ((squares / (count - 1.0)).sqrt() + self.eps)
        } else {
            centered * (squares / count + self.eps).rsqrt()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;

    fn standardized_rows(weight: &Tensor, unbiased: bool, eps: f64) -> Tensor {
        StandardizedRows { unbiased, eps }.of(weight)
    }

    #[test]
    fn golden_rows() {
        let weight = conformance::golden_weight();
        let biased = conformance::row(&standardized_rows(&weight, false, 0.0), 0);
        conformance::assert_close(&biased, &[0.0, -1.224744871, 1.224744871]);
        let unbiased = conformance::row(&standardized_rows(&weight, true, 1e-5), 0);
        conformance::assert_close(&unbiased, &[0.0, -0.9999933334, 0.9999933334]);
    }

    #[test]
    fn rows_have_mean_zero_and_deviation_one_and_gradients_keep_both() {
        for unbiased in [true, false] {
            let weight =
                (conformance::gaussian(&[4, 3, 3, 3], 1) * 2.0 + 0.3).set_requires_grad(true);
            let kernel = standardized_rows(&weight, unbiased, 0.0);
            let rows = kernel.flatten(1, -1);
            let mean = rows.mean_dim([1].as_slice(), false, None);
            assert!(conformance::gap(&mean, &mean.zeros_like()) < 1e-12);
            let std = rows.std_dim([1].as_slice(), unbiased, false);
            assert!(conformance::gap(&std, &std.ones_like()) < 1e-12);

            let loss = (kernel * conformance::gaussian(&[4, 3, 3, 3], 2)).sum(Kind::Double);
            let gradient = &Tensor::run_backward(&[&loss], &[&weight], false, false)[0];
            let sum = |t: Tensor| {
                t.flatten(1, -1)
                    .sum_dim_intlist([1].as_slice(), false, None)
            };
            assert!(conformance::gap(&sum(gradient.copy()), &mean.zeros_like()) < 1e-12);
            let along = sum(gradient * centered_rows(&weight));
            assert!(conformance::gap(&along, &mean.zeros_like()) < 1e-12);
        }
    }

    #[test]
    fn the_two_deviations_differ_by_the_known_ratio() {
        let weight = conformance::gaussian(&[4, 4, 3, 3], 1);
        let lengths = |unbiased| init::row_norms(&standardized_rows(&weight, unbiased, 0.0));
        let ratio = lengths(true) / lengths(false);
        assert!(conformance::gap(&ratio, &(ratio.ones_like() * (35.0_f64 / 36.0).sqrt())) < 1e-12);
    }

    #[test]
    fn equals_standardized_weights_with_torchs_group_norm() {
        let op = crate::nn::block::LinearOp::Conv {
            inputs: 2,
            outputs: 6,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let net = conformance::single("weight-standardization", "groups = 2", op);
        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let weight = net.parameters.get("layer.weight").unwrap();
        let rows = weight.flatten(1, -1);
        let mean = rows.mean_dim([1].as_slice(), true, None);
        let kernel = (&rows - mean) / (rows.std_dim([1].as_slice(), true, true) + 1e-5);
        let linear = op.apply(&x, &kernel.view_as(weight), None);
        let expected = linear.group_norm(2, None::<Tensor>, None, 1e-5, false);
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &expected) < 1e-12);
    }

    #[test]
    fn rows_of_one_weight_are_refused() {
        let options = DESCRIPTOR.resolve(&toml::Table::new()).unwrap();
        let relu = crate::moments::Activation::Relu;
        let blocks = crate::nn::networks::perceptron(4, 3, &[1, 5], relu);
        let built = DESCRIPTOR.network(&options, blocks, 1, Kind::Double, tch::Device::Cpu);
        let message = built
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(message.contains("layer2 hold one weight"), "{message}");
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("weight-standardization", &["deviation = \"biased\""]);
    }
}
