//! Devices, threads and number formats.

use anyhow::Result;
use tch::{Cuda, Device, Kind};

use crate::config::{Precision, RunConfig};
use crate::usage;

/// The device called `name`; one that is not there is an error, never a silent fallback.
pub fn find(name: &str) -> Result<Device> {
    let index = match name {
        "cpu" => return Ok(Device::Cpu),
        "cuda" => 0,
        other => match other.strip_prefix("cuda:").map(str::parse::<usize>) {
            Some(Ok(index)) => index,
            _ => return Err(usage!("device = \"{name}\": expected cpu, cuda or cuda:N")),
        },
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

/// Sets and returns the number of CPU threads: the one asked for, else every core but for single images.
///
/// At batch size 1 and small widths handing work to a second thread costs more than it saves.
pub fn set_threads(config: &RunConfig) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let threads = match config.threads {
        0 if config.batch_size == 1 => 1,
        0 => cores,
        asked => asked,
    };
    tch::set_num_threads(threads as i32);
    threads
}

/// The element type of `precision`.
pub fn kind(precision: Precision) -> Kind {
    match precision {
        Precision::F32 => Kind::Float,
        Precision::F64 => Kind::Double,
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
