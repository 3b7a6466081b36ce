//! Centered Weight Normalization (Huang, Liu, Liu, Lang, Tao, ICCV 2017).
//!
//! Each weight row has its mean removed and is scaled to a length: w_o = g (v_o − v̄_o)/(‖v_o − v̄_o‖ + ε),
//! y = f(w·x + b). g = √2 suits ReLU; it may be trained, one a row. What all inputs of a row have in common
//! drops out.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::statistics::{AT_THE_KINK, centered_rows, check_rows_can_be_centered};
use crate::nn::{Block, Builder, Layer, LinearOp, Reparametrization, ReparametrizedLayer, init};
use crate::options::{OptionSpec, Options};

/// What `centered-weight-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "centered-weight-norm",
    aliases: &["cwn"],
    summary: "weight rows shifted to mean 0 and scaled to a given length",
    formula: "y = f(g·(v − v̄)·x/(‖v − v̄‖ + ε) + b)",
    paper: Paper {
        authors: "Huang, Liu, Liu, Lang, Tao",
        title: "Centered Weight Normalization in Accelerating Training of Deep Neural Networks",
        venue: "ICCV 2017",
    },
    acts_on: &[ActsOn::Weights],
    row_scale_invariant: true,
    extra_parameters: "b (g with learn_length)",
    options: &[
        OptionSpec::number("length", std::f64::consts::SQRT_2, 1e-3, 1e3)
            .help("g, or what it starts at"),
        OptionSpec::flag("learn_length", false).help("train g, one a row"),
        OptionSpec::number("eps", 1e-5, 0.0, 1.0).help("ε, added to the length of a centered row"),
    ],
    departures: &["The last layer is treated like the others.", AT_THE_KINK],
    learning_rate_at_50: 0.05,
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    ReparametrizedLayer::build(block, builder, |builder| {
        check_rows_can_be_centered(block, DESCRIPTOR.name)?;
        let weight = init::he(&builder.direction(), block.op.fan_in());
        let lengths = builder.filled(block.op.outputs(), options.number("length"));
        Ok(CenteredRows {
            op: block.op,
            direction: builder.weight("weight", weight)?,
            length: options.number("length"),
            learned: options
                .flag("learn_length")
                .then(|| builder.gain("g", lengths))
                .transpose()?,
            eps: options.number("eps"),
        })
    })
}

struct CenteredRows {
    op: LinearOp,
    direction: Tensor,
    length: f64,
    /// A trained g, `[outputs]`.
    learned: Option<Tensor>,
    eps: f64,
}

impl Reparametrization for CenteredRows {
    fn kernel(&self) -> Tensor {
        let centered = centered_rows(&self.direction);
        let unit = (init::row_norms(&centered) + self.eps).reciprocal();
        let factor = match &self.learned {
            Some(length) => unit * length,
            None => unit * self.length,
        };
        centered * self.op.per_row(&factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use tch::{Device, Kind};

    #[test]
    fn golden_row() {
        let net = conformance::single(
            "centered-weight-norm",
            "eps = 0.0",
            LinearOp::Dense {
                inputs: 3,
                outputs: 2,
            },
        );
        conformance::set(&net, "layer.weight", &conformance::golden_weight());
        let kernel =
            conformance::pre_activation(&net, &Tensor::eye(3, (Kind::Double, Device::Cpu))).tr();
        conformance::assert_close(&conformance::row(&kernel.detach(), 0), &[0.0, -1.0, 1.0]);
    }

    #[test]
    fn rows_have_mean_zero_and_the_given_length() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 4,
        };
        let net = conformance::single(
            "centered-weight-norm",
            "eps = 0.0\nlength = 3\nlearn_length = true",
            op,
        );
        let kernel = || {
            conformance::pre_activation(&net, &Tensor::eye(7, (Kind::Double, Device::Cpu)))
                .tr()
                .detach()
        };
        let mean = kernel().mean_dim([1].as_slice(), false, None);
        assert!(conformance::gap(&mean, &mean.zeros_like()) < 1e-12);
        assert!(conformance::gap(&init::row_norms(&kernel()), &(mean.ones_like() * 3.0)) < 1e-12);
        let lengths = conformance::gaussian(&[4], 5).exp();
        conformance::set(&net, "layer.g", &lengths);
        assert!(conformance::gap(&init::row_norms(&kernel()), &lengths) < 1e-12);
    }

    #[test]
    fn scale_and_offset_of_rows_and_a_common_offset_of_inputs_do_not_matter() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 4,
        };
        let net = conformance::single("centered-weight-norm", "eps = 0.0", op);
        let x = conformance::gaussian(&[5, 7], 1);
        let y = conformance::pre_activation(&net, &x);
        assert!(conformance::gap(&y, &conformance::pre_activation(&net, &(&x + 10.0))) < 1e-11);
        let weight = net.parameters.get("layer.weight").unwrap().detach().copy();
        conformance::set(
            &net,
            "layer.weight",
            &(weight * 3.0 + conformance::gaussian(&[4, 1], 6)),
        );
        assert!(conformance::gap(&y, &conformance::pre_activation(&net, &x)) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("centered-weight-norm", &["learn_length = true"]);
    }
}
