//! Training on a device that is not the CPU, without owning one: `device.cpp` stands in for CUDA's first device.
//!
//! What holds there is what the program's own calls decide: numbers equal to the CPU's, nothing that mixes devices, and
//! how many operations, waits and copies a step takes. Counts are a test of speed that no noise touches. docs/gpu.md says
//! what this cannot show.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;
mod counts;
mod diverging;
mod load;
mod measured;
mod placed;
mod program;
mod same;
mod started;
#[allow(dead_code, reason = "tests/survive uses all of it")]
#[path = "../survive/training.rs"]
mod training;
