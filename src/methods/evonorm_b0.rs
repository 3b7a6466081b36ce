//! EvoNorm-B0 (Liu, Brock, Simonyan, Le, NeurIPS 2020, arXiv:2004.02967): a normalization and an activation in one, found
//! by search among formulas; B for statistics of the batch.
//!
//! y = γ·a/max(√(s²_B + ε), v·a + √(s²_i + ε)) + β, with s²_B the biased variance of a channel over the batch and
//! positions, s²_i that over the positions of one image, and v, γ, β one a channel. At evaluation s²_B is an average of
//! the batches' unbiased variances.

use anyhow::Result;
use tch::Tensor;

use super::descriptor::{Descriptor, Paper};
use super::{ActsOn, BatchSizeOne};
use crate::nn::statistics::{
    AVERAGE_MOMENTUM, batch_axes, unbiasing, update_average, values_per_channel,
};
use crate::nn::{Affine, Block, Builder, Layer, LinearOp, Normalization, Pass, activating};
use crate::options::{OptionSpec, Options};

/// What `evonorm-b0` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "evonorm-b0",
    aliases: &["evonorm-b"],
    summary: "normalization and activation in one, found by search: deviations of batch and image, the larger divides",
    formula: "y = γ·a/max(√(s²_B + ε), v·a + √(s²_i + ε)) + β,  s²_B, s²_i variances over batch and image of a = W·x",
    paper: Paper {
        authors: "Liu, Brock, Simonyan, Le",
        title: "Evolving Normalization-Activation Layers",
        venue: "NeurIPS 2020, arXiv:2004.02967",
    },
    acts_on: &[ActsOn::PreActivation, ActsOn::Activation],
    batch_size_one_fc: BatchSizeOne::Refused,
    extra_parameters: "v, γ, β",
    options: &[
        OptionSpec::number("eps", 1e-3, 0.0, 1.0).help("ε, added to both variances"),
        AVERAGE_MOMENTUM,
    ],
    departures: &[
        "Hidden layers have this formula in the place of the configuration's activation.",
        "In fully connected layers, which have one position, √(s²_i + ε) is 0 (ours).",
        "In residual networks of order v1 a branch ends with γ and β alone, as in a common library, and the configuration's activation follows the sum.",
        "v is free of weight decay (ours).",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.03,
    build,
    folds: false,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    activating::build(block, builder, |builder| {
        let channels = block.op.outputs();
        Ok(EvoNormB0 {
            op: block.op,
            v: builder.activation("v", builder.filled(channels, 1.0))?,
            affine: Affine::build(block, builder)?,
            running_var: builder.buffer("running_var", builder.filled(channels, 1.0))?,
            momentum: options.number("average_momentum"),
            eps: options.number("eps"),
        })
    })
}

struct EvoNormB0 {
    op: LinearOp,
    /// v, `[outputs]`.
    v: Tensor,
    affine: Affine,
    running_var: Tensor,
    momentum: f64,
    eps: f64,
}

impl EvoNormB0 {
    /// s²_B, `[outputs]`; in training that of the batch, which enters the average.
    fn batch_variance(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        if !pass.training() {
            return self.running_var.shallow_clone();
        }
        let variance = linear.var_dim(batch_axes(linear).as_slice(), false, false);
        let unbiased = variance.detach() * unbiasing(values_per_channel(linear));
        update_average(&self.running_var, &unbiased, self.momentum);
        variance
    }

    /// v·a + √(s²_i + ε).
    fn by_image(&self, linear: &Tensor) -> Tensor {
        let gated = linear * self.op.per_channel(&self.v);
        if linear.dim() == 2 {
            return gated;
        }
        let variance = linear.var_dim([2, 3].as_slice(), false, true);
        gated + (variance + self.eps).sqrt()
    }
}

impl Normalization for EvoNormB0 {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let deviation = (self.batch_variance(linear, pass) + self.eps).sqrt();
        let divisor = self
            .by_image(linear)
            .maximum(&self.op.per_channel(&deviation));
        self.affine.apply(&(linear / divisor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;
    use tch::Kind;

    #[test]
    fn golden_layer_forward_and_backward() {
        conformance::assert_golden_layer("evonorm-b0", "", Activation::Relu, "evonorm_b0");
    }

    #[test]
    fn evaluation_has_the_averages_in_the_place_of_the_batch() {
        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 3,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let net = conformance::single("evonorm-b0", "average_momentum = 1.0", op);
        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let trained = conformance::pre_activation(&net, &x);
        let signal = crate::nn::Signal::plain(x.copy());
        let evaluated = net.blocks[0].layer.pre_activation(&signal, &Pass::eval());
        // 80 values a channel: the average is 80/79 of the batch's variance.
        let running = net.parameters.get("layer.running_var").unwrap().copy();
        conformance::set(&net, "layer.running_var", &(running * (79.0 / 80.0)));
        let corrected = net.blocks[0].layer.pre_activation(&signal, &Pass::eval());
        assert!(conformance::gap(&trained, &corrected) < 1e-12);
        assert!(conformance::gap(&trained, &evaluated) > 1e-5);
    }

    #[test]
    fn where_the_gate_is_closed_it_divides_by_the_larger_deviation() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 3,
        };
        let net = conformance::single("evonorm-b0", "eps = 0.0", op);
        conformance::set(
            &net,
            "layer.v",
            &Tensor::zeros([3], (Kind::Double, tch::Device::Cpu)),
        );
        let x = conformance::gaussian(&[20, 7], 1);
        let linear = x.matmul(&net.parameters.get("layer.weight").unwrap().tr());
        let expected = &linear / linear.var_dim([0].as_slice(), false, true).sqrt();
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &expected) < 1e-12);
    }
}
