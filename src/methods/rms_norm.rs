//! Root mean square normalization (Zhang, Sennrich, NeurIPS 2019, arXiv:1910.07467).
//!
//! For each image over channels and positions: y = f(γ a/√(mean a² + ε)), with one γ a channel, no mean
//! removed and no shift. Partial RMSNorm takes the mean square of the first share of the channels.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{ActsOn, Descriptor, Paper};
use crate::nn::length_reset::{self, PROJECT_EVERY};
use crate::nn::{Block, Builder, Layer, LinearOp, Normalization, NormalizedLayer, Pass};
use crate::options::{OptionSpec, Options};

/// What `rms-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "rms-norm",
    aliases: &["rms"],
    summary: "divides by the root mean square of one image over channels and positions; no mean, no shift",
    formula: "y = f(γ·a/√(mean a² + ε)),  a = W·x of one image",
    paper: Paper {
        authors: "Zhang, Sennrich",
        title: "Root Mean Square Layer Normalization",
        venue: "NeurIPS 2019, arXiv:1910.07467",
    },
    acts_on: &[ActsOn::PreActivation],
    extra_parameters: "γ",
    options: &[
        OptionSpec::choice("axes", &["all", "channels"]).help(
            "mean square of a map over channels and positions, or over channels at each position",
        ),
        OptionSpec::number("fraction", 1.0, 0.01, 1.0)
            .help("share of the channels, from the first on, that enters the mean square"),
        OptionSpec::number("eps", 1e-5, 0.0, 1.0).help("ε, added to the mean square"),
        PROJECT_EVERY,
    ],
    departures: &[
        "Which axes a map is averaged over is our choice: the paper treats vectors.",
        "project_every is not the method's own: normalize and project (Lyle et al. 2024) with gains and shifts left alone.",
        "The last layer is a plain linear layer with a bias.",
    ],
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        length_reset::register(block, options, builder)?;
        let channels = block.op.outputs();
        Ok(RmsNorm {
            op: block.op,
            gamma: builder.gain("gamma", builder.filled(channels, 1.0))?,
            channels_seen: ((channels as f64 * options.number("fraction")).ceil() as i64).max(1),
            over_positions: options.choice("axes") == "all",
            eps: options.number("eps"),
        })
    })
}

struct RmsNorm {
    op: LinearOp,
    gamma: Tensor,
    channels_seen: i64,
    over_positions: bool,
    eps: f64,
}

impl Normalization for RmsNorm {
    fn apply(&self, linear: &Tensor, _pass: &Pass) -> Tensor {
        let axes: &[i64] = match linear.dim() > 2 && self.over_positions {
            true => &[1, 2, 3],
            false => &[1],
        };
        let seen = linear.narrow(1, 0, self.channels_seen);
        let mean_square = seen.square().mean_dim(axes, true, None::<Kind>);
        linear * ((mean_square + self.eps).rsqrt() * self.op.per_channel(&self.gamma))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;

    const MAPS: LinearOp = LinearOp::Conv {
        inputs: 2,
        outputs: 6,
        kernel: 3,
        padding: 1,
        stride: 1,
    };

    #[test]
    fn golden_row() {
        let y = conformance::normalized_golden_inputs("rms-norm", "");
        conformance::assert_close(
            &conformance::row(&y, 0),
            &[0.7071050134, 1.414210027, -0.7071050134],
        );
    }

    #[test]
    fn equals_torchs_rms_norm() {
        let none = None::<Tensor>;
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 6,
        };
        let net = conformance::single("rms-norm", "", op);
        let gamma = conformance::gaussian(&[6], 7);
        conformance::set(&net, "layer.gamma", &gamma);
        let x = conformance::gaussian(&[5, 7], 1);
        let linear = op.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        let torch = linear.rms_norm([6], Some(&gamma), 1e-5);
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &torch) < 1e-12);

        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let net = conformance::single("rms-norm", "", MAPS);
        let linear = MAPS.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        let torch = linear.rms_norm([6, 4, 4], none.as_ref(), 1e-5);
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &torch) < 1e-12);

        let net = conformance::single("rms-norm", "axes = \"channels\"", MAPS);
        let torch = linear
            .permute([0, 2, 3, 1])
            .rms_norm([6], none.as_ref(), 1e-5)
            .permute([0, 3, 1, 2]);
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &torch) < 1e-12);
    }

    #[test]
    fn scale_drops_out_shift_does_not_and_centered_rows_give_layer_norm() {
        let op = LinearOp::Dense {
            inputs: 6,
            outputs: 6,
        };
        let net = conformance::single("rms-norm", "eps = 0.0", op);
        conformance::set(
            &net,
            "layer.weight",
            &Tensor::eye(6, (Kind::Double, tch::Device::Cpu)),
        );
        let x = conformance::gaussian(&[5, 6], 1);
        let y = conformance::pre_activation(&net, &x);
        assert!(conformance::gap(&y, &conformance::pre_activation(&net, &(&x * 4.0))) < 1e-12);
        assert!(conformance::gap(&y, &conformance::pre_activation(&net, &(&x + 1.0))) > 0.1);
        let centered = &x - x.mean_dim([1].as_slice(), true, None);
        let layer = x.layer_norm([6], None::<Tensor>, None::<Tensor>, 0.0, false);
        assert!(conformance::gap(&conformance::pre_activation(&net, &centered), &layer) < 1e-12);
    }

    #[test]
    fn the_partial_form_looks_at_the_first_channels() {
        let op = LinearOp::Dense {
            inputs: 6,
            outputs: 6,
        };
        let net = conformance::single("rms-norm", "eps = 0.0\nfraction = 0.3", op);
        conformance::set(
            &net,
            "layer.weight",
            &Tensor::eye(6, (Kind::Double, tch::Device::Cpu)),
        );
        let x = conformance::gaussian(&[5, 6], 1);
        let rms = x
            .narrow(1, 0, 2)
            .square()
            .mean_dim([1].as_slice(), true, None)
            .sqrt();
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &(&x / rms)) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("rms-norm", &["axes = \"channels\"", "fraction = 0.4"]);
    }
}
