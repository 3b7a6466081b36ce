//! Devices, threads and number formats.

use anyhow::Result;
use tch::{Cuda, Device, Kind};

use crate::config::{Precision, RunConfig, cuda_number};
use crate::usage;

/// The device called `name`; one that is not there is an error, never a silent fallback.
pub fn find(name: &str) -> Result<Device> {
    let Some(index) = cuda_number(name).map_err(|what| usage!("{what}"))? else {
        return Ok(Device::Cpu);
    };
    let found = Cuda::device_count().max(0) as usize;
    if !Cuda::is_available() || index >= found {
        return Err(usage!(
            "device = \"{name}\": this libtorch sees {found} CUDA devices; use --device cpu, \
             or set up a CUDA libtorch with scripts/setup --cuda"
        ));
    }
    Ok(Device::Cuda(index))
}

/// Threads that a run has wherever it is run; single images gain nothing from a second one.
pub fn threads_wanted(config: &RunConfig) -> Option<usize> {
    match config.threads {
        0 if config.batch_size == 1 => Some(1),
        0 => None,
        asked => Some(asked),
    }
}

/// Sets and returns the number of CPU threads where nothing is trained for long: the one asked for, else every core but
/// for single images.
pub fn set_threads(config: &RunConfig) -> usize {
    use_threads(threads_wanted(config).unwrap_or_else(cores))
}

/// The number of cores.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

/// Sets the number of CPU threads, and returns it.
pub fn use_threads(threads: usize) -> usize {
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    threads
}

/// Waits until a device has done all that was begun. The CPU has, whenever it is asked.
pub fn wait(device: Device) {
    if let Device::Cuda(index) = device {
        Cuda::synchronize(index as i64);
    }
}

/// The element type of parameters.
pub fn kind(precision: Precision) -> Kind {
    match precision {
        Precision::F32 | Precision::Bf16 => Kind::Float,
        Precision::F64 => Kind::Double,
    }
}

/// The element type of what flows from block to block.
pub fn compute_kind(precision: Precision) -> Kind {
    match precision {
        Precision::Bf16 => Kind::BFloat16,
        other => kind(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_absent_devices_are_named() {
        assert_eq!(find("cpu").unwrap(), Device::Cpu);
        assert!(
            find("gpu")
                .unwrap_err()
                .to_string()
                .contains("cpu, cuda or cuda:N")
        );
        let error = find("cuda:99").unwrap_err().to_string();
        assert!(error.contains("cuda:99") && error.contains("CUDA devices"));
    }
}
