//! Layer-sequential unit variance (LSUV; Mishkin, Matas, ICLR 2016, arXiv:1511.06422): a start for any method to which
//! the length of weight rows matters.
//!
//! Weights start as orthonormal rows. Then, layer by layer in the order of the signal, a batch of training images goes
//! through the linear operation, and W ← W/(σ + 10⁻⁸) with σ the standard deviation of all numbers that come out,
//! before bias, normalization and activation. In a residual network a branch's output gets σ = 1 too.

use anyhow::{Context, Result};
use tch::{Kind, Tensor};

use super::{Block, LinearOp, Network, Pass, init};
use crate::streams::{Purpose, stream};

/// Added to σ.
const EPS: f64 = 1e-8;

impl Network {
    /// Starts every weight from these images in place of the method's start; what else a method starts from data is
    /// started after its weight. The directions of rows are those of the seed.
    pub fn initialize_to_unit_variance(&self, images: &Tensor, seed: u64) -> Result<()> {
        let mut started = Ok(());
        tch::no_grad(|| {
            let pass = Pass::eval();
            self.walk(images, &pass, self.blocks.len(), |index, layer, signal| {
                let block = self.blocks[index].node.block();
                if let Some(block) = block.filter(|block| !block.op.is_identity()) {
                    let weight = self.orthonormal(index, block, seed);
                    let weight = weight.map(|weight| scale(&block.op, &weight, &signal.value()));
                    started = std::mem::replace(&mut started, Ok(())).and(weight);
                }
                layer.initialize(signal);
                layer.forward(signal, &pass)
            });
        });
        started
    }

    /// The weight of a block, now with orthonormal rows; columns where there are fewer of those.
    fn orthonormal(&self, index: usize, block: &Block, seed: u64) -> Result<Tensor> {
        let name = format!("{}.weight", block.name);
        let weight = self.parameters.get(&name);
        let weight = weight.with_context(|| {
            format!("init = \"lsuv\" needs a weight called {name}, which this method does not have")
        })?;
        let mut source = stream(seed, Purpose::Init, index as u64);
        let drawn = init::standard_normal(&weight.size(), &mut source);
        let rows = init::orthogonal(&drawn.flatten(1, -1));
        weight.shallow_clone().copy_(&rows.reshape(weight.size()));
        Ok(weight.shallow_clone())
    }
}

/// Divides `weight` by the standard deviation that `op` makes of `x` with it. Where nothing comes out but one number, it
/// stays.
fn scale(op: &LinearOp, weight: &Tensor, x: &Tensor) {
    let output = op.apply(x, weight, None).to_kind(Kind::Double);
    let deviation = output.std(false).double_value(&[]);
    if deviation > 0.0 {
        let _ = weight.shallow_clone().g_div_scalar_(deviation + EPS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Activation;
    use crate::nn::networks::perceptron;
    use crate::nn::{Node, plain};
    use tch::Device;

    fn tensor(value: &serde_json::Value) -> Tensor {
        let numbers = |key: &str| value[key].as_array().unwrap().iter();
        let values: Vec<f64> = numbers("values").map(|v| v.as_f64().unwrap()).collect();
        let shape: Vec<i64> = numbers("shape").map(|v| v.as_i64().unwrap()).collect();
        Tensor::from_slice(&values).reshape(shape)
    }

    #[test]
    fn one_layer_as_published() {
        let text = include_str!("../../tests/goldens/residual_rivals.json");
        let goldens: serde_json::Value = serde_json::from_str(text).unwrap();
        let case = &goldens["unit_deviation"];
        let weight = tensor(&case["start"]);
        let op = LinearOp::Dense {
            inputs: 3,
            outputs: 2,
        };
        scale(&op, &weight, &tensor(&case["inputs"]));
        let gap = (weight - tensor(&case["weight"])).abs().max();
        assert!(gap.double_value(&[]) < 1e-12);
    }

    fn network() -> Network {
        let nodes = perceptron(12, 4, &[16, 8, 20], Activation::Relu);
        let build = |node: &Node, builder: &mut crate::nn::Builder| {
            plain::build(
                node.block().context("a perceptron is made of blocks")?,
                builder,
            )
        };
        Network::build(nodes, &build, 3, Kind::Double, Device::Cpu).unwrap()
    }

    #[test]
    fn every_layer_starts_with_orthogonal_rows_and_unit_variance() {
        let network = network();
        let x = init::standard_normal(&[50, 12], &mut stream(5, Purpose::Probe, 0)) * 3.0 + 1.0;
        network.initialize_to_unit_variance(&x, 3).unwrap();
        let pass = Pass::eval();
        let mut layers = 0;
        tch::no_grad(|| {
            network.walk(&x, &pass, network.blocks.len(), |index, layer, signal| {
                let pre = layer.pre_activation(signal, &pass);
                let deviation = pre.std(false).double_value(&[]);
                assert!((deviation - 1.0).abs() < 1e-6, "{index}: {deviation}");
                layers += 1;
                layer.post_activation(pre, &pass)
            });
        });
        assert_eq!(layers, 4);
        for entry in network.parameters.trainable() {
            let weight = &entry.tensor;
            if weight.dim() < 2 {
                assert_eq!(weight.abs().max().double_value(&[]), 0.0, "{}", entry.name);
                continue;
            }
            let [rows, columns] = weight.size()[..] else {
                panic!()
            };
            let products = match rows <= columns {
                true => weight.matmul(&weight.tr()),
                false => weight.tr().matmul(weight),
            };
            let scaled = &products / products.get(0).get(0);
            let side = rows.min(columns);
            let gap = (scaled - Tensor::eye(side, (Kind::Double, Device::Cpu)))
                .abs()
                .max();
            assert!(gap.double_value(&[]) < 1e-12, "{}", entry.name);
        }
    }

    #[test]
    fn images_that_give_nothing_leave_finite_weights() {
        let network = network();
        let x = Tensor::zeros([5, 12], (Kind::Double, Device::Cpu));
        network.initialize_to_unit_variance(&x, 3).unwrap();
        assert!(network.parameters.are_finite());
    }
}
