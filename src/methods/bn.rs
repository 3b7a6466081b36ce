//! Batch Normalization (Ioffe, Szegedy, ICML 2015, arXiv:1502.03167).
//!
//! For each channel c, over the batch and all positions: μ = mean a, v = mean (a − μ)²,
//! a' = γ (a − μ)/√(v + ε) + β, y = f(a'). At evaluation μ and v are running averages of the batches'
//! mean and unbiased variance, r ← (1 − ρ) r + ρ·new.

use anyhow::Result;
use tch::Tensor;

use super::options::{OptionKind, OptionSpec, Options};
use super::{ActsOn, BatchSizeOne, Descriptor, Paper};
use crate::nn::block::Block;
use crate::nn::init;
use crate::nn::layer::{Builder, Layer, Pass, Signal, Tail};
use crate::nn::plain::PlainLayer;

/// What `bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "bn",
    summary: "batch normalization: statistics of the batch, running averages at evaluation",
    formula: "y = f(γ·(a − μ_B)/√(v_B + ε) + β),  a = W·x",
    paper: Paper {
        authors: "Ioffe, Szegedy",
        title: "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
        venue: "ICML 2015, arXiv:1502.03167",
        year: 2015,
    },
    acts_on: ActsOn::PreActivation,
    uses_batch_statistics: true,
    train_equals_eval: false,
    row_scale_invariant: true,
    data_dependent_start: false,
    batch_size_one_conv: BatchSizeOne::Degenerates,
    batch_size_one_fc: BatchSizeOne::Refused,
    extra_parameters: "γ, β",
    options: &[
        OptionSpec {
            name: "eps",
            kind: OptionKind::Number {
                default: 1e-5,
                low: 0.0,
                high: 1.0,
            },
            help: "ε, added to the variance",
        },
        OptionSpec {
            name: "average_momentum",
            kind: OptionKind::Number {
                default: 0.1,
                low: 0.0,
                high: 1.0,
            },
            help: "ρ, the weight of the newest batch in the running averages",
        },
    ],
    departures: &[
        "Running averages are exponential, as in common frameworks; the paper averages over batches after training.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.02,
    build,
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if block.last {
        return Ok(Box::new(PlainLayer::build(block, builder)?));
    }
    let channels = block.op.outputs();
    let weight = init::he(&builder.direction(), block.op.fan_in());
    let (ones, zeros) = (builder.filled(channels, 1.0), builder.filled(channels, 0.0));
    Ok(Box::new(BatchNorm {
        block: block.clone(),
        weight: builder.weight("weight", weight)?,
        gamma: builder.gain("gamma", ones.copy())?,
        beta: builder.shift("beta", zeros.copy())?,
        running_mean: builder.buffer("running_mean", zeros)?,
        running_var: builder.buffer("running_var", ones)?,
        eps: options.number("eps"),
        momentum: options.number("average_momentum"),
        tail: Tail::build(block, builder)?,
    }))
}

struct BatchNorm {
    block: Block,
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: f64,
    momentum: f64,
    tail: Tail,
}

impl Layer for BatchNorm {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        let linear = self.block.op.apply(&input.value(), &self.weight, None);
        linear.batch_norm(
            Some(&self.gamma),
            Some(&self.beta),
            Some(&self.running_mean),
            Some(&self.running_var),
            pass.training(),
            self.momentum,
            self.eps,
            true,
        )
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.tail.apply(pre))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::walk;
    use tch::Kind;

    #[test]
    fn single_image_on_convolutions_equals_instance_statistics() {
        let net = walk::conv_network("bn", "", 1);
        let block = &net.blocks[0];
        let x = walk::gaussian(&[1, 2, 8, 8], 3);
        let pre = block
            .layer
            .pre_activation(&Signal::plain(x), &Pass::train(0, 0));
        let mean = pre.mean_dim([2, 3].as_slice(), false, Kind::Double);
        let var = pre.var_dim([2, 3].as_slice(), false, false);
        assert!(f64::try_from(mean.abs().max()).unwrap() < 1e-12);
        assert!(f64::try_from((var - 1.0).abs().max()).unwrap() < 1e-3);
    }

    #[test]
    fn running_averages_move_in_training_only() {
        let net = walk::dense_network("bn", "average_momentum = 0.25", 1);
        let x = walk::gaussian(&[32, 12], 4);
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
}
