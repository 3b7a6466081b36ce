//! L∞ batch normalization (Hoffer, Banner, Golan, Soudry, NeurIPS 2018, arXiv:1803.01814).
//!
//! As batch normalization, with s = C(n)·max |a − μ| in place of the standard deviation, n the number of
//! values of a channel in the batch: y = f(γ (a − μ)/(s + ε) + β). The authors' C(n) averages the
//! reciprocals of an upper and a lower bound on E max |z|; Gaussians come out with a standard deviation of
//! about 0.7, which γ absorbs. The exact constant 1/E max |z| and none at all are options.

use anyhow::Result;
use tch::Tensor;

use super::descriptor::{Descriptor, Paper};
use crate::nn::batch_scale::{BatchScale, ChannelScale, ExtremeConstant, NOISE, SCALE_EPS};
use crate::nn::statistics::{AVERAGE_MOMENTUM, batch_axes};
use crate::nn::{Block, Builder, Layer, NormalizedLayer};
use crate::options::{OptionSpec, Options};

/// What `linf-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "linf-bn",
    aliases: &["linf-batch-norm"],
    summary: "batch normalization by the largest absolute deviation",
    formula: "y = f(γ·(a − μ_B)/(s + ε) + β),  s = C(n)·max |a − μ_B|",
    paper: Paper::NORM_MATTERS,
    options: &[
        OptionSpec::choice("constant", &["hoffer", "exact", "none"])
            .help("the authors' C(n), after which Gaussians have a standard deviation of about 0.7, or the one that makes it 1, or none: s = max |a − μ|"),
        SCALE_EPS,
        AVERAGE_MOMENTUM,
        NOISE,
    ],
    departures: &[
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
        let spread = LargestDistance(ExtremeConstant::of_options(options));
        BatchScale::build(block, options, builder, spread)
    })
}

/// C(n)·max |a − μ|.
struct LargestDistance(ExtremeConstant);

impl ChannelScale for LargestDistance {
    fn of(&self, distances: &Tensor) -> Tensor {
        distances.amax(batch_axes(distances).as_slice(), false) * self.0.of(distances, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::batch_scale::Extremes;
    use tch::Kind;

    #[test]
    fn golden_scale() {
        let x = conformance::golden_inputs();
        let distances = (&x - x.mean_dim([0].as_slice(), true, None::<Kind>)).abs();
        let spread = LargestDistance(ExtremeConstant::new(Extremes::Bound));
        let scale = Vec::<f64>::try_from(spread.of(&distances)).unwrap();
        conformance::assert_close(&scale, &[1.390406506, 2.085609759, 2.433211386]);
        let y = conformance::normalized_golden_inputs("linf-bn", "eps = 0.0");
        // (1 − 0.5)/1.390406506, (2 − 0.25)/2.085609759, (−1 − 1.625)/2.433211386
        conformance::assert_close(
            &conformance::row(&y, 0),
            &[0.3596070630, 0.8390831470, -1.078821189],
        );
    }

    #[test]
    fn gaussians_come_out_with_the_known_standard_deviation() {
        // 400 channels of 1024 values each: 1/(C(1024)·E max |z|) = 1/1.426794, or 1.
        let distances = conformance::gaussian(&[1024, 400], 1).abs();
        for (extremes, product) in [(Extremes::Bound, 1.426794), (Extremes::Exact, 1.0)] {
            let scale = LargestDistance(ExtremeConstant::new(extremes)).of(&distances);
            let mean = scale.mean(Kind::Double).double_value(&[]);
            assert!((mean / product - 1.0).abs() < 0.02, "{extremes:?} {mean}");
        }
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
        let net = conformance::single("linf-bn", "eps = 0.0", op);
        let x = conformance::gaussian(&[4, 2, 5, 5], 1);
        let y = conformance::pre_activation(&net, &x);
        assert!(conformance::gap(&y, &conformance::pre_activation(&net, &(x * 7.0))) < 1e-12);
    }

    #[test]
    fn without_a_constant_the_largest_distance_becomes_one() {
        let y = conformance::normalized_golden_inputs("linf-bn", "eps = 0.0\nconstant = \"none\"");
        let largest = y.abs().amax([0].as_slice(), false);
        assert!(conformance::gap(&largest, &largest.ones_like()) < 1e-12);
        // (1 − 0.5)/1.5, (2 − 0.25)/2.25, (−1 − 1.625)/2.625
        conformance::assert_close(&conformance::row(&y, 0), &[1.0 / 3.0, 7.0 / 9.0, -1.0]);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients(
            "linf-bn",
            &["constant = \"exact\"", "constant = \"none\""],
        );
    }
}
