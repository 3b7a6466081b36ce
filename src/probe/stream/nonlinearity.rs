//! Nonlinearity coefficients of the maps from each place of the stream to the last one.
//!
//! Tr(J·Cov·Jᵀ) = E_u uᵀJ·Cov·Jᵀu for u of independent signs, and gᵀ·Cov·g with g = Jᵀu is the mean over images of
//! (g·(x − x̄))²: a backward pass for each u.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::taps::Taps;
use crate::nn::{Network, Pass, init};
use crate::probe::jacobian::signs;

/// Vectors u for each image.
const VECTORS: u64 = 4;

/// One coefficient a place, on these images; 1 at the last place.
pub(super) fn measure(
    network: &Network,
    images: &Tensor,
    pass: &dyn Fn() -> Pass,
) -> Result<Vec<f64>> {
    let mut sums: Vec<f64> = Vec::new();
    let mut spread = f64::NAN;
    for vector in 0..VECTORS {
        let pass = pass();
        let taps = Taps::of(network, images, &pass);
        let values: Vec<Tensor> = taps.streams.iter().map(|s| centered(&s.value())).collect();
        let top = taps.streams[taps.streams.len() - 1].value();
        let along = (&top * signs(&top, 0, vector)).sum(None::<Kind>);
        let gradients = taps.gradients(&along, &pass);
        let count = images.size()[0] as f64;
        sums.resize(values.len(), 0.0);
        for ((sum, value), gradient) in sums.iter_mut().zip(&values).zip(&gradients) {
            let gradient = gradient.flatten(1, -1).to_kind(Kind::Double);
            let products = gradient.matmul(&value.tr());
            *sum += products.square().sum(Kind::Double).double_value(&[]) / (count * count);
        }
        if let Some(last) = values.last() {
            spread = init::row_norms(last)
                .square()
                .mean(Kind::Double)
                .double_value(&[]);
        }
    }
    let coefficient = |sum: &f64| (sum / VECTORS as f64 / spread).sqrt();
    let mut found: Vec<f64> = sums.iter().map(coefficient).collect();
    if let Some(last) = found.last_mut() {
        *last = 1.0;
    }
    Ok(found)
}

/// Each image's value as a row, less the mean over images, in float64.
fn centered(value: &Tensor) -> Tensor {
    let rows = value.detach().flatten(1, -1).to_kind(Kind::Double);
    &rows - rows.mean_dim([0].as_slice(), true, Kind::Double)
}
