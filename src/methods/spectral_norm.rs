//! Spectral Normalization (Miyato, Kataoka, Koyama, Yoshida, ICLR 2018, arXiv:1802.05957).
//!
//! ŵ_o = k_o·W_o/σ with W as a matrix [outputs, fan_in] and σ = uᵀWv its largest singular value, by one step of
//! power iteration for each optimizer step: v ← Wᵀu/‖Wᵀu‖, u ← Wv/‖Wv‖, without gradient; the gradient
//! goes through σ with u, v fixed. y = f(ŵ·x + b). The iteration follows the step, so that training and
//! evaluation see the same σ.
//!
//! A largest singular value of 1 shrinks activations from layer to layer; a trained gain k, one an output,
//! like other methods' γ, undoes that; it starts so that the network is He's.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{ActsOn, Descriptor, Paper};
use crate::nn::{Block, Builder, Layer, LinearOp, Reparametrization, ReparametrizedLayer, init};
use crate::options::{OptionSpec, Options};

/// Added to lengths that are divided by.
const SMALLEST_LENGTH: f64 = 1e-12;

/// What `spectral-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "spectral-norm",
    aliases: &["sn"],
    summary: "weights divided by their largest singular value, times a trained gain",
    formula: "y = f(k·W·x/σ(W) + b),  σ by power iteration, k one an output",
    paper: Paper {
        authors: "Miyato, Kataoka, Koyama, Yoshida",
        title: "Spectral Normalization for Generative Adversarial Networks",
        venue: "ICLR 2018, arXiv:1802.05957",
    },
    acts_on: &[ActsOn::Weights],
    extra_parameters: "k, b",
    options: &[
        OptionSpec::choice("gain", &["he", "one", "none"])
            .help("k trained from σ of He's weights (the network starts as `none`), trained from 1, or fixed at 1 (the paper)"),
        OptionSpec::count("warm_up", 15, 1, 10_000)
            .help("steps of power iteration before training"),
        OptionSpec::count("iterations", 1, 1, 1_000)
            .help("steps of power iteration after each optimizer step"),
    ],
    departures: &[
        "The trained gain is ours; the paper constrains discriminators and has none.",
        "The norm is that of the weights as a matrix, not of the convolution as an operator, as in the paper.",
        "The power iteration runs after each optimizer step; the paper and common frameworks run it in each forward pass of training.",
        "The iteration starts from the first weight row instead of a random vector.",
        "The last layer is treated like the others.",
    ],
    learning_rate_at_50: 0.005,
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    ReparametrizedLayer::build(block, builder, |builder| {
        let weight = init::he(&builder.direction(), block.op.fan_in());
        let matrix = weight.flatten(1, -1);
        let mut pair = SingularPair::start(&matrix);
        for _ in 0..options.count("warm_up") {
            pair = pair.iterated(&matrix);
        }
        let gain = match options.choice("gain") {
            "he" => Some(
                pair.value(&matrix)
                    .expand([block.op.outputs()], false)
                    .copy(),
            ),
            "one" => Some(builder.filled(block.op.outputs(), 1.0)),
            _ => None,
        };
        Ok(SpectralWeights {
            op: block.op,
            weight: builder.weight("weight", weight)?,
            gain: gain.map(|gain| builder.gain("gamma", gain)).transpose()?,
            pair: SingularPair {
                left: builder.buffer("u", pair.left)?,
                right: builder.buffer("v", pair.right)?,
            },
            iterations: options.count("iterations"),
        })
    })
}

/// Approximate singular vectors of the largest singular value.
struct SingularPair {
    /// u, `[outputs]`.
    left: Tensor,
    /// v, `[fan_in]`.
    right: Tensor,
}

fn unit(vector: Tensor) -> Tensor {
    let length = vector.square().sum(None::<Kind>).sqrt();
    vector / length.clamp_min(SMALLEST_LENGTH)
}

impl SingularPair {
    /// From the first row of `matrix` and its image.
    fn start(matrix: &Tensor) -> SingularPair {
        let right = unit(matrix.get(0));
        SingularPair {
            left: unit(matrix.mv(&right)),
            right,
        }
    }

    /// One step of power iteration.
    fn iterated(&self, matrix: &Tensor) -> SingularPair {
        let right = unit(matrix.tr().mv(&self.left));
        SingularPair {
            left: unit(matrix.mv(&right)),
            right,
        }
    }

    /// σ = uᵀWv.
    fn value(&self, matrix: &Tensor) -> Tensor {
        self.left.dot(&matrix.mv(&self.right))
    }
}

struct SpectralWeights {
    op: LinearOp,
    weight: Tensor,
    /// k, `[outputs]`.
    gain: Option<Tensor>,
    pair: SingularPair,
    iterations: i64,
}

impl Reparametrization for SpectralWeights {
    fn kernel(&self) -> Tensor {
        let value = self.pair.value(&self.weight.flatten(1, -1));
        match &self.gain {
            Some(gain) => &self.weight * self.op.per_row(&(gain / value)),
            None => &self.weight / value,
        }
    }

    fn after_step(&self) {
        let matrix = self.weight.flatten(1, -1);
        for _ in 0..self.iterations {
            let next = self.pair.iterated(&matrix);
            self.pair.left.shallow_clone().copy_(&next.left);
            self.pair.right.shallow_clone().copy_(&next.right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::Pass;
    use crate::nn::network::Network;
    use tch::Device;

    fn kernel(net: &Network, inputs: i64) -> Tensor {
        conformance::pre_activation(net, &Tensor::eye(inputs, (Kind::Double, Device::Cpu)))
            .tr()
            .detach()
    }

    fn steps(net: &Network, count: usize) {
        (0..count).for_each(|_| net.after_step());
    }

    fn largest(matrix: &Tensor) -> f64 {
        matrix.svd(true, true).1.max().double_value(&[])
    }

    #[test]
    fn golden_singular_value() {
        let net = conformance::single(
            "spectral-norm",
            "gain = \"none\"",
            LinearOp::Dense {
                inputs: 3,
                outputs: 2,
            },
        );
        conformance::set(&net, "layer.weight", &conformance::golden_weight());
        steps(&net, 100);
        let ratio = conformance::golden_weight() / kernel(&net, 3);
        conformance::assert_close(&conformance::row(&ratio, 0), &[2.423080755; 3]);
    }

    #[test]
    fn the_largest_singular_value_becomes_one_or_the_gain() {
        let op = LinearOp::Dense {
            inputs: 20,
            outputs: 12,
        };
        let net = conformance::single("spectral-norm", "gain = \"one\"\niterations = 3", op);
        steps(&net, 500);
        assert!((largest(&kernel(&net, 20)) - 1.0).abs() < 1e-9);
        conformance::set(
            &net,
            "layer.gamma",
            &Tensor::full([12], 2.5, (Kind::Double, Device::Cpu)),
        );
        assert!((largest(&kernel(&net, 20)) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn with_hes_gain_the_network_starts_as_one_without_a_method() {
        let x = conformance::gaussian(&[9, 2, 8, 8], 2);
        let spectral = conformance::conv_network("spectral-norm", "", 3).logits(&x, &Pass::eval());
        let plain = conformance::conv_network("none", "", 3).logits(&x, &Pass::eval());
        assert!(conformance::gap(&spectral, &plain) < 1e-12);
    }

    #[test]
    fn only_optimizer_steps_iterate() {
        let net = conformance::dense_network("spectral-norm", "", 3);
        let vector = || net.parameters.get("layer1.u").unwrap().copy();
        let before = vector();
        let x = conformance::gaussian(&[9, 12], 1);
        let _ = net.logits(&x, &Pass::train(0, 0));
        let _ = net.logits(&x, &Pass::eval());
        assert_eq!(before, vector());
        conformance::set(&net, "layer1.weight", &conformance::gaussian(&[16, 12], 50));
        steps(&net, 1);
        assert_ne!(before, vector());
    }

    #[test]
    fn a_common_factor_on_the_matrix_does_not_matter() {
        let net = conformance::single(
            "spectral-norm",
            "gain = \"none\"",
            LinearOp::Dense {
                inputs: 5,
                outputs: 4,
            },
        );
        let before = kernel(&net, 5);
        let weight = net.parameters.get("layer.weight").unwrap().detach().copy();
        conformance::set(&net, "layer.weight", &(weight * 7.0));
        assert!(conformance::gap(&before, &kernel(&net, 5)) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients(
            "spectral-norm",
            &["gain = \"one\"", "gain = \"none\""],
        );
    }
}
