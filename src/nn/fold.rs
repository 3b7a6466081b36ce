//! Networks for evaluation: every block is one plain linear operation, however it was normalized in training.
//!
//! A method whose block computes y = (pool(f(W·x + b)) + o)·s in evaluation says so by
//! [`Layer::fold`](super::layer::Layer::fold): batch normalization puts its averages into W and b, methods that act on
//! weights work them out once. The numbers o and s go on into the next block, s into its weights and o times the sum of
//! each row into its bias; only where that block pads with zeros, or a sum
//! follows, is o added to the activations.

mod trace;

use tch::{Kind, Tensor};

use super::network::{Network, NetworkBlock, pool_globally};
use super::residual::{Kept, Residual, Shortcut};
use super::rows::sum_of_rows;
use super::wiring::{self, Flow, Station};
use super::{ActivationPool, LinearOp, NetworkKind, Node, Pass, Signal, layout};

/// A network of folded blocks.
#[derive(Debug)]
pub struct FoldedNetwork {
    kind: NetworkKind,
    blocks: Vec<Plain>,
    compute: Kind,
}

/// One linear operation, activation, pool; then a number is added. What is still to be done to the output travels beside
/// it, and is in the weights of the next block already.
#[derive(Debug)]
struct Plain {
    op: LinearOp,
    /// W and b; nothing where the activation receives what the block does.
    linear: Option<(Tensor, Tensor)>,
    activation_pool: ActivationPool,
    add: f64,
    deferred: Deferred,
    residual: Option<Residual>,
    /// c of the sum that it ends.
    sum_factor: f64,
}

/// A number to be added to a signal, and one that the sum is to be multiplied by.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Deferred {
    offset: f64,
    scale: f64,
}

impl Deferred {
    const NOTHING: Deferred = Deferred {
        offset: 0.0,
        scale: 1.0,
    };

    /// W and b as they act on what lacks these numbers.
    fn taken_in(self, (weight, bias): (Tensor, Tensor)) -> (Tensor, Tensor) {
        let weight = weight.detach() * self.scale;
        // A sum of its own: adding in place would change the parameter, whose memory the bias shares.
        let bias = match self.offset {
            0.0 => bias.detach(),
            offset => bias.detach() + sum_of_rows(&weight) * offset,
        };
        (weight, bias)
    }
}

/// A sum is made of values with nothing left to be done.
impl Flow for Deferred {
    fn handle(&self) -> Deferred {
        *self
    }

    fn averaged(self) -> Deferred {
        self
    }

    fn sum(_: Shortcut, _: &Deferred, _: &Deferred, _: f64) -> Deferred {
        Deferred::NOTHING
    }
}

impl Network {
    /// The network for evaluation with the parameters as they are; `None` where a block is no plain operation.
    pub fn fold(&self) -> Option<FoldedNetwork> {
        tch::no_grad(|| {
            let mut blocks = Vec::with_capacity(self.blocks.len());
            let fold = |index, received: &Deferred| {
                let block = self.fold_block(index, *received);
                let made = block.as_ref().map_or(Deferred::NOTHING, |b| b.deferred);
                blocks.push(block);
                (made, 1.0)
            };
            wiring::walk(
                self.stations(),
                Deferred::NOTHING,
                |deferred| deferred,
                fold,
            );
            let blocks = blocks.into_iter().collect::<Option<_>>()?;
            Some(FoldedNetwork {
                kind: self.kind(),
                blocks,
                compute: self.compute,
            })
        })
    }

    /// The block of this number, for an input that lacks what was `received` with it.
    fn fold_block(&self, index: usize, received: Deferred) -> Option<Plain> {
        let NetworkBlock { node, layer } = &self.blocks[index];
        let folded = layer.fold()?;
        let narrow = |(weight, bias): (Tensor, Tensor)| {
            let weight = layout::channels_last(&weight.to_kind(self.compute));
            (weight, bias.to_kind(self.compute))
        };
        let linear = folded.linear.map(|linear| received.taken_in(linear));
        if linear.is_none() && received != Deferred::NOTHING {
            return None;
        }
        // Zeros that the next block pads with stand for zeros: what is to be added must be there by then. A sum, too,
        // takes in no more than a factor.
        let mut after = self.blocks[index + 1..].iter().map(|built| &built.node);
        let next = after.find(|node| !node.acts_on_shortcut());
        let ends_unit = node.residual().is_some_and(|part| part.adds_to().is_some());
        let keeps = |next: &Node| next.residual().and_then(Residual::keeps) == Some(Kept::Input);
        let takes_in =
            |next: &Node| !keeps(next) && next.block().is_some_and(|next| !next.op.pads());
        let (add, offset) = match !ends_unit && next.is_some_and(takes_in) {
            true => (0.0, folded.offset),
            false => (folded.offset, 0.0),
        };
        Some(Plain {
            op: node.block()?.op,
            linear: linear.map(narrow),
            activation_pool: folded.activation_pool,
            add,
            deferred: Deferred {
                offset,
                scale: folded.scale,
            },
            residual: node.residual().copied(),
            sum_factor: layer.sum_factor(),
        })
    }
}

impl Plain {
    fn apply(&self, input: &Signal) -> Signal {
        let mut x = match &self.linear {
            None => self.activation_pool.apply_to_shared(&input.x),
            Some((weight, bias)) => {
                let linear = self.op.apply(&input.x, weight, Some(bias));
                self.activation_pool.apply(linear)
            }
        };
        if self.add != 0.0 {
            x = x.g_add_scalar_(self.add);
        }
        Signal::scaled(x, self.deferred.scale)
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
    fn stations(&self) -> impl Iterator<Item = Station<'_>> {
        self.blocks.iter().map(|block| Station {
            residual: block.residual.as_ref(),
            is_dense: block.op.is_dense(),
        })
    }

    /// Images `[N, C, H, W]` (or features `[N, D]`) to logits `[N, classes]`. Records no gradients.
    pub fn logits(&self, images: &Tensor) -> Tensor {
        tch::no_grad(|| {
            let input = self.kind.read(images).to_kind(self.compute);
            let last = wiring::walk(
                self.stations(),
                Signal::plain(input),
                |signal| signal,
                |index, input| {
                    (
                        self.blocks[index].apply(input),
                        self.blocks[index].sum_factor,
                    )
                },
            );
            pool_globally(last.value())
        })
    }
}
