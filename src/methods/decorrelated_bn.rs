//! Decorrelated batch normalization (Huang, Yang, Lang, Deng, CVPR 2018, arXiv:1804.08450): whitening of neighboring
//! channels by the symmetric root of the inverse covariance matrix.
//!
//! With Σ = U·diag(λ)·Uᵀ the covariance matrix of a block of channels (`nn::whitening`): D = U·diag(λ^(−1/2))·Uᵀ. The
//! change of D with Σ is U·(F∘(Uᵀ·dΣ·U))·Uᵀ, F_ij = −1/(√λ_i·√λ_j·(√λ_i + √λ_j)), which is finite also where two
//! eigenvalues are equal; the derivative of U alone is not.

use anyhow::Result;
use tch::Tensor;

use super::descriptor::{Descriptor, Paper};
use crate::nn::statistics::AVERAGE_MOMENTUM;
use crate::nn::whitening::{BLOCK, WHITENING_EPS};
use crate::nn::{Block, Builder, InverseRoot, Layer, NormalizedLayer, Whitening};
use crate::options::Options;

/// What `decorrelated-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "decorrelated-bn",
    aliases: &["dbn", "decorrelated-batch-norm", "zca-norm"],
    summary: "whitening of neighboring channels over the batch, by the symmetric root of the inverse covariance matrix (ZCA)",
    formula: "y = f(γ·D·(a − μ_B) + β),  D = U·diag(λ^(−1/2))·Uᵀ from Σ = U·diag(λ)·Uᵀ, a = W·x",
    paper: Paper {
        authors: "Huang, Yang, Lang, Deng",
        title: "Decorrelated Batch Normalization",
        venue: "CVPR 2018, arXiv:1804.08450",
    },
    row_scale_invariant: false,
    options: &[BLOCK, WHITENING_EPS, AVERAGE_MOMENTUM],
    departures: &[
        "Each block of channels has a matrix of its own, as in the paper; the authors' later code has one for all blocks of a layer.",
        "The derivative is that of the matrix root, exact also for equal eigenvalues, where the one through eigenvectors that the authors take grows without bound.",
        "γ starts at 1; in the authors' code uniform in [0, 1].",
        "Evaluation takes the running average of D itself, as their later code.",
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
        Whitening::build(SymmetricRoot, block, options, builder)
    })
}

struct SymmetricRoot;

impl InverseRoot for SymmetricRoot {
    fn of(&self, covariance: &Tensor) -> Tensor {
        let (values, vectors) = covariance.detach().linalg_eigh("L");
        let turned = vectors.transpose(1, 2);
        let roots = values.sqrt();
        let whitening = (&vectors / roots.unsqueeze(1)).bmm(&turned);
        // A matrix of zeros whose derivative is that of D.
        let change = covariance - covariance.detach();
        let (left, right) = (roots.unsqueeze(2), roots.unsqueeze(1));
        let slopes = (&left * &right * (&left + &right)).reciprocal() * -1.0;
        let change = turned.bmm(&change).bmm(&vectors) * slopes;
        whitening + vectors.bmm(&change).bmm(&turned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::LinearOp;
    use tch::Kind;

    #[test]
    fn golden_layers_forward_backward_and_averages() {
        for (options, case) in [
            ("block = 2", "decorrelated_bn_2"),
            ("", "decorrelated_bn_units"),
        ] {
            let activation = Activation::Identity;
            conformance::assert_golden_layer("decorrelated-bn", options, activation, case);
        }
    }

    #[test]
    fn channels_of_a_block_are_uncorrelated_and_blocks_are_not() {
        let op = LinearOp::Conv {
            inputs: 3,
            outputs: 6,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let net = conformance::single("decorrelated-bn", "block = 3\neps = 1e-12", op);
        let x = conformance::gaussian(&[8, 3, 6, 6], 1);
        let y = conformance::pre_activation(&net, &x);
        let rows = y.transpose(0, 1).flatten(1, -1);
        let found = rows.matmul(&rows.tr()) / rows.size()[1] as f64;
        let identity = Tensor::eye(6, (Kind::Double, tch::Device::Cpu));
        let within = |from: i64| {
            let part = |t: &Tensor| t.narrow(0, from, 3).narrow(1, from, 3);
            conformance::gap(&part(&found), &part(&identity))
        };
        assert!(within(0) < 1e-9 && within(3) < 1e-9);
        assert!(conformance::gap(&found, &identity) > 1e-2);
    }

    /// Where all directions have the same variance the derivative through eigenvectors does not exist.
    #[test]
    fn equal_eigenvalues_have_a_derivative() {
        let options = (Kind::Double, tch::Device::Cpu);
        let sigma = (Tensor::eye(3, options) * 4.0).unsqueeze(0);
        let direction = Tensor::from_slice(&[1.0, 0.5, -0.2, 0.5, -1.0, 0.3, -0.2, 0.3, 0.7]);
        let direction = direction.reshape([1, 3, 3]);
        let weights = conformance::gaussian(&[1, 3, 3], 3);
        let value = |sigma: &Tensor| (SymmetricRoot.of(sigma) * &weights).sum(Kind::Double);
        let leaf = sigma.copy().set_requires_grad(true);
        let gradient = &Tensor::run_backward(&[value(&leaf)], &[&leaf], false, false)[0];
        let along = (gradient * &direction).sum(Kind::Double).double_value(&[]);
        let at = |step: f64| value(&(&sigma + &direction * step)).double_value(&[]);
        let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((along - numeric).abs() < 1e-8, "{along} {numeric}");
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients("decorrelated-bn", &["block = 2", "block = 4"]);
    }
}
