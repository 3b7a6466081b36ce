//! Is a layer's pre-activation Gaussian? A sample of it, its moments and tests of normality.
//!
//! Normalization Propagation takes every pre-activation for N(0, 1). Values are taken at *sites*: an
//! image and a position in the unit's map. Every unit is read at the same sites, which are spread over
//! the images so that as few as possible come from the same one.

use anyhow::{Result, ensure};
use tch::Tensor;

use super::images::{ProbeImages, by_unit, to_values, walk_images};
use crate::nn::network::Network;
use crate::stats::{
    SHAPIRO_MAX_N, Sample, SampleSummary, TestResult, anderson_darling,
    kolmogorov_smirnov_standard, lilliefors, shapiro_wilk,
};
use crate::streams::{Purpose, permutation, stream};

/// What was read of one layer.
#[derive(Debug, Clone)]
pub struct LayerSample {
    /// The layer's number, from 1.
    pub layer: usize,
    /// Its name.
    pub name: String,
    /// Values of each unit, one a site.
    pub units: Vec<Vec<f64>>,
    /// Images that the sites lie in.
    pub images: usize,
}

impl LayerSample {
    /// The values of all units, unit by unit.
    pub fn pooled(&self) -> Vec<f64> {
        self.units.concat()
    }
}

/// Sites in image `i` of `images` when `sites` are dealt out evenly.
fn share(i: usize, images: usize, sites: usize) -> usize {
    (i + 1) * sites / images - i * sites / images
}

/// Reads about `values` pre-activations of each of `layers` (numbers from 0): every unit at
/// ⌈values/units⌉ sites, or at all there are. Positions are drawn from the probe stream of `seed`.
pub fn sample_layers(
    network: &Network,
    images: &ProbeImages,
    layers: &[usize],
    values: usize,
    seed: u64,
) -> Result<Vec<LayerSample>> {
    let Some(&last) = layers.iter().max() else {
        return Ok(Vec::new());
    };
    let empty = |&index: &usize| LayerSample {
        layer: index + 1,
        name: network.blocks[index].node.name().into(),
        units: vec![Vec::new(); network.blocks[index].node.outputs() as usize],
        images: 0,
    };
    let mut samples: Vec<LayerSample> = layers.iter().map(empty).collect();
    walk_images(network, images, last, |first, index, _, pre| {
        for sample in samples.iter_mut().filter(|own| own.layer == index + 1) {
            read_sites(sample, pre, first, images.count(), values, seed);
        }
    });
    for sample in &samples {
        let mut values = sample.units.iter().flatten();
        ensure!(
            values.all(|value| value.is_finite()),
            "layer {} ({}) has pre-activations that are not finite numbers: did the run diverge?",
            sample.layer,
            sample.name
        );
    }
    Ok(samples)
}

/// Adds one chunk's values; `first` is the number of its first image among all `images`.
fn read_sites(
    sample: &mut LayerSample,
    pre: &Tensor,
    first: usize,
    images: usize,
    values: usize,
    seed: u64,
) {
    let maps = by_unit(pre);
    let (count, positions) = (maps.size()[1] as usize, maps.size()[2] as usize);
    let sites = values.div_ceil(sample.units.len().max(1));
    let sites = sites.min(images * positions);
    let mut picked = Vec::new();
    for i in 0..count {
        let wanted = share(first + i, images, sites);
        sample.images += usize::from(wanted > 0);
        let index = (sample.layer * images + first + i) as u64;
        let order = permutation(positions, &mut stream(seed, Purpose::Probe, index));
        let chosen = order.into_iter().take(wanted);
        picked.extend(chosen.map(|position| (i * positions) as i64 + i64::from(position)));
    }
    let places = Tensor::from_slice(&picked).to_device(pre.device());
    let read = to_values(&maps.flatten(1, 2).index_select(1, &places));
    let by_unit = read.chunks(picked.len().max(1));
    for (unit, values) in sample.units.iter_mut().zip(by_unit) {
        unit.extend_from_slice(values);
    }
}

/// Moments of a sample and its tests of normality; a test without an answer (too few values, no
/// spread) is `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussianity {
    /// Size, moments, quartiles.
    pub summary: SampleSummary,
    /// Kolmogorov-Smirnov against N(0, 1).
    pub standard: TestResult,
    /// Kolmogorov-Smirnov against the fitted normal, p-value by Lilliefors.
    pub fitted: Option<TestResult>,
    /// Anderson-Darling against the fitted normal.
    pub anderson_darling: Option<TestResult>,
    /// Shapiro-Wilk on at most [`SHAPIRO_MAX_N`] values.
    pub shapiro_wilk: Option<TestResult>,
}

impl Gaussianity {
    /// Describes `values`, and returns them sorted. A sample too large for the Shapiro-Wilk test is
    /// thinned for it by the probe stream of `seed`. `None` without values or with one that is not
    /// finite.
    pub fn of(values: &[f64], seed: u64) -> Option<(Gaussianity, Sample)> {
        let sample = Sample::new(values)?;
        let thinned = (values.len() > SHAPIRO_MAX_N).then(|| {
            let order = permutation(values.len(), &mut stream(seed, Purpose::Probe, 0));
            let chosen = order.iter().take(SHAPIRO_MAX_N);
            chosen.map(|&i| values[i as usize]).collect::<Vec<f64>>()
        });
        let small = thinned.and_then(Sample::new);
        let measured = Gaussianity {
            summary: SampleSummary::of_sample(&sample),
            standard: kolmogorov_smirnov_standard(&sample),
            fitted: lilliefors(&sample),
            anderson_darling: anderson_darling(&sample),
            shapiro_wilk: shapiro_wilk(small.as_ref().unwrap_or(&sample)),
        };
        Some((measured, sample))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::normalizer::DataNormalization;
    use crate::data::normalizer::Normalizer;
    use crate::data::{ImageShape, Split};
    use crate::methods::conformance::{conv_network, dense_network, gaussian};

    const SHAPE: ImageShape = ImageShape {
        channels: 2,
        height: 8,
        width: 8,
    };

    fn images(count: usize) -> ProbeImages {
        let split = Split {
            images: (0..count * 128).map(|i| (i * 7919 % 253) as u8).collect(),
            labels: vec![0; count],
        };
        let normalizer = Normalizer::fit(DataNormalization::Global, &split, SHAPE);
        ProbeImages::spread(count, &split, SHAPE, &normalizer)
    }

    #[test]
    fn sites_are_dealt_out_evenly_and_completely() {
        for (images, sites) in [(7, 3), (7, 7), (7, 30), (1000, 1042)] {
            let shares: Vec<usize> = (0..images).map(|i| share(i, images, sites)).collect();
            assert_eq!(shares.iter().sum::<usize>(), sites);
            let (least, most) = (shares.iter().min(), shares.iter().max());
            assert!(most.unwrap() - least.unwrap() <= 1);
        }
    }

    #[test]
    fn every_unit_is_read_at_the_same_number_of_sites() {
        let network = conv_network("normprop", "", 1);
        let samples = sample_layers(&network, &images(130), &[0, 2], 900, 5).unwrap();
        let sizes =
            |sample: &LayerSample| -> Vec<usize> { sample.units.iter().map(Vec::len).collect() };
        assert_eq!(sizes(&samples[0]), [150; 6]);
        assert_eq!(sizes(&samples[1]), [300; 3]);
        assert_eq!((samples[0].layer, samples[1].layer), (1, 3));
        assert_eq!(samples[0].images, 130);
        let again = sample_layers(&network, &images(130), &[0, 2], 900, 5).unwrap();
        assert_eq!(again[1].units, samples[1].units);
    }

    #[test]
    fn all_values_are_read_once_where_more_were_asked_for() {
        let network = conv_network("none", "", 1);
        let probe = images(3);
        let samples = sample_layers(&network, &probe, &[0], usize::MAX / 2, 5).unwrap();
        let block = &network.blocks[0];
        let all = block.layer.pre_activation(
            &crate::nn::Signal::plain(probe.tensor(&network)),
            &crate::nn::Pass::eval(),
        );
        let mut expected = to_values(&by_unit(&all));
        let mut got = samples[0].pooled();
        expected.sort_unstable_by(f64::total_cmp);
        got.sort_unstable_by(f64::total_cmp);
        assert_eq!(got, expected);
    }

    #[test]
    fn a_network_that_diverged_is_named() {
        let network = dense_network("none", "", 1);
        let bias = network.parameters.get("layer2.bias").unwrap();
        let _ = tch::no_grad(|| bias.shallow_clone().fill_(f64::NAN));
        let shape = ImageShape {
            channels: 3,
            height: 2,
            width: 2,
        };
        let split = Split {
            images: vec![9; 48],
            labels: vec![0; 4],
        };
        let normalizer = Normalizer::fit(DataNormalization::None, &split, shape);
        let probe = ProbeImages::spread(4, &split, shape, &normalizer);
        assert!(sample_layers(&network, &probe, &[0], 10, 0).is_ok());
        let error = sample_layers(&network, &probe, &[1], 10, 0)
            .unwrap_err()
            .to_string();
        assert!(error.contains("layer 2 (layer2)"), "{error}");
    }

    #[test]
    fn a_normal_sample_passes_and_a_rectified_one_fails() {
        let normal = to_values(&gaussian(&[20_000], 3));
        let (good, sample) = Gaussianity::of(&normal, 0).unwrap();
        assert_eq!((good.summary.n, sample.n()), (20_000, 20_000));
        assert!(good.standard.statistic < 0.012 && good.standard.p_value > 0.001);
        assert!(good.fitted.unwrap().p_value > 0.001);
        assert!(good.shapiro_wilk.unwrap().statistic > 0.998);
        let rectified: Vec<f64> = normal.iter().map(|z| z.max(0.0)).collect();
        let (bad, _) = Gaussianity::of(&rectified, 0).unwrap();
        assert!((bad.standard.statistic - 0.5).abs() < 0.02);
        assert!(bad.shapiro_wilk.unwrap().p_value < 1e-6);
        assert!(bad.summary.skewness > 1.0);
    }

    #[test]
    fn a_constant_unit_has_no_shape_but_a_distance() {
        let (constant, _) = Gaussianity::of(&[0.0; 50], 0).unwrap();
        assert_eq!((constant.fitted, constant.shapiro_wilk), (None, None));
        assert_eq!(constant.standard.statistic, 0.5);
        assert!(Gaussianity::of(&[], 0).is_none());
    }
}
