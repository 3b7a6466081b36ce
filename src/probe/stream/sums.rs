//! Sums over images from which the moments of streams and the correlations of branches follow, whatever the parts that
//! the images come in.

use tch::{Kind, Tensor};

use crate::nn::layout::to_values;
use crate::stats::{mean, std_dev};

/// Sum over images and positions, `[channels]`.
fn by_channel(values: &Tensor) -> Tensor {
    values.sum_dim_intlist([0, 2, 3].as_slice(), false, Kind::Double)
}

/// Images and positions of `[N, C, H, W]`.
fn sites(values: &Tensor) -> f64 {
    let size = values.size();
    (size[0] * size[2] * size[3]) as f64
}

/// Of the stream at one place.
pub(super) struct StreamSums {
    images: i64,
    sites: f64,
    /// Σ x and Σ x² of each channel.
    values: Tensor,
    squares: Tensor,
    /// Σ x/‖x‖ over images.
    directions: Tensor,
    /// Σ over images and channels of squared gradients, `[H, W]`.
    gradients: Tensor,
}

impl StreamSums {
    /// Of a stream `[N, C, H, W]` and the gradient at it.
    pub fn of(stream: &Tensor, gradient: &Tensor) -> StreamSums {
        let stream = stream.detach().to_kind(Kind::Double);
        let gradient = gradient.detach().to_kind(Kind::Double);
        let squares = stream.square();
        let lengths = squares.sum_dim_intlist([1, 2, 3].as_slice(), true, Kind::Double);
        let directions = &stream / lengths.sqrt();
        StreamSums {
            images: stream.size()[0],
            sites: sites(&stream),
            values: by_channel(&stream),
            squares: by_channel(&squares),
            directions: directions.sum_dim_intlist([0].as_slice(), false, Kind::Double),
            gradients: gradient
                .square()
                .sum_dim_intlist([0, 1].as_slice(), false, Kind::Double),
        }
    }

    /// Of both together.
    pub fn with(&self, other: &StreamSums) -> StreamSums {
        StreamSums {
            images: self.images + other.images,
            sites: self.sites + other.sites,
            values: &self.values + &other.values,
            squares: &self.squares + &other.squares,
            directions: &self.directions + &other.directions,
            gradients: &self.gradients + &other.gradients,
        }
    }

    pub fn images(&self) -> usize {
        self.images as usize
    }

    pub fn channels(&self) -> usize {
        self.values.size()[0] as usize
    }

    pub fn second_moment(&self) -> f64 {
        mean(&to_values(&self.squares)) / self.sites
    }

    pub fn variance(&self) -> f64 {
        let means = &self.values / self.sites;
        let variances = &self.squares / self.sites - means.square();
        variances.mean(Kind::Double).double_value(&[])
    }

    /// Mean cosine of two images; NaN of one.
    pub fn similarity(&self) -> f64 {
        let images = self.images as f64;
        let all = self.directions.square().sum(Kind::Double).double_value(&[]);
        (all - images) / (images * (images - 1.0))
    }

    /// Mean over images of the squared gradients' sum over channels, `[1, 1, H, W]`.
    pub fn gradient_map(&self) -> Tensor {
        (&self.gradients / self.images as f64)
            .unsqueeze(0)
            .unsqueeze(0)
    }

    pub fn gradient(&self) -> f64 {
        self.gradient_map().sum(Kind::Double).double_value(&[])
    }
}

/// Of the two summands of a unit.
pub(super) struct BranchSums {
    sites: f64,
    /// Σ x, Σ f, Σ x², Σ f², Σ x·f of each channel, `[5, channels]`.
    sums: Tensor,
}

impl BranchSums {
    /// Of what a branch is added to, and the branch.
    pub fn of(shortcut: &Tensor, branch: &Tensor) -> BranchSums {
        let (x, f) = (shortcut.to_kind(Kind::Double), branch.to_kind(Kind::Double));
        let each = [&x, &f, &x.square(), &f.square(), &(&x * &f)].map(by_channel);
        BranchSums {
            sites: sites(&x),
            sums: Tensor::stack(&each, 0),
        }
    }

    /// Of both together.
    pub fn with(&self, other: &BranchSums) -> BranchSums {
        BranchSums {
            sites: self.sites + other.sites,
            sums: &self.sums + &other.sums,
        }
    }

    /// Mean and standard deviation over channels of the correlation; channels in which a summand is constant have none.
    pub fn correlations(&self) -> (f64, f64) {
        let means = &self.sums / self.sites;
        let row = |index: i64| to_values(&means.get(index));
        let (x, f, xx, ff, xf) = (row(0), row(1), row(2), row(3), row(4));
        let one = |channel: usize| {
            let spread = |second: f64, mean: f64| {
                let variance = second - mean * mean;
                // What is left of rounding is no variance.
                (variance > 1e-12 * second).then(|| variance.sqrt())
            };
            let covariance = xf[channel] - x[channel] * f[channel];
            let spreads = spread(xx[channel], x[channel])? * spread(ff[channel], f[channel])?;
            Some(covariance / spreads)
        };
        let found: Vec<f64> = (0..x.len()).filter_map(one).collect();
        (mean(&found), std_dev(&found))
    }
}
