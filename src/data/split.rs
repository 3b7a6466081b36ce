//! One part of a dataset, and smaller parts of it.

use anyhow::{Result, ensure};

use crate::usage;

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
        let quota = equal_shares(n, &self.counts_of_all(classes)?);
        Ok(self.part(&self.first_of_each_class(quota), true))
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
        let mut staying = self.counts_of_all(classes)?;
        let held = equal_shares(n, &staying);
        for (count, held) in staying.iter_mut().zip(held) {
            *count -= held;
        }
        let stays = self.first_of_each_class(staying);
        Ok((self.part(&stays, true), self.part(&stays, false)))
    }

    /// Images of each class; an error where an image is of none of them.
    fn counts_of_all(&self, classes: usize) -> Result<Vec<usize>> {
        let counts = self.class_counts(classes);
        let others = self.len() - counts.iter().sum::<usize>();
        ensure!(
            others == 0,
            "{others} images have a label that is not below {classes}, the number of classes"
        );
        Ok(counts)
    }

    /// Which images are among the first of their class, so many of each as `quota` says.
    fn first_of_each_class(&self, mut quota: Vec<usize>) -> Vec<bool> {
        let is_first = |&label: &u8| {
            let left = &mut quota[usize::from(label)];
            let first = *left > 0;
            *left = left.saturating_sub(1);
            first
        };
        self.labels.iter().map(is_first).collect()
    }

    /// The images whose mark is `value`.
    fn part(&self, marks: &[bool], value: bool) -> Split {
        let chosen: Vec<usize> = (0..self.len()).filter(|&i| marks[i] == value).collect();
        let images: Vec<&[u8]> = chosen.iter().map(|&i| self.image(i)).collect();
        Split {
            images: images.concat(),
            labels: chosen.iter().map(|&i| self.labels[i]).collect(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
