//! The machine's matrix-product peak: what a network's speed is measured against.

use std::time::Instant;

use tch::{Device, Kind, Tensor};

use super::device::{compute_kind, wait};
use super::libtorch::Arithmetic;
use crate::config::Precision;
use crate::streams::{Purpose, stream, uniform};

/// Rows and columns: large enough on a CPU that nothing but the product counts, small enough for little memory.
const SIDE: i64 = 2048;
/// The most rows and columns.
const LARGEST_SIDE: i64 = 8192;
/// A product that takes less does not fill a GPU, and its launch counts.
const LONG_ENOUGH_S: f64 = 0.005;
/// Products that are measured at least.
const AT_LEAST: usize = 5;
/// Seconds after which no further product begins.
const SECONDS: f64 = 1.0;

/// Floating-point operations a second (a multiplication and an addition are two) of a large square matrix product
/// on a device, on the CPU with the threads that are set: the best of several, since a peak is what is looked for.
pub fn flop_per_s(precision: Precision, device: Device) -> f64 {
    let mut side = SIDE;
    loop {
        let speed = flop_per_s_of(precision, device, side);
        if side == LARGEST_SIDE || operations(side) / speed > LONG_ENOUGH_S {
            return speed;
        }
        side *= 2;
    }
}

fn operations(side: i64) -> f64 {
    2.0 * (side as f64).powi(3)
}

fn flop_per_s_of(precision: Precision, device: Device, side: i64) -> f64 {
    Arithmetic {
        tf32: precision == Precision::Tf32,
        ..Arithmetic::now()
    }
    .set();
    let kind = compute_kind(precision);
    let (a, b) = (matrix(side, 0, kind, device), matrix(side, 1, kind, device));
    let output = Tensor::zeros([side, side], (kind, device));
    // Sets libraries up.
    let _ = a.mm_out(&output, &b);
    wait(device);
    let (begun, mut fastest_s, mut done) = (Instant::now(), f64::INFINITY, 0);
    while done < AT_LEAST || begun.elapsed().as_secs_f64() < SECONDS {
        let started = Instant::now();
        let _ = a.mm_out(&output, &b);
        wait(device);
        fastest_s = started.elapsed().as_secs_f64().min(fastest_s);
        done += 1;
    }
    operations(side) / fastest_s
}

/// Random numbers from -1 to 1: a GPU needs less power for equal ones, and then computes faster than it ever does else.
fn matrix(side: i64, index: u64, kind: Kind, device: Device) -> Tensor {
    let mut stream = stream(0, Purpose::Probe, index);
    let numbers = (0..side * side).map(|_| 2.0 * uniform(&mut stream) as f32 - 1.0);
    let numbers = Tensor::from_slice(&numbers.collect::<Vec<f32>>());
    numbers.view([side, side]).to_device(device).to_kind(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_precision_has_a_product() {
        for precision in [Precision::F32, Precision::F64, Precision::Bf16] {
            let speed = flop_per_s_of(precision, Device::Cpu, 64);
            assert!(speed > 0.0 && speed.is_finite(), "{precision:?}: {speed}");
        }
    }
}
