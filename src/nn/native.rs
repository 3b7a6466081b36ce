//! What libtorch can and tch does not hand on: `native.cpp` has the other half, which build.rs compiles.

use std::ffi::{CStr, c_char};

use tch::Tensor;
use torch_sys::C_tensor;

unsafe extern "C" {
    fn normprop_at_least(x: *const C_tensor, least: f64, made: *mut *mut C_tensor) -> *mut c_char;
}

/// max(x, `least`), whose derivative is 1 above `least`, 0 elsewhere.
pub fn at_least(x: &Tensor, least: f64) -> Tensor {
    let mut made = std::ptr::null_mut();
    // SAFETY: the pointers are those that tch calls libtorch with; without a message a tensor of ours was made.
    unsafe {
        check(normprop_at_least(x.as_ptr(), least, &mut made));
        assert!(!made.is_null(), "libtorch made no tensor");
        Tensor::from_ptr(made)
    }
}

/// Panics with libtorch's message, as tch's operations do.
fn check(message: *mut c_char) {
    if message.is_null() {
        return;
    }
    // SAFETY: the other half made a C string for us to free.
    let text = unsafe { CStr::from_ptr(message).to_string_lossy().into_owned() };
    // SAFETY: it was allocated with malloc, and nobody else has it.
    unsafe { libc::free(message.cast()) };
    panic!("libtorch: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn it_is_a_shifted_relu_with_its_derivative() {
        let x = Tensor::linspace(-2.0, 2.0, 9, (Kind::Double, Device::Cpu));
        let leaf = x.copy().set_requires_grad(true);
        let found = at_least(&(&leaf - 0.4), -0.4);
        assert_eq!(found.detach(), (x.relu() - 0.4).maximum(&(&x - 0.4)));
        let gradient =
            Tensor::run_backward(&[&found.square().sum(Kind::Double)], &[&leaf], false, false);
        let expected = (&x - 0.4) * 2.0 * x.gt(0.0);
        assert!((&gradient[0] - expected).abs().max().double_value(&[]) < 1e-15);
    }

    #[test]
    #[should_panic(expected = "libtorch")]
    fn a_refusal_is_libtorch_s() {
        let _ = at_least(&Tensor::zeros([2], (Kind::Bool, Device::Cpu)), 0.5);
    }
}
