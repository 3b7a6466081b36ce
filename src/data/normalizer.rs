//! From bytes to floats.
//!
//! Float32 values of a batch are looked up, one table of 256 values a channel, so that normalization costs no
//! arithmetic on pixels.

use anyhow::{Result, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ImageShape, Split};
use crate::event::PixelNormalization;

/// How pixels become network inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DataNormalization {
    /// Pixels divided by 255, nothing else.
    None,
    /// Mean and standard deviation of the training set, one pair a channel.
    Global,
    /// Mean and standard deviation of the training set, one pair a pixel and channel.
    GlobalPixel,
    /// Mean and standard deviation of each training batch, one pair a channel; the training set's at test.
    Batch,
}

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
            DataNormalization::GlobalPixel => statistics(&train.images, shape.pixels(), 1),
        };
        Normalizer {
            shape,
            statistics,
            per_batch: kind == DataNormalization::Batch,
        }
    }

    /// The constants of an evaluation.
    pub fn constants(&self) -> PixelNormalization {
        let (mean, std) = self.statistics.iter().copied().unzip();
        PixelNormalization { mean, std }
    }

    /// The one with these constants for images of `shape`, one pair a channel or one a value.
    pub fn of(constants: &PixelNormalization, shape: ImageShape) -> Result<Normalizer> {
        let PixelNormalization { mean, std } = constants;
        let counts = [shape.channels, shape.pixels()];
        ensure!(
            mean.len() == std.len() && counts.contains(&mean.len()),
            "{} means and {} standard deviations, where images of {} channels and {} values need one of each",
            mean.len(),
            std.len(),
            shape.channels,
            shape.pixels()
        );
        Ok(Normalizer {
            shape,
            statistics: mean.iter().copied().zip(std.iter().copied()).collect(),
            per_batch: false,
        })
    }

    /// Normalizes whole images with the training set's statistics.
    pub fn evaluation(&self, images: &[u8]) -> Vec<f32> {
        self.convert(images, &self.statistics)
    }

    /// Normalizes a training batch: with its own statistics where that was asked for.
    pub fn training(&self, images: &[u8]) -> Vec<f32> {
        match self.per_batch {
            true => self.convert(images, &channel_statistics(images, self.shape)),
            false => self.evaluation(images),
        }
    }

    /// What each byte becomes in training, in a table a channel, or one a value of an image; none where every batch has
    /// statistics of its own.
    pub fn tables(&self) -> Option<Vec<[f32; 256]>> {
        (!self.per_batch).then(|| tables(&self.statistics))
    }

    fn convert(&self, images: &[u8], statistics: &[(f64, f64)]) -> Vec<f32> {
        let plane = self.shape.height * self.shape.width;
        if statistics.len() != self.shape.channels {
            let image = plane * self.shape.channels;
            let values = images.iter().enumerate();
            return values
                .map(|(index, &byte)| normalized(byte, statistics[index % image]))
                .collect();
        }
        let tables = tables(statistics);
        let mut output = Vec::with_capacity(images.len());
        for (index, values) in images.chunks(plane).enumerate() {
            let table = &tables[index % self.shape.channels];
            output.extend(values.iter().map(|&byte| table[byte as usize]));
        }
        output
    }
}

fn tables(statistics: &[(f64, f64)]) -> Vec<[f32; 256]> {
    let table = |&pair| std::array::from_fn(|byte| normalized(byte as u8, pair));
    statistics.iter().map(table).collect()
}

fn normalized(byte: u8, (mean, std): (f64, f64)) -> f32 {
    ((f64::from(byte) / 255.0 - mean) / std) as f32
}

/// Mean and standard deviation of each group of bytes, from exact integer sums: `run` bytes belong to the first group,
/// the next `run` to the second, and after the last group to the first again.
fn statistics(images: &[u8], groups: usize, run: usize) -> Vec<(f64, f64)> {
    let mut sums = vec![(0_u64, 0_u64); groups];
    for (index, values) in images.chunks(run).enumerate() {
        let (sum, squares) = &mut sums[index % groups];
        *sum += values.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        let square = |&byte: &u8| u64::from(byte) * u64::from(byte);
        *squares += values.iter().map(square).sum::<u64>();
    }
    let count = (images.len() / groups).max(1) as f64;
    let of = |(sum, squares): (u64, u64)| {
        let mean = sum as f64 / count;
        let variance = (squares as f64 / count - mean * mean).max(0.0);
        let std = variance.sqrt() / 255.0;
        (mean / 255.0, if std < SMALLEST_STD { 1.0 } else { std })
    };
    sums.into_iter().map(of).collect()
}

fn channel_statistics(images: &[u8], shape: ImageShape) -> Vec<(f64, f64)> {
    statistics(images, shape.channels, shape.height * shape.width)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape {
        channels: 2,
        height: 2,
        width: 2,
    };

    fn split(images: usize) -> Split {
        Split {
            images: (0..images * 8).map(|i| (i * 37 % 251) as u8).collect(),
            labels: vec![0; images],
        }
    }

    #[test]
    fn global_statistics_standardize_each_channel() {
        let train = split(50);
        for kind in [DataNormalization::Global, DataNormalization::GlobalPixel] {
            let normalizer = Normalizer::fit(kind, &train, SHAPE);
            let values = normalizer.evaluation(&train.images);
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
        let train = split(30);
        let normalizer = Normalizer::fit(DataNormalization::Batch, &train, SHAPE);
        let some = &train.images[..5 * 8];
        let first: Vec<f64> = normalizer
            .training(some)
            .chunks(4)
            .step_by(2)
            .flatten()
            .map(|&v| f64::from(v))
            .collect();
        assert!((first.iter().sum::<f64>() / first.len() as f64).abs() < 1e-6);
        assert_ne!(normalizer.training(some), normalizer.evaluation(some));
        let global = Normalizer::fit(DataNormalization::Global, &train, SHAPE);
        assert_eq!(normalizer.evaluation(some), global.evaluation(some));
    }

    #[test]
    fn constants_make_the_same_normalizer() {
        let train = split(30);
        for kind in [
            DataNormalization::None,
            DataNormalization::Batch,
            DataNormalization::GlobalPixel,
        ] {
            let fitted = Normalizer::fit(kind, &train, SHAPE);
            let constants = fitted.constants();
            let made = Normalizer::of(&constants, SHAPE).unwrap();
            assert_eq!(
                made.evaluation(&train.images),
                fitted.evaluation(&train.images)
            );
            let one_less = PixelNormalization {
                mean: constants.mean[1..].to_vec(),
                ..constants
            };
            assert!(Normalizer::of(&one_less, SHAPE).is_err());
        }
    }

    #[test]
    fn constant_channels_are_centered_and_not_blown_up() {
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
}
