//! EvalNorm (Singh, Shrivastava, ICCV 2019, arXiv:1904.06031): batch normalization in training; in evaluation each image is
//! normalized by the mean and variance that a training batch which holds it has on average.
//!
//! With m_i, v_i of image i over positions, μ and s² averages over training batches, and n the images of a batch,
//! λ = 1/n: μ_i = λ·m_i + (1 − λ)·μ, s²_i = λ·v_i + (1 − λ)·s² + λ(1 − λ)(m_i − μ)². That is exact where s² is the average
//! of the batches' biased variances.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::BatchSizeOne;
use super::descriptor::{Descriptor, Paper};
use crate::nn::statistics::{AVERAGE_MOMENTUM, EPS};
use crate::nn::{
    Affine, BatchNorm, BatchNormSettings, Block, Builder, LargestBatch, Layer, LinearOp,
    Normalization, NormalizedLayer, Pass, Population,
};
use crate::options::Options;

/// What `evalnorm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "evalnorm",
    aliases: &["eval-norm"],
    summary: "batch normalization; in evaluation by what a training batch with the image in it has on average",
    formula: "training: y = f(BN(W·x));  evaluation: μ_i = λ·m_i + (1 − λ)·μ, s²_i = λ·v_i + (1 − λ)·s² + λ(1 − λ)(m_i − μ)²",
    paper: Paper {
        authors: "Singh, Shrivastava",
        title: "EvalNorm: Estimating Batch Normalization Statistics for Evaluation",
        venue: "ICCV 2019, arXiv:1904.06031",
    },
    // One image is normalized by its own statistics in training, and with λ = 1 in evaluation too.
    batch_size_one_conv: BatchSizeOne::Works,
    options: &[EPS, AVERAGE_MOMENTUM],
    departures: &[
        "λ is 1/n; the paper also learns two factors in its place by a further loss, which is not known to us well enough.",
        "n is the largest batch seen in training.",
        "s² is the running average of unbiased variances times (m − 1)/m, m the values of a channel in a batch.",
        "In fully connected layers v_i is 0.",
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
        Ok(EvalNorm {
            op: block.op,
            norm: BatchNorm::bare(block, builder, settings)?,
            batch: LargestBatch::build(builder)?,
            affine: Affine::build(block, builder)?,
            eps: settings.eps,
        })
    })
}

struct EvalNorm {
    op: LinearOp,
    norm: BatchNorm,
    /// n.
    batch: LargestBatch,
    affine: Affine,
    eps: f64,
}

impl EvalNorm {
    /// (a − μ_i)/√(s²_i + ε).
    fn expected(&self, linear: &Tensor) -> Tensor {
        let images = self.batch.images();
        let positions: i64 = linear.size()[2..].iter().product();
        let values = images * positions as f64;
        let (own, rest) = (1.0 / images, 1.0 - 1.0 / images);
        let (average, variance) = self.norm.averages();
        let average = self.op.per_channel(average);
        let variance = self.op.per_channel(variance) * ((values - 1.0) / values);
        let (of_image, spread) = match linear.dim() {
            2 => (linear.shallow_clone(), linear.zeros_like()),
            _ => (
                linear.mean_dim([2, 3].as_slice(), true, None::<Kind>),
                linear.var_dim([2, 3].as_slice(), false, true),
            ),
        };
        let between = (&of_image - &average).square() * (own * rest);
        let variance = spread * own + variance * rest + between;
        (linear - of_image * own - average * rest) * (variance + self.eps).rsqrt()
    }
}

impl Normalization for EvalNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let hat = match pass.training() {
            true => {
                self.batch.see(linear);
                self.norm.apply(linear, pass)
            }
            false => self.expected(linear),
        };
        self.affine.apply(&hat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::Signal;
    use crate::nn::network::Network;

    fn evaluated(net: &Network, x: &Tensor) -> Tensor {
        let layer = &net.blocks[0].layer;
        layer.pre_activation(&Signal::plain(x.copy()), &Pass::eval())
    }

    #[test]
    fn golden_evaluations() {
        for name in ["evalnorm_4", "evalnorm_16"] {
            let case = conformance::golden_case(name);
            let net = conformance::golden_layer("evalnorm", "", Activation::Identity, case);
            let x = conformance::golden_tensor(&case["inputs"], "x");
            conformance::assert_golden(name, &evaluated(&net, &x), &case["output"]);
        }
    }

    #[test]
    fn with_batches_of_one_it_is_instance_normalization_and_with_large_ones_batch_normalization() {
        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 3,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let (net, bn) = (
            conformance::single("evalnorm", "", op),
            conformance::single("bn", "", op),
        );
        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let linear = op.apply(&x, net.parameters.get("layer.weight").unwrap(), None);
        let none = None::<Tensor>;
        let instance =
            linear.instance_norm(none.as_ref(), None, None, None, true, 0.1, 1e-5, false);
        assert!(conformance::gap(&evaluated(&net, &x), &instance) < 1e-12);
        for net in [&net, &bn] {
            let _ = conformance::pre_activation(net, &x);
        }
        let images = net
            .parameters
            .get("layer.images")
            .unwrap()
            .double_value(&[0]);
        assert_eq!(images, 5.0);
        conformance::set(&net, "layer.images", &Tensor::from_slice(&[1e12]));
        assert!(conformance::gap(&evaluated(&net, &x), &evaluated(&bn, &x)) < 1e-9);
    }

    /// Over all batches of two out of six images that hold the first one.
    #[test]
    fn it_is_what_batches_that_hold_the_image_have_on_average() {
        let images = conformance::gaussian(&[6, 1, 3, 3], 1) + 0.5;
        let of_pairs = |wanted: &dyn Fn(i64, i64) -> bool| {
            let (mut sums, mut count) = ([0.0, 0.0], 0.0);
            for (i, j) in (0..6)
                .flat_map(|i| (0..6).map(move |j| (i, j)))
                .filter(|&(i, j)| wanted(i, j))
            {
                let batch = Tensor::cat(&[images.narrow(0, i, 1), images.narrow(0, j, 1)], 0);
                sums[0] += batch.mean(Kind::Double).double_value(&[]);
                sums[1] += batch.var(false).double_value(&[]);
                count += 1.0;
            }
            sums.map(|sum| sum / count)
        };
        // Drawn with replacement: all pairs, and all pairs that start with image 0.
        let [average, variance] = of_pairs(&|_, _| true);
        let [mean, expected] = of_pairs(&|i, _| i == 0);
        let op = LinearOp::Conv {
            inputs: 1,
            outputs: 1,
            kernel: 1,
            padding: 0,
            stride: 1,
        };
        let net = conformance::single("evalnorm", "eps = 0.0", op);
        for (name, value) in [
            ("weight", 1.0),
            ("images", 2.0),
            ("running_mean", average),
            ("running_var", variance * 18.0 / 17.0),
        ] {
            conformance::set(
                &net,
                &format!("layer.{name}"),
                &Tensor::from_slice(&[value]),
            );
        }
        let first = images.narrow(0, 0, 1);
        let wanted = (&first - mean) / expected.sqrt();
        assert!(conformance::gap(&evaluated(&net, &first), &wanted) < 1e-12);
    }
}
