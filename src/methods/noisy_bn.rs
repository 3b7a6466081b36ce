//! Noisy batch normalization (Santurkar, Tsipras, Ilyas, Mądry, NeurIPS 2018, arXiv:1805.11604).
//!
//! An experiment, not an improvement: after batch normalization with its γ and β, training multiplies and
//! shifts every activation at random, so that its distribution changes at every step. At each step, for
//! each unit j: μ_j ~ U(−n_μ, n_μ), σ_j ~ U(1, n_σ); then for each image i:
//! m_ij ~ U(μ_j − r_μ, μ_j + r_μ), s_ij ~ N(σ_j, r_σ²), and a_ij ↦ s_ij·a_ij + m_ij. The noise has no
//! gradient. Evaluation has none of it.

use anyhow::Result;
use tch::Tensor;

use super::descriptor::{Descriptor, Paper};
use crate::nn::statistics::{AVERAGE_MOMENTUM, EPS};
use crate::nn::{
    BatchNorm, BatchNormSettings, Block, Builder, Layer, Normalization, NormalizedLayer, Pass,
    Population,
};
use crate::options::{OptionSpec, Options};

/// What `noisy-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "noisy-bn",
    aliases: &["noisy-batch-norm"],
    summary: "batch normalization, then noise that changes the distribution of every unit at every step",
    formula: "y = f(s·BN(W·x) + m),  s, m random in training, s = 1, m = 0 at evaluation",
    paper: Paper {
        authors: "Santurkar, Tsipras, Ilyas, Mądry",
        title: "How Does Batch Normalization Help Optimization?",
        venue: "NeurIPS 2018, arXiv:1805.11604",
    },
    options: &[
        OptionSpec::choice("unit", &["channel", "activation"]).help(
            "what has noise of its own: a channel of an image, or every position of it too (slow)",
        ),
        OptionSpec::number("mean_range", 0.5, 0.0, 100.0)
            .help("n_μ, how far a unit's mean is moved"),
        OptionSpec::number("scale_limit", 1.25, 1.0, 100.0)
            .help("n_σ, what a unit is multiplied by at most, on average"),
        OptionSpec::number("mean_jitter", 0.1, 0.0, 100.0)
            .help("r_μ, how far an image's shift is from its unit's"),
        OptionSpec::number("scale_jitter", 0.1, 0.0, 100.0)
            .help("r_σ, standard deviation of an image's factor"),
        EPS,
        AVERAGE_MOMENTUM,
    ],
    departures: &[
        "The four constants of the noise are from memory of the paper, not verified.",
        "The paper speaks of each activation; by default all positions of a channel share their noise, which is cheaper.",
        "Evaluation without noise is our reading.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let settings = BatchNormSettings::of(options, Population::Running);
    NormalizedLayer::build(block, builder, |builder| {
        Ok(NoisyBatchNorm {
            norm: BatchNorm::build(block, builder, settings)?,
            positions_share: options.choice("unit") == "channel",
            mean_range: options.number("mean_range"),
            scale_limit: options.number("scale_limit"),
            mean_jitter: options.number("mean_jitter"),
            scale_jitter: options.number("scale_jitter"),
        })
    })
}

struct NoisyBatchNorm {
    norm: BatchNorm,
    positions_share: bool,
    mean_range: f64,
    scale_limit: f64,
    mean_jitter: f64,
    scale_jitter: f64,
}

impl NoisyBatchNorm {
    /// (s, m) for activations shaped like `x`.
    fn noise(&self, x: &Tensor, pass: &Pass) -> (Tensor, Tensor) {
        let mut each = x.size();
        if self.positions_share {
            each[2..].fill(1);
        }
        let mut unit = each.clone();
        unit[0] = 1;
        let symmetric = |shape: &[i64]| pass.uniform(shape, x) * 2.0 - 1.0;
        let mean = symmetric(&unit) * self.mean_range;
        let scale = pass.uniform(&unit, x) * (self.scale_limit - 1.0) + 1.0;
        let shift = mean + symmetric(&each) * self.mean_jitter;
        let factor = scale + pass.normal(&each, x) * self.scale_jitter;
        (factor, shift)
    }
}

impl Normalization for NoisyBatchNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let normalized = self.norm.apply(linear, pass);
        if !pass.training() {
            return normalized;
        }
        let (factor, shift) = self.noise(&normalized, pass);
        shift.addcmul(&normalized, &factor)
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        self.norm.evaluation_map()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::block::LinearOp;
    use tch::Kind;

    const OP: LinearOp = LinearOp::Conv {
        inputs: 2,
        outputs: 400,
        kernel: 1,
        padding: 0,
        stride: 1,
    };
    const QUIET: &str = "mean_range = 0\nscale_limit = 1\nmean_jitter = 0\nscale_jitter = 0";

    #[test]
    fn without_noise_it_is_batch_normalization() {
        let x = conformance::gaussian(&[9, 2, 8, 8], 2);
        let (noisy, plain) = (
            conformance::conv_network("noisy-bn", QUIET, 3),
            conformance::conv_network("bn", "", 3),
        );
        for pass in [Pass::train(0, 0), Pass::eval()] {
            assert!(conformance::gap(&noisy.logits(&x, &pass), &plain.logits(&x, &pass)) < 1e-12);
        }
    }

    #[test]
    fn evaluation_has_no_noise_and_training_repeats_by_step() {
        let x = conformance::gaussian(&[9, 2, 8, 8], 2);
        let (noisy, plain) = (
            conformance::conv_network("noisy-bn", "", 3),
            conformance::conv_network("bn", "", 3),
        );
        assert_eq!(
            noisy.logits(&x, &Pass::eval()),
            plain.logits(&x, &Pass::eval())
        );
        let at = |step| noisy.logits(&x, &Pass::train(5, step));
        assert_eq!(at(1), at(1));
        assert!(conformance::gap(&at(1), &at(2)) > 1e-3);
    }

    #[test]
    fn units_and_images_are_moved_by_the_stated_amounts() {
        let net = conformance::single("noisy-bn", "", OP);
        let quiet = conformance::single("noisy-bn", QUIET, OP);
        let x = conformance::gaussian(&[6, 2, 8, 8], 2);
        let (noisy, plain) = (
            conformance::pre_activation(&net, &x),
            conformance::pre_activation(&quiet, &x),
        );
        // Solve s and m of each image and channel by least squares over positions.
        let center = |t: &Tensor| t.mean_dim([2, 3].as_slice(), true, None::<Kind>);
        let (a, b) = (&plain - center(&plain), &noisy - center(&noisy));
        let factor = center(&(&a * &b)) / center(&a.square());
        let residual = &b - &a * &factor;
        assert!(residual.abs().max().double_value(&[]) < 1e-10);
        let shift = center(&noisy) - center(&plain) * &factor;
        assert!(shift.abs().max().double_value(&[]) <= 0.6 + 1e-9);
        let number = |t: Tensor| t.double_value(&[]);
        let by_unit = |t: &Tensor| t.mean_dim([0].as_slice(), false, None::<Kind>);
        // U(−0.5, 0.5) has deviation 0.2887; averaging 6 jitters of deviation 0.0577 adds 0.0236.
        assert!((number(by_unit(&shift).std(false)) - 0.2897).abs() < 0.03);
        assert!((number(factor.mean(Kind::Double)) - 1.125).abs() < 0.02);
        let within = number(
            factor
                .var_dim([0].as_slice(), true, false)
                .mean(Kind::Double),
        )
        .sqrt();
        assert!((within - 0.1).abs() < 0.01);
    }

    #[test]
    fn every_position_has_its_own_noise_where_asked() {
        let net = conformance::single("noisy-bn", "unit = \"activation\"", OP);
        let quiet = conformance::single("noisy-bn", QUIET, OP);
        let x = Tensor::ones([6, 2, 8, 8], (Kind::Double, tch::Device::Cpu));
        // A constant input is normalized to 0, so that what is left is the shift.
        let moved = conformance::pre_activation(&net, &x) - conformance::pre_activation(&quiet, &x);
        let over_positions = moved
            .std_dim([2, 3].as_slice(), true, false)
            .mean(Kind::Double);
        assert!((over_positions.double_value(&[]) - 0.294).abs() < 0.02);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("noisy-bn", &["unit = \"activation\""]);
    }
}
