//! Filter Response Normalization (Singh, Krishnan, CVPR 2020, arXiv:1911.09737).
//!
//! For each image and channel over its positions: ν² = mean a², â = a/√(ν² + ε), and the activation is a
//! thresholded linear unit: y = max(γâ + β, τ), with γ, β, τ one a channel, started at 1, 0, 0. The mean is
//! not removed and no batch enters.
//!
//! Where a channel has one position (fully connected layers), â is close to the sign of a and its gradient
//! vanishes; there ε is made larger and trained: ε = ε₀ + |e|, one e a layer, started at 1e-4.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{ActsOn, Descriptor, Paper};
use crate::moments::Activation;
use crate::nn::{ActivationPool, Affine, Block, Builder, Layer, Linear, Pass, Signal, init, plain};
use crate::options::{OptionSpec, Options};

/// What a trained e starts at.
const TRAINED_EPS_START: f64 = 1e-4;

/// What `frn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "frn",
    aliases: &["filter-response-norm"],
    summary: "filter response normalization: root mean square over one channel's positions, then a trained threshold",
    formula: "y = max(γ·a/√(ν² + ε) + β, τ),  ν² = mean a² over positions, a = W·x",
    paper: Paper {
        authors: "Singh, Krishnan",
        title: "Filter Response Normalization Layer: Eliminating Batch Dependence in the Training of Deep Neural Networks",
        venue: "CVPR 2020, arXiv:1911.09737",
    },
    acts_on: &[ActsOn::PreActivation, ActsOn::Activation],
    row_scale_invariant: true,
    extra_parameters: "γ, β, τ",
    options: &[
        OptionSpec::number("eps", 1e-6, 0.0, 1.0).help("ε₀, added to the mean square"),
        OptionSpec::choice("learnable_eps", &["dense", "always", "never"])
            .help("layers whose ε is ε₀ + |e| with a trained e: fully connected ones, all, none"),
    ],
    departures: &[
        "Hidden layers have the thresholded linear unit whatever the configuration's activation is.",
        "In residual networks of order v1 a unit's second convolution and its shortcut have no threshold, and the sum has one without a normalization; written from memory of the paper.",
        "The trained ε is written from memory of the paper: one e a layer, started at 1e-4; with it the outputs depend a little on the length of weight rows.",
        "The last layer is a plain linear layer with a bias.",
    ],
    build,
    // A trained ε is too large to be nothing beside the mean square.
    row_scale_options: "learnable_eps = \"never\"",
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if block.last {
        return plain::build(block, builder);
    }
    let weight = init::he(&builder.direction(), block.op.fan_in());
    if !block.is_normalized() && !block.is_activated() {
        return plain::build_unnormalized(block, weight, builder);
    }
    // The threshold takes the activation's place; the pool stays where it is.
    let bare = Block {
        activation: Activation::Identity,
        ..block.clone()
    };
    let zeros = builder.filled(block.op.outputs(), 0.0);
    Ok(Box::new(FilterResponse {
        linear: Linear::build(block, weight, builder)?,
        norm: match block.is_normalized() {
            true => Some(ResponseNorm::build(block, options, builder)?),
            false => None,
        },
        threshold: match block.is_activated() {
            true => Some(builder.activation("tau", zeros)?),
            false => None,
        },
        activation_pool: ActivationPool::build(&bare, builder)?,
    }))
}

struct FilterResponse {
    linear: Linear,
    /// Nothing behind a residual unit's sum.
    norm: Option<ResponseNorm>,
    /// τ, `[outputs]`; nothing in front of one.
    threshold: Option<Tensor>,
    activation_pool: ActivationPool,
}

/// γ·a/√(ν² + ε) + β.
struct ResponseNorm {
    affine: Affine,
    eps: f64,
    /// e, `[1]`.
    trained_eps: Option<Tensor>,
}

impl ResponseNorm {
    fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<ResponseNorm> {
        let trained = match options.choice("learnable_eps") {
            "dense" => block.op.is_dense(),
            choice => choice == "always",
        };
        Ok(ResponseNorm {
            affine: Affine::build(block, builder)?,
            eps: options.number("eps"),
            trained_eps: trained
                .then(|| builder.activation("eps", builder.filled(1, TRAINED_EPS_START)))
                .transpose()?,
        })
    }

    fn apply(&self, linear: Tensor) -> Tensor {
        let squares = linear.square();
        let mean_square = if linear.dim() > 2 {
            squares.mean_dim([2, 3].as_slice(), true, None::<Kind>)
        } else {
            squares
        };
        let mean_square = match &self.trained_eps {
            Some(trained) => mean_square + (trained.abs() + self.eps),
            None => mean_square + self.eps,
        };
        self.affine.apply(&(linear * mean_square.rsqrt()))
    }
}

impl Layer for FilterResponse {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let linear = self.linear.apply(&input.value());
        match &self.norm {
            Some(norm) => norm.apply(linear),
            None => linear,
        }
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        let active = match &self.threshold {
            Some(threshold) => pre.maximum(&self.linear.op().per_channel(threshold)),
            None => pre,
        };
        Signal::plain(self.activation_pool.apply(active))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::block::LinearOp;

    const MAP: LinearOp = LinearOp::Conv {
        inputs: 1,
        outputs: 1,
        kernel: 1,
        padding: 0,
        stride: 1,
    };

    #[test]
    fn golden_map() {
        let net = conformance::single("frn", "", MAP);
        conformance::set(&net, "layer.weight", &Tensor::from_slice(&[1.0]));
        conformance::set(&net, "layer.tau", &Tensor::from_slice(&[-0.5]));
        let x = Tensor::from_slice(&[1.0, -2.0, 3.0, 0.5]).view([1, 1, 2, 2]);
        let y = net.blocks[0]
            .layer
            .forward(&Signal::plain(x), &Pass::eval())
            .value();
        let values = Vec::<f64>::try_from(y.flatten(0, -1)).unwrap();
        conformance::assert_close(&values, &[0.5298128685, -0.5, 1.589438605, 0.2649064342]);
    }

    #[test]
    fn at_the_start_it_is_relu_of_the_map_over_its_root_mean_square() {
        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 3,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let net = conformance::single("frn", "eps = 0.0", op);
        let x = conformance::gaussian(&[4, 2, 5, 5], 1);
        let linear = op.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        let rms = linear
            .flatten(2, -1)
            .norm_scalaropt_dim(2.0, [2], true)
            .view([4, 3, 1, 1])
            / 5.0;
        let y = net.blocks[0]
            .layer
            .forward(&Signal::plain(x.copy()), &Pass::train(0, 0))
            .value();
        assert!(conformance::gap(&y, &(linear / rms).relu()) < 1e-12);
        // Each image may have another scale.
        let factors = Tensor::from_slice(&[0.1, 3.0, 7.0, 1.0]).view([4, 1, 1, 1]);
        let scaled = net.blocks[0]
            .layer
            .forward(&Signal::plain(x * factors), &Pass::eval())
            .value();
        assert!(conformance::gap(&y, &scaled) < 1e-12);
    }

    #[test]
    fn single_positions_give_signs_unless_epsilon_is_trained() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 3,
        };
        let x = conformance::gaussian(&[5, 7], 1) * 0.01;
        let never = conformance::single("frn", "eps = 0.0\nlearnable_eps = \"never\"", op);
        let y = conformance::pre_activation(&never, &x);
        assert!(conformance::gap(&y, &y.sign()) < 1e-12);
        let trained = conformance::single("frn", "", op);
        let weight = trained.parameters.get("layer.weight").unwrap();
        let linear = x.matmul(&weight.tr());
        let expected = &linear / (linear.square() + 1e-6 + 1e-4).sqrt();
        assert!(conformance::gap(&conformance::pre_activation(&trained, &x), &expected) < 1e-12);
        conformance::set(&trained, "layer.eps", &Tensor::from_slice(&[-1.0]));
        assert!(
            conformance::pre_activation(&trained, &x)
                .abs()
                .max()
                .double_value(&[])
                < 0.2
        );
    }

    #[test]
    fn which_layers_train_epsilon_is_an_option() {
        let has = |network: &crate::nn::network::Network, name: &str| {
            network.parameters.get(name).is_some()
        };
        assert!(has(&conformance::dense_network("frn", "", 3), "layer1.eps"));
        assert!(!has(&conformance::conv_network("frn", "", 3), "conv1.eps"));
        assert!(has(
            &conformance::conv_network("frn", "learnable_eps = \"always\"", 3),
            "conv1.eps"
        ));
        assert!(!has(
            &conformance::dense_network("frn", "learnable_eps = \"never\"", 3),
            "layer1.eps"
        ));
    }

    #[test]
    fn thresholds_and_epsilon_are_free_of_weight_decay() {
        use crate::nn::parameters::Role;
        let network = conformance::dense_network("frn", "", 3);
        for name in ["layer1.tau", "layer1.eps"] {
            let role = network
                .parameters
                .iter()
                .find(|p| p.name == name)
                .map(|p| p.role);
            assert_eq!(role, Some(Role::Activation));
        }
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("frn", &["learnable_eps = \"always\""]);
    }
}
