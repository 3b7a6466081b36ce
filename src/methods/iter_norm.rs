//! Iterative normalization (Huang, Zhou, Zhu, Liu, Shao, CVPR 2019, arXiv:1904.03441): whitening of neighboring channels by
//! a few steps of Newton's method.
//!
//! With Σ the covariance matrix of a block of d channels (`nn::whitening`) and S = Σ/tr Σ: P₀ = I,
//! P ← (3·P − P³·S)/2, T times; D = P/√(tr Σ), which comes to Σ^(−1/2) as T grows. With a small T directions of little
//! variance are whitened in part only, which is meant so.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::descriptor::{Descriptor, Paper};
use crate::nn::statistics::AVERAGE_MOMENTUM;
use crate::nn::whitening::{BLOCK, WHITENING_EPS};
use crate::nn::{Block, Builder, InverseRoot, Layer, NormalizedLayer, Whitening};
use crate::options::{OptionSpec, Options};

/// What `iter-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "iter-norm",
    aliases: &["iterative-norm"],
    summary: "whitening of neighboring channels over the batch, by a few Newton steps toward the root of the covariance matrix",
    formula: "y = f(γ·D·(a − μ_B) + β),  D = P_T/√(tr Σ), P ← (3·P − P³·Σ/tr Σ)/2 from I, a = W·x",
    paper: Paper {
        authors: "Huang, Zhou, Zhu, Liu, Shao",
        title: "Iterative Normalization: Beyond Standardization towards Efficient Whitening",
        venue: "CVPR 2019, arXiv:1904.03441",
    },
    row_scale_invariant: false,
    options: &[
        OptionSpec::count("iterations", 5, 1, 100).help("T, Newton steps"),
        BLOCK,
        WHITENING_EPS,
        AVERAGE_MOMENTUM,
    ],
    departures: &[
        "Blocks have 16 channels; the authors' code takes all channels of a layer as one block unless it is told otherwise.",
        "As in the authors' code evaluation takes the running average of D itself, not that of Σ.",
        "The gradient is that of the steps as they stand; the authors' code has it worked out by hand.",
        "Made for many more values of a channel than channels in a block; with fewer, ε decides what becomes of the rest.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.1,
    build,
    folds: false,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        let root = NewtonRoot {
            iterations: options.count("iterations"),
        };
        Whitening::build(root, block, options, builder)
    })
}

struct NewtonRoot {
    /// T.
    iterations: i64,
}

impl InverseRoot for NewtonRoot {
    fn of(&self, covariance: &Tensor) -> Tensor {
        let trace = covariance
            .diagonal(0, 1, 2)
            .sum_dim_intlist([1].as_slice(), true, None::<Kind>)
            .unsqueeze(2);
        let scaled = covariance / &trace;
        // The first step from I.
        let identity = Tensor::eye(
            covariance.size()[1],
            (covariance.kind(), covariance.device()),
        );
        let mut root = identity * 1.5 - &scaled * 0.5;
        for _ in 1..self.iterations {
            root = &root * 1.5 - root.bmm(&root).bmm(&root).bmm(&scaled) * 0.5;
        }
        root * trace.rsqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::LinearOp;

    #[test]
    fn golden_layers_forward_backward_and_averages() {
        for (options, case) in [
            ("block = 2", "iter_norm_2"),
            ("block = 4", "iter_norm_4"),
            ("block = 2\niterations = 1", "iter_norm_2_once"),
            ("block = 4\niterations = 1", "iter_norm_4_once"),
            ("", "iter_norm_units"),
        ] {
            conformance::assert_golden_layer("iter-norm", options, Activation::Identity, case);
        }
    }

    const OP: LinearOp = LinearOp::Conv {
        inputs: 3,
        outputs: 6,
        kernel: 3,
        padding: 1,
        stride: 1,
    };

    /// Covariance of the channels that lie in the first block.
    fn covariance(y: &Tensor, block: i64) -> Tensor {
        let rows = y.narrow(1, 0, block).transpose(0, 1).flatten(1, -1);
        let rows = &rows - rows.mean_dim([1].as_slice(), true, None::<Kind>);
        rows.matmul(&rows.tr()) / rows.size()[1] as f64
    }

    #[test]
    fn many_steps_whiten_and_few_do_so_in_part() {
        let x = conformance::gaussian(&[8, 3, 6, 6], 1);
        let off = |iterations: i64| {
            let options = format!("iterations = {iterations}\nblock = 3\neps = 1e-12");
            let net = conformance::single("iter-norm", &options, OP);
            let found = covariance(&conformance::pre_activation(&net, &x), 3);
            let identity = Tensor::eye(3, (Kind::Double, tch::Device::Cpu));
            conformance::gap(&found, &identity)
        };
        assert!(off(20) < 1e-9, "{}", off(20));
        assert!(off(2) > 1e-2);
    }

    #[test]
    fn blocks_of_one_channel_are_batch_normalization() {
        let net = conformance::single("iter-norm", "block = 1", OP);
        let bn = conformance::single("bn", "", OP);
        let x = conformance::gaussian(&[8, 3, 6, 6], 1);
        let outputs = [&net, &bn].map(|net| conformance::pre_activation(net, &x));
        assert!(conformance::gap(&outputs[0], &outputs[1]) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("iter-norm", &["block = 2", "iterations = 2"]);
    }
}
