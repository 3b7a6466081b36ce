//! L1 batch normalization (Hoffer, Banner, Golan, Soudry, NeurIPS 2018, arXiv:1803.01814).
//!
//! As batch normalization, with s = √(π/2)·mean |a − μ| in place of the standard deviation, which it equals
//! for Gaussian a: y = f(γ (a − μ)/(s + ε) + β). No squares and no roots of activations.

use std::f64::consts::FRAC_PI_2;

use anyhow::Result;
use tch::Tensor;

use super::options::{OptionKind, OptionSpec, Options};
use super::{ActsOn, BatchSizeOne, Descriptor, Paper};
use crate::nn::batch_scale::{BatchScale, Spread};
use crate::nn::block::Block;
use crate::nn::layer::{Builder, Layer};
use crate::nn::normalized::NormalizedLayer;
use crate::nn::statistics::channel_means;

/// What `l1-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "l1-bn",
    summary: "batch normalization by the mean absolute deviation",
    formula: "y = f(γ·(a − μ_B)/(s + ε) + β),  s = √(π/2)·mean |a − μ_B|",
    paper: Paper {
        authors: "Hoffer, Banner, Golan, Soudry",
        title: "Norm Matters: Efficient and Accurate Normalization Schemes in Deep Networks",
        venue: "NeurIPS 2018, arXiv:1803.01814",
        year: 2018,
    },
    acts_on: ActsOn::PreActivation,
    uses_batch_statistics: true,
    train_equals_eval: false,
    row_scale_invariant: true,
    data_dependent_start: false,
    batch_size_one_conv: BatchSizeOne::Degenerates,
    batch_size_one_fc: BatchSizeOne::Refused,
    extra_parameters: "γ, β",
    options: &[
        OptionSpec {
            name: "eps",
            kind: OptionKind::Number {
                default: 1e-5,
                low: 0.0,
                high: 1.0,
            },
            help: "ε, added to the scale",
        },
        OptionSpec {
            name: "average_momentum",
            kind: OptionKind::Number {
                default: 0.1,
                low: 0.0,
                high: 1.0,
            },
            help: "ρ, the weight of the newest batch in the running averages",
        },
    ],
    departures: &[
        "Running averages hold the scale itself with weight ρ = 0.1 for the newest batch; the authors' code holds its inverse with 0.9.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let (eps, momentum) = (options.number("eps"), options.number("average_momentum"));
    NormalizedLayer::build(block, builder, |builder| {
        let spread = MeanDistance;
        BatchScale::build(block, builder, eps, momentum, spread)
    })
}

/// √(π/2)·mean |a − μ|.
struct MeanDistance;

impl Spread for MeanDistance {
    fn of(&self, distances: &Tensor) -> Tensor {
        channel_means(distances) * FRAC_PI_2.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::walk;
    use crate::nn::layer::{Pass, Signal};
    use tch::{Device, Kind};

    #[test]
    fn golden_scale_and_row() {
        let x = walk::golden_inputs();
        let distances = (&x - x.mean_dim([0].as_slice(), true, None::<Kind>)).abs();
        let scale = Vec::<f64>::try_from(MeanDistance.of(&distances)).unwrap();
        walk::assert_close(&scale, &[1.253314137, 1.566642672, 2.349964007]);
        let y = walk::normalized_golden_inputs("l1-bn", "eps = 0.0");
        walk::assert_close(
            &walk::row(&y, 0),
            &[0.3989422804, 1.117038385, -1.117038385],
        );
    }

    #[test]
    fn gaussians_come_out_with_standard_deviation_one() {
        let distances = walk::gaussian(&[20_000, 2], 1).abs();
        let scale = MeanDistance.of(&distances);
        assert!(walk::gap(&scale, &scale.ones_like()) < 0.02);
    }

    #[test]
    fn the_gradient_is_the_closed_form() {
        // dx = t − mean t with t = (u − (k/m)(Σ u·x̂) sign(x − μ))/s, k = √(π/2).
        let op = crate::nn::block::LinearOp::Dense {
            inputs: 3,
            outputs: 3,
        };
        let net = walk::single("l1-bn", "eps = 0.0", op);
        walk::set(
            &net,
            "layer.weight",
            &Tensor::eye(3, (Kind::Double, Device::Cpu)),
        );
        let x = walk::gaussian(&[7, 3], 1).set_requires_grad(true);
        let y = walk::pre_activation(&net, &x);
        let u = walk::gaussian(&[7, 3], 2);
        let loss = (&y * &u).sum(Kind::Double);
        let gradient = &Tensor::run_backward(&[&loss], &[&x], false, false)[0];
        let mean = |t: &Tensor| t.mean_dim([0].as_slice(), true, None::<Kind>);
        let centred = &x - mean(&x);
        let k = FRAC_PI_2.sqrt();
        let scale = mean(&centred.abs()) * k;
        let t = (&u - mean(&(&u * &y)) * k * centred.sign()) / scale;
        assert!(walk::gap(gradient, &(&t - mean(&t))) < 1e-12);
    }

    #[test]
    fn evaluation_uses_running_mean_and_scale() {
        let op = crate::nn::block::LinearOp::Dense {
            inputs: 3,
            outputs: 3,
        };
        let net = walk::single("l1-bn", "eps = 0.0\naverage_momentum = 0.25", op);
        walk::set(
            &net,
            "layer.weight",
            &Tensor::eye(3, (Kind::Double, Device::Cpu)),
        );
        let x = walk::golden_inputs();
        let _ = walk::pre_activation(&net, &x);
        let y = net.blocks[0]
            .layer
            .pre_activation(&Signal::plain(x.copy()), &Pass::eval());
        let mean = x.mean_dim([0].as_slice(), true, None::<Kind>);
        let scale = MeanDistance.of(&(&x - &mean).abs()) * 0.25 + 0.75;
        assert!(walk::gap(&y, &((&x - mean * 0.25) / scale)) < 1e-12);
    }
}
