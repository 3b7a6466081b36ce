//! The machine's matrix-product peak: what a network's speed is measured against.

use std::time::Instant;

use tch::{Device, Tensor};

use super::device::compute_kind;
use crate::config::Precision;

/// Rows and columns: large enough that nothing but the product counts, small enough for little memory.
const SIDE: i64 = 2048;
/// Products that are measured at least.
const AT_LEAST: usize = 5;
/// Seconds after which no further product begins.
const SECONDS: f64 = 1.0;

/// Floating-point operations a second (a multiplication and an addition are two) of a large square matrix product
/// with the threads that are set: the best of several, since a peak is what is looked for.
pub fn flop_per_s(precision: Precision) -> f64 {
    flop_per_s_of(precision, SIDE)
}

fn flop_per_s_of(precision: Precision, side: i64) -> f64 {
    let kind = compute_kind(precision);
    let matrix = |value: f64| Tensor::full([side, side], value, (kind, Device::Cpu));
    let (a, b, output) = (matrix(0.5), matrix(0.25), matrix(0.0));
    // Sets libraries up.
    let _ = a.mm_out(&output, &b);
    let operations = 2.0 * (side as f64).powi(3);
    let (begun, mut fastest_s, mut done) = (Instant::now(), f64::INFINITY, 0);
    while done < AT_LEAST || begun.elapsed().as_secs_f64() < SECONDS {
        let started = Instant::now();
        let _ = a.mm_out(&output, &b);
        fastest_s = started.elapsed().as_secs_f64().min(fastest_s);
        done += 1;
    }
    operations / fastest_s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_precision_has_a_product() {
        for precision in [Precision::F32, Precision::F64, Precision::Bf16] {
            let speed = flop_per_s_of(precision, 64);
            assert!(speed > 0.0 && speed.is_finite(), "{precision:?}: {speed}");
        }
    }
}
