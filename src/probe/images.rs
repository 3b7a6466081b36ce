//! The real images that probes look at, and the walk through a network's layers.

use tch::Tensor;

use crate::data::{ImageShape, Normalizer, Split};
pub use crate::nn::layout::to_values;
use crate::nn::{Network, Pass, Signal};

/// Images that go through a network at a time.
const CHUNK: usize = 100;

/// Images evenly spaced over a split, normalized as for evaluation.
#[derive(Debug, Clone)]
pub struct ProbeImages {
    pixels: Vec<f32>,
    count: usize,
    shape: ImageShape,
}

/// Where at most `count` images evenly spaced over a split lie.
fn places(count: usize, split: &Split) -> impl Iterator<Item = usize> {
    let (count, all) = (count.min(split.len()), split.len());
    (0..count).map(move |i| i * all / count)
}

impl ProbeImages {
    /// At most `count` images of `split`.
    pub fn spread(
        count: usize,
        split: &Split,
        shape: ImageShape,
        normalizer: &Normalizer,
    ) -> ProbeImages {
        let normalize = |bytes: &[u8]| normalizer.evaluation(bytes);
        ProbeImages::at(places(count, split), split, shape, normalize)
    }

    /// The images of `split` at these places, as `normalize` makes pixels of their bytes.
    pub fn at(
        places: impl Iterator<Item = usize>,
        split: &Split,
        shape: ImageShape,
        normalize: impl FnOnce(&[u8]) -> Vec<f32>,
    ) -> ProbeImages {
        let images: Vec<&[u8]> = places.map(|place| split.image(place)).collect();
        let bytes = images.concat();
        ProbeImages {
            pixels: normalize(&bytes),
            count: bytes.len() / shape.pixels().max(1),
            shape,
        }
    }

    /// The labels of the images that [`ProbeImages::spread`] takes.
    pub fn labels(count: usize, split: &Split) -> Vec<i64> {
        let label = |place: usize| i64::from(split.labels[place]);
        places(count, split).map(label).collect()
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.count
    }

    /// All images as one tensor `[N, C, H, W]` of the network's element type, on its device.
    pub fn tensor(&self, network: &Network) -> Tensor {
        self.part(&self.pixels, network)
    }

    /// The images in order as tensors of a size that fits in memory.
    fn chunks<'a>(&'a self, network: &'a Network) -> impl Iterator<Item = Tensor> + 'a {
        let size = (CHUNK * self.shape.pixels()).max(1);
        let parts = self.pixels.chunks(size);
        parts.map(move |pixels| self.part(pixels, network))
    }

    /// All images with their labels.
    pub fn labeled(&self, labels: &[i64], network: &Network) -> (Tensor, Tensor) {
        let labels = Tensor::from_slice(labels);
        let device = network.parameters.device;
        (self.tensor(network), labels.to_device(device))
    }

    /// Images with their labels in parts of a size that fits in memory.
    pub fn labeled_parts<'a>(
        &'a self,
        labels: &'a [i64],
        network: &'a Network,
    ) -> impl Iterator<Item = (Tensor, Tensor)> + 'a {
        let device = network.parameters.device;
        let labels = labels.chunks(CHUNK);
        let labels = labels.map(move |part| Tensor::from_slice(part).to_device(device));
        self.chunks(network).zip(labels)
    }

    fn part(&self, pixels: &[f32], network: &Network) -> Tensor {
        let images = pixels.len() / self.shape.pixels().max(1);
        network.images(pixels, self.shape.of_batch(images))
    }
}

/// Sends `images` through the layers up to number `last` (from 0) in evaluation mode, without
/// gradients, and shows each layer's input and pre-activation to `look`.
pub fn walk_layers(
    network: &Network,
    images: &Tensor,
    last: usize,
    mut look: impl FnMut(usize, &Signal, &Tensor),
) {
    let pass = Pass::eval();
    tch::no_grad(|| {
        network.walk(images, &pass, last + 1, |index, layer, signal| {
            let pre = layer.pre_activation(signal, &pass);
            look(index, signal, &pre);
            layer.post_activation(pre, &pass)
        });
    });
}

/// Sends all images through the layers up to number `last`, a part at a time, and shows each layer to `look`, with the
/// number of the part's first image.
pub fn walk_images(
    network: &Network,
    images: &ProbeImages,
    last: usize,
    mut look: impl FnMut(usize, usize, &Signal, &Tensor),
) {
    let mut first = 0;
    for chunk in images.chunks(network) {
        walk_layers(network, &chunk, last, |index, input, pre| {
            look(first, index, input, pre);
        });
        first += chunk.size()[0] as usize;
    }
}

/// `[N, units, ...]` as `[units, N, positions]`.
pub fn by_unit(values: &Tensor) -> Tensor {
    let flat = match values.dim() {
        2 => values.unsqueeze(2),
        _ => values.flatten(2, -1),
    };
    flat.transpose(0, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::normalizer::DataNormalization;

    #[test]
    fn images_are_spread_over_the_whole_split() {
        let shape = ImageShape {
            channels: 1,
            height: 1,
            width: 1,
        };
        let split = Split {
            images: (0..10).collect(),
            labels: vec![0; 10],
        };
        let normalizer = Normalizer::fit(DataNormalization::None, &split, shape);
        let pixels = |count| ProbeImages::spread(count, &split, shape, &normalizer).pixels;
        let bytes =
            |count| -> Vec<f32> { pixels(count).iter().map(|p| (p * 255.0).round()).collect() };
        assert_eq!(bytes(3), [0.0, 3.0, 6.0]);
        assert_eq!(bytes(4), [0.0, 2.0, 5.0, 7.0]);
        assert_eq!(bytes(99).len(), 10);
    }

    #[test]
    fn units_come_first_whether_there_are_positions_or_not() {
        let dense = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0]).view([2, 2]);
        assert_eq!(to_values(&by_unit(&dense)), [1.0, 3.0, 2.0, 4.0]);
        let maps = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0]).view([1, 2, 1, 2]);
        assert_eq!(by_unit(&maps).size(), [2, 1, 2]);
        assert_eq!(to_values(&by_unit(&maps)), [1.0, 2.0, 3.0, 4.0]);
    }
}
