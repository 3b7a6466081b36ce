//! Images as bytes in memory, with their labels.

use anyhow::{Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::files::hexadecimal;
use crate::usage;

/// Size of one image: channels, rows, columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Colour channels: 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl ImageShape {
    /// The size `[N, C, H, W]` of a batch of so many images.
    pub const fn of_batch(self, images: usize) -> [i64; 4] {
        [
            images as i64,
            self.channels as i64,
            self.height as i64,
            self.width as i64,
        ]
    }

    /// Bytes of one image, C·H·W.
    pub const fn pixels(self) -> usize {
        self.channels * self.height * self.width
    }
}

/// One part of a dataset, training or test: n images and their n labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// n × C×H×W bytes, row-major.
    pub images: Vec<u8>,
    /// n class numbers, from 0.
    pub labels: Vec<u8>,
}

impl Split {
    /// Number of images n.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The C×H×W bytes of image `i`, `i < n` (like a slice index, it panics beyond).
    pub fn image(&self, i: usize) -> &[u8] {
        let pixels = self.images.len() / self.labels.len().max(1);
        &self.images[i * pixels..(i + 1) * pixels]
    }

    /// How many images each of `classes` classes has.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for &label in &self.labels {
            if let Some(count) = counts.get_mut(usize::from(label)) {
                *count += 1;
            }
        }
        counts
    }

    /// The first images of each class, `n` in all and as equally many of each class as there are, in the
    /// original order.
    ///
    /// Where `n` is no multiple of the number of classes the lower class numbers get one image more; a class
    /// with too few images gives all it has and the others make up for it.
    pub fn balanced_subset(&self, n: usize, classes: usize) -> Result<Split> {
        if n == 0 || n > self.len() {
            return Err(usage!(
                "a subset of {n} images was asked for, but it must be between 1 and {}, the images there are",
                self.len()
            ));
        }
        let available = self.class_counts(classes);
        let labelled: usize = available.iter().sum();
        ensure!(
            labelled == self.len(),
            "{} images have a label that is not below {classes}, the number of classes",
            self.len() - labelled
        );
        let mut quota = equal_shares(n, &available);
        let mut subset = Split {
            images: Vec::with_capacity(n * (self.images.len() / self.len())),
            labels: Vec::with_capacity(n),
        };
        for (i, &label) in self.labels.iter().enumerate() {
            let left = &mut quota[usize::from(label)];
            if *left > 0 {
                *left -= 1;
                subset.images.extend_from_slice(self.image(i));
                subset.labels.push(label);
            }
        }
        Ok(subset)
    }

    /// The images without `n` of them, and those `n`: the last ones of each class, balanced as in
    /// [`Split::balanced_subset`]; both parts keep the original order.
    pub fn hold_out(&self, n: usize, classes: usize) -> Result<(Split, Split)> {
        if n == 0 || n >= self.len() {
            return Err(usage!(
                "{n} images were to be held out, but it must be between 1 and {}, to leave some to train on",
                self.len().saturating_sub(1)
            ));
        }
        let available = self.class_counts(classes);
        ensure!(
            available.iter().sum::<usize>() == self.len(),
            "some images have a label that is not below {classes}, the number of classes"
        );
        let held_of_class = equal_shares(n, &available);
        // How many of each class stay before its last ones are held out.
        let mut staying: Vec<usize> = available
            .iter()
            .zip(&held_of_class)
            .map(|(all, held)| all - held)
            .collect();
        let (mut rest, mut held) = (Split::default(), Split::default());
        for (i, &label) in self.labels.iter().enumerate() {
            let left = staying
                .get_mut(usize::from(label))
                .filter(|left| **left > 0);
            let part = if left.is_some() { &mut rest } else { &mut held };
            part.images.extend_from_slice(self.image(i));
            part.labels.push(label);
            if let Some(left) = left {
                *left -= 1;
            }
        }
        Ok((rest, held))
    }
}

/// Deals out `n` one at a time, class after class, never more than a class has; `n` is at most their sum.
fn equal_shares(n: usize, available: &[usize]) -> Vec<usize> {
    let mut shares = vec![0; available.len()];
    let mut left = n;
    while left > 0 {
        for (share, &limit) in shares.iter_mut().zip(available) {
            if left > 0 && *share < limit {
                *share += 1;
                left -= 1;
            }
        }
    }
    shares
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
}

impl Dataset {
    /// Puts a dataset together and checks that its parts fit.
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
            if let Some(i) = split
                .labels
                .iter()
                .position(|&l| usize::from(l) >= classes.len())
            {
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

    fn first_bytes(split: &Split) -> Vec<u8> {
        (0..split.len()).map(|i| split.image(i)[0]).collect()
    }

    #[test]
    fn a_subset_takes_the_first_of_each_class_in_order() {
        let all = split(&[2, 0, 0, 1, 0, 2, 1, 1, 2]);
        let six = all.balanced_subset(6, 3).unwrap();
        assert_eq!(first_bytes(&six), [0, 1, 2, 3, 5, 6]);
        assert_eq!(six.labels, [2, 0, 0, 1, 2, 1]);
        assert_eq!(six.image(4), [5, 105]);
        assert_eq!(six.class_counts(3), [2, 2, 2]);
        assert_eq!(
            all.balanced_subset(5, 3).unwrap().class_counts(3),
            [2, 2, 1]
        );
        assert_eq!(all.balanced_subset(9, 3).unwrap(), all);
    }

    #[test]
    fn held_out_images_are_the_last_of_each_class_and_nothing_is_lost() {
        let all = split(&[2, 0, 0, 1, 0, 2, 1, 1, 2]);
        let (rest, held) = all.hold_out(3, 3).unwrap();
        assert_eq!(first_bytes(&held), [4, 7, 8]);
        assert_eq!(held.labels, [0, 1, 2]);
        assert_eq!(first_bytes(&rest), [0, 1, 2, 3, 5, 6]);
        assert_eq!(rest.labels, [2, 0, 0, 1, 2, 1]);
        for wrong in [0, 9, 10] {
            assert!(all.hold_out(wrong, 3).is_err());
        }
        assert!(split(&[0, 9]).hold_out(1, 3).is_err());
    }

    #[test]
    fn a_poor_class_gives_what_it_has() {
        let all = split(&[0, 0, 0, 0, 0, 1, 3, 3, 3, 3]);
        let counts = |n| all.balanced_subset(n, 4).unwrap().class_counts(4);
        assert_eq!(counts(2), [1, 1, 0, 0]);
        assert_eq!(counts(8), [4, 1, 0, 3]);
    }

    #[test]
    fn impossible_subsets_are_usage_errors() {
        let all = split(&[0, 1]);
        for n in [0, 3] {
            let error = all.balanced_subset(n, 2).unwrap_err();
            assert!(error.to_string().contains("between 1 and 2"), "{error}");
            assert!(error.downcast_ref::<crate::error::Failure>().is_some());
        }
        assert!(all.balanced_subset(1, 1).is_err(), "label 1 of 1 class");
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
