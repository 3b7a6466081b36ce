//! How correlated a layer's inputs are, how much its weight rows overlap, and what that does to the
//! covariance of its pre-activations.
//!
//! Normalization Propagation (Arpit, Zhou, Kota, Govindaraju, 2016, arXiv:1603.01431) divides each unit
//! by the length of its weight row, which gives unit variance where the inputs are *canonical*: of zero
//! mean, unit variance and uncorrelated. Its Proposition 1 bounds how far the pre-activations u = W·x
//! are from canonical. For Cov\[x\] = σ²·I, Σ = Cov\[u\] has Σᵢⱼ = σ²⟨Wᵢ, Wⱼ⟩, and |⟨Wᵢ, Wⱼ⟩| ≤ μ‖Wᵢ‖‖Wⱼ‖
//! with the coherence μ = max over i ≠ j of |cos(Wᵢ, Wⱼ)|, hence
//!
//! min_α ‖Σ − diag(α)‖_F = √(Σ_{i≠j} Σᵢⱼ²) ≤ σ²·μ·√(Σ_{i≠j} ‖Wᵢ‖²‖Wⱼ‖²).
//!
//! (An early version of the paper had ‖Wᵢ‖² in place of ‖Wᵢ‖⁴ in the proof.) Real inputs are not
//! uncorrelated, so the measured error may exceed the bound; by how much is the point of measuring it.

mod basis;
mod matrix;
mod rows;
#[cfg(test)]
mod tests;

use anyhow::{Result, bail};
use tch::{Kind, Tensor};

use super::images::{ProbeImages, by_unit, walk_images};
use crate::nn::{Block, LinearOp, Network};
use crate::streams::{Purpose, permutation, stream};
use crate::usage;
pub use basis::{Basis, LARGEST_PATCH};
pub use matrix::{Overlap, Spread, covariance, overlap, spread};
use rows::weight_rows;
pub use rows::{Rows, effective_rows};

/// Images whose patches are laid out in memory at a time.
const PATCH_IMAGES: i64 = 10;

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerCovariance {
    /// The layer's number, from 1.
    pub layer: usize,
    /// Its name.
    pub name: String,
    /// What the input's dimensions are.
    pub basis: Basis,
    /// How many they are.
    pub dimensions: usize,
    /// Sites (image and position) read.
    pub sites: usize,
    /// The input.
    pub input: Spread,
    /// The pre-activation.
    pub output: Spread,
    /// Which rows were looked at.
    pub rows: Rows,
    /// Their overlap.
    pub overlap: Overlap,
    /// σ²·μ·√(Σ_{i≠j} ‖Wᵢ‖²‖Wⱼ‖²), σ² being the mean variance of the inputs.
    pub bound: f64,
}

impl LayerCovariance {
    /// Mean |correlation| that independent dimensions show by chance at this many sites, √(2/(πn)).
    pub fn chance_correlation(&self) -> f64 {
        (2.0 / (std::f64::consts::PI * self.sites as f64)).sqrt()
    }

    /// The pre-activation's canonical error over its bound.
    pub fn error_to_bound(&self) -> f64 {
        self.output.canonical_error / self.bound
    }
}

/// The inputs and pre-activations of one layer at its sites.
#[derive(Default)]
struct Read {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

/// Measures `layers` (numbers from 0) at about `sites` sites each.
pub fn measure(
    network: &Network,
    images: &ProbeImages,
    layers: &[usize],
    sites: usize,
    seed: u64,
) -> Result<Vec<LayerCovariance>> {
    let block = |&layer: &usize| {
        let node = &network.blocks[layer].node;
        let block = node.block().filter(|block| !block.op.is_identity());
        block.ok_or_else(|| {
            usage!(
                "layer {}, {}: has no covariance of inputs to one linear map, since it is recurrent or an activation \
                 alone; use model = \"nin\" or \"mlp\", or another layer",
                layer + 1,
                node.name()
            )
        })
    };
    let blocks = layers.iter().map(block).collect::<Result<Vec<&Block>>>()?;
    let last = layers.iter().copied().max().unwrap_or(0);
    let mut reads: Vec<Read> = layers.iter().map(|_| Read::default()).collect();
    walk_images(network, images, last, |first, index, input, pre| {
        let mut wanted = reads.iter_mut().zip(&blocks).zip(layers);
        if let Some(((read, block), _)) = wanted.find(|(_, layer)| **layer == index) {
            let place = (index * images.count() + first) as u64;
            let per_image = sites.div_ceil(images.count().max(1));
            read_sites(read, &block.op, &input.value(), pre, per_image, |i| {
                stream(seed, Purpose::Probe, place + i)
            });
        }
    });
    reads
        .iter()
        .zip(blocks)
        .zip(layers)
        .map(|((read, block), &index)| describe(network, index, block, read))
        .collect()
}

fn read_sites(
    read: &mut Read,
    op: &LinearOp,
    input: &Tensor,
    pre: &Tensor,
    per_image: usize,
    source: impl Fn(u64) -> rand_chacha::ChaCha8Rng,
) {
    let outputs = by_unit(pre);
    let (images, positions) = (outputs.size()[1], outputs.size()[2]);
    for start in (0..images).step_by(PATCH_IMAGES as usize) {
        let part = PATCH_IMAGES.min(images - start);
        let mut picked = Vec::new();
        for i in 0..part {
            let order = permutation(positions as usize, &mut source((start + i) as u64));
            let chosen = order.into_iter().take(per_image);
            picked.extend(chosen.map(|position| i * positions + i64::from(position)));
        }
        let picked = Tensor::from_slice(&picked).to_device(pre.device());
        let pick = |values: &Tensor| {
            // [dimensions, images, positions] → [sites, dimensions]
            values
                .flatten(1, 2)
                .index_select(1, &picked)
                .tr()
                .to_kind(Kind::Double)
        };
        let patches = patches(op, &input.narrow(0, start, part)).transpose(0, 1);
        read.inputs.push(pick(&patches));
        read.outputs.push(pick(&outputs.narrow(1, start, part)));
    }
}

/// `[N, dimensions, positions]` of a layer's input.
fn patches(op: &LinearOp, input: &Tensor) -> Tensor {
    match (*op, Basis::of(op)) {
        (
            LinearOp::Conv {
                kernel,
                padding,
                stride,
                ..
            },
            Basis::Patches,
        ) => input.im2col([kernel; 2], [1, 1], [padding; 2], [stride; 2]),
        (
            LinearOp::Conv {
                kernel,
                padding,
                stride,
                ..
            },
            _,
        ) => {
            // The patch's middle, one for each output position.
            let all = input.constant_pad_nd([padding, padding, padding, padding]);
            let middle = |map: Tensor, axis: i64| {
                let (start, end) = (
                    kernel / 2,
                    map.size()[axis as usize] - kernel + 1 + kernel / 2,
                );
                map.slice(axis, start, end, stride)
            };
            middle(middle(all, 2), 3).flatten(2, 3)
        }
        (LinearOp::Dense { .. }, _) => input.unsqueeze(2),
        (LinearOp::Identity { .. }, _) => input.flatten(2, 3),
    }
}

fn describe(
    network: &Network,
    index: usize,
    block: &Block,
    read: &Read,
) -> Result<LayerCovariance> {
    let (inputs, outputs) = (Tensor::cat(&read.inputs, 0), Tensor::cat(&read.outputs, 0));
    let name = block.name.clone();
    if inputs.size()[0] < 2 {
        bail!(
            "layer {} ({name}): a covariance needs at least two sites",
            index + 1
        );
    }
    let finite = inputs
        .isfinite()
        .all()
        .logical_and(&outputs.isfinite().all());
    if !bool::try_from(finite)? {
        bail!(
            "layer {} ({name}) has values that are not finite numbers: did the run diverge?",
            index + 1
        );
    }
    let basis = Basis::of(&block.op);
    let (rows, weight) = weight_rows(network, index, block, &inputs, &outputs);
    let input = spread(&covariance(&inputs));
    let overlap = overlap(&weight);
    Ok(LayerCovariance {
        layer: index + 1,
        name,
        basis,
        dimensions: inputs.size()[1] as usize,
        sites: inputs.size()[0] as usize,
        input,
        output: spread(&covariance(&outputs)),
        rows,
        overlap,
        bound: input.mean_variance * overlap.coherence * overlap.pair_norm,
    })
}
