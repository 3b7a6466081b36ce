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

use anyhow::{Result, ensure};
use rand_chacha::ChaCha8Rng;
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
struct Read<'n> {
    /// The layer's number, from 0.
    index: usize,
    block: &'n Block,
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
    let read = |&index: &usize| {
        let node = &network.blocks[index].node;
        let block = node.block().filter(|block| !block.op.is_identity());
        let block = block.ok_or_else(|| {
            usage!(
                "layer {}, {}: has no covariance of inputs to one linear map, since it is recurrent or an activation \
                 alone; use model = \"nin\" or \"mlp\", or another layer",
                index + 1,
                node.name()
            )
        })?;
        Ok(Read {
            index,
            block,
            inputs: Vec::new(),
            outputs: Vec::new(),
        })
    };
    let mut reads = layers.iter().map(read).collect::<Result<Vec<Read>>>()?;
    let last = layers.iter().copied().max().unwrap_or(0);
    let per_image = sites.div_ceil(images.count().max(1));
    walk_images(network, images, last, |first, index, input, pre| {
        if let Some(read) = reads.iter_mut().find(|read| read.index == index) {
            let place = (index * images.count() + first) as u64;
            read.take(&input.value(), pre, per_image, |i| {
                stream(seed, Purpose::Probe, place + i)
            });
        }
    });
    reads.iter().map(|read| read.describe(network)).collect()
}

impl Read<'_> {
    /// Reads `per_image` sites of each image of a part of them, chosen by the stream that `source` makes for it.
    fn take(
        &mut self,
        input: &Tensor,
        pre: &Tensor,
        per_image: usize,
        source: impl Fn(u64) -> ChaCha8Rng,
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
            // [dimensions, images, positions] → [sites, dimensions]
            let pick = |values: &Tensor| {
                let sites = values.flatten(1, 2).index_select(1, &picked);
                sites.tr().to_kind(Kind::Double)
            };
            let patches = patches(&self.block.op, &input.narrow(0, start, part));
            self.inputs.push(pick(&patches.transpose(0, 1)));
            self.outputs.push(pick(&outputs.narrow(1, start, part)));
        }
    }

    fn describe(&self, network: &Network) -> Result<LayerCovariance> {
        let inputs = Tensor::cat(&self.inputs, 0);
        let outputs = Tensor::cat(&self.outputs, 0);
        let (layer, name) = (self.index + 1, self.block.name.clone());
        ensure!(
            inputs.size()[0] >= 2,
            "layer {layer} ({name}): a covariance needs at least two sites"
        );
        let finite = |values: &Tensor| bool::try_from(values.isfinite().all());
        ensure!(
            finite(&inputs)? && finite(&outputs)?,
            "layer {layer} ({name}) has values that are not finite numbers: did the run diverge?"
        );
        let (rows, weight) = weight_rows(network, self.index, self.block, &inputs, &outputs);
        let input = spread(&covariance(&inputs));
        let overlap = overlap(&weight);
        Ok(LayerCovariance {
            layer,
            name,
            basis: Basis::of(&self.block.op),
            dimensions: inputs.size()[1] as usize,
            sites: inputs.size()[0] as usize,
            input,
            output: spread(&covariance(&outputs)),
            rows,
            overlap,
            bound: input.mean_variance * overlap.coherence * overlap.pair_norm,
        })
    }
}

/// `[N, dimensions, positions]` of a layer's input.
fn patches(op: &LinearOp, input: &Tensor) -> Tensor {
    let (kernel, padding, stride) = match *op {
        LinearOp::Conv {
            kernel,
            padding,
            stride,
            ..
        } => (kernel, padding, stride),
        LinearOp::Dense { .. } => return input.unsqueeze(2),
        LinearOp::Identity { .. } => return input.flatten(2, 3),
    };
    if Basis::of(op) == Basis::Patches {
        return input.im2col([kernel; 2], [1, 1], [padding; 2], [stride; 2]);
    }
    // The patch's middle, one for each output position.
    let all = input.constant_pad_nd([padding; 4]);
    let middle = |map: Tensor, axis: i64| {
        let end = map.size()[axis as usize] - kernel + 1 + kernel / 2;
        map.slice(axis, kernel / 2, end, stride)
    };
    middle(middle(all, 2), 3).flatten(2, 3)
}
