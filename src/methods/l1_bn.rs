//! L1 batch normalization (Hoffer, Banner, Golan, Soudry, NeurIPS 2018, arXiv:1803.01814).
//!
//! As batch normalization, with s = √(π/2)·mean |a − μ| in place of the standard deviation, which it equals
//! for Gaussian a: y = f(γ (a − μ)/(s + ε) + β). No squares and no roots of activations. Without the constant it
//! is the L1 control of Santurkar, Tsipras, Ilyas, Mądry (NeurIPS 2018, arXiv:1805.11604).

use std::f64::consts::FRAC_PI_2;

use anyhow::Result;
use tch::Tensor;

use super::descriptor::{Descriptor, Paper};
use crate::nn::batch_scale::{BatchScale, ChannelScale, NOISE, SCALE_EPS};
use crate::nn::statistics::{AVERAGE_MOMENTUM, channel_means};
use crate::nn::{Block, Builder, Layer, NormalizedLayer};
use crate::options::{OptionSpec, Options};

/// What `l1-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "l1-bn",
    aliases: &["l1-batch-norm"],
    summary: "batch normalization by the mean absolute deviation",
    formula: "y = f(γ·(a − μ_B)/(s + ε) + β),  s = √(π/2)·mean |a − μ_B|",
    paper: Paper::NORM_MATTERS,
    options: &[
        OptionSpec::choice("constant", &["gaussian", "none"])
            .help("√(π/2), with which s is the standard deviation of Gaussians, or none: s = mean |a − μ|"),
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
        let spread = MeanDistance {
            constant: match options.choice("constant") {
                "none" => 1.0,
                _ => FRAC_PI_2.sqrt(),
            },
        };
        BatchScale::build(block, options, builder, spread)
    })
}

/// A constant times mean |a − μ|.
struct MeanDistance {
    constant: f64,
}

impl ChannelScale for MeanDistance {
    fn of(&self, distances: &Tensor) -> Tensor {
        channel_means(distances) * self.constant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::statistics::channel_stds;
    use crate::nn::{Pass, Signal};
    use tch::{Device, Kind};

    fn gaussian() -> MeanDistance {
        MeanDistance {
            constant: FRAC_PI_2.sqrt(),
        }
    }

    /// A network that normalizes three features as they are.
    fn bare(options: &str) -> crate::nn::network::Network {
        let op = crate::nn::block::LinearOp::Dense {
            inputs: 3,
            outputs: 3,
        };
        let net = conformance::single("l1-bn", options, op);
        let identity = Tensor::eye(3, (Kind::Double, Device::Cpu));
        conformance::set(&net, "layer.weight", &identity);
        net
    }

    #[test]
    fn golden_scale_and_row() {
        let x = conformance::golden_inputs();
        let distances = (&x - x.mean_dim([0].as_slice(), true, None::<Kind>)).abs();
        let scale = Vec::<f64>::try_from(gaussian().of(&distances)).unwrap();
        conformance::assert_close(&scale, &[1.253314137, 1.566642672, 2.349964007]);
        let y = conformance::normalized_golden_inputs("l1-bn", "eps = 0.0");
        conformance::assert_close(
            &conformance::row(&y, 0),
            &[0.3989422804, 1.117038385, -1.117038385],
        );
    }

    #[test]
    fn gaussians_come_out_with_standard_deviation_one() {
        let distances = conformance::gaussian(&[20_000, 2], 1).abs();
        let scale = gaussian().of(&distances);
        assert!(conformance::gap(&scale, &scale.ones_like()) < 0.02);
    }

    #[test]
    fn the_gradient_is_the_closed_form() {
        // dx = t − mean t with t = (u − (k/m)(Σ u·x̂) sign(x − μ))/s, k = √(π/2).
        let net = bare("eps = 0.0");
        let x = conformance::gaussian(&[7, 3], 1).set_requires_grad(true);
        let y = conformance::pre_activation(&net, &x);
        let u = conformance::gaussian(&[7, 3], 2);
        let loss = (&y * &u).sum(Kind::Double);
        let gradient = &Tensor::run_backward(&[&loss], &[&x], false, false)[0];
        let mean = |t: &Tensor| t.mean_dim([0].as_slice(), true, None::<Kind>);
        let centered = &x - mean(&x);
        let k = FRAC_PI_2.sqrt();
        let scale = mean(&centered.abs()) * k;
        let t = (&u - mean(&(&u * &y)) * k * centered.sign()) / scale;
        assert!(conformance::gap(gradient, &(&t - mean(&t))) < 1e-12);
    }

    #[test]
    fn evaluation_uses_running_mean_and_scale() {
        let net = bare("eps = 0.0\naverage_momentum = 0.25");
        let x = conformance::golden_inputs();
        let _ = conformance::pre_activation(&net, &x);
        let y = net.blocks[0]
            .layer
            .pre_activation(&Signal::plain(x.copy()), &Pass::eval());
        let mean = x.mean_dim([0].as_slice(), true, None::<Kind>);
        let scale = gaussian().of(&(&x - &mean).abs()) * 0.25 + 0.75;
        assert!(conformance::gap(&y, &((&x - mean * 0.25) / scale)) < 1e-12);
    }

    #[test]
    fn without_the_constant_the_mean_distance_becomes_one() {
        let y = conformance::normalized_golden_inputs("l1-bn", "eps = 0.0\nconstant = \"none\"");
        let mean = channel_means(&y.abs());
        assert!(conformance::gap(&mean, &mean.ones_like()) < 1e-12);
        // (1 − 0.5)/1, (2 − 0.25)/1.25, (−1 − 1.625)/1.875
        conformance::assert_close(&conformance::row(&y, 0), &[0.5, 1.4, -1.4]);
    }

    #[test]
    fn noise_multiplies_in_training_by_a_tenth_of_the_deviation_times_a_normal_around_one() {
        let x = conformance::gaussian(&[20_000, 3], 1) * 3.0 + 2.0;
        let quiet = conformance::pre_activation(&bare("eps = 0.0"), &x);
        let net = bare("eps = 0.0\nnoise = true");
        let noisy = conformance::pre_activation(&net, &x);
        let factors = noisy / quiet / (channel_stds(&x) * 0.1);
        let (mean, std) = (channel_means(&factors), channel_stds(&factors));
        // Standard errors are 0.007 and 0.005.
        assert!(conformance::gap(&mean, &mean.ones_like()) < 0.04, "{mean}");
        assert!(conformance::gap(&std, &std.ones_like()) < 0.03, "{std}");

        // The same step draws the same noise, and evaluation none.
        let again = conformance::pre_activation(&net, &x);
        let twice = conformance::pre_activation(&net, &x);
        assert_eq!(again, twice);
        let evaluated = |net: &crate::nn::network::Network| {
            let signal = Signal::plain(x.copy());
            net.blocks[0].layer.pre_activation(&signal, &Pass::eval())
        };
        let plain = bare("eps = 0.0");
        for _ in 0..3 {
            let _ = conformance::pre_activation(&plain, &x);
        }
        assert_eq!(evaluated(&net), evaluated(&plain));
    }

    #[test]
    fn noise_is_a_constant_of_the_backward_pass() {
        let x = conformance::gaussian(&[7, 3], 1).set_requires_grad(true);
        let upstream = conformance::gaussian(&[7, 3], 2);
        let gradient = |y: &Tensor, upstream: &Tensor| {
            let loss = (y * upstream).sum(Kind::Double);
            Tensor::run_backward(&[&loss], &[&x], false, false).remove(0)
        };
        let quiet = conformance::pre_activation(&bare("eps = 0.0"), &x);
        let noisy = conformance::pre_activation(&bare("eps = 0.0\nnoise = true"), &x);
        let factors = (&noisy / &quiet).detach();
        let expected = gradient(&quiet, &(&upstream * factors));
        assert!(conformance::gap(&gradient(&noisy, &upstream), &expected) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("l1-bn", &["constant = \"none\""]);
    }
}
