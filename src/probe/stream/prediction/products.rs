//! Products of a signal's values, averaged over channels: of an image with itself and of two images, position by position.

use std::f64::consts::PI;

use tch::{Kind, Tensor};

use crate::nn::layout;

/// Mean products over channels.
pub(super) struct Products {
    /// q of each image, `[n, 1, H, W]`.
    pub second: Tensor,
    /// p of two images at one position, `[pairs, 1, H, W]`.
    pub same: Tensor,
    /// p of two images, each with itself too, half a map apart: so far that the mean of a channel is what they share,
    /// `[pairs with themselves, 1, H, W]`.
    pub apart: Tensor,
}

/// The first and second image of each pair; `itself` counts pairs of an image with itself.
fn pairs(images: i64, itself: bool) -> (Tensor, Tensor) {
    let from = |i: i64| if itself { i } else { i + 1 };
    let all = (0..images).flat_map(|i| (from(i)..images).map(move |j| (i, j)));
    let (first, second): (Vec<i64>, Vec<i64>) = all.unzip();
    (Tensor::from_slice(&first), Tensor::from_slice(&second))
}

/// Each map half a map further.
fn shifted(maps: &Tensor) -> Tensor {
    let size = maps.size();
    maps.roll([size[2] / 2, size[3] / 2], [2, 3])
}

fn mean(values: &Tensor) -> f64 {
    values.mean(Kind::Double).double_value(&[])
}

/// E f(z)·f(z′) for E z·z′ = `p` and √(E z²·E z′²) = `root`.
fn kernel(p: &Tensor, root: &Tensor, slope: f64) -> Tensor {
    if slope == 1.0 {
        return p.shallow_clone();
    }
    let cos = (p / root.clamp_min(f64::MIN_POSITIVE)).clamp(-1.0, 1.0);
    let sin: Tensor = 1.0 - cos.square();
    let arc: Tensor = PI - cos.acos();
    root * (sin.sqrt() + arc * cos) * ((1.0 - slope).powi(2) / (2.0 * PI)) + p * slope
}

impl Products {
    /// Of a signal `[n, C, H, W]`.
    pub fn of(signal: &Tensor) -> Products {
        let mean = |products: Tensor| products.mean_dim([1].as_slice(), true, Kind::Double);
        let apart = shifted(signal);
        let images = signal.size()[0];
        let with_later = |other: &Tensor, distance: i64| {
            // An image at a time: all pairs at once would not fit in memory.
            let rows = (0..images).map(|i| {
                let from = (i + distance).min(images);
                let later = other.narrow(0, from, images - from);
                mean(signal.narrow(0, i, 1) * later)
            });
            Tensor::cat(&rows.collect::<Vec<_>>(), 0)
        };
        Products {
            second: mean(signal.square()),
            same: with_later(signal, 1),
            apart: with_later(&apart, 0),
        }
    }

    pub fn shallow_clone(&self) -> Products {
        self.each(Tensor::shallow_clone)
    }

    fn each(&self, map: impl Fn(&Tensor) -> Tensor) -> Products {
        Products {
            second: map(&self.second),
            same: map(&self.same),
            apart: map(&self.apart),
        }
    }

    fn each_with(&self, other: &Products, map: impl Fn(&Tensor, &Tensor) -> Tensor) -> Products {
        Products {
            second: map(&self.second, &other.second),
            same: map(&self.same, &other.same),
            apart: map(&self.apart, &other.apart),
        }
    }

    /// Of c·x with c² = `factor`.
    pub fn scaled(&self, factor: f64) -> Products {
        self.each(|products| products * factor)
    }

    /// Of x + f for an independent f.
    pub fn plus(&self, other: &Products) -> Products {
        self.each_with(other, |one, other| one + other)
    }

    /// Of every `stride`-th row and column.
    pub fn strided(&self, stride: i64) -> Products {
        self.each(|maps| layout::subsampled(maps, stride))
    }

    /// Each product times a factor, and shifted.
    pub fn scaled_and_shifted(&self, factor: f64, shift: f64) -> Products {
        self.each(|products| products * factor + shift)
    }

    /// What `map` makes of the products, and the part `share` of what it makes of those that are common to all channels.
    pub fn with_common(
        &self,
        common: &Products,
        map: impl Fn(&Tensor) -> Tensor,
        share: &Tensor,
    ) -> Products {
        self.each_with(common, |products, common| {
            map(products) + map(common) * share
        })
    }

    /// Of (f(z) + offset)·scale, f(z) = z for z > 0 and `slope`·z otherwise, and of its mean over channels alone.
    pub fn through_activation(&self, slope: f64, offset: f64, scale: f64) -> (Products, Products) {
        let means = self.second.sqrt() * ((1.0 - slope) / (2.0 * PI).sqrt());
        let common = Products::of_maps(&(&means + offset));
        let roots = Products::of_maps(&self.second.sqrt());
        // E (f(z) + o)(f(z′) + o) is E f(z)·f(z′) with the product of means replaced by that of shifted means.
        let values = self
            .each_with(&roots, |p, root| kernel(p, root, slope))
            .plus(&common)
            .each_with(&Products::of_maps(&means), |sum, plain| sum - plain);
        (values.scaled(scale * scale), common.scaled(scale * scale))
    }

    /// Products of numbers that each image has at each position, `[n, 1, H, W]`.
    fn of_maps(maps: &Tensor) -> Products {
        let with = |other: &Tensor, itself: bool| {
            let (first, second) = pairs(maps.size()[0], itself);
            let device = maps.device();
            let other = other.index_select(0, &second.to_device(device));
            maps.index_select(0, &first.to_device(device)) * other
        };
        Products {
            second: maps.square(),
            same: with(maps, false),
            apart: with(&shifted(maps), true),
        }
    }

    /// Height and width.
    pub fn sides(&self) -> (i64, i64) {
        let size = self.second.size();
        (size[2], size[3])
    }

    /// E x².
    pub fn second_moment(&self) -> f64 {
        mean(&self.second)
    }

    /// Mean over channels of their squared means.
    pub fn squared_mean(&self) -> f64 {
        let images = self.second.size()[0];
        let (first, second) = pairs(images, true);
        // Two images stand for both orders of them.
        let weights = first.ne_tensor(&second).to_kind(Kind::Double) + 1.0;
        let by_pair = self
            .apart
            .mean_dim([1, 2, 3].as_slice(), false, Kind::Double);
        let sum = (by_pair * weights.to_device(self.apart.device())).sum(Kind::Double);
        (sum.double_value(&[]) / (images * images) as f64).max(0.0)
    }

    /// Mean cosine of two images; NaN of one.
    pub fn similarity(&self) -> f64 {
        let total = |maps: &Tensor| maps.sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Double);
        let lengths = total(&self.second).sqrt();
        let (first, second) = pairs(lengths.size()[0], false);
        let take = |index: Tensor| lengths.index_select(0, &index.to_device(lengths.device()));
        mean(&(total(&self.same) / (take(first) * take(second))))
    }

    /// Variance over images at each position, `[1, 1, H, W]`.
    pub fn variance_map(&self) -> Tensor {
        let over_images = |maps: &Tensor| maps.mean_dim([0].as_slice(), true, Kind::Double);
        over_images(&self.second) - over_images(&self.same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::{Activation, gaussian_expectation, moments_at};

    /// E f(z)·f(z′) over z and, for each z, over z′ ~ N(c·z, q′ − c²·q) with c = p/q.
    #[test]
    fn products_behind_an_activation_are_those_of_two_gaussians() {
        for slope in [0.0, 0.2, -0.5, 1.0] {
            let f = Activation::LeakyRelu { slope };
            for (q, other, p) in [
                (1.0, 1.0, 0.6),
                (0.5, 2.0, -0.4),
                (3.0, 1.5, 0.0),
                (1.0, 1.0, 1.0),
            ] {
                let (c, rest): (f64, f64) = (p / q, other - p * p / q);
                let inner = |z: f64| f.value(z) * moments_at(f, c * z, rest.max(0.0).sqrt()).mean;
                let expected = gaussian_expectation(inner, 0.0, f64::sqrt(q), &[0.0]);
                let tensor = |value: f64| Tensor::from_slice(&[value]);
                let found = kernel(&tensor(p), &tensor((q * other).sqrt()), slope);
                let gap = (found.double_value(&[0]) - expected).abs();
                assert!(gap < 1e-9, "{slope} {q} {other} {p}: {gap:e}");
            }
        }
    }

    #[test]
    fn products_of_a_signal_are_those_of_its_images() {
        let signal = Tensor::arange(2 * 3 * 4, (Kind::Double, tch::Device::Cpu)).sin();
        let signal = signal.view([2, 3, 2, 2]);
        let products = Products::of(&signal);
        assert!((products.second_moment() - mean(&signal.square())).abs() < 1e-12);
        assert_eq!(products.same.size(), [1, 1, 2, 2]);
        assert_eq!(products.apart.size(), [3, 1, 2, 2]);
        let (one, other) = (signal.get(0).flatten(0, -1), signal.get(1).flatten(0, -1));
        let cosine = one.dot(&other) / (one.norm() * other.norm());
        assert!((products.similarity() - cosine.double_value(&[])).abs() < 1e-12);
        // Each position meets the one half a map away.
        let over_images = signal.mean_dim([0].as_slice(), true, Kind::Double) + 0.5;
        let products = Products::of(&(&signal + 0.5));
        let across = mean(&(&over_images * shifted(&over_images)));
        assert!(across > 0.1 && (products.squared_mean() - across).abs() < 1e-12);
    }
}
