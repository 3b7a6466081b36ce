//! Weight Normalization (Salimans, Kingma, NIPS 2016, arXiv:1602.07868).
//!
//! For each row o: w_o = g_o v_o/‖v_o‖, y = f(w·x + b); g and v are trained, so length and direction of a
//! row are separate parameters. No batch enters in training or evaluation.
//!
//! **Start from data.** One batch of training images goes through the layers in order. With
//! t = v·x/‖v‖, mean μ and biased standard deviation σ of each channel over images and positions:
//! g = 1/σ, b = −μ/σ, so that every pre-activation starts with mean 0 and variance 1 on that batch.
//!
//! **Start for residual networks** (Arpit, Campos, Bengio, NeurIPS 2019, arXiv:1906.02341), without data: all rows of a
//! layer have the length that keeps the length of the signal, see `nn::length_direction`.

mod recurrent;

use anyhow::Result;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::length_direction::{LengthDirection, START};
use crate::nn::{Block, Builder, Layer, ReparametrizedLayer, plain};
use crate::options::Options;

/// What `weight-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "weight-norm",
    aliases: &["wn"],
    summary: "weight normalization: each weight row is a length times a direction; lengths start from data",
    formula: "y = f(g·v·x/‖v‖ + b)",
    paper: Paper::WEIGHT_NORMALIZATION,
    acts_on: &[ActsOn::Weights],
    row_scale_invariant: true,
    data_dependent_start: true,
    extra_parameters: "g, b",
    options: &[START],
    departures: &[
        "An LSTM's gains start at the lengths of its orthogonal rows, not from data; its logits start from data.",
        "σ is taken as at least 1e-6 at the start.",
        "Weight decay, where asked for, acts on v; in the authors' code on g.",
        "The last layer is normalized like the others and starts from data too, as in the authors' CIFAR-10 code.",
        "start = \"residual\": the units of its authors have no activation on the stream; here they are those of the \
         network. The last layer is plain, as theirs, and starts by He's rule.",
    ],
    learning_rate_at_50: 0.005,
    build,
    recurrent: Some(recurrent::RECURRENT),
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if block.last && options.choice("start") == "residual" {
        return plain::build(block, builder);
    }
    ReparametrizedLayer::build(block, builder, |builder| {
        LengthDirection::build(block, options, builder)
    })
}

#[cfg(test)]
mod tests {
    use crate::methods::conformance;
    use crate::nn::Pass;
    use crate::nn::block::LinearOp;
    use crate::nn::init;
    use crate::nn::network::Network;
    use crate::nn::statistics::{channel_means, channel_stds};
    use tch::{Kind, Tensor};

    const OP: LinearOp = LinearOp::Dense {
        inputs: 3,
        outputs: 2,
    };

    #[test]
    fn golden_outputs_and_golden_start() {
        let net = conformance::single("weight-norm", "", OP);
        conformance::set(&net, "layer.weight", &conformance::golden_weight());
        conformance::set(&net, "layer.g", &Tensor::from_slice(&[2.0, 0.5]));
        let y = conformance::pre_activation(&net, &conformance::golden_inputs());
        conformance::assert_close(&conformance::row(&y, 0), &[-3.055050463, 1.166666667]);

        net.initialize(&conformance::golden_inputs());
        let values = |name: &str| Vec::<f64>::try_from(net.parameters.get(name).unwrap()).unwrap();
        conformance::assert_close(&values("layer.g"), &[0.5588091427, 0.6462924889]);
        conformance::assert_close(&values("layer.bias"), &[-0.7926239891, 0.0269288537]);
    }

    #[test]
    fn equals_the_formula_and_its_gradients() {
        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 3,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let net = conformance::single("weight-norm", "start = \"he\"", op);
        let weight = net.parameters.get("layer.weight").unwrap();
        let length = net.parameters.get("layer.g").unwrap();
        let kernel = weight * (length / init::row_norms(weight)).view([3, 1, 1, 1]);
        let x = conformance::gaussian(&[2, 2, 5, 5], 3);
        assert!(
            conformance::gap(
                &conformance::pre_activation(&net, &x),
                &op.apply(&x, &kernel, None)
            ) < 1e-12
        );

        // dg = ⟨dw, v⟩/‖v‖ and dv = g/‖v‖ (dw − dg v/‖v‖), which is orthogonal to v.
        let loss = conformance::pre_activation(&net, &x)
            .sin()
            .sum(Kind::Double);
        let actual = Tensor::run_backward(&[&loss], &[weight, length], false, false);
        let leaf = kernel.detach().set_requires_grad(true);
        let loss = op.apply(&x, &leaf, None).sin().sum(Kind::Double);
        let by_kernel = Tensor::run_backward(&[&loss], &[&leaf], false, false);
        let flat = |t: &Tensor| t.detach().flatten(1, -1);
        let (v, dw) = (flat(weight), flat(&by_kernel[0]));
        let norm = init::row_norms(&v).view([3, 1]);
        let by_length = (&dw * &v).sum_dim_intlist([1].as_slice(), true, None) / &norm;
        let by_direction = (&dw - &by_length * &v / &norm) * length.view([3, 1]) / &norm;
        assert!(conformance::gap(&actual[1].view([3, 1]), &by_length) < 1e-12);
        assert!(conformance::gap(&flat(&actual[0]), &by_direction) < 1e-10);
        let along = (flat(&actual[0]) * &v).sum_dim_intlist([1].as_slice(), false, None);
        assert!(conformance::gap(&along, &along.zeros_like()) < 1e-12);
    }

    fn assert_starts_standardized(net: &Network, images: &Tensor) {
        net.initialize(images);
        let mut signal = net.input(images);
        for built in &net.blocks {
            let pre = built.layer.pre_activation(&signal, &Pass::eval());
            let (mean, std) = (channel_means(&pre), channel_stds(&pre));
            assert!(
                conformance::gap(&mean, &mean.zeros_like()) < 1e-10,
                "{}",
                built.node.name()
            );
            assert!(
                conformance::gap(&std, &std.ones_like()) < 1e-10,
                "{}",
                built.node.name()
            );
            signal = built.layer.post_activation(pre, &Pass::eval());
        }
    }

    #[test]
    fn every_channel_starts_with_mean_zero_and_variance_one_on_the_start_batch() {
        let images = conformance::gaussian(&[40, 2, 8, 8], 2) * 3.0 + 1.0;
        assert_starts_standardized(&conformance::conv_network("weight-norm", "", 3), &images);
        let images = conformance::gaussian(&[40, 12], 2) * 3.0 + 1.0;
        assert_starts_standardized(&conformance::dense_network("weight-norm", "", 3), &images);
    }

    #[test]
    fn the_start_can_be_switched_off() {
        let x = conformance::gaussian(&[9, 12], 1);
        for start in ["he", "unit", "residual"] {
            let net = conformance::dense_network("weight-norm", &format!("start = \"{start}\""), 3);
            let before = net.logits(&x, &Pass::eval());
            net.initialize(&x);
            assert_eq!(before, net.logits(&x, &Pass::eval()));
            let plain = conformance::dense_network("none", "", 3).logits(&x, &Pass::eval());
            assert_eq!(conformance::gap(&before, &plain) < 1e-12, start == "he");
        }
    }

    #[test]
    fn on_whitened_inputs_it_is_batch_normalization() {
        // Inputs with mean 0 and unit covariance on the batch: BN divides by ‖v‖ itself.
        let raw = conformance::gaussian(&[60, 3], 4);
        let centered = &raw - raw.mean_dim([0].as_slice(), true, None);
        let covariance = centered.tr().matmul(&centered) / 60.0;
        let white = centered.matmul(&covariance.linalg_cholesky(false).inverse().tr());
        let net = conformance::single("weight-norm", "start = \"unit\"", OP);
        let linear = white.matmul(&net.parameters.get("layer.weight").unwrap().tr());
        let none = None::<Tensor>;
        let normalized = linear.batch_norm(none.as_ref(), None, None, None, true, 0.1, 0.0, false);
        assert!(conformance::gap(&conformance::pre_activation(&net, &white), &normalized) < 1e-10);
    }

    #[test]
    fn a_dead_channel_gets_a_finite_gain() {
        let net = conformance::dense_network("weight-norm", "", 3);
        net.initialize(&Tensor::zeros([9, 12], (Kind::Double, tch::Device::Cpu)));
        let logits = net.logits(&conformance::gaussian(&[9, 12], 1), &Pass::eval());
        assert!(bool::try_from(logits.isfinite().all()).unwrap());
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        let starts = ["start = \"he\"", "start = \"unit\"", "start = \"residual\""];
        conformance::assert_exact_gradients("weight-norm", &starts);
    }
}
