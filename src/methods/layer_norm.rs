//! Layer Normalization (Ba, Kiros, Hinton, 2016, arXiv:1607.06450).
//!
//! For each image, over all channels and positions: μ = mean a, v = mean (a − μ)², y = f(γ (a − μ)/√(v + ε) + β)
//! with one γ and one β a channel. No batch enters, and training equals evaluation.

mod recurrent;

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, BatchSizeOne, Descriptor, Paper, Recurrent};
use crate::nn::affine::Affine;
use crate::nn::block::Block;
use crate::nn::normalized::{Normalization, NormalizedLayer};
use crate::nn::{Builder, Layer, Pass};
use crate::options::{OptionKind, OptionSpec, Options};

/// What `layer-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "layer-norm",
    summary: "layer normalization: statistics of one image over channels and positions",
    formula: "y = f(γ·(a − μ)/√(v + ε) + β),  μ, v over a = W·x of one image",
    paper: Paper {
        authors: "Ba, Kiros, Hinton",
        title: "Layer Normalization",
        venue: "2016, arXiv:1607.06450",
        year: 2016,
    },
    acts_on: ActsOn::PreActivation,
    uses_batch_statistics: false,
    train_equals_eval: true,
    row_scale_invariant: false,
    data_dependent_start: false,
    batch_size_one_conv: BatchSizeOne::Works,
    batch_size_one_fc: BatchSizeOne::Works,
    extra_parameters: "γ, β",
    options: &[OptionSpec {
        name: "eps",
        kind: OptionKind::Number {
            default: 1e-5,
            low: 0.0,
            high: 1.0,
        },
        help: "ε, added to the variance",
    }],
    departures: &[
        "On maps the statistics run over channels and positions, and γ, β are one a channel, not one an element.",
        "In an LSTM the shifts behind the two products are one, the bias.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    recurrent: Some(Recurrent {
        build: recurrent::build,
        learning_rate_at_50: 0.1,
    }),
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let eps = options.number("eps");
    NormalizedLayer::build(block, builder, |builder| {
        Ok(LayerNorm {
            affine: Affine::build(block, builder)?,
            eps,
        })
    })
}

struct LayerNorm {
    affine: Affine,
    eps: f64,
}

impl Normalization for LayerNorm {
    fn apply(&self, linear: &Tensor, _pass: &Pass) -> Tensor {
        // One group of all channels is the same statistic, and has the affine map of a channel built in.
        linear.group_norm(
            1,
            Some(&self.affine.gamma),
            Some(&self.affine.beta),
            self.eps,
            false,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::walk;
    use crate::nn::block::LinearOp;

    #[test]
    fn golden_row() {
        let y = walk::normalized_golden_inputs("layer-norm", "");
        walk::assert_close(
            &walk::row(&y, 0),
            &[0.2672603829, 1.069041531, -1.336301914],
        );
    }

    #[test]
    fn equals_torchs_layer_norm_on_vectors_and_maps() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 6,
        };
        let x = walk::gaussian(&[5, 7], 1);
        let net = walk::single("layer-norm", "", op);
        let linear = op.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        let torch = linear.layer_norm([6], None::<Tensor>, None::<Tensor>, 1e-5, false);
        assert!(walk::gap(&walk::pre_activation(&net, &x), &torch) < 1e-12);

        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 6,
            kernel: 3,
            padding: 1,
        };
        let x = walk::gaussian(&[5, 2, 4, 4], 1);
        let net = walk::single("layer-norm", "", op);
        let linear = op.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        let torch = linear.layer_norm([6, 4, 4], None::<Tensor>, None::<Tensor>, 1e-5, false);
        assert!(walk::gap(&walk::pre_activation(&net, &x), &torch) < 1e-12);
    }

    #[test]
    fn each_image_has_mean_zero_and_variance_one() {
        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 6,
            kernel: 3,
            padding: 1,
        };
        let net = walk::single("layer-norm", "eps = 0.0", op);
        let y = walk::pre_activation(&net, &walk::gaussian(&[5, 2, 4, 4], 1)).flatten(1, -1);
        let mean = y.mean_dim([1].as_slice(), false, None);
        assert!(walk::gap(&mean, &mean.zeros_like()) < 1e-12);
        assert!(walk::gap(&y.var_dim([1].as_slice(), false, false), &mean.ones_like()) < 1e-12);
    }

    #[test]
    fn a_common_factor_on_all_weights_and_a_common_row_change_nothing() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 6,
        };
        let net = walk::single("layer-norm", "eps = 0.0", op);
        let x = walk::gaussian(&[5, 7], 1);
        let before = walk::pre_activation(&net, &x);
        let weight = net.parameters.get("layer.weight").unwrap().detach().copy();
        walk::set(&net, "layer.weight", &(&weight * 3.0));
        assert!(walk::gap(&before, &walk::pre_activation(&net, &x)) < 1e-12);
        walk::set(
            &net,
            "layer.weight",
            &(&weight + walk::gaussian(&[1, 7], 5)),
        );
        assert!(walk::gap(&before, &walk::pre_activation(&net, &x)) < 1e-12);
    }
}
