//! From bytes to normalized batches: gathering, augmentation and data normalization in one place.
//!
//! Everything here is plain memory; one batch becomes one tensor in the engine. Float32 values of a batch
//! are looked up, one table of 256 values a channel, so normalization costs no arithmetic on pixels.

use anyhow::Result;

use super::augment::Variation;
use super::{Dataset, ImageShape, Split};
use crate::config::{Augmentation, DataNormalization};
use crate::streams::{Purpose, permutation, stream};
use crate::usage;

/// Standard deviations below this (in units of pixel/255) count as constant pixels and divide by 1.
const SMALLEST_STD: f64 = 1e-4;

/// Turns bytes into floats.
#[derive(Debug, Clone)]
pub struct Normalizer {
    shape: ImageShape,
    /// Mean and standard deviation in units of pixel/255: one pair a channel, or one pair a value.
    statistics: Vec<(f64, f64)>,
    per_batch: bool,
}

impl Normalizer {
    /// Measures what `kind` needs on the training split.
    pub fn fit(kind: DataNormalization, train: &Split, shape: ImageShape) -> Normalizer {
        let statistics = match kind {
            DataNormalization::None => vec![(0.0, 1.0); shape.channels],
            DataNormalization::Global | DataNormalization::Batch => {
                channel_statistics(&train.images, shape)
            }
            DataNormalization::GlobalPixel => pixel_statistics(&train.images, shape),
        };
        Normalizer {
            shape,
            statistics,
            per_batch: kind == DataNormalization::Batch,
        }
    }

    /// Mean and standard deviation of each channel (or value), in units of pixel/255.
    pub fn statistics(&self) -> &[(f64, f64)] {
        &self.statistics
    }

    /// Normalizes whole images with the training set's statistics.
    pub fn evaluation(&self, images: &[u8]) -> Vec<f32> {
        self.convert(images, &self.statistics)
    }

    /// Normalizes a training batch: with its own statistics where that was asked for.
    pub fn training(&self, images: &[u8]) -> Vec<f32> {
        if self.per_batch {
            self.convert(images, &channel_statistics(images, self.shape))
        } else {
            self.convert(images, &self.statistics)
        }
    }

    fn convert(&self, images: &[u8], statistics: &[(f64, f64)]) -> Vec<f32> {
        let plane = self.shape.height * self.shape.width;
        if statistics.len() != self.shape.channels {
            let image = plane * self.shape.channels;
            let pairs = (0..images.len()).map(|index| statistics[index % image]);
            return images
                .iter()
                .zip(pairs)
                .map(|(&byte, pair)| normalized(byte, pair))
                .collect();
        }
        let tables: Vec<[f32; 256]> = statistics
            .iter()
            .map(|&pair| std::array::from_fn(|byte| normalized(byte as u8, pair)))
            .collect();
        let mut output = Vec::with_capacity(images.len());
        for (index, values) in images.chunks(plane).enumerate() {
            let table = &tables[index % self.shape.channels];
            output.extend(values.iter().map(|&byte| table[byte as usize]));
        }
        output
    }
}

fn normalized(byte: u8, (mean, std): (f64, f64)) -> f32 {
    ((f64::from(byte) / 255.0 - mean) / std) as f32
}

/// Mean and standard deviation from exact integer sums.
fn from_sums(count: u64, sum: u64, squares: u64) -> (f64, f64) {
    let count = count.max(1) as f64;
    let mean = sum as f64 / count;
    let variance = (squares as f64 / count - mean * mean).max(0.0);
    let std = variance.sqrt() / 255.0;
    (mean / 255.0, if std < SMALLEST_STD { 1.0 } else { std })
}

fn channel_statistics(images: &[u8], shape: ImageShape) -> Vec<(f64, f64)> {
    let plane = shape.height * shape.width;
    let mut sums = vec![(0_u64, 0_u64, 0_u64); shape.channels];
    for (index, values) in images.chunks(plane).enumerate() {
        let (count, sum, squares) = &mut sums[index % shape.channels];
        *count += values.len() as u64;
        *sum += values.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        *squares += values
            .iter()
            .map(|&byte| u64::from(byte) * u64::from(byte))
            .sum::<u64>();
    }
    sums.into_iter()
        .map(|(count, sum, squares)| from_sums(count, sum, squares))
        .collect()
}

fn pixel_statistics(images: &[u8], shape: ImageShape) -> Vec<(f64, f64)> {
    let size = shape.channels * shape.height * shape.width;
    let mut sums = vec![(0_u64, 0_u64); size];
    for image in images.chunks(size) {
        for ((sum, squares), &byte) in sums.iter_mut().zip(image) {
            *sum += u64::from(byte);
            *squares += u64::from(byte) * u64::from(byte);
        }
    }
    let count = (images.len() / size) as u64;
    sums.into_iter()
        .map(|(sum, squares)| from_sums(count, sum, squares))
        .collect()
}

/// A batch in memory: `images` is N×C×H×W.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Normalized pixels.
    pub images: Vec<f32>,
    /// Labels.
    pub labels: Vec<i64>,
}

/// The training batches of every epoch: same seed, same batches, whatever the method.
#[derive(Debug)]
pub struct TrainingBatches<'d> {
    split: &'d Split,
    shape: ImageShape,
    normalizer: Normalizer,
    batch_size: usize,
    augmentation: Augmentation,
    seed: u64,
}

impl<'d> TrainingBatches<'d> {
    /// Batches of `batch_size` from the training split.
    pub fn new(
        dataset: &'d Dataset,
        normalizer: Normalizer,
        batch_size: usize,
        augmentation: Augmentation,
        seed: u64,
    ) -> Result<TrainingBatches<'d>> {
        let images = dataset.train.len();
        if batch_size > images {
            return Err(usage!(
                "batch_size = {batch_size} is larger than the {images} training images of {}",
                dataset.name
            ));
        }
        let (split, shape) = (&dataset.train, dataset.shape);
        Ok(TrainingBatches {
            split,
            shape,
            normalizer,
            batch_size,
            augmentation,
            seed,
        })
    }

    /// Optimizer steps in an epoch.
    ///
    /// The last batch may be smaller. A single image left over joins the batch before it, since methods
    /// that use batch statistics have none on one image.
    pub fn steps_per_epoch(&self) -> u64 {
        let (full, rest) = (
            self.split.len() / self.batch_size,
            self.split.len() % self.batch_size,
        );
        (if rest > 1 { full + 1 } else { full }) as u64
    }

    /// Images in an epoch.
    pub fn images_per_epoch(&self) -> u64 {
        self.split.len() as u64
    }

    /// The order of images in `epoch`.
    pub fn order(&self, epoch: u64) -> Vec<u32> {
        permutation(
            self.split.len(),
            &mut stream(self.seed, Purpose::Order, epoch),
        )
    }

    /// Batch number `step_in_epoch` of an epoch whose order is `order`; `step` counts over all epochs.
    pub fn batch(&self, order: &[u32], step_in_epoch: u64, step: u64) -> Batch {
        let first = step_in_epoch as usize * self.batch_size;
        let is_last = step_in_epoch + 1 == self.steps_per_epoch();
        let end = if is_last {
            order.len()
        } else {
            first + self.batch_size
        };
        let mut source = stream(self.seed, Purpose::Augment, step);
        let size = self.shape.channels * self.shape.height * self.shape.width;
        let mut bytes = vec![0; (end - first) * size];
        let mut labels = Vec::with_capacity(end - first);
        for (&index, output) in order[first..end].iter().zip(bytes.chunks_mut(size)) {
            let variation = Variation::draw(self.augmentation, &mut source);
            variation.apply(self.split.image(index as usize), self.shape, output);
            labels.push(i64::from(self.split.labels[index as usize]));
        }
        Batch {
            images: self.normalizer.training(&bytes),
            labels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape {
        channels: 2,
        height: 2,
        width: 2,
    };

    fn dataset(images: usize) -> Dataset {
        let split = Split {
            images: (0..images * 8).map(|i| (i * 37 % 251) as u8).collect(),
            labels: (0..images).map(|i| (i % 3) as u8).collect(),
        };
        Dataset {
            name: "test".into(),
            shape: SHAPE,
            classes: vec!["a".into(), "b".into(), "c".into()],
            train: split.clone(),
            test: split,
            sha256: String::new(),
        }
    }

    fn batches(
        dataset: &Dataset,
        batch_size: usize,
        kind: DataNormalization,
    ) -> TrainingBatches<'_> {
        let normalizer = Normalizer::fit(kind, &dataset.train, SHAPE);
        TrainingBatches::new(dataset, normalizer, batch_size, Augmentation::None, 7).unwrap()
    }

    #[test]
    fn an_epoch_holds_every_image_once_and_no_batch_of_one() {
        for (images, size, expected) in [(10, 5, 2), (11, 5, 2), (12, 5, 3), (3, 1, 3), (2, 2, 1)] {
            let data = dataset(images);
            let made = batches(&data, size, DataNormalization::Global);
            assert_eq!(made.steps_per_epoch(), expected);
            let order = made.order(1);
            let sizes: Vec<usize> = (0..expected)
                .map(|s| made.batch(&order, s, s).labels.len())
                .collect();
            assert_eq!(sizes.iter().sum::<usize>(), images);
            assert!(size == 1 || sizes.iter().all(|&size| size > 1));
        }
    }

    #[test]
    fn global_statistics_standardize_each_channel() {
        let data = dataset(50);
        for kind in [DataNormalization::Global, DataNormalization::GlobalPixel] {
            let normalizer = Normalizer::fit(kind, &data.train, SHAPE);
            let values = normalizer.evaluation(&data.train.images);
            let channel: Vec<f64> = values
                .chunks(4)
                .step_by(2)
                .flatten()
                .map(|&v| f64::from(v))
                .collect();
            let mean = channel.iter().sum::<f64>() / channel.len() as f64;
            let var =
                channel.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / channel.len() as f64;
            assert!(
                mean.abs() < 1e-6 && (var - 1.0).abs() < 1e-5,
                "{kind:?} {mean} {var}"
            );
        }
    }

    #[test]
    fn batch_statistics_standardize_each_training_batch_only() {
        let data = dataset(30);
        let normalizer = Normalizer::fit(DataNormalization::Batch, &data.train, SHAPE);
        let some = &data.train.images[..5 * 8];
        let first: Vec<f64> = normalizer
            .training(some)
            .chunks(4)
            .step_by(2)
            .flatten()
            .map(|&v| f64::from(v))
            .collect();
        assert!((first.iter().sum::<f64>() / first.len() as f64).abs() < 1e-6);
        assert_ne!(normalizer.training(some), normalizer.evaluation(some));
        let global = Normalizer::fit(DataNormalization::Global, &data.train, SHAPE);
        assert_eq!(normalizer.evaluation(some), global.evaluation(some));
    }

    #[test]
    fn constant_channels_are_centred_and_not_blown_up() {
        let split = Split {
            images: vec![200; 80],
            labels: vec![0; 10],
        };
        let normalizer = Normalizer::fit(DataNormalization::Global, &split, SHAPE);
        assert!(
            normalizer
                .evaluation(&split.images)
                .iter()
                .all(|v| v.abs() < 1e-6)
        );
    }

    #[test]
    fn a_batch_larger_than_the_data_is_refused() {
        let data = dataset(4);
        let normalizer = Normalizer::fit(DataNormalization::None, &data.train, SHAPE);
        let error = TrainingBatches::new(&data, normalizer, 5, Augmentation::None, 0).unwrap_err();
        assert!(error.to_string().contains("batch_size = 5"));
    }
}
