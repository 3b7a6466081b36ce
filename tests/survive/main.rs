//! What ends a training ends nothing for good: kills, signals, damaged files, full disks, bad data. In the end the
//! same command gives what an uninterrupted run gives, bit for bit.

#[cfg(target_os = "linux")]
mod campaign;
#[path = "../common/mod.rs"]
mod common;
mod damage;
mod data;
mod disk;
mod kill;
mod memory;
mod pause;
mod signals;
mod training;
