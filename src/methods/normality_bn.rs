//! Normality normalization with statistics of the batch (Eftekhari, Papyan, ICML 2025, arXiv:2505.00685).
//!
//! Batch normalization without γ and β, then a power transform of each channel toward a normal distribution with a rate
//! λ of its own (`nn::normality`), noise in training where it is asked for, then γ and β. Evaluation takes running averages of mean, variance
//! and λ.

use anyhow::Result;
use tch::Tensor;

use super::descriptor::{Descriptor, Paper};
use crate::nn::normality::{EPS, Gaussianizer, NOISE, NOISE_FACTOR};
use crate::nn::statistics::{AVERAGE_MOMENTUM, batch_axes, update_average};
use crate::nn::{
    Affine, BatchNorm, BatchNormSettings, Block, Builder, Layer, LinearOp, Normalization,
    NormalizedLayer, Pass, Population,
};
use crate::options::Options;

/// ξ of the authors.
const NOISE_OF_AUTHORS: f64 = 0.4;

/// What `normality-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "normality-bn",
    aliases: &["normality-batch-norm"],
    summary: "batch normalization, then a power transform of each channel toward a normal distribution",
    formula: "y = f(γ·T_λ(x̂) + β),  x̂ = BN(W·x), T Yeo-Johnson's transform, λ one Newton step toward normality",
    paper: Paper {
        authors: "Eftekhari, Papyan",
        title: "On the Importance of Gaussianizing Representations",
        venue: "ICML 2025, arXiv:2505.00685",
    },
    options: &[NOISE, NOISE_FACTOR, EPS, AVERAGE_MOMENTUM],
    departures: &[
        "The authors add noise behind the transform in training; here noisy = true does.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.1,
    build,
    folds: false,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let settings = BatchNormSettings::of(options, Population::Running);
    NormalizedLayer::build(block, builder, |builder| {
        let channels = block.op.outputs();
        Ok(NormalityBatchNorm {
            op: block.op,
            norm: BatchNorm::bare(block, builder, settings)?,
            running_lambda: builder.buffer("running_lambda", builder.filled(channels, 1.0))?,
            gaussianizer: Gaussianizer::of(options, NOISE_OF_AUTHORS),
            affine: Affine::build(block, builder)?,
            momentum: settings.momentum,
        })
    })
}

struct NormalityBatchNorm {
    op: LinearOp,
    norm: BatchNorm,
    running_lambda: Tensor,
    gaussianizer: Gaussianizer,
    affine: Affine,
    momentum: f64,
}

impl NormalityBatchNorm {
    /// λ; in training that of the batch, which enters the average.
    fn rate(&self, hat: &Tensor, axes: &[i64], pass: &Pass) -> Tensor {
        if !pass.training() {
            return self.op.per_channel(&self.running_lambda);
        }
        let rate = self.gaussianizer.rate(hat, axes);
        update_average(
            &self.running_lambda,
            &rate.detach().flatten(0, -1),
            self.momentum,
        );
        rate
    }
}

impl Normalization for NormalityBatchNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let hat = self.norm.apply(linear, pass);
        let axes = batch_axes(&hat);
        let rate = self.rate(&hat, &axes, pass);
        let y = self.gaussianizer.transform(&hat, &rate);
        self.affine
            .apply(&self.gaussianizer.with_noise(y, &axes, pass))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::Signal;

    #[test]
    fn golden_layers_forward_backward_and_averages() {
        for case in ["normality_bn", "normality_bn_maps"] {
            let activation = Activation::Identity;
            conformance::assert_golden_layer("normality-bn", "", activation, case);
        }
    }

    #[test]
    fn at_rate_one_evaluation_is_nearly_batch_normalization_and_at_others_it_is_not() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 3,
        };
        let net = conformance::single("normality-bn", "eps = 1e-12", op);
        let x = conformance::gaussian(&[20, 7], 1);
        let linear = x.matmul(&net.parameters.get("layer.weight").unwrap().tr());
        let evaluated = |lambda: f64| {
            let rates = Tensor::from_slice(&[lambda; 3]);
            conformance::set(&net, "layer.running_lambda", &rates);
            let signal = Signal::plain(x.copy());
            net.blocks[0].layer.pre_activation(&signal, &Pass::eval())
        };
        assert!(conformance::gap(&evaluated(1.0), &linear) < 1e-4);
        assert!(conformance::gap(&evaluated(1.3), &linear) > 1e-2);
    }

    #[test]
    fn noise_is_there_when_asked_for_and_its_factor_has_no_gradient() {
        let x = conformance::gaussian(&[9, 12], 1);
        let logits = |options: &str| {
            let net = conformance::dense_network("normality-bn", options, 3);
            let (apart, _) = conformance::gradient_gap(&net, &x);
            (net.logits(&x, &Pass::train(0, 0)), apart)
        };
        let ((quiet, exact), (noisy, apart)) = (logits(""), logits("noisy = true"));
        assert!(conformance::gap(&quiet, &noisy) > 1e-3);
        assert!(exact < 1e-6 && apart > 1e-6, "{exact} {apart}");
    }
}
