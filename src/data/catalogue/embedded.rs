//! The dataset inside the binary: 4,000 training and 1,000 test images of Fashion-MNIST (H. Xiao, K. Rasul,
//! R. Vollgraf, 2017, arXiv:1708.07747; MIT license, © 2017 Zalando SE).
//!
//! The first 400 and the first 100 images of each class of the official training and test files, in their
//! order. `scripts/make-fashion-mnist-mini` makes the asset and describes its layout.

use std::io::Read;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;

use super::idx::FASHION_MNIST;
use crate::data::{CatalogueEntry, ClassCounts, Format, Packing, Split, SplitFiles};

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

/// Images compressed inside this program.
#[derive(Debug)]
struct Embedded;

impl Format for Embedded {
    fn load(&self, entry: &CatalogueEntry, _: SplitFiles) -> Result<[Split; 2]> {
        unpack(ASSET, entry).context(
            "the dataset inside this program is damaged; build or download the program again",
        )
    }
}

fn unpack(asset: &[u8], entry: &CatalogueEntry) -> Result<[Split; 2]> {
    let mut bytes = Vec::new();
    GzDecoder::new(asset).read_to_end(&mut bytes)?;
    let [train, test] = entry.images();
    let expected = (train + test) * (1 + entry.shape.pixels());
    ensure!(
        bytes.len() == expected,
        "it should have {expected} bytes but has {}",
        bytes.len()
    );
    let (labels, images) = bytes.split_at(train + test);
    let (train_labels, test_labels) = labels.split_at(train);
    let (train_images, test_images) = images.split_at(train * entry.shape.pixels());
    let parts = [(train_images, train_labels), (test_images, test_labels)];
    Ok(parts.map(|(images, labels)| Split {
        images: images.to_vec(),
        labels: labels.to_vec(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(split: &Split) -> f64 {
        split.images.iter().map(|&p| f64::from(p)).sum::<f64>() / split.images.len() as f64 / 255.0
    }

    #[test]
    fn the_embedded_images_are_fashion_mnist_and_balanced() {
        let [train, test] = unpack(ASSET, &DATASETS[0]).unwrap();
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
        let entry = DATASETS[0];
        assert!(unpack(&ASSET[..ASSET.len() / 2], &entry).is_err());
        let mut flipped = ASSET.to_vec();
        flipped[ASSET.len() / 2] ^= 4;
        assert!(unpack(&flipped, &entry).is_err());
        let train_counts = ClassCounts::Each(399);
        let other = CatalogueEntry {
            train_counts,
            ..entry
        };
        assert!(
            unpack(ASSET, &other)
                .unwrap_err()
                .to_string()
                .contains("it should have")
        );
    }

    #[test]
    fn the_license_travels_along() {
        let license = include_str!("../../../assets/LICENSE-fashion-mnist");
        assert!(license.contains("2017 Zalando SE") && license.contains("without restriction"));
    }
}
