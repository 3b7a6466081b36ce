//! What a GPU is and what drives it, asked of the libraries that a libtorch with CUDA has loaded.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use tch::Device;

use super::libtorch;
use crate::record::machine::Gpu;

/// What CUDA's functions return where all is well.
const SUCCESS: c_int = 0;
/// Where Linux tells the version of NVIDIA's driver.
const DRIVER: &str = "/proc/driver/nvidia/version";

/// The GPU behind a device, as far as it can be told; `None` for the CPU.
pub fn gpu(device: Device) -> Option<Gpu> {
    let Device::Cuda(index) = device else {
        return None;
    };
    let driver = std::fs::read_to_string(DRIVER).ok();
    Some(Gpu {
        name: name(index),
        driver: driver.as_deref().and_then(driver_in).map(str::to_owned),
        cuda: runtime_version().map(cuda_text),
        cudnn: libtorch::cudnn_version().map(cudnn_text),
    })
}

/// The name that CUDA's driver has for device `index` of those that this process sees.
fn name(index: usize) -> Option<String> {
    let init = function(c"cuInit")?;
    let get = function(c"cuDeviceGet")?;
    let get_name = function(c"cuDeviceGetName")?;
    // SAFETY: these are the functions of CUDA's driver interface under these names, which never change their arguments.
    let (init, get, get_name) = unsafe {
        (
            std::mem::transmute::<*mut c_void, extern "C" fn(c_uint) -> c_int>(init),
            std::mem::transmute::<*mut c_void, extern "C" fn(*mut c_int, c_int) -> c_int>(get),
            std::mem::transmute::<*mut c_void, extern "C" fn(*mut c_char, c_int, c_int) -> c_int>(
                get_name,
            ),
        )
    };
    let (mut device, mut text) = (0, [0_u8; 256]);
    let length = text.len() as c_int;
    let worked = init(0) == SUCCESS
        && get(&mut device, index as c_int) == SUCCESS
        && get_name(text.as_mut_ptr().cast(), length, device) == SUCCESS;
    let name = CStr::from_bytes_until_nul(&text).ok()?;
    worked.then(|| name.to_string_lossy().into_owned())
}

/// The version of CUDA's runtime in this process, as it numbers it.
fn runtime_version() -> Option<c_int> {
    let found = function(c"cudaRuntimeGetVersion")?;
    // SAFETY: the function of CUDA's runtime under this name has these arguments.
    let get =
        unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(*mut c_int) -> c_int>(found) };
    let mut version = 0;
    (get(&mut version) == SUCCESS).then_some(version)
}

/// A function of the libraries in this process, or of CUDA's driver, which the runtime loads by itself.
fn function(name: &CStr) -> Option<*mut c_void> {
    let found = |handle| {
        // SAFETY: the handle is one of a library that stays loaded, or that of all of them.
        let found = unsafe { libc::dlsym(handle, name.as_ptr()) };
        (!found.is_null()).then_some(found)
    };
    found(libc::RTLD_DEFAULT).or_else(|| {
        // SAFETY: its initializers are those that libtorch runs anyway.
        let driver = unsafe { libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_LAZY) };
        (!driver.is_null()).then(|| found(driver)).flatten()
    })
}

/// The driver's version in the text of [`DRIVER`].
fn driver_in(text: &str) -> Option<&str> {
    let (_, rest) = text.lines().next()?.split_once("Kernel Module")?;
    let mut words = rest.split_whitespace();
    words.find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
}

/// 13020 is 13.2.
fn cuda_text(version: c_int) -> String {
    format!("{}.{}", version / 1000, version % 1000 / 10)
}

/// 92000 is 9.20.0; before version 9 it was 8902 for 8.9.2.
fn cudnn_text(version: i64) -> String {
    let major = if version < 10_000 { 1000 } else { 10_000 };
    let (minor, patch) = (version % major / 100, version % 100);
    format!("{}.{minor}.{patch}", version / major)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_their_makers_write_them() {
        let closed = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version: 12.2.0\n";
        let open = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder)\n";
        assert_eq!(driver_in(closed), Some("535.104.05"));
        assert_eq!(driver_in(open), Some("580.65.06"));
        assert_eq!(driver_in(""), None);
        assert_eq!(
            [12_040, 13_000, 13_020].map(cuda_text),
            ["12.4", "13.0", "13.2"]
        );
        assert_eq!(
            [92_000, 90_100, 8902].map(cudnn_text),
            ["9.20.0", "9.1.0", "8.9.2"]
        );
    }

    #[test]
    fn the_cpu_is_no_gpu() {
        assert_eq!(gpu(Device::Cpu), None);
    }
}
