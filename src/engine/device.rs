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

/// Refuses to train in a number format that the run's device does not have: what would be recorded would not be true.
pub fn check_precision(config: &RunConfig) -> Result<()> {
    match config.precision {
        Precision::Tf32 if !config.is_on_gpu() => Err(usage!(
            "precision = \"tf32\" is a way of NVIDIA's GPUs to compute, and the device is the CPU: use --device cuda, or precision = \"f32\""
        )),
        _ => Ok(()),
    }
}

/// Threads that a run has wherever it is run; single images gain nothing from a second one, nor does a GPU.
pub fn threads_wanted(config: &RunConfig) -> Option<usize> {
    match config.threads {
        0 if config.batch_size == 1 || config.is_on_gpu() => Some(1),
        0 => None,
        asked => Some(asked),
    }
}

/// Sets and returns the number of CPU threads where nothing is trained for long: the one asked for, else every core but
/// for single images and GPUs.
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
        Precision::F32 | Precision::Tf32 | Precision::Bf16 => Kind::Float,
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

    fn config(text: &str) -> RunConfig {
        RunConfig::from_table(text.parse().unwrap()).unwrap()
    }

    #[test]
    fn tf32_is_for_gpus() {
        let refused = check_precision(&config("precision = \"tf32\"")).unwrap_err();
        assert!(refused.to_string().contains("--device cuda"), "{refused}");
        assert!(check_precision(&config("precision = \"tf32\"\ndevice = \"cuda\"")).is_ok());
        assert_eq!(compute_kind(Precision::Tf32), Kind::Float);
    }

    #[test]
    fn single_images_and_gpus_take_one_thread_unless_more_are_asked_for() {
        let threads = |text: &str| threads_wanted(&config(text));
        assert_eq!(threads("batch_size = 50"), None);
        assert_eq!(threads("batch_size = 1"), Some(1));
        assert_eq!(threads("batch_size = 50\ndevice = \"cuda:1\""), Some(1));
        assert_eq!(threads("device = \"cuda\"\nthreads = 3"), Some(3));
    }
}
