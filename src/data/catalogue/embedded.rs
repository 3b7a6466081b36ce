//! The dataset inside the binary: 4,000 training and 1,000 test images of Fashion-MNIST (H. Xiao, K. Rasul,
//! R. Vollgraf, 2017, arXiv:1708.07747; MIT license, © 2017 Zalando SE).
//!
//! The first 400 and the first 100 images of each class of the official training and test files, in their
//! order. `scripts/make-fashion-mnist-mini` makes the asset and describes its layout.

use std::io::Read;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;

use super::idx::FASHION_MNIST;
use crate::data::entry::{CatalogueEntry, ClassCounts, Format, Packing, SplitFiles};
use crate::data::split::Split;
use crate::data::store::ImageShape;

pub(super) const DATASETS: &[CatalogueEntry] = &[CatalogueEntry {
    name: "fashion-mnist-mini",
    title: "Fashion-MNIST, the first 400 + 100 images of each class, inside this program",
    format: &Embedded,
    folders: &[],
    train_files: &[],
    test_files: &[],
    addresses: &[],
    packing: Packing::Each(""),
    download_bytes: &[],
    download_sums: &[],
    train_counts: ClassCounts::Each(400),
    test_counts: ClassCounts::Each(100),
    ..FASHION_MNIST
}];

const ASSET: &[u8] = include_bytes!("../../../assets/fashion-mnist-mini.bin.gz");
const MAGIC: &[u8; 8] = b"npimages";
const HEADER_BYTES: usize = 32;

/// Images compressed inside this program.
#[derive(Debug)]
struct Embedded;

impl Format for Embedded {
    fn load(&self, entry: &CatalogueEntry, _: SplitFiles) -> Result<[Split; 2]> {
        unpack(ASSET, entry.shape, entry.class_names().len()).context(
            "the dataset inside this program is damaged; build or download the program again",
        )
    }
}

fn unpack(asset: &[u8], shape: ImageShape, classes: usize) -> Result<[Split; 2]> {
    let mut bytes = Vec::new();
    GzDecoder::new(asset).read_to_end(&mut bytes)?;
    ensure!(bytes.len() >= HEADER_BYTES, "its header is incomplete");
    let (header, body) = bytes.split_at(HEADER_BYTES);
    let (magic, numbers) = header.split_at(MAGIC.len());
    ensure!(magic == MAGIC, "its first bytes are not `npimages`");
    let numbers: Vec<usize> = numbers
        .chunks_exact(4)
        .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
        .collect();
    let (train, test) = (numbers[0], numbers[1]);
    let expected = [shape.channels, shape.height, shape.width, classes];
    ensure!(
        numbers[2..] == expected,
        "its images are not {shape:?} of {classes} classes"
    );
    let pixels = shape.pixels();
    ensure!(
        body.len() == (train + test) * (1 + pixels),
        "it should hold {train} + {test} images but has {} bytes",
        body.len()
    );
    let (labels, images) = body.split_at(train + test);
    let (train_images, test_images) = images.split_at(train * pixels);
    Ok([
        Split {
            images: train_images.to_vec(),
            labels: labels[..train].to_vec(),
        },
        Split {
            images: test_images.to_vec(),
            labels: labels[train..].to_vec(),
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape {
        channels: 1,
        height: 28,
        width: 28,
    };

    fn mean(split: &Split) -> f64 {
        split.images.iter().map(|&p| f64::from(p)).sum::<f64>() / split.images.len() as f64 / 255.0
    }

    #[test]
    fn the_embedded_images_are_fashion_mnist_and_balanced() {
        let [train, test] = unpack(ASSET, SHAPE, 10).unwrap();
        assert_eq!(train.class_counts(10), [400; 10]);
        assert_eq!(test.class_counts(10), [100; 10]);
        // The full training set has mean 0.2860; its first labels are 9, 0, 0, 3, 0, 2, 7, 2, 5, 5.
        assert!((mean(&train) - 0.2860).abs() < 0.004, "{}", mean(&train));
        assert!((mean(&test) - 0.2860).abs() < 0.006, "{}", mean(&test));
        assert_eq!(train.labels[..10], [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]);
        assert_eq!(test.labels[..10], [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]);
        assert_eq!(train.image(0)[3 * 28 + 12..3 * 28 + 18], FIRST_BOOT_ROW_3);
    }

    /// Columns 12 to 17 of row 3 of the official first training image.
    const FIRST_BOOT_ROW_3: [u8; 6] = [1, 0, 0, 13, 73, 0];

    #[test]
    fn damage_is_noticed() {
        let half = &ASSET[..ASSET.len() / 2];
        assert!(unpack(half, SHAPE, 10).is_err());
        let mut flipped = ASSET.to_vec();
        flipped[ASSET.len() / 2] ^= 4;
        assert!(unpack(&flipped, SHAPE, 10).is_err());
        let other = ImageShape { width: 14, ..SHAPE };
        assert!(
            unpack(ASSET, other, 10)
                .unwrap_err()
                .to_string()
                .contains("14")
        );
    }

    #[test]
    fn the_license_travels_along() {
        let license = include_str!("../../../assets/LICENSE-fashion-mnist");
        assert!(license.contains("2017 Zalando SE") && license.contains("without restriction"));
    }
}
