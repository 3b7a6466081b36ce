//! Access to tensors' memory, and sums over it, for what would cost several passes as tensor operations.
//!
//! For float32 and float64 on the CPU, in any dense memory order that keeps a row in one piece.

use num_traits::{AsPrimitive, Float};
use tch::{Device, Kind, Tensor};

use super::layout::MemoryOrder;

/// Partial sums kept apart, so that a row's sum is neither serial nor inaccurate.
const LANES: usize = 16;
/// Elements after which float32 partial sums are added up in float64.
const STRETCH: usize = 1024;

/// An element type of the kernels.
pub trait Real: Float + AsPrimitive<f64> + Send + Sync {
    /// Nearest value.
    fn of(value: f64) -> Self;
}

impl Real for f32 {
    fn of(value: f64) -> f32 {
        value as f32
    }
}

impl Real for f64 {
    fn of(value: f64) -> f64 {
        value
    }
}

/// Whether a tensor lies in memory where the kernels can work: on the CPU, float32 or float64, without gaps, each row
/// in one piece.
pub fn in_memory(tensor: &Tensor) -> bool {
    alike(tensor, [])
}

/// Whether other tensors lie there element by element like this one.
pub fn alike<'t>(one: &Tensor, others: impl IntoIterator<Item = &'t Tensor>) -> bool {
    let (kind, order) = (one.kind(), MemoryOrder::of(one));
    let is_like = |other: &Tensor| {
        let is_near = other.device() == Device::Cpu && other.kind() == kind;
        is_near && order.matches(&MemoryOrder::of(other))
    };
    one.device() == Device::Cpu
        && matches!(kind, Kind::Float | Kind::Double)
        && order.is_dense()
        && order.keeps_rows_whole()
        && others.into_iter().all(is_like)
}

/// The elements of a tensor in the order of its memory.
///
/// # Safety
/// The tensor is [`in_memory`] with element type `T`, outlives the slice, and nothing writes to it meanwhile.
pub(super) unsafe fn elements<'t, T: Real>(tensor: &Tensor) -> &'t [T] {
    // SAFETY: as the caller promises; a dense tensor's elements start at its pointer and have no gaps.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr() as *const T, tensor.numel()) }
}

/// The same, to write to.
///
/// # Safety
/// As for [`elements`], and nothing else reads or writes it meanwhile.
pub(super) unsafe fn elements_mut<'t, T: Real>(tensor: &Tensor) -> &'t mut [T] {
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr() as *mut T, tensor.numel()) }
}

/// Σ aᵢ·bᵢ in float64, from short partial sums of the element type.
pub fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    let mut total = 0.0;
    for (a, b) in a.chunks(STRETCH).zip(b.chunks(STRETCH)) {
        let mut partial = [T::zero(); LANES];
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for ((sum, &a), &b) in partial.iter_mut().zip(a).zip(b) {
                *sum = *sum + a * b;
            }
        }
        for ((sum, &a), &b) in partial.iter_mut().zip(a_rest).zip(b_rest) {
            *sum = *sum + a * b;
        }
        total += partial.iter().map(|sum| -> f64 { sum.as_() }).sum::<f64>();
    }
    total
}

/// Σ tᵢ² of a tensor that is [`in_memory`], as [`dot`] sums.
pub fn sum_of_squares(tensor: &Tensor) -> f64 {
    fn of<T: Real>(tensor: &Tensor) -> f64 {
        assert!(in_memory(tensor), "a tensor elsewhere");
        // SAFETY: it is in memory, and its caller has chosen its element type.
        let elements = unsafe { elements::<T>(tensor) };
        dot(elements, elements)
    }
    match tensor.kind() {
        Kind::Float => of::<f32>(tensor),
        _ => of::<f64>(tensor),
    }
}

/// Σ aᵢ in float64.
pub fn sum<T: Real>(a: &[T]) -> f64 {
    let of_stretch = |stretch: &[T]| {
        let mut partial = [T::zero(); LANES];
        let (whole, rest) = stretch.as_chunks::<LANES>();
        for lanes in whole {
            for (sum, &a) in partial.iter_mut().zip(lanes) {
                *sum = *sum + a;
            }
        }
        for (sum, &a) in partial.iter_mut().zip(rest) {
            *sum = *sum + a;
        }
        partial.iter().map(|sum| -> f64 { sum.as_() }).sum::<f64>()
    };
    a.chunks(STRETCH).map(of_stretch).sum()
}
