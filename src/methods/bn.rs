//! Batch Normalization (Ioffe, Szegedy, ICML 2015, arXiv:1502.03167).
//!
//! For each channel c, over the batch and all positions: μ = mean a, v = mean (a − μ)²,
//! a' = γ (a − μ)/√(v + ε) + β, y = f(a').
//!
//! At evaluation μ and v are averages of the batches' mean and unbiased variance: exponential ones,
//! r ← (1 − ρ) r + ρ·new; or the plain average over all batches so far (ρ = 1/t); or, as in the paper, the
//! plain average over the training images with the weights at evaluation, which costs a pass over them
//! before each evaluation.

use anyhow::Result;

use super::descriptor::{Descriptor, Paper};
use crate::nn::residual::{Order, Part};
use crate::nn::statistics::{AVERAGE_MOMENTUM, EPS};
use crate::nn::{BatchNorm, BatchNormSettings, Block, Builder, Layer, NormalizedLayer, Population};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// What `bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "bn",
    aliases: &["batch-norm"],
    summary: "batch normalization: statistics of the batch, running averages at evaluation",
    formula: "y = f(γ·(a − μ_B)/√(v_B + ε) + β),  a = W·x",
    paper: Paper {
        authors: "Ioffe, Szegedy",
        title: "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
        venue: "ICML 2015, arXiv:1502.03167",
    },
    options: &[
        EPS,
        AVERAGE_MOMENTUM,
        OptionSpec::choice("population", &["running", "cumulative", "precise"])
            .help("evaluation's statistics: exponential averages, the plain average over all batches so far, or that over the training images with the weights at evaluation (a pass before each evaluation)"),
        OptionSpec::number("gamma_start", 1.0, 1e-6, 1e3)
            .help("what γ starts at; below 1 with Davis and Frank (ECCV 2022, arXiv:2110.13989), such as 0.1"),
        OptionSpec::count("ghost_batch", 0, 0, 1_000_000)
            .help("images whose statistics are taken together in training (ghost batches of Hoffer, Hubara, Soudry, NIPS 2017, arXiv:1705.08741); 0 takes the whole batch"),
        OptionSpec::flag("zero_gamma", false)
            .help("residual networks of order v1: γ of the normalization that ends a branch starts at 0, so that the network starts as its shortcuts"),
    ],
    departures: &[
        "Running averages are exponential by default, as in common frameworks; the paper averages over batches after training, which is population = \"precise\".",
        "ghost_batch: the average of the slices' statistics enters the running averages once a step, in the paper slice after slice; written from memory of it. What is left over is a smaller slice, and one image left over joins the slice before it in fully connected layers.",
        "The last layer is a plain linear layer with a bias.",
    ],
    build,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let population = match options.choice("population") {
        "running" => Population::Running,
        "cumulative" => Population::Cumulative,
        _ => Population::Precise,
    };
    let settings = BatchNormSettings {
        gamma: gamma_start(block, options)?,
        ghost: ghost_batch(block, options)?,
        ..BatchNormSettings::of(options, population)
    };
    NormalizedLayer::build(block, builder, |builder| {
        BatchNorm::build(block, builder, settings)
    })
}

/// Images in a slice.
fn ghost_batch(block: &Block, options: &Options) -> Result<i64> {
    let images = options.count("ghost_batch");
    if images == 1 && block.op.is_dense() && block.is_normalized() {
        return Err(usage!(
            "method.ghost_batch = 1 leaves {}, which is fully connected, without statistics (a unit's only value is its \
             own mean); use at least 2",
            block.name
        ));
    }
    Ok(images)
}

/// What γ of `block` starts at.
fn gamma_start(block: &Block, options: &Options) -> Result<f64> {
    let start = options.number("gamma_start");
    if !options.flag("zero_gamma") {
        return Ok(start);
    }
    let lacks = match block.residual {
        Some(place) if place.order == Order::PostActivation => {
            return Ok(if place.part == Part::Second {
                0.0
            } else {
                start
            });
        }
        // The last block looks alike in every network.
        None if block.last && !block.first => return Ok(start),
        Some(_) => "order = \"v2\" has none",
        None => "this network has no branches",
    };
    Err(usage!(
        "method.zero_gamma = true is for a normalization that ends a residual branch, and {lacks}; use model = \
         \"resnet\" with order = \"v1\", or leave it out"
    ))
}

#[cfg(test)]
mod tests {
    use crate::methods::conformance;
    use crate::nn::block::LinearOp;
    use crate::nn::init;
    use crate::nn::network::Network;
    use crate::nn::{Pass, Signal};
    use tch::{Device, Kind, Tensor};

    #[test]
    fn single_image_on_convolutions_equals_instance_statistics() {
        let net = conformance::conv_network("bn", "", 1);
        let block = &net.blocks[0];
        let x = conformance::gaussian(&[1, 2, 8, 8], 3);
        let weight = net.parameters.get("conv1.weight").unwrap();
        let linear = block.node.block().unwrap().op.apply(&x, weight, None);
        let pre = block
            .layer
            .pre_activation(&Signal::plain(x), &Pass::train(0, 0));
        let none = None::<Tensor>;
        let instance =
            linear.instance_norm(none.as_ref(), None, None, None, true, 0.1, 1e-5, false);
        assert!(conformance::gap(&pre, &instance) < 1e-12);
    }

    #[test]
    fn running_averages_move_in_training_only() {
        let net = conformance::dense_network("bn", "average_momentum = 0.25", 1);
        let x = conformance::gaussian(&[32, 12], 4);
        let mean = || {
            net.parameters
                .get("layer1.running_mean")
                .map(|t| t.copy())
                .unwrap()
        };
        let before = mean();
        let _ = net.logits(&x, &Pass::eval());
        assert_eq!(before, mean());
        let _ = net.logits(&x, &Pass::train(0, 0));
        let weight = net.parameters.get("layer1.weight").unwrap();
        let expected = x
            .matmul(&weight.tr())
            .mean_dim([0].as_slice(), false, Kind::Double)
            * 0.25;
        assert!(f64::try_from((mean() - expected).abs().max()).unwrap() < 1e-12);
    }

    /// A network that normalizes three features as they are.
    fn bare(options: &str) -> Network {
        let net = conformance::single(
            "bn",
            options,
            LinearOp::Dense {
                inputs: 3,
                outputs: 3,
            },
        );
        conformance::set(
            &net,
            "layer.weight",
            &Tensor::eye(3, (Kind::Double, Device::Cpu)),
        );
        net
    }

    #[test]
    fn golden_outputs_gradients_and_running_variance() {
        let net = bare("");
        let x = conformance::golden_inputs().set_requires_grad(true);
        let y = conformance::pre_activation(&net, &x);
        conformance::assert_close(
            &conformance::row(&y.detach(), 0),
            &[0.4472118067, 1.183213252, -1.325506557],
        );
        let upstream = [
            1.0, 0.0, -2.0, 0.5, 1.0, 1.0, 0.0, -1.0, 2.0, -1.0, 0.5, 0.0,
        ];
        let loss = (y * conformance::matrix(&upstream, 3)).sum(Kind::Double);
        let gradient = &Tensor::run_backward(&[&loss], &[&x], false, false)[0];
        conformance::assert_close(
            &conformance::row(gradient, 0),
            &[0.6260977815, -0.4732835236, -0.7664862365],
        );
        let running =
            Vec::<f64>::try_from(net.parameters.get("layer.running_var").unwrap()).unwrap();
        conformance::assert_close(&running, &[1.066666667, 1.191666667, 1.422916667]);
    }

    #[test]
    fn outputs_have_mean_beta_and_the_known_variance() {
        let net = bare("eps = 0.1");
        let (gamma, beta) = (
            conformance::gaussian(&[3], 7),
            conformance::gaussian(&[3], 8),
        );
        conformance::set(&net, "layer.gamma", &gamma);
        conformance::set(&net, "layer.beta", &beta);
        let x = conformance::golden_inputs();
        let y = conformance::pre_activation(&net, &x);
        let over = |t: &Tensor| t.var_dim([0].as_slice(), false, false);
        assert!(conformance::gap(&y.mean_dim([0].as_slice(), false, None), &beta) < 1e-12);
        let expected = gamma.square() * over(&x) / (over(&x) + 0.1);
        assert!(conformance::gap(&over(&y), &expected) < 1e-12);
    }

    #[test]
    fn gradients_are_orthogonal_to_ones_to_the_output_and_to_weight_rows() {
        let op = LinearOp::Conv {
            inputs: 2,
            outputs: 3,
            kernel: 3,
            padding: 1,
            stride: 1,
        };
        let net = conformance::single("bn", "eps = 0.0", op);
        let x = conformance::gaussian(&[4, 2, 5, 5], 1);
        let weight = net.parameters.get("layer.weight").unwrap();
        let linear = op.apply(&x, &weight.detach(), None).set_requires_grad(true);
        let none = None::<Tensor>;
        let hat = linear.batch_norm(none.as_ref(), None, None, None, true, 0.1, 0.0, false);
        assert!(conformance::gap(&hat, &conformance::pre_activation(&net, &x)) < 1e-12);
        let loss = (hat.sin() * conformance::gaussian(&[4, 3, 5, 5], 2)).sum(Kind::Double);
        let gradient = &Tensor::run_backward(&[&loss], &[&linear], false, false)[0];
        let total = |t: Tensor| {
            t.sum_dim_intlist([0, 2, 3].as_slice(), false, None::<Kind>)
                .abs()
                .max()
        };
        assert!(total(gradient.copy()).double_value(&[]) < 1e-12);
        assert!(total(gradient * hat.detach()).double_value(&[]) < 1e-11);

        let y = conformance::pre_activation(&net, &x);
        let loss = (y.sin() * conformance::gaussian(&[4, 3, 5, 5], 2)).sum(Kind::Double);
        let by_weight = &Tensor::run_backward(&[&loss], &[weight], false, false)[0];
        let along = (by_weight * weight).flatten(1, -1).sum_dim_intlist(
            [1].as_slice(),
            false,
            None::<Kind>,
        );
        assert!(along.abs().max().double_value(&[]) < 1e-11);
    }

    #[test]
    fn evaluation_folds_into_weights_and_bias() {
        let op = LinearOp::Dense {
            inputs: 7,
            outputs: 3,
        };
        let net = conformance::single("bn", "", op);
        for seed in 0..5 {
            let _ =
                conformance::pre_activation(&net, &(conformance::gaussian(&[20, 7], seed) + 1.0));
        }
        conformance::set(&net, "layer.gamma", &conformance::gaussian(&[3], 7));
        conformance::set(&net, "layer.beta", &conformance::gaussian(&[3], 8));
        let get = |name: &str| {
            net.parameters
                .get(&format!("layer.{name}"))
                .unwrap()
                .detach()
        };
        let factor = get("gamma") / (get("running_var") + 1e-5).sqrt();
        let bias = get("beta") - &factor * get("running_mean");
        let x = conformance::gaussian(&[5, 7], 9);
        let folded = op.apply(&x, &(get("weight") * factor.view([3, 1])), Some(&bias));
        let signal = Signal::plain(x);
        let y = net.blocks[0].layer.pre_activation(&signal, &Pass::eval());
        assert!(conformance::gap(&y, &folded) < 1e-12);
    }

    /// What evaluation gives when statistics are those of the batches, averaged with equal weight.
    fn by_pooled_statistics(batches: &[Tensor], x: &Tensor) -> Tensor {
        let count = batches.len() as f64;
        let mean = |f: &dyn Fn(&Tensor) -> Tensor| {
            batches
                .iter()
                .map(f)
                .reduce(|sum, next| sum + next)
                .unwrap()
                / count
        };
        let center = mean(&|b| b.mean_dim([0].as_slice(), false, None));
        let variance = mean(&|b| b.var_dim([0].as_slice(), true, false));
        (x - center) / (variance + 1e-5).sqrt()
    }

    #[test]
    fn plain_averages_are_exact_with_frozen_weights() {
        let batches: Vec<Tensor> = (0..7)
            .map(|seed| conformance::gaussian(&[6, 3], seed) * 2.0 + 1.0)
            .collect();
        let x = conformance::gaussian(&[5, 3], 20);
        let eval = |net: &Network| {
            net.blocks[0]
                .layer
                .pre_activation(&Signal::plain(x.copy()), &Pass::eval())
        };

        let net = bare("population = \"cumulative\"");
        assert!(!net.restart_population());
        batches
            .iter()
            .for_each(|batch| drop(conformance::pre_activation(&net, batch)));
        assert!(conformance::gap(&eval(&net), &by_pooled_statistics(&batches, &x)) < 1e-12);

        let net = bare("population = \"precise\"");
        batches
            .iter()
            .for_each(|batch| drop(conformance::pre_activation(&net, batch)));
        assert!(net.restart_population());
        batches[..3]
            .iter()
            .for_each(|batch| drop(conformance::pre_activation(&net, batch)));
        assert!(conformance::gap(&eval(&net), &by_pooled_statistics(&batches[..3], &x)) < 1e-12);
    }

    #[test]
    fn golden_ghost_batches_and_their_averages() {
        let identity = crate::moments::Activation::Identity;
        conformance::assert_golden_layer("bn", "ghost_batch = 2", identity, "ghost_bn");
    }

    #[test]
    fn ghost_batches_of_all_images_are_the_batch_and_of_one_are_instances() {
        let x = conformance::gaussian(&[6, 2, 8, 8], 3);
        let first = |options: &str| {
            let net = conformance::conv_network("bn", options, 1);
            let y = conformance::pre_activation(&net, &x);
            let variance = net.parameters.get("conv1.running_var").unwrap().copy();
            (y, variance)
        };
        let ((whole, by_whole), (ghost, by_ghost)) = (first(""), first("ghost_batch = 6"));
        assert!(conformance::gap(&whole, &ghost) < 1e-12);
        assert!(conformance::gap(&by_whole, &by_ghost) < 1e-12);
        let instances = x.split(1, 0).into_iter().map(|image| {
            let net = conformance::conv_network("bn", "", 1);
            conformance::pre_activation(&net, &image)
        });
        let instances = Tensor::cat(&instances.collect::<Vec<_>>(), 0);
        assert!(conformance::gap(&instances, &first("ghost_batch = 1").0) < 1e-12);
    }

    #[test]
    fn ghost_batches_of_one_are_refused_in_fully_connected_layers() {
        let method = crate::methods::find("bn").unwrap();
        let options = method.resolve(&"ghost_batch = 1".parse().unwrap()).unwrap();
        let nodes = crate::nn::networks::perceptron(12, 4, &[16], crate::moments::Activation::Relu);
        let built = method.network(&options, nodes, 1, Kind::Double, Device::Cpu);
        let message = built.err().map(|error| error.to_string()).unwrap();
        assert!(
            message.contains("layer1") && message.contains("ghost_batch"),
            "{message}"
        );
    }

    #[test]
    fn running_averages_keep_no_count() {
        assert!(bare("").parameters.get("layer.batches").is_none());
        assert!(!bare("").restart_population());
    }

    #[test]
    fn rows_start_by_hes_rule() {
        let net = conformance::dense_network("bn", "", 1);
        let none = conformance::dense_network("none", "", 1);
        let lengths = |net: &Network| init::row_norms(net.parameters.get("layer1.weight").unwrap());
        assert!(conformance::gap(&lengths(&net), &lengths(&none)) < 1e-12);
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients(
            "bn",
            &["population = \"cumulative\"", "ghost_batch = 4"],
        );
    }
}
