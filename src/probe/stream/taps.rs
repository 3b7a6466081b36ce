//! The stream at every place and the two summands of every unit, from one pass through a residual network.

use tch::Tensor;

use crate::nn::residual::{Order, Part};
use crate::nn::{Layer, Network, Pass, Signal, backward, wiring};

/// What one pass shows.
pub(super) struct Taps {
    /// What enters each unit, then what leaves the last one; in the graph of the logits.
    pub streams: Vec<Signal>,
    /// What each unit adds up: its shortcut's value and its branch's, without gradients.
    pub sums: Vec<(Tensor, Tensor)>,
    /// The network's output.
    pub logits: Tensor,
}

impl Taps {
    /// Sends `images` through `network`.
    pub fn of(network: &Network, images: &Tensor, pass: &Pass) -> Taps {
        let units = units(network);
        // Methods that compute weights themselves leave no other way to the stream.
        let images = images.detach().copy().set_requires_grad(true);
        let (mut streams, mut sums) = (Vec::new(), Vec::new());
        let mut kept: Option<Tensor> = None;
        let run = |index: usize, layer: &dyn Layer, signal: &Signal| {
            let Some(part) = network.blocks[index].node.residual() else {
                return layer.forward(signal, pass);
            };
            let begins = match part.order {
                Order::PreActivation => matches!(part.part, Part::Entry | Part::Head),
                Order::PostActivation => part.part == Part::First,
            };
            if begins {
                streams.push(signal.shallow_clone());
                kept = Some(signal.value().detach());
            }
            let made = layer.forward(signal, pass);
            match part.part {
                Part::Projection => kept = Some(made.value().detach()),
                Part::Second => {
                    // The sum overwrites the branch.
                    let branch = made.value().detach().copy();
                    if let Some(stream) = kept.take() {
                        sums.push((wiring::applied(part.shortcut, stream), branch));
                    }
                }
                Part::AfterSum if part.place.unit == units => streams.push(made.shallow_clone()),
                _ => {}
            }
            made
        };
        let last = network.walk(&images, pass, network.blocks.len(), run);
        Taps {
            streams,
            sums,
            logits: network.pool_globally(last),
        }
    }

    /// ∂scalar/∂value of each stream.
    pub fn gradients(&self, scalar: &Tensor, pass: &Pass) -> Vec<Tensor> {
        let values: Vec<&Tensor> = self.streams.iter().map(|stream| &stream.x).collect();
        let found = backward::gradients_at(scalar, &values, pass);
        let pairs = found.into_iter().zip(&self.streams);
        pairs
            .map(|(gradient, stream)| gradient / stream.scale)
            .collect()
    }
}

/// Units of a residual network.
fn units(network: &Network) -> i64 {
    let mut parts = network
        .blocks
        .iter()
        .filter_map(|built| built.node.residual());
    parts.next().map_or(0, |part| part.place.units)
}

/// The name of each unit, then `end`.
pub(super) fn names(network: &Network) -> Vec<String> {
    let ends = network.blocks.iter().filter(|built| {
        let part = built.node.residual();
        part.is_some_and(|part| part.part == Part::Second)
    });
    let unit = |name: &str| name.split('-').next().unwrap_or(name).to_owned();
    ends.map(|built| unit(built.node.name()))
        .chain(["end".to_owned()])
        .collect()
}
