//! The batches of an epoch: gathered, augmented and normalized.
//!
//! Everything here is plain memory; one batch becomes one tensor in the engine. [`ResidentImages`](super::ResidentImages)
//! makes the same batches on a device.

use std::ops::Range;

use anyhow::Result;

use super::{Augmentation, Dataset, ImageShape, Normalizer, Split, Variation};
use crate::streams::{Purpose, permutation, stream};
use crate::usage;

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
    /// Where the images come from.
    pub split: &'d Split,
    /// Their size.
    pub shape: ImageShape,
    /// What makes numbers of their bytes.
    pub normalizer: Normalizer,
    /// How they are varied.
    pub augmentation: Augmentation,
    batch_size: usize,
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
        Ok(TrainingBatches {
            split: &dataset.train,
            shape: dataset.shape,
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
        let full = self.split.len() / self.batch_size;
        let rest = self.split.len() % self.batch_size;
        (full + usize::from(rest > 1)) as u64
    }

    /// The order of images in `epoch`.
    pub fn order(&self, epoch: u64) -> Vec<u32> {
        let mut source = stream(self.seed, Purpose::Order, epoch);
        permutation(self.split.len(), &mut source)
    }

    /// The places in an epoch's order at which batch number `step_in_epoch` lies.
    pub fn places(&self, step_in_epoch: u64) -> Range<usize> {
        let first = step_in_epoch as usize * self.batch_size;
        let is_last = step_in_epoch + 1 == self.steps_per_epoch();
        first..match is_last {
            true => self.split.len(),
            false => first + self.batch_size,
        }
    }

    /// What happens to the images of optimizer step `step`, one after the other, without an end.
    pub fn variations(&self, step: u64) -> impl Iterator<Item = Variation> + use<> {
        let (augmentation, mut source) =
            (self.augmentation, stream(self.seed, Purpose::Augment, step));
        std::iter::repeat_with(move || Variation::draw(augmentation, &mut source))
    }

    /// The label of image `index`.
    pub fn label(&self, index: u32) -> i64 {
        i64::from(self.split.labels[index as usize])
    }

    /// Batch number `step_in_epoch` of an epoch whose order is `order`; `step` counts over all epochs.
    pub fn batch(&self, order: &[u32], step_in_epoch: u64, step: u64) -> Batch {
        let images = &order[self.places(step_in_epoch)];
        let mut bytes = vec![0; images.len() * self.shape.pixels()];
        let outputs = bytes.chunks_mut(self.shape.pixels());
        for ((&index, output), variation) in images.iter().zip(outputs).zip(self.variations(step)) {
            variation.apply(self.split.image(index as usize), self.shape, output);
        }
        Batch {
            images: self.normalizer.training(&bytes),
            labels: images.iter().map(|&index| self.label(index)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::normalizer::DataNormalization;
    use crate::data::store::Verdict;

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
            verdict: Verdict::Official,
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
    fn a_batch_larger_than_the_data_is_refused() {
        let data = dataset(4);
        let normalizer = Normalizer::fit(DataNormalization::None, &data.train, SHAPE);
        let error = TrainingBatches::new(&data, normalizer, 5, Augmentation::None, 0).unwrap_err();
        assert!(error.to_string().contains("batch_size = 5"));
    }
}
