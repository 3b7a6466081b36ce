//! Statistics of every hidden layer on a fixed batch of test images, in evaluation mode.

use tch::{Kind, Tensor};

use super::images::{ProbeImages, to_values, walk_layers};
use crate::data::{Dataset, Normalizer};
use crate::event::{LayerRow, PercentileRow};
use crate::moments::Activation;
use crate::nn::{Network, Node, Parameters, Pass, init};
use crate::stats::quantile;

/// The fixed batch: test images evenly spaced over the split.
#[derive(Debug)]
pub struct LayerProbe {
    images: ProbeImages,
}

/// First four moments of all values of a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TensorMoments {
    /// Mean.
    pub mean: f64,
    /// Standard deviation (biased).
    pub std: f64,
    /// Skewness (biased).
    pub skewness: f64,
    /// Excess kurtosis (biased).
    pub excess_kurtosis: f64,
}

impl TensorMoments {
    /// Moments over every element, computed in float64.
    pub fn of(values: &Tensor) -> TensorMoments {
        let values = values.detach().to_kind(Kind::Double);
        let mean = values.mean(Kind::Double).double_value(&[]);
        let centered = values - mean;
        let squared = centered.square();
        let average = |power: &Tensor| power.mean(Kind::Double).double_value(&[]);
        let variance = average(&squared);
        let std = variance.sqrt();
        TensorMoments {
            mean,
            std,
            skewness: average(&(&squared * &centered)) / (variance * std),
            excess_kurtosis: average(&squared.square()) / (variance * variance) - 3.0,
        }
    }
}

impl LayerProbe {
    /// A probe of at most `images` test images; none where `images` is 0.
    pub fn new(images: usize, dataset: &Dataset, normalizer: &Normalizer) -> Option<LayerProbe> {
        let images = images.min(dataset.test.len());
        if images == 0 {
            return None;
        }
        let stride = dataset.test.len() / images;
        let places = (0..images).map(|i| i * stride);
        let normalize = |bytes: &[u8]| normalizer.evaluation(bytes);
        Some(LayerProbe {
            images: ProbeImages::at(places, &dataset.test, dataset.shape, normalize),
        })
    }

    /// One row a hidden layer.
    pub fn measure(&self, network: &Network, epoch: u64) -> Vec<LayerRow> {
        let images = self.images.tensor(network);
        let hidden = hidden_layers(network);
        let mut rows = Vec::with_capacity(hidden);
        tch::no_grad(|| {
            network.walk(&images, &Pass::eval(), hidden, |index, layer, signal| {
                let pre = layer.pre_activation(signal, &Pass::eval());
                let before = TensorMoments::of(&pre);
                let dead_fraction = dead_fraction(&network.blocks[index].node, &pre);
                let output = layer.post_activation(pre, &Pass::eval());
                let after = TensorMoments::of(&output.value());
                let name = network.blocks[index].node.name();
                rows.push(LayerRow {
                    epoch,
                    layer: index as u64 + 1,
                    name: name.into(),
                    pre_mean: before.mean,
                    pre_std: before.std,
                    pre_skew: before.skewness,
                    pre_kurtosis: before.excess_kurtosis,
                    post_mean: after.mean,
                    post_std: after.std,
                    row_norm_mean: mean_row_norm(&network.parameters, name),
                    gamma_mean: mean_of(&network.parameters, name, &["gamma"]),
                    beta_mean: mean_of(&network.parameters, name, &["beta", "bias"]),
                    dead_fraction,
                });
                output
            });
        });
        rows
    }

    /// Percentiles of the first unit's pre-activation in the last hidden layer; `None` without a hidden layer.
    ///
    /// The figure of S. Ioffe and C. Szegedy (2015, arXiv:1502.03167, figure 1) is of "a typical sigmoid, from the
    /// last layer of each network"; which unit is typical they do not say.
    pub fn percentiles(&self, network: &Network, step: u64) -> Option<PercentileRow> {
        let last = hidden_layers(network).checked_sub(1)?;
        let images = self.images.tensor(network);
        let mut values = Vec::new();
        walk_layers(network, &images, last, |index, _, pre| {
            if index == last {
                values = to_values(&pre.select(1, 0));
            }
        });
        Some(PercentileRow {
            step,
            layer: last as u64 + 1,
            name: network.blocks[last].node.name().into(),
            unit: 0,
            p15: quantile(&values, 0.15),
            p50: quantile(&values, 0.50),
            p85: quantile(&values, 0.85),
        })
    }
}

/// How many layers come before the one that makes the logits.
fn hidden_layers(network: &Network) -> usize {
    let hidden = network.blocks.iter().filter(|built| !built.node.is_last());
    hidden.count()
}

/// Fraction of units (channels) that are at most 0 for every image and position; NaN where no activation follows, which
/// would make them count for nothing.
fn dead_fraction(node: &Node, pre: &Tensor) -> f64 {
    if node
        .block()
        .is_some_and(|block| block.activation == Activation::Identity)
    {
        return f64::NAN;
    }
    let by_unit = pre.transpose(0, 1).flatten(1, -1);
    let dead = by_unit.amax([1].as_slice(), false).le(0.0);
    let dead = dead.to_kind(Kind::Double).mean(Kind::Double);
    dead.double_value(&[])
}

fn mean_row_norm(parameters: &Parameters, layer: &str) -> f64 {
    let weight = parameters.get(&format!("{layer}.weight"));
    weight.map_or(f64::NAN, |weight| {
        init::row_norms(weight).mean(Kind::Double).double_value(&[])
    })
}

fn mean_of(parameters: &Parameters, layer: &str, names: &[&str]) -> f64 {
    let found = names
        .iter()
        .find_map(|name| parameters.get(&format!("{layer}.{name}")));
    found.map_or(f64::NAN, |tensor| {
        tensor.mean(Kind::Double).double_value(&[])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::networks::perceptron;

    #[test]
    fn moments_of_a_known_sample() {
        let sample = Tensor::from_slice(&[0.0_f64, 0.0, 0.0, 4.0]);
        let moments = TensorMoments::of(&sample);
        assert!((moments.mean - 1.0).abs() < 1e-12);
        assert!((moments.std - 3f64.sqrt()).abs() < 1e-12);
        assert!((moments.skewness - 6.0 / 27f64.sqrt()).abs() < 1e-12);
        assert!((moments.excess_kurtosis - (21.0 / 9.0 - 3.0)).abs() < 1e-12);
    }

    #[test]
    fn a_unit_is_dead_when_no_image_wakes_it() {
        let pre = Tensor::from_slice(&[-1.0_f64, 2.0, -3.0, -1.0, 0.0, -2.0]).reshape([2, 3]);
        let nodes = perceptron(4, 2, &[3], Activation::Relu);
        assert!((dead_fraction(&nodes[0], &pre) - 2.0 / 3.0).abs() < 1e-12);
        assert!(
            dead_fraction(&nodes[1], &pre).is_nan(),
            "no activation follows"
        );
    }
}
