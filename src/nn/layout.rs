//! Channels last: the memory order in which libtorch's convolutions, pools and batch norms move least on a CPU.
//!
//! A tensor `[N, C, H, W]` keeps its shape; its memory is ordered N, H, W, C. libtorch hands the order on from a
//! convolution's operands to its result, so images and weights made so keep a whole network in it. Weights keep one
//! row (all that an output sees) in one piece either way.

use tch::{Device, Kind, Tensor};

use super::native;

/// `tensor` in channels-last order where it has four dimensions, contiguous otherwise; for values without gradients.
///
/// The strides are stated even where an extent is 1 and several would serve: libtorch judges the order by them.
pub fn channels_last(tensor: &Tensor) -> Tensor {
    let size = tensor.size();
    let &[images, channels, height, width] = size.as_slice() else {
        return tensor.contiguous();
    };
    in_channels_last(
        &tensor.permute([0, 2, 3, 1]).contiguous(),
        [images, channels, height, width],
    )
}

/// The tensor `[N, C, H, W]` whose values lie in memory as those of `values`, which is contiguous.
pub fn in_channels_last(values: &Tensor, size: [i64; 4]) -> Tensor {
    let [_, channels, height, width] = size;
    let strides = [height * width * channels, 1, width * channels, channels];
    values.as_strided(size, strides, None)
}

/// A batch of pixels `[N, C, H, W]` as the tensor that a network takes, in channels-last order.
pub fn images(pixels: &[f32], size: [i64; 4], kind: Kind, device: Device) -> Tensor {
    let pixels = Tensor::from_slice(pixels).reshape(size);
    native::sent(&channels_last(&pixels), device).to_kind(kind)
}

/// Shape and strides of a tensor. Each is a call of libtorch and an allocation, which counts where a step is short: what
/// asks several questions asks them of this.
pub struct MemoryOrder {
    size: Vec<i64>,
    strides: Vec<i64>,
}

impl MemoryOrder {
    /// That of a tensor.
    pub fn of(tensor: &Tensor) -> MemoryOrder {
        MemoryOrder {
            size: tensor.size(),
            strides: tensor.stride(),
        }
    }

    /// Whether a tensor fills its memory without gaps, in any order of dimensions.
    pub fn is_dense(&self) -> bool {
        let dimensions = self.strides.iter().zip(&self.size);
        let mut dimensions: Vec<(i64, i64)> = dimensions.map(|(&s, &e)| (s, e)).collect();
        dimensions.sort_unstable();
        let mut expected = 1;
        dimensions
            .into_iter()
            .filter(|&(_, extent)| extent != 1)
            .all(|(stride, extent)| {
                let fits = stride == expected;
                expected *= extent;
                fits
            })
    }

    /// Whether all of a first index lies in one piece: so it does in both orders, and not in a transposed matrix.
    pub fn keeps_rows_whole(&self) -> bool {
        match (self.size.first(), self.strides.first()) {
            (Some(&rows), Some(&stride)) => {
                rows == 1 || stride * rows == self.size.iter().product::<i64>()
            }
            _ => true,
        }
    }

    /// Whether two dense tensors have the same shape and order: element i of one memory is element i of the other's.
    /// Strides of extents of 1, which lead nowhere, may differ.
    pub fn matches(&self, other: &MemoryOrder) -> bool {
        let mut of_each = self.strides.iter().zip(&other.strides).zip(&self.size);
        self.size == other.size && of_each.all(|((a, b), &extent)| a == b || extent == 1)
    }
}

/// Whether the two have the same shape and order in memory, without gaps.
pub fn matches(one: &Tensor, other: &Tensor) -> bool {
    let order = MemoryOrder::of(one);
    order.matches(&MemoryOrder::of(other)) && order.is_dense()
}

/// All that belongs to a first index as a row of a matrix that shares the tensor's memory, in the order of that memory;
/// nothing where that is not possible.
pub fn rows_in_place(tensor: &Tensor) -> Option<Tensor> {
    let order = MemoryOrder::of(tensor);
    let possible = order.is_dense() && order.keeps_rows_whole();
    possible.then(|| {
        let rows = order.size.first().map_or(1, |&rows| rows.max(1));
        let length = tensor.numel() as i64 / rows;
        tensor.as_strided([rows, length], [length, 1], None)
    })
}

/// `tensor` in the order of `like`, which it equals in shape.
pub fn in_order_of(tensor: Tensor, like: &Tensor) -> Tensor {
    if matches(&tensor, like) {
        return tensor;
    }
    let mut ordered = like.empty_like();
    ordered.copy_(&tensor);
    ordered
}

/// Every `stride`-th row and column of maps `[N, C, H, W]`, from the first on: a view of them.
pub fn subsampled(maps: &Tensor, stride: i64) -> Tensor {
    let rows = maps.slice(2, None, None, stride);
    rows.slice(3, None, None, stride)
}

/// The values of a tensor in row-major order.
pub fn to_values(tensor: &Tensor) -> Vec<f64> {
    let host = tensor
        .detach()
        .to_device(Device::Cpu)
        .to_kind(Kind::Double)
        .contiguous();
    let count = host.numel();
    let mut values = vec![0.0; count];
    host.copy_data(&mut values, count);
    values
}

/// The same of each of several tensors; on a device they are read together, so that the host waits once.
pub fn values_of_all(tensors: &[&Tensor]) -> Vec<Vec<f64>> {
    if tensors.iter().all(|tensor| tensor.device() == Device::Cpu) {
        return tensors.iter().map(|tensor| to_values(tensor)).collect();
    }
    let flat: Vec<Tensor> = tensors.iter().map(|tensor| tensor.flatten(0, -1)).collect();
    let mut values = to_values(&Tensor::cat(&flat, 0)).into_iter();
    let counts = tensors.iter().map(|tensor| tensor.numel());
    let own = |count| values.by_ref().take(count).collect();
    counts.map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(tensor: &Tensor) -> bool {
        MemoryOrder::of(tensor).is_dense()
    }

    fn whole(tensor: &Tensor) -> bool {
        MemoryOrder::of(tensor).keeps_rows_whole()
    }

    fn counted(shape: &[i64]) -> Tensor {
        let count: i64 = shape.iter().product();
        Tensor::arange(count, (Kind::Float, Device::Cpu)).reshape(shape)
    }

    #[test]
    fn values_stay_and_strides_are_stated_whatever_the_extents() {
        for shape in [[2, 3, 4, 5], [2, 1, 4, 5], [2, 3, 1, 1], [1, 1, 1, 1]] {
            let plain = counted(&shape);
            let last = channels_last(&plain);
            assert_eq!(last, plain);
            let [_, c, h, w] = shape;
            assert_eq!(last.stride(), [h * w * c, 1, w * c, c]);
            assert!(dense(&last) && dense(&plain));
        }
        assert!(channels_last(&counted(&[3, 4]).tr()).is_contiguous());
    }

    #[test]
    fn a_convolution_keeps_the_order() {
        let (images, weight) = (counted(&[2, 1, 6, 6]), counted(&[3, 1, 3, 3]));
        let out = channels_last(&images).conv2d(
            &channels_last(&weight),
            None::<Tensor>,
            [1, 1],
            [1, 1],
            [1, 1],
            1,
        );
        assert_eq!(out.stride(), [108, 1, 18, 3]);
    }

    #[test]
    fn orders_are_compared_and_changed() {
        let plain = counted(&[2, 3, 4, 5]);
        let last = channels_last(&plain);
        assert!(!matches(&plain, &last) && matches(&last, &last.copy()));
        let back = in_order_of(last.shallow_clone(), &plain);
        assert!(matches(&back, &plain) && back == plain);
        assert!(!dense(&plain.narrow(3, 0, 2)));
        assert!(whole(&plain) && whole(&last));
        let transposed = counted(&[3, 4]).tr();
        assert!(dense(&transposed) && !whole(&transposed));
        assert!(rows_in_place(&transposed).is_none());
        let rows = rows_in_place(&last).unwrap();
        let mut first = Vec::<f64>::try_from(rows.get(0)).unwrap();
        assert_eq!(first[..4], [0.0, 20.0, 40.0, 1.0]);
        first.sort_by(f64::total_cmp);
        assert_eq!(first, to_values(&plain.get(0)));
        // One position: both orders are the same.
        let kernel = counted(&[3, 4, 1, 1]);
        assert!(matches(&kernel, &channels_last(&kernel)));
        assert!(!matches(&kernel, &counted(&[4, 3, 1, 1])));
    }
}
