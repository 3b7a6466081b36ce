//! How libtorch computes on CUDA devices, and what it is: what tch does not hand on. `libtorch.cpp` has the other half,
//! which build.rs compiles.

use std::ffi::{CStr, c_char, c_int, c_long};
use std::sync::LazyLock;

use crate::config::{Precision, RunConfig};
use crate::nn::native::refusal;

/// Version of the tch crate.
pub const TCH_VERSION: &str = env!("NORMPROP_TCH");

unsafe extern "C" {
    fn normprop_set_arithmetic(tf32: bool, deterministic: bool) -> *mut c_char;
    fn normprop_arithmetic(tf32: *mut bool, deterministic: *mut bool) -> *mut c_char;
    fn normprop_libtorch_compiled() -> *const c_char;
    fn normprop_libtorch_config(made: *mut *mut c_char) -> *mut c_char;
    fn normprop_cudnn_version(version: *mut c_long) -> *mut c_char;
    fn normprop_device_memory(device: c_int, now: *mut i64, peak: *mut i64) -> *mut c_char;
    fn normprop_reset_device_peak(device: c_int) -> *mut c_char;
}

/// How CUDA devices compute. It is the whole process's; on the CPU it changes nothing that we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arithmetic {
    /// Whether products of float32 may round their factors to the 10 bits of TF32.
    pub tf32: bool,
    /// Whether the same input gives the same bits, as far as there are such kernels.
    pub deterministic: bool,
}

impl Arithmetic {
    /// What a run asks for. On the CPU, where every kernel gives the same bits, libtorch stays as it is.
    pub fn of(config: &RunConfig) -> Arithmetic {
        Arithmetic {
            tf32: config.precision == Precision::Tf32,
            deterministic: config.deterministic && config.is_on_gpu(),
        }
    }

    /// Lets libtorch compute so from now on.
    pub fn set(self) {
        // SAFETY: a plain call.
        let refused = unsafe { refusal(normprop_set_arithmetic(self.tf32, self.deterministic)) };
        assert!(refused.is_none(), "libtorch: {refused:?}");
    }

    /// How libtorch computes now.
    pub fn now() -> Arithmetic {
        let (mut tf32, mut deterministic) = (false, false);
        // SAFETY: both places are ours.
        let refused = unsafe { refusal(normprop_arithmetic(&mut tf32, &mut deterministic)) };
        assert!(refused.is_none(), "libtorch: {refused:?}");
        Arithmetic {
            tf32,
            deterministic,
        }
    }
}

/// Version of the libtorch in this process.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let mut made = std::ptr::null_mut();
        // SAFETY: the place is ours.
        let refused = unsafe { refusal(normprop_libtorch_config(&mut made)) };
        // SAFETY: a text of the other half is ours to free, as a message is.
        let text = refused.xor(unsafe { refusal(made) }).unwrap_or_default();
        version_in(&text).unwrap_or("unknown").to_owned()
    });
    &VERSION
}

/// Version of libtorch that this program was compiled for.
pub fn version_compiled_for() -> &'static str {
    // SAFETY: the other half's constant.
    let text = unsafe { CStr::from_ptr(normprop_libtorch_compiled()) };
    text.to_str().unwrap_or("unknown")
}

/// The version in what libtorch says of how it was built.
fn version_in(config: &str) -> Option<&str> {
    let (_, rest) = config.split_once("TORCH_VERSION=")?;
    rest.split([',', '\n']).next()
}

/// Version of cuDNN in this process, as cuDNN numbers it; `None` where there is none.
pub fn cudnn_version() -> Option<i64> {
    let mut version = 0;
    // SAFETY: the place is ours.
    match unsafe { refusal(normprop_cudnn_version(&mut version)) } {
        None => Some(version),
        Some(_) => None,
    }
}

/// Bytes that tensors take on CUDA device `device`: now, and at most since [`reset_device_peak`]; `None` where libtorch
/// does not count them.
pub fn device_bytes(device: usize) -> Option<(i64, i64)> {
    let (mut now, mut peak) = (0, 0);
    // SAFETY: both places are ours.
    let refused = unsafe { refusal(normprop_device_memory(device as c_int, &mut now, &mut peak)) };
    refused.is_none().then_some((now, peak))
}

/// Resets the peak to what tensors take now, where libtorch counts it.
pub fn reset_device_peak(device: usize) {
    // SAFETY: a plain call.
    unsafe { refusal(normprop_reset_device_peak(device as c_int)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_what_libtorch_has() {
        let before = Arithmetic::now();
        for (tf32, deterministic) in [(true, true), (false, true), (true, false), (false, false)] {
            let asked = Arithmetic {
                tf32,
                deterministic,
            };
            asked.set();
            assert_eq!(Arithmetic::now(), asked);
        }
        before.set();
    }

    #[test]
    fn float32_is_float32_and_the_same_bits_unless_a_run_asks_for_something_else() {
        let of =
            |text: &str| Arithmetic::of(&RunConfig::from_table(text.parse().unwrap()).unwrap());
        let pair = |text: &str| (of(text).tf32, of(text).deterministic);
        assert_eq!(pair("device = \"cuda\""), (false, true));
        assert_eq!(
            pair("device = \"cuda:1\"\nprecision = \"bf16\""),
            (false, true)
        );
        assert_eq!(
            pair("device = \"cuda\"\nprecision = \"tf32\""),
            (true, true)
        );
        assert_eq!(
            pair("device = \"cuda\"\ndeterministic = false"),
            (false, false)
        );
        assert_eq!(pair(""), (false, false));
    }

    #[test]
    fn the_library_in_this_process_is_the_one_that_we_were_compiled_for() {
        assert_eq!(version(), version_compiled_for());
        assert_eq!(
            version_in("- Settings: A=1, TORCH_VERSION=2.9.1, B=0"),
            Some("2.9.1")
        );
        assert_eq!(version_in("nothing"), None);
    }
}
