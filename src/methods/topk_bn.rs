//! Top-k batch normalization (Hoffer, Banner, Golan, Soudry, NeurIPS 2018, arXiv:1803.01814).
//!
//! As batch normalization, with s = C(n)·(mean of the k largest |a − μ|) in place of the standard
//! deviation, n the number of values of a channel in the batch: y = f(γ (a − μ)/(s + ε) + β). The authors
//! take the C(n) of the single largest value, so Gaussians come out with a standard deviation between 0.75
//! and 0.85; the exact constant is an option. Where a channel has fewer than k values, k is their number.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::descriptor::{Descriptor, Paper};
use crate::nn::batch_scale::{BatchScale, ChannelScale, ExtremeConstant, NOISE, SCALE_EPS};
use crate::nn::statistics::{AVERAGE_MOMENTUM, values_per_channel};
use crate::nn::{Block, Builder, Layer, NormalizedLayer};
use crate::options::{OptionSpec, Options};

/// What `topk-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "topk-bn",
    aliases: &["topk-batch-norm"],
    summary: "batch normalization by the mean of the k largest absolute deviations",
    formula: "y = f(γ·(a − μ_B)/(s + ε) + β),  s = C(n)·mean of the k largest |a − μ_B|",
    paper: Paper::NORM_MATTERS,
    options: &[
        OptionSpec::count("k", 10, 1, 1_000_000_000)
            .help("how many of the largest deviations"),
        OptionSpec::choice("constant", &["hoffer", "exact"])
            .help("the authors' C(n), after which Gaussians have a standard deviation of 0.75 to 0.85, or the one that makes it 1"),
        SCALE_EPS,
        AVERAGE_MOMENTUM,
        NOISE,
    ],
    departures: &[
        "The authors' code also keeps the mean of the largest values over steps (\"ghost\" statistics); that is left out.",
        "Running averages hold the scale itself with weight ρ = 0.1 for the newest batch; the authors' code holds its inverse with 0.9.",
        "noise = true takes the biased σ; the authors' code takes the unbiased one.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        let spread = LargestDistances {
            count: options.count("k"),
            constant: ExtremeConstant::of_options(options),
        };
        BatchScale::build(block, options, builder, spread)
    })
}

/// C(n)·mean of the `count` largest |a − μ|.
struct LargestDistances {
    count: i64,
    constant: ExtremeConstant,
}

impl ChannelScale for LargestDistances {
    fn of(&self, distances: &Tensor) -> Tensor {
        let count = self.count.min(values_per_channel(distances));
        let by_channel = distances.transpose(0, 1).flatten(1, -1);
        let (largest, _) = by_channel.topk(count, 1, true, false);
        largest.mean_dim([1].as_slice(), false, None::<Kind>) * self.constant.of(distances, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::batch_scale::Extremes;

    fn spread(count: i64, extremes: Extremes) -> LargestDistances {
        LargestDistances {
            count,
            constant: ExtremeConstant::new(extremes),
        }
    }

    #[test]
    fn golden_scale() {
        let x = conformance::golden_inputs();
        let distances = (&x - x.mean_dim([0].as_slice(), true, None::<Kind>)).abs();
        let scale = Vec::<f64>::try_from(spread(2, Extremes::Bound).of(&distances)).unwrap();
        conformance::assert_close(&scale, &[1.390406506, 1.853875342, 2.317344177]);
    }

    #[test]
    fn gaussians_come_out_with_the_known_standard_deviation() {
        // 200 channels of 4096 values each: C(4096)·E[mean of the 10 largest |z|] = 1.24753.
        let distances = conformance::gaussian(&[4096, 200], 1).abs();
        for (extremes, product) in [(Extremes::Bound, 1.24753), (Extremes::Exact, 1.0)] {
            let mean = spread(10, extremes)
                .of(&distances)
                .mean(Kind::Double)
                .double_value(&[]);
            assert!((mean / product - 1.0).abs() < 0.01, "{extremes:?} {mean}");
        }
    }

    #[test]
    fn small_batches_take_all_their_values() {
        let distances = conformance::gaussian(&[4, 3], 1).abs();
        assert_eq!(
            spread(10, Extremes::Exact).of(&distances),
            spread(4, Extremes::Exact).of(&distances)
        );
        let exact = spread(10, Extremes::Exact).of(&distances);
        let l1 = distances.mean_dim([0].as_slice(), false, None::<Kind>)
            * (0.5 * std::f64::consts::PI).sqrt();
        assert!(conformance::gap(&exact, &l1) < 1e-12);
    }

    #[test]
    fn one_largest_value_is_the_maximum() {
        let distances = conformance::gaussian(&[4, 3, 5, 5], 1).abs();
        let maxima = distances.amax([0, 2, 3].as_slice(), false);
        let constant = crate::moments::extreme_bound_constant(100);
        assert!(
            conformance::gap(
                &spread(1, Extremes::Bound).of(&distances),
                &(maxima * constant)
            ) < 1e-12
        );
    }

    #[test]
    fn the_scale_of_the_inputs_does_not_matter() {
        let op = crate::nn::block::LinearOp::Conv {
            inputs: 2,
            outputs: 3,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let net = conformance::single("topk-bn", "eps = 0.0", op);
        let x = conformance::gaussian(&[4, 2, 5, 5], 1);
        let y = conformance::pre_activation(&net, &x);
        assert!(conformance::gap(&y, &conformance::pre_activation(&net, &(x * 7.0))) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("topk-bn", &["k = 2\nconstant = \"exact\""]);
    }
}
