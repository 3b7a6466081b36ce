//! A network: nodes in order, each with the layer that a method built for it.

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::statistics::wide_kind;
use super::wiring::{self, Station};
use super::{Builder, Layer, NetworkKind, Node, Parameters, Pass, Signal, layout};
use crate::streams::{Purpose, stream};

/// A node and its layer.
pub struct NetworkBlock {
    /// The description.
    pub node: Node,
    /// What computes it.
    pub layer: Box<dyn Layer>,
}

/// Blocks in order and all their tensors.
pub struct Network {
    /// Blocks, first to last.
    pub blocks: Vec<NetworkBlock>,
    /// Parameters and buffers.
    pub parameters: Parameters,
    /// Element type of what flows from block to block; that of the parameters unless set otherwise.
    pub compute: Kind,
    /// Whether a layer replaces the derivative of an activation.
    has_custom_backward: bool,
}

/// How a method makes the layer of a node.
pub type BuildLayer<'a> = dyn Fn(&Node, &mut Builder) -> Result<Box<dyn Layer>> + 'a;

impl Network {
    /// Builds every node with `build`; node i draws its directions from stream (seed, init, i).
    pub fn build(
        nodes: Vec<Node>,
        build: &BuildLayer,
        seed: u64,
        kind: Kind,
        device: Device,
    ) -> Result<Network> {
        let mut parameters = Parameters::new(kind, device);
        let mut built = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.into_iter().enumerate() {
            let source = stream(seed, Purpose::Init, index as u64);
            let shape = node.weight_shape();
            let mut builder = Builder::drawn(&mut parameters, node.name(), &shape, source);
            let layer = build(&node, &mut builder)?;
            built.push(NetworkBlock { node, layer });
        }
        Ok(Network::of(built, parameters))
    }

    /// The network of these blocks and their tensors.
    pub fn of(blocks: Vec<NetworkBlock>, parameters: Parameters) -> Network {
        Network {
            has_custom_backward: blocks.iter().any(|built| built.layer.has_custom_backward()),
            blocks,
            compute: parameters.kind,
            parameters,
        }
    }

    /// Images `[N, C, H, W]` (or features `[N, D]`) to logits `[N, classes]`.
    pub fn logits(&self, images: &Tensor, pass: &Pass) -> Tensor {
        let forward = |_, layer: &dyn Layer, signal: &Signal| layer.forward(signal, pass);
        self.pool_globally(self.walk(images, pass, self.blocks.len(), forward))
    }

    /// Sends images through the first `count` layers in order: `run` is given a layer's number (from 0), the layer and
    /// what it receives, and makes what it hands on. Everything that follows the signal through a network walks here.
    /// In a residual network it keeps each unit's stream beside the signal, and adds the branch to it.
    pub fn walk(
        &self,
        images: &Tensor,
        pass: &Pass,
        count: usize,
        run: impl FnMut(usize, &dyn Layer, &Signal) -> Signal,
    ) -> Signal {
        self.follow(self.input(images), pass, count, run)
    }

    /// The same for what the first block receives.
    pub fn follow(
        &self,
        input: Signal,
        pass: &Pass,
        count: usize,
        mut run: impl FnMut(usize, &dyn Layer, &Signal) -> Signal,
    ) -> Signal {
        wiring::walk(
            self.stations().take(count),
            input,
            |signal| self.branching(signal, pass),
            |index, input| {
                let layer = self.blocks[index].layer.as_ref();
                let made = run(index, layer, input);
                let x = made.x.to_kind(self.compute);
                (Signal { x, ..made }, layer.sum_factor())
            },
        )
    }

    /// Its blocks as [`wiring::walk`] sees them.
    pub(super) fn stations(&self) -> impl Iterator<Item = Station<'_>> {
        self.blocks.iter().map(|built| Station {
            residual: built.node.residual(),
            is_dense: built.node.is_dense(),
        })
    }

    /// A signal that two ways lead on from. Where layers have custom backward passes the graph is cut here too: such
    /// operations must lie on a chain.
    fn branching(&self, signal: Signal, pass: &Pass) -> Signal {
        if !self.has_custom_backward || !pass.training() {
            return signal;
        }
        let x = signal.x.shallow_clone();
        let vjp = Box::new(Tensor::shallow_clone);
        Signal {
            x: pass.custom_backward(x, &signal.x, vjp),
            ..signal
        }
    }

    /// Pixels `[N, C, H, W]` as images in the precision and on the device of the parameters.
    pub fn images(&self, pixels: &[f32], size: [i64; 4]) -> Tensor {
        layout::images(pixels, size, self.parameters.kind, self.parameters.device)
    }

    /// The kind of network; convolutional where there is no block.
    pub fn kind(&self) -> NetworkKind {
        let first = self.blocks.first();
        first.map_or(NetworkKind::Convolutional, |first| {
            NetworkKind::of(&first.node)
        })
    }

    /// What the first block receives: see [`NetworkKind::read`].
    pub fn input(&self, images: &Tensor) -> Signal {
        Signal::plain(self.kind().read(images).to_kind(self.compute))
    }

    /// The average over positions where there are any.
    pub fn pool_globally(&self, signal: Signal) -> Tensor {
        pool_globally(signal.value())
    }

    /// Lets every layer start from what it receives of these images, in order.
    pub fn initialize(&self, images: &Tensor) {
        tch::no_grad(|| {
            let pass = Pass::eval();
            self.walk(images, &pass, self.blocks.len(), |_, layer, signal| {
                layer.initialize(signal);
                layer.forward(signal, &pass)
            });
        });
    }

    /// Drops population statistics that must be gathered again before an evaluation; says whether there are any.
    ///
    /// Training passes over the training images must follow where it returns true.
    pub fn restart_population(&self) -> bool {
        tch::no_grad(|| {
            // Every layer is asked: `any` would stop at the first.
            let restarts = |any, built: &NetworkBlock| built.layer.restart_population() || any;
            self.blocks.iter().fold(false, restarts)
        })
    }

    /// Runs every layer's after-step action.
    pub fn after_step(&self) {
        tch::no_grad(|| {
            self.blocks
                .iter()
                .for_each(|built| built.layer.after_step())
        });
    }
}

/// The average over positions where there are any; of bfloat16 in float32, which a loss needs.
pub(super) fn pool_globally(value: Tensor) -> Tensor {
    let value = value.to_kind(wide_kind(value.kind()));
    if value.dim() == 4 {
        value.mean_dim([2, 3].as_slice(), false, None::<Kind>)
    } else {
        value
    }
}
