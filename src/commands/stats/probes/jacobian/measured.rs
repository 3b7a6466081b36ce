//! What is measured of a network whose Jacobians are asked for.

use anyhow::Result;
use tch::{Kind, Tensor};

use crate::nn::network::Network;
use crate::probe::images::{ProbeImages, to_values};
use crate::probe::jacobian::{LayerJacobian, input_output, layers};

/// One of the singular values of the map from image to logits, over the images.
pub struct SingularValue {
    /// Its number from 1, the largest first.
    pub index: usize,
    /// Images looked at.
    pub images: usize,
    /// Mean over the images.
    pub mean: f64,
    /// Smallest of an image.
    pub min: f64,
    /// Largest of an image.
    pub max: f64,
}

/// One network.
pub struct NetworkJacobians {
    /// What the network is.
    pub label: String,
    /// Its layers.
    pub layers: Vec<LayerJacobian>,
    /// From image to logits.
    pub end_to_end: Vec<SingularValue>,
}

impl NetworkJacobians {
    /// Measures a network.
    pub fn of(label: String, network: &Network, images: &ProbeImages, seed: u64) -> Result<Self> {
        let images = images.tensor(network);
        Ok(NetworkJacobians {
            label,
            layers: layers(network, &images, seed)?,
            end_to_end: end_to_end(&input_output(network, &images)?),
        })
    }
}

/// Of `[images, values]`, largest first.
fn end_to_end(all: &Tensor) -> Vec<SingularValue> {
    let means = to_values(&all.mean_dim([0].as_slice(), false, Kind::Double));
    let lows = to_values(&all.amin([0].as_slice(), false));
    let highs = to_values(&all.amax([0].as_slice(), false));
    let ends = means.into_iter().zip(lows).zip(highs).zip(1..);
    let value = |(((mean, min), max), index)| SingularValue {
        index,
        images: all.size()[0] as usize,
        mean,
        min,
        max,
    };
    ends.map(value).collect()
}
