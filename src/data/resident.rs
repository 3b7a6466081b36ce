//! The training images in the memory of a device, and the batches that are made of them there.
//!
//! An image is kept as bytes, row after row with the channels of a pixel side by side, inside the black border that crops
//! let into view. A crop is then a place to start from and a flip a direction to read in: value (y, x, c) is the byte at
//! start + (y·W′ ± x)·C + c, with W′ the width with the border. Starts, directions and labels are drawn on the host, from
//! the streams of [`TrainingBatches`], and sent once an epoch. The batches are the same, bit for bit.

use std::ops::Range;

use tch::{Device, Kind, Tensor};

use super::{ImageShape, TrainingBatches, Variation};
use crate::nn::layout;

/// Values that are made at a time, where batches are smaller: enough to make their launches count for nothing.
const VALUES_AT_A_TIME: usize = 1 << 22;

/// Images on a device.
#[derive(Debug)]
pub struct ResidentImages {
    /// The bytes of all images, with borders.
    bytes: Tensor,
    /// Where an image's values lie from its start on, read forward and backward: `[2, H·W·C]`.
    patterns: Tensor,
    /// Where each value's table begins in `numbers`: `[H·W·C]`.
    tables: Tensor,
    /// What bytes become: tables of 256 numbers.
    numbers: Tensor,
    shape: ImageShape,
    border: usize,
}

/// An epoch's batches.
#[derive(Debug)]
pub struct ResidentEpoch {
    /// Start, direction (0 forward, 1 backward) and label of each image, in the epoch's order: `[3, n]`.
    drawn: Tensor,
    /// Images that are made, and their places in the order.
    made: Option<(Range<usize>, Tensor)>,
}

impl ResidentImages {
    /// Sends the images of `batches` to a device, where they become numbers of this element type. None where every batch
    /// is normalized by statistics of its own.
    pub fn new(batches: &TrainingBatches, kind: Kind, device: Device) -> Option<ResidentImages> {
        let numbers = batches.normalizer.tables()?;
        let (shape, border) = (batches.shape, batches.augmentation.border());
        let bytes = Tensor::from_slice(&batches.split.images)
            .view(shape.of_batch(batches.split.len()))
            .to_device(device)
            .constant_pad_nd([border as i64; 4])
            .permute([0, 2, 3, 1])
            .contiguous()
            .view(-1);
        let row_pixels = (shape.width + 2 * border) as i64;
        let patterns = [1, -1].map(|direction| {
            each_value(shape, |[channel, y, x]| {
                (y * row_pixels + direction * x) * shape.channels as i64 + channel
            })
        });
        let is_per_value = numbers.len() != shape.channels;
        let tables = each_value(shape, |[channel, y, x]| match is_per_value {
            true => 256 * ((channel * shape.height as i64 + y) * shape.width as i64 + x),
            false => 256 * channel,
        });
        let sent = |tensor: Tensor| tensor.to_device(device);
        Some(ResidentImages {
            bytes,
            patterns: sent(Tensor::from_slice(&patterns.concat()).view([2, -1])),
            tables: sent(Tensor::from_slice(&tables)),
            numbers: sent(Tensor::from_slice(&numbers.concat()).to_kind(kind)),
            shape,
            border,
        })
    }

    /// Draws `epoch`, whose order is `order`, and sends what was drawn.
    pub fn epoch(&self, batches: &TrainingBatches, epoch: u64, order: &[u32]) -> ResidentEpoch {
        let steps = batches.steps_per_epoch();
        let variations = (0..steps).flat_map(|index| {
            let varied = batches.variations(epoch * steps + index);
            varied.take(batches.places(index).len())
        });
        let (mut starts, mut directions) = (Vec::new(), Vec::new());
        for (&image, variation) in order.iter().zip(variations) {
            starts.push(self.start(image, variation));
            directions.push(i64::from(variation.flipped));
        }
        let labels: Vec<i64> = order.iter().map(|&image| batches.label(image)).collect();
        let drawn = Tensor::from_slice(&[starts, directions, labels].concat());
        ResidentEpoch {
            drawn: drawn.view([3, -1]).to_device(self.bytes.device()),
            made: None,
        }
    }

    /// Where value (0, 0, 0) of a varied image lies.
    fn start(&self, image: u32, variation: Variation) -> i64 {
        let ImageShape {
            channels,
            height,
            width,
        } = self.shape;
        let border = self.border as i64;
        let row_pixels = width as i64 + 2 * border;
        let image_pixels = row_pixels * (height as i64 + 2 * border);
        let row = border - i64::from(variation.down);
        let column = match variation.flipped {
            false => border - i64::from(variation.right),
            true => border + width as i64 - 1 + i64::from(variation.right),
        };
        (i64::from(image) * image_pixels + row * row_pixels + column) * channels as i64
    }

    /// The images for which this was drawn, `[3, N]`, in channels-last order.
    fn images(&self, drawn: &Tensor) -> Tensor {
        let (starts, directions) = (drawn.get(0), drawn.get(1));
        let places = self.patterns.index_select(0, &directions) + starts.unsqueeze(1);
        let entries = self.bytes.take(&places) + &self.tables;
        let numbers = self.numbers.take(&entries);
        layout::in_channels_last(&numbers, self.shape.of_batch(drawn.size()[1] as usize))
    }
}

impl ResidentEpoch {
    /// Images `[N, C, H, W]` and labels `[N]` of batch number `index`.
    pub fn batch(
        &mut self,
        images: &ResidentImages,
        batches: &TrainingBatches,
        index: u64,
    ) -> (Tensor, Tensor) {
        let wanted = batches.places(index);
        let is_made = |made: &Range<usize>| made.start <= wanted.start && wanted.end <= made.end;
        let (made, numbers) = match self.made.take() {
            Some(made) if is_made(&made.0) => made,
            _ => self.make(images, batches, index),
        };
        let (start, count) = ((wanted.start - made.start) as i64, wanted.len() as i64);
        let batch = numbers.narrow(0, start, count);
        self.made = Some((made, numbers));
        let labels = self.drawn.get(2).narrow(0, wanted.start as i64, count);
        (batch, labels)
    }

    /// Makes batch number `index`, and those around it where they are small. Which go together depends on nothing that
    /// came before, so that a run that is continued makes them alike.
    fn make(
        &self,
        images: &ResidentImages,
        batches: &TrainingBatches,
        index: u64,
    ) -> (Range<usize>, Tensor) {
        let batch_values = batches.places(0).len() * batches.shape.pixels();
        let together = (VALUES_AT_A_TIME / batch_values).max(1) as u64;
        let first = index - index % together;
        let last = (first + together).min(batches.steps_per_epoch()) - 1;
        let places = batches.places(first).start..batches.places(last).end;
        let drawn = self
            .drawn
            .narrow(1, places.start as i64, places.len() as i64);
        (places, images.images(&drawn))
    }
}

/// A number for each value of an image, by channel, row and column, in the order in which a device keeps them.
fn each_value(shape: ImageShape, number: impl Fn([i64; 3]) -> i64) -> Vec<i64> {
    let [channels, height, width] =
        [shape.channels, shape.height, shape.width].map(|extent| extent as i64);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
    let values = pixels.flat_map(|(y, x)| (0..channels).map(move |channel| [channel, y, x]));
    values.map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::normalizer::DataNormalization;
    use crate::data::store::Verdict;
    use crate::data::{Augmentation, Dataset, Normalizer, Split};

    /// Eleven images of two channels, wider than high.
    fn dataset() -> Dataset {
        let shape = ImageShape::new(2, 6, 7);
        let split = Split {
            images: (0..11 * shape.pixels())
                .map(|i| (i * 37 % 251) as u8)
                .collect(),
            labels: (0..11).map(|i| i % 3).collect(),
        };
        Dataset {
            name: "test".into(),
            shape,
            classes: vec!["a".into(), "b".into(), "c".into()],
            train: split.clone(),
            test: split,
            sha256: String::new(),
            verdict: Verdict::Official,
        }
    }

    /// Asserts that three epochs' batches are those of the host.
    fn compare(
        kind: Kind,
        normalization: DataNormalization,
        augmentation: Augmentation,
        size: usize,
    ) {
        let data = dataset();
        let normalizer = Normalizer::fit(normalization, &data.train, data.shape);
        let batches = TrainingBatches::new(&data, normalizer, size, augmentation, 7).unwrap();
        let images = ResidentImages::new(&batches, kind, Device::Cpu).unwrap();
        let steps = batches.steps_per_epoch();
        for epoch in 0..3 {
            let order = batches.order(epoch);
            let mut resident = images.epoch(&batches, epoch, &order);
            // A batch may be asked for again.
            for index in (0..steps).chain([0]) {
                let host = batches.batch(&order, index, epoch * steps + index);
                let size = data.shape.of_batch(host.labels.len());
                let expected = layout::images(&host.images, size, kind, Device::Cpu);
                let (found, labels) = resident.batch(&images, &batches, index);
                assert!(layout::matches(&found, &expected));
                assert_eq!((found.kind(), &found), (kind, &expected));
                assert_eq!(Vec::<i64>::try_from(labels).unwrap(), host.labels);
            }
        }
    }

    #[test]
    fn batches_are_those_of_the_host_bit_for_bit() {
        let normalizations = [
            DataNormalization::None,
            DataNormalization::Global,
            DataNormalization::GlobalPixel,
        ];
        for normalization in normalizations {
            for augmentation in [
                Augmentation::None,
                Augmentation::Flip,
                Augmentation::CropFlip,
            ] {
                for size in [1, 4, 5, 11] {
                    compare(Kind::Float, normalization, augmentation, size);
                }
                compare(Kind::Double, normalization, augmentation, 3);
            }
        }
    }

    #[test]
    fn statistics_of_each_batch_need_the_host() {
        let data = dataset();
        let normalizer = Normalizer::fit(DataNormalization::Batch, &data.train, data.shape);
        let batches = TrainingBatches::new(&data, normalizer, 2, Augmentation::None, 7).unwrap();
        assert!(ResidentImages::new(&batches, Kind::Float, Device::Cpu).is_none());
    }
}
