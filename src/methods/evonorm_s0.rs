//! EvoNorm-S0 (Liu, Brock, Simonyan, Le, NeurIPS 2020, arXiv:2004.02967): a normalization and an activation in one, found
//! by search among formulas; S for statistics of one sample.
//!
//! y = γ·a·σ(v·a)/√(s²_g + ε) + β, with s²_g the biased variance of one image over a group of channels and all positions,
//! and v, γ, β one a channel. The mean is not removed.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::groups::{GROUPS, by_group, groups};
use crate::nn::statistics::EPS;
use crate::nn::{Affine, Block, Builder, Layer, LinearOp, Normalization, Pass, activating};
use crate::options::Options;

/// What `evonorm-s0` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "evonorm-s0",
    aliases: &["evonorm-s"],
    summary: "normalization and activation in one, found by search: swish over the deviation of an image's groups",
    formula: "y = γ·a·σ(v·a)/√(s²_g + ε) + β,  s²_g the variance of group g of a = W·x of one image",
    paper: Paper {
        authors: "Liu, Brock, Simonyan, Le",
        title: "Evolving Normalization-Activation Layers",
        venue: "NeurIPS 2020, arXiv:2004.02967",
    },
    acts_on: &[ActsOn::PreActivation, ActsOn::Activation],
    extra_parameters: "v, γ, β",
    options: &[GROUPS, EPS],
    departures: &[
        "Hidden layers have this formula in the place of the configuration's activation.",
        "The paper uses 32 groups; narrow layers get fewer, so that a group holds 8 channels where that divides them.",
        "In residual networks of order v1 a branch ends with γ and β alone, as in a common library, and the configuration's activation follows the sum.",
        "v is free of weight decay (ours).",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.1,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    activating::build(block, builder, |builder| {
        Ok(EvoNormS0 {
            op: block.op,
            groups: groups(options.count("groups"), block)?,
            v: builder.activation("v", builder.filled(block.op.outputs(), 1.0))?,
            affine: Affine::build(block, builder)?,
            eps: options.number("eps"),
        })
    })
}

struct EvoNormS0 {
    op: LinearOp,
    groups: i64,
    /// v, `[outputs]`.
    v: Tensor,
    affine: Affine,
    eps: f64,
}

impl Normalization for EvoNormS0 {
    fn apply(&self, linear: &Tensor, _pass: &Pass) -> Tensor {
        let grouped = by_group(linear, self.groups);
        let variance = grouped.var_dim([2].as_slice(), false, true);
        let scaled = (grouped * (variance + self.eps).rsqrt()).reshape(linear.size());
        let gate = (linear * self.op.per_channel(&self.v)).sigmoid();
        self.affine.apply(&(scaled * gate))
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
        let check = conformance::assert_golden_layer;
        check("evonorm-s0", "groups = 2", Activation::Relu, "evonorm_s0");
    }

    #[test]
    fn with_a_gate_of_a_half_it_is_half_of_group_norm_with_its_mean() {
        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 6,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let net = conformance::single("evonorm-s0", "groups = 3\neps = 0.0", op);
        conformance::set(
            &net,
            "layer.v",
            &Tensor::zeros([6], (Kind::Double, tch::Device::Cpu)),
        );
        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let linear = op.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        let y = conformance::pre_activation(&net, &x);
        let centered = |t: &Tensor| {
            let t = by_group(t, 3);
            &t - t.mean_dim([2].as_slice(), true, None::<Kind>)
        };
        let normed = linear.group_norm(3, None::<Tensor>, None::<Tensor>, 0.0, false);
        let expected = by_group(&normed, 3) * 0.5;
        assert!(conformance::gap(&centered(&y), &expected) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("evonorm-s0", &["groups = 1"]);
    }
}
