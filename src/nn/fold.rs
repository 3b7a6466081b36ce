//! Networks for evaluation: every block is one plain linear operation, however it was normalized in training.
//!
//! A method whose block computes y = (pool(f(W·x + b)) + o)·s in evaluation says so by
//! [`Layer::fold`](super::layer::Layer::fold): batch normalization puts its averages into W and b, methods that act on
//! weights work them out once. The numbers o and s go on into the next block, s into its weights and o times the sum of
//! each row into its bias; only where that block pads with zeros is o added to the activations.

use tch::{Kind, Tensor};

use super::network::{Network, pool_globally};
use super::rows::sum_of_rows;
use super::{ActivationPool, LinearOp, NetworkKind, Pass, layout};

/// A network of folded blocks.
#[derive(Debug)]
pub struct FoldedNetwork {
    kind: NetworkKind,
    blocks: Vec<Plain>,
    compute: Kind,
    /// What is left for the logits: added, then multiplied by.
    rest: (f64, f64),
}

/// One linear operation, activation, pool; then a number is added.
#[derive(Debug)]
struct Plain {
    op: LinearOp,
    weight: Tensor,
    bias: Tensor,
    activation_pool: ActivationPool,
    add: f64,
}

impl Network {
    /// The network for evaluation with the parameters as they are; `None` where a block is no plain operation.
    pub fn fold(&self) -> Option<FoldedNetwork> {
        tch::no_grad(|| {
            let mut blocks: Vec<Plain> = Vec::with_capacity(self.blocks.len());
            let (mut offset, mut scale) = (0.0, 1.0);
            for built in &self.blocks {
                let folded = built.layer.fold()?;
                let op = built.node.block()?.op;
                let weight = folded.weight.detach() * scale;
                // A sum of its own: adding in place would change the parameter, whose memory the bias shares.
                let bias = match blocks.last_mut() {
                    Some(before) if op.pads() => {
                        before.add = offset;
                        folded.bias.detach()
                    }
                    _ if offset != 0.0 => folded.bias.detach() + sum_of_rows(&weight) * offset,
                    _ => folded.bias.detach(),
                };
                blocks.push(Plain {
                    op,
                    weight: layout::channels_last(&weight.to_kind(self.compute)),
                    bias: bias.to_kind(self.compute),
                    activation_pool: folded.activation_pool,
                    add: 0.0,
                });
                (offset, scale) = (folded.offset, folded.scale);
            }
            Some(FoldedNetwork {
                kind: self.kind(),
                blocks,
                compute: self.compute,
                rest: (offset, scale),
            })
        })
    }
}

/// A network in evaluation: folded into plain operations where it can be.
pub struct Evaluator<'n> {
    network: &'n Network,
    folded: Option<FoldedNetwork>,
}

impl Evaluator<'_> {
    /// For the parameters as they are.
    pub fn new(network: &Network) -> Evaluator<'_> {
        Evaluator {
            network,
            folded: network.fold(),
        }
    }

    /// Images to logits. Records no gradients.
    pub fn logits(&self, images: &Tensor) -> Tensor {
        match &self.folded {
            Some(folded) => folded.logits(images),
            None => tch::no_grad(|| self.network.logits(images, &Pass::eval())),
        }
    }
}

impl FoldedNetwork {
    /// Images `[N, C, H, W]` (or features `[N, D]`) to logits `[N, classes]`. Records no gradients.
    pub fn logits(&self, images: &Tensor) -> Tensor {
        tch::no_grad(|| {
            let mut x = self.kind.read(images).to_kind(self.compute);
            for block in &self.blocks {
                let linear = block.op.apply(&x, &block.weight, Some(&block.bias));
                x = block.activation_pool.apply(linear);
                if block.add != 0.0 {
                    x = x.g_add_scalar_(block.add);
                }
            }
            let (offset, scale) = self.rest;
            if self.rest != (0.0, 1.0) {
                x = (x + offset) * scale;
            }
            pool_globally(x)
        })
    }
}
