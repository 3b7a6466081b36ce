//! Centered Weight Normalization (Huang, Liu, Liu, Lang, Tao, ICCV 2017).
//!
//! Each weight row has its mean removed and is scaled to a length: w_o = g (v_o − v̄_o)/(‖v_o − v̄_o‖ + ε),
//! y = f(w·x + b). g = √2 suits ReLU; it may be trained, one a row. What all inputs of a row have in common
//! drops out.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, BatchSizeOne, Descriptor, Paper};
use crate::nn::block::{Block, LinearOp};
use crate::nn::init;
use crate::nn::reparametrized::{Reparametrization, ReparametrizedLayer};
use crate::nn::statistics::{centred_rows, check_rows_can_be_centred};
use crate::nn::{Builder, Layer};
use crate::options::{OptionKind, OptionSpec, Options};

/// What `centered-weight-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "centered-weight-norm",
    summary: "weight rows of mean 0 and a given length",
    formula: "y = f(g·(v − v̄)·x/(‖v − v̄‖ + ε) + b)",
    paper: Paper {
        authors: "Huang, Liu, Liu, Lang, Tao",
        title: "Centered Weight Normalization in Accelerating Training of Deep Neural Networks",
        venue: "ICCV 2017",
        year: 2017,
    },
    acts_on: ActsOn::Weights,
    uses_batch_statistics: false,
    train_equals_eval: true,
    row_scale_invariant: true,
    data_dependent_start: false,
    batch_size_one_conv: BatchSizeOne::Works,
    batch_size_one_fc: BatchSizeOne::Works,
    extra_parameters: "b (g with learn_length)",
    options: &[
        OptionSpec {
            name: "length",
            kind: OptionKind::Number {
                default: std::f64::consts::SQRT_2,
                low: 1e-3,
                high: 1e3,
            },
            help: "g, or what it starts at",
        },
        OptionSpec {
            name: "learn_length",
            kind: OptionKind::Flag(false),
            help: "train g, one a row",
        },
        OptionSpec {
            name: "eps",
            kind: OptionKind::Number {
                default: 1e-5,
                low: 0.0,
                high: 1.0,
            },
            help: "ε, added to the length of a centred row",
        },
    ],
    departures: &["The last layer is treated like the others."],
    learning_rate_at_50: 0.05,
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    check_rows_can_be_centred(block, DESCRIPTOR.name)?;
    let layer = ReparametrizedLayer::build(block, builder, |builder| {
        let weight = init::he(&builder.direction(), block.op.fan_in());
        let lengths = builder.filled(block.op.outputs(), options.number("length"));
        let learned = options.flag("learn_length");
        Ok(CenteredRows {
            op: block.op,
            direction: builder.weight("weight", weight)?,
            length: options.number("length"),
            learned: if learned {
                Some(builder.gain("g", lengths)?)
            } else {
                None
            },
            eps: options.number("eps"),
        })
    })?;
    Ok(Box::new(layer))
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
        let centred = centred_rows(&self.direction);
        let unit = (init::row_norms(&centred) + self.eps).reciprocal();
        let factor = match &self.learned {
            Some(length) => unit * length,
            None => unit * self.length,
        };
        centred * self.op.per_row(&factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::walk;
    use tch::{Device, Kind};

    #[test]
    fn golden_row() {
        let net = walk::single(
            "centered-weight-norm",
            "eps = 0.0",
            LinearOp::Dense {
                inputs: 3,
                outputs: 2,
            },
        );
        walk::set(&net, "layer.weight", &walk::golden_weight());
        let kernel = walk::pre_activation(&net, &Tensor::eye(3, (Kind::Double, Device::Cpu))).tr();
        walk::assert_close(&walk::row(&kernel.detach(), 0), &[0.0, -1.0, 1.0]);
    }

    #[test]
    fn rows_have_mean_zero_and_the_given_length() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 4,
        };
        let net = walk::single(
            "centered-weight-norm",
            "eps = 0.0\nlength = 3\nlearn_length = true",
            op,
        );
        let kernel = || {
            walk::pre_activation(&net, &Tensor::eye(7, (Kind::Double, Device::Cpu)))
                .tr()
                .detach()
        };
        let mean = kernel().mean_dim([1].as_slice(), false, None);
        assert!(walk::gap(&mean, &mean.zeros_like()) < 1e-12);
        assert!(walk::gap(&init::row_norms(&kernel()), &(mean.ones_like() * 3.0)) < 1e-12);
        let lengths = walk::gaussian(&[4], 5).exp();
        walk::set(&net, "layer.g", &lengths);
        assert!(walk::gap(&init::row_norms(&kernel()), &lengths) < 1e-12);
    }

    #[test]
    fn scale_and_offset_of_rows_and_a_common_offset_of_inputs_do_not_matter() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 4,
        };
        let net = walk::single("centered-weight-norm", "eps = 0.0", op);
        let x = walk::gaussian(&[5, 7], 1);
        let y = walk::pre_activation(&net, &x);
        assert!(walk::gap(&y, &walk::pre_activation(&net, &(&x + 10.0))) < 1e-11);
        let weight = net.parameters.get("layer.weight").unwrap().detach().copy();
        walk::set(
            &net,
            "layer.weight",
            &(weight * 3.0 + walk::gaussian(&[4, 1], 6)),
        );
        assert!(walk::gap(&y, &walk::pre_activation(&net, &x)) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        walk::assert_exact_gradients("centered-weight-norm", &["learn_length = true"]);
    }
}
