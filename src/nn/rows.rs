//! Weight rows in one pass over memory: what normalizing them costs when a step is nearly all overhead.
//!
//! At batch size 1 a network's time goes into its weights, and every tensor operation on them is a call and a pass over
//! memory. The functions here do in one pass what takes several operations, where [`kernels`](super::kernels) can work.
//! Elsewhere tensor operations do the same; tests hold the two equal.

use tch::{Kind, Tensor};

use super::kernels::{Real, dot, elements, elements_mut, in_memory, sum};
use super::{Update, layout, native};

/// Added to the squared length of a row before it is divided by.
const LENGTH_EPS: f64 = 1e-12;

/// Removes a row's mean where asked and divides it by its length √(‖row‖² + 1e-12).
pub fn make_unit<T: Real>(row: &mut [T], center: bool) {
    if center {
        let mean = T::of(sum(row) / row.len() as f64);
        row.iter_mut().for_each(|value| *value = *value - mean);
    }
    let factor = T::of((dot(row, row) + LENGTH_EPS).sqrt().recip());
    row.iter_mut().for_each(|value| *value = *value * factor);
}

/// The same for every row of a tensor, as tensor operations that can be differentiated.
pub fn unit(weight: &Tensor, center: bool) -> Tensor {
    let shape = weight.size();
    let rows = weight.flatten(1, -1);
    let rows = if center {
        &rows - rows.mean_dim([1].as_slice(), true, None)
    } else {
        rows
    };
    let squared = rows.square().sum_dim_intlist([1].as_slice(), true, None);
    (rows * (squared + LENGTH_EPS).rsqrt()).reshape(shape.as_slice())
}

/// A linear operation's weights K and bias d from rows W, gains γ and shifts β: K_r = γ_r·factor·W_r and
/// d_r = β_r·shift_factor + constant.
#[derive(Debug)]
pub struct ScaledRows {
    /// W, rows first.
    weight: Tensor,
    /// γ, one a row.
    gain: Tensor,
    /// β, one a row.
    shift: Tensor,
    /// A single 0 beside them, where all three are not where the kernels can work; that does not change.
    zero: Option<Tensor>,
}

/// The numbers that go into K and d.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeferredAffine {
    /// Multiplies every gain.
    pub factor: f64,
    /// Multiplies every shift.
    pub shift_factor: f64,
    /// Added to every shift then.
    pub constant: f64,
}

/// K and d as tensor operations that can be differentiated.
pub fn scaled(
    weight: &Tensor,
    gain: &Tensor,
    shift: &Tensor,
    deferred: DeferredAffine,
) -> (Tensor, Tensor) {
    let kernel = weight * by_row(&(gain * deferred.factor), weight);
    (kernel, shifted(shift, deferred))
}

/// d; the shifts themselves where nothing changes them.
fn shifted(shift: &Tensor, deferred: DeferredAffine) -> Tensor {
    let shift = match deferred.shift_factor {
        1.0 => shift.shallow_clone(),
        factor => shift * factor,
    };
    match deferred.constant {
        0.0 => shift,
        constant => shift + constant,
    }
}

impl ScaledRows {
    /// Works on these parameters, also after their values changed.
    pub fn new(weight: &Tensor, gain: &Tensor, shift: &Tensor) -> ScaledRows {
        let alike = |other: &Tensor| in_memory(other) && other.kind() == weight.kind();
        ScaledRows {
            weight: weight.detach(),
            gain: gain.detach(),
            shift: shift.detach(),
            zero: match in_memory(weight) && alike(gain) && alike(shift) {
                true => None,
                false => Some(Tensor::zeros([], (weight.kind(), weight.device()))),
            },
        }
    }

    /// K and d without recording: [`ScaledRows::vjp`] is the derivative.
    pub fn compute(&self, deferred: DeferredAffine) -> (Tensor, Tensor) {
        if let Some(zero) = &self.zero {
            let kernel = self.by_gain(zero, &self.weight, deferred.factor);
            return (kernel, shifted(&self.shift, deferred).detach());
        }
        let (kernel, bias) = (self.weight.empty_like(), self.shift.empty_like());
        match self.weight.kind() {
            Kind::Float => self.fill::<f32>(&kernel, &bias, deferred),
            _ => self.fill::<f64>(&kernel, &bias, deferred),
        }
        (kernel, bias)
    }

    /// From the gradient at K, whose memory it takes, to those at W and γ, for K_r = γ_r·factor·W_r. That at β is the one
    /// at d, times its factor.
    pub fn vjp(&self, by_kernel: Tensor, factor: f64) -> (Tensor, Tensor) {
        let by_kernel = by_kernel.to_kind(self.weight.kind());
        let by_kernel = layout::in_order_of(by_kernel, &self.weight);
        if let Some(zero) = &self.zero {
            let by_weight = self.by_gain(zero, &by_kernel, factor);
            return (by_weight, self.products(&by_kernel, factor));
        }
        let by_gain = self.gain.empty_like();
        match self.weight.kind() {
            Kind::Float => self.fill_back::<f32>(&by_kernel, &by_gain, factor),
            _ => self.fill_back::<f64>(&by_kernel, &by_gain, factor),
        }
        (by_kernel, by_gain)
    }

    /// Rows times γ·factor, as one operation.
    fn by_gain(&self, zero: &Tensor, rows: &Tensor, factor: f64) -> Tensor {
        native::plus_product(zero, rows, &by_row(&self.gain, rows), factor)
    }

    /// factor·⟨row, W_r⟩ of each row, as one operation.
    fn products(&self, rows: &Tensor, factor: f64) -> Tensor {
        let matrix = |t: &Tensor| layout::rows_in_place(t).unwrap_or_else(|| t.flatten(1, -1));
        let (rows, weight) = (matrix(rows).unsqueeze(1), matrix(&self.weight).unsqueeze(2));
        // With a factor of 0 the sums are added to nothing.
        let sums = self
            .gain
            .view([-1, 1, 1])
            .baddbmm(&rows, &weight, 0.0, factor);
        sums.flatten(0, -1)
    }

    fn fill<T: Real>(&self, kernel: &Tensor, bias: &Tensor, deferred: DeferredAffine) {
        // SAFETY: all are in memory with this element type; the two written to were just made, in the order of others.
        let (kernel, bias, weight, gain, shift) = unsafe {
            (
                elements_mut::<T>(kernel),
                elements_mut::<T>(bias),
                elements::<T>(&self.weight),
                elements::<T>(&self.gain),
                elements::<T>(&self.shift),
            )
        };
        let length = (weight.len() / gain.len().max(1)).max(1);
        let rows = kernel.chunks_mut(length).zip(weight.chunks(length));
        let channels = gain.iter().zip(shift).zip(bias);
        for ((kernel, row), ((&gain, &shift), bias)) in rows.zip(channels) {
            let factor = gain * T::of(deferred.factor);
            for (out, &value) in kernel.iter_mut().zip(row) {
                *out = value * factor;
            }
            *bias = shift * T::of(deferred.shift_factor) + T::of(deferred.constant);
        }
    }

    fn fill_back<T: Real>(&self, by_kernel: &Tensor, by_gain: &Tensor, factor: f64) {
        // SAFETY: all are in memory with this element type, `by_kernel` in the order of the weight; the two written to
        // belong to the caller.
        let (by_kernel, by_gain, weight, gain) = unsafe {
            (
                elements_mut::<T>(by_kernel),
                elements_mut::<T>(by_gain),
                elements::<T>(&self.weight),
                elements::<T>(&self.gain),
            )
        };
        let length = (weight.len() / gain.len().max(1)).max(1);
        let rows = by_kernel.chunks_mut(length).zip(weight.chunks(length));
        for ((by_kernel, row), (&gain, by_gain)) in rows.zip(gain.iter().zip(by_gain)) {
            *by_gain = T::of(factor * dot(by_kernel, row));
            let factor_of_row = gain * T::of(factor);
            for value in by_kernel {
                *value = *value * factor_of_row;
            }
        }
    }
}

/// A vector with one number a row, shaped so that it multiplies rows.
pub fn by_row(vector: &Tensor, weight: &Tensor) -> Tensor {
    let mut shape = vec![1; weight.dim()];
    if let Some(rows) = shape.first_mut() {
        *rows = -1;
    }
    vector.reshape(shape.as_slice())
}

/// Σ of each row.
pub fn sum_of_rows(rows: &Tensor) -> Tensor {
    rows.flatten(1, -1)
        .sum_dim_intlist([1].as_slice(), false, None::<Kind>)
}

/// Makes every row of a tensor in any memory unit, in place.
pub fn make_all_unit(weight: &Tensor, center: bool) {
    tch::no_grad(|| {
        let Some(mut rows) = layout::rows_in_place(weight) else {
            return weight.shallow_clone().copy_(&unit(weight, center));
        };
        if center {
            let _ = rows.g_sub_(&rows.mean_dim([1].as_slice(), true, None));
        }
        // √(‖row‖² + 1e-12)
        let lengths = rows.norm_scalaropt_dim(2.0, [1].as_slice(), true);
        let lengths = lengths.hypot(&Tensor::from(LENGTH_EPS.sqrt()));
        let _ = rows.g_div_(&lengths);
    });
}

/// An optimizer's step on every row, which is then made unit again, in one pass. Does nothing and says so where that is
/// not possible.
#[must_use]
pub fn step_and_make_unit(
    update: &Update,
    weight: &Tensor,
    gradient: &Tensor,
    kept: &[Tensor],
    center: bool,
) -> bool {
    let possible = update.is_in_memory(weight, gradient, kept);
    match weight.kind() {
        _ if !possible => {}
        Kind::Float => step_rows::<f32>(update, weight, gradient, kept, center),
        _ => step_rows::<f64>(update, weight, gradient, kept, center),
    }
    possible
}

fn step_rows<T: Real>(
    update: &Update,
    weight: &Tensor,
    gradient: &Tensor,
    kept: &[Tensor],
    center: bool,
) {
    let rows = weight
        .size()
        .first()
        .map_or(1, |&rows| rows.max(1) as usize);
    // SAFETY: distinct tensors in memory, alike, with this element type, on which libtorch computes nothing now.
    let (weight, gradient, kept) = unsafe {
        let kept: Vec<&mut [T]> = kept.iter().map(|kept| elements_mut::<T>(kept)).collect();
        (elements_mut::<T>(weight), elements::<T>(gradient), kept)
    };
    let length = (weight.len() / rows).max(1);
    let parts = weight.chunks_mut(length).zip(gradient.chunks(length));
    let mut of_rows: Vec<_> = kept.into_iter().map(|all| all.chunks_mut(length)).collect();
    let mut of_row = Vec::with_capacity(of_rows.len());
    for (row, gradient) in parts {
        of_row.clear();
        of_row.extend(of_rows.iter_mut().filter_map(Iterator::next));
        update.advance(row, gradient, &mut of_row);
        make_unit(row, center);
    }
}

#[cfg(test)]
mod tests;
