//! A dataset in memory: images as bytes, with their labels.

use anyhow::{Result, bail, ensure};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::split::Split;
use crate::text::numbers::hexadecimal;

/// Size of one image: channels, rows, columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Color channels: 1 (gray) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl ImageShape {
    /// Images of so many channels, rows and columns.
    pub const fn new(channels: usize, height: usize, width: usize) -> ImageShape {
        ImageShape {
            channels,
            height,
            width,
        }
    }

    /// The size `[N, C, H, W]` of a batch of this many images.
    pub fn of_batch(self, images: usize) -> [i64; 4] {
        [images, self.channels, self.height, self.width].map(|number| number as i64)
    }

    /// Images of as many channels with this many rows and columns.
    pub const fn of_size(self, size: usize) -> ImageShape {
        ImageShape::new(self.channels, size, size)
    }

    /// Bytes of one image, C·H·W.
    pub const fn pixels(self) -> usize {
        self.channels * self.height * self.width
    }
}

/// How a dataset compares with the one that its publisher made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every file has the official content.
    Official,
    /// Every class has as many images as in the official set, but a file has other content.
    OtherContent,
    /// The numbers of images differ: a subset, a variant, or something else.
    OtherCounts,
    /// Data of one's own, which no official set is like.
    Own,
}

impl Verdict {
    /// The verdict as a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Verdict::Official => "everything fits the official set",
            Verdict::OtherContent => "not the official set: as many images, but other content",
            Verdict::OtherCounts => {
                "not the official set: results on it are results on a subset or a variant"
            }
            Verdict::Own => "data of your own: every image could be read",
        }
    }

    /// The sentence, where the dataset is not the official one.
    pub fn note(self) -> Option<&'static str> {
        let is_as_said = matches!(self, Verdict::Official | Verdict::Own);
        (!is_as_said).then(|| self.sentence())
    }
}

/// A dataset in memory.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Its name, as in `--dataset`.
    pub name: String,
    /// Size of every image.
    pub shape: ImageShape,
    /// What each class number means.
    pub classes: Vec<String>,
    /// Training images.
    pub train: Split,
    /// Test images.
    pub test: Split,
    /// SHA-256 of shape, labels and pixels of both splits: equal for equal content, wherever it came from.
    pub sha256: String,
    /// How the whole set compares with the official one.
    pub verdict: Verdict,
}

impl Dataset {
    /// The part that `--split` names: `train`, else the test images.
    pub fn split(&self, name: &str) -> &Split {
        match name {
            "train" => &self.train,
            _ => &self.test,
        }
    }

    /// Puts a dataset together and checks that its parts fit. What it holds counts as official until it is compared.
    pub fn new(
        name: &str,
        shape: ImageShape,
        classes: Vec<String>,
        train: Split,
        test: Split,
    ) -> Result<Dataset> {
        for (which, split) in [("training", &train), ("test", &test)] {
            ensure!(
                !split.is_empty(),
                "dataset `{name}` has no {which} images at all"
            );
            ensure!(
                split.images.len() == split.len() * shape.pixels(),
                "dataset `{name}`: {} {which} labels of {shape:?} images, but {} bytes of pixels",
                split.len(),
                split.images.len()
            );
            let mut labels = split.labels.iter();
            if let Some(i) = labels.position(|&label| usize::from(label) >= classes.len()) {
                bail!(
                    "dataset `{name}`: {which} image {i} has label {}, but there are {} classes",
                    split.labels[i],
                    classes.len()
                );
            }
        }
        Ok(Dataset {
            sha256: content_sha256(shape, [&train, &test]),
            name: name.to_owned(),
            shape,
            classes,
            train,
            test,
            verdict: Verdict::Official,
        })
    }
}

fn content_sha256(shape: ImageShape, splits: [&Split; 2]) -> String {
    let mut hasher = Sha256::new();
    for number in [shape.channels, shape.height, shape.width] {
        hasher.update((number as u64).to_le_bytes());
    }
    for split in splits {
        hasher.update((split.len() as u64).to_le_bytes());
        hasher.update(&split.labels);
        hasher.update(&split.images);
    }
    hexadecimal(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape {
        channels: 1,
        height: 1,
        width: 2,
    };

    /// Image i holds the bytes i, i + 100.
    fn split(labels: &[u8]) -> Split {
        Split {
            images: (0..labels.len() as u8).flat_map(|i| [i, i + 100]).collect(),
            labels: labels.to_vec(),
        }
    }

    #[test]
    fn the_checksum_depends_on_every_part() {
        let make = |shape, train: &[u8], test: &[u8]| {
            let classes = vec!["a".into(), "b".into()];
            Dataset::new("x", shape, classes, split(train), split(test))
                .unwrap()
                .sha256
        };
        let reference = make(SHAPE, &[0, 1], &[1]);
        assert_eq!(reference, make(SHAPE, &[0, 1], &[1]));
        assert_eq!(reference.len(), 64);
        let turned = ImageShape {
            height: 2,
            width: 1,
            ..SHAPE
        };
        assert_ne!(reference, make(turned, &[0, 1], &[1]));
        assert_ne!(reference, make(SHAPE, &[0, 0], &[1]));
        assert_ne!(reference, make(SHAPE, &[0, 1], &[0]));
        assert_ne!(reference, make(SHAPE, &[0], &[1, 1]));
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let classes = || vec!["a".to_owned()];
        let refusal = |train: Split, test: Split| {
            Dataset::new("x", SHAPE, classes(), train, test)
                .unwrap_err()
                .to_string()
        };
        assert!(refusal(split(&[]), split(&[0])).contains("no training images"));
        assert!(refusal(split(&[0]), split(&[0, 1])).contains("test image 1 has label 1"));
        let torn = Split {
            images: vec![1, 2, 3],
            labels: vec![0, 0],
        };
        assert!(refusal(split(&[0]), torn).contains("3 bytes of pixels"));
    }
}
