//! What libtorch can and tch does not hand on: `native.cpp` has the other half, which build.rs compiles.

use std::ffi::{CStr, c_char};

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

unsafe extern "C" {
    fn normprop_at_least(x: *const C_tensor, least: f64, made: *mut *mut C_tensor) -> *mut c_char;
    fn normprop_sent(x: *const C_tensor, index: i8, made: *mut *mut C_tensor) -> *mut c_char;
    fn normprop_plus_product(
        x: *const C_tensor,
        a: *const C_tensor,
        b: *const C_tensor,
        factor: f64,
        made: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn normprop_sum_of_squares(
        tensors: *const *const C_tensor,
        count: usize,
        made: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn normprop_multiplied(
        tensors: *const *const C_tensor,
        count: usize,
        factor: *const C_tensor,
        made: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn normprop_sgd_step(
        of: *const ParameterHandles,
        lr: f64,
        decay: f64,
        momentum: f64,
        nesterov: bool,
    ) -> *mut c_char;
    fn normprop_adam_step(
        of: *const ParameterHandles,
        step: *const C_tensor,
        with: *const AdamNumbers,
    ) -> *mut c_char;
    fn normprop_rms_prop_step(
        of: *const ParameterHandles,
        with: *const RmsPropNumbers,
    ) -> *mut c_char;
}

/// max(x, `least`), whose derivative is 1 above `least`, 0 elsewhere.
pub fn at_least(x: &Tensor, least: f64) -> Tensor {
    let mut made = std::ptr::null_mut();
    // SAFETY: the pointers are those that tch calls libtorch with; without a message a tensor of ours was made.
    unsafe {
        check(normprop_at_least(x.as_ptr(), least, &mut made));
        owned(made)
    }
}

/// `x`, which lies on the host, on `device`. The host does not wait until it is there.
pub fn sent(x: &Tensor, device: Device) -> Tensor {
    let Device::Cuda(index) = device else {
        return x.to_device(device);
    };
    let index = i8::try_from(index).unwrap_or(i8::MAX);
    let mut made = std::ptr::null_mut();
    // SAFETY: as above.
    unsafe {
        check(normprop_sent(x.as_ptr(), index, &mut made));
        owned(made)
    }
}

/// x + `factor`·a·b, broadcast.
pub fn plus_product(x: &Tensor, a: &Tensor, b: &Tensor, factor: f64) -> Tensor {
    let mut made = std::ptr::null_mut();
    // SAFETY: as above.
    unsafe {
        let (x, a, b) = (x.as_ptr(), a.as_ptr(), b.as_ptr());
        check(normprop_plus_product(x, a, b, factor, &mut made));
        owned(made)
    }
}

/// Σᵢ‖tᵢ‖² of tensors on one device, as a single number in float64 there.
pub fn sum_of_squares(tensors: &[Tensor]) -> Tensor {
    let tensors = handles(tensors);
    let mut made = std::ptr::null_mut();
    // SAFETY: as above, and so many handles are there.
    unsafe {
        let (handles, count) = (tensors.as_ptr(), tensors.len());
        check(normprop_sum_of_squares(handles, count, &mut made));
        owned(made)
    }
}

/// Each tensor times `factor`, a single number of their element type on their device.
pub fn multiplied(tensors: &[Tensor], factor: &Tensor) -> Vec<Tensor> {
    let tensors = handles(tensors);
    let mut made = vec![std::ptr::null_mut(); tensors.len()];
    // SAFETY: as above; there is place for as many tensors as are given.
    unsafe {
        let (handles, count) = (tensors.as_ptr(), tensors.len());
        let into = made.as_mut_ptr();
        check(normprop_multiplied(handles, count, factor.as_ptr(), into));
        made.into_iter().map(|made| owned(made)).collect()
    }
}

/// Parameters, their gradients and what an optimizer keeps of each: of one element type, on one device, and gradients in
/// their parameters' order of memory.
pub struct ParameterLists<'t> {
    /// The parameters, which steps change.
    pub parameters: &'t [Tensor],
    /// Their gradients.
    pub gradients: &'t [Tensor],
    /// What is kept, up to three lists, which steps change.
    pub kept: Vec<Vec<Tensor>>,
}

/// The same as the other half takes it.
#[repr(C)]
struct ParameterHandles {
    parameters: *const *const C_tensor,
    gradients: *const *const C_tensor,
    kept: [*const *const C_tensor; 3],
    count: usize,
}

/// The numbers of a step of Adam: see [`AdamStep`](super::AdamStep).
#[repr(C)]
pub struct AdamNumbers {
    /// η.
    pub lr: f64,
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// λ.
    pub decay: f64,
    /// ε.
    pub eps: f64,
    /// Whether weight decay shrinks parameters (AdamW).
    pub decoupled: bool,
}

/// The numbers of a step of RMSProp: see [`RmsPropStep`](super::RmsPropStep).
#[repr(C)]
pub struct RmsPropNumbers {
    /// η.
    pub lr: f64,
    /// α.
    pub alpha: f64,
    /// ε.
    pub eps: f64,
    /// μ.
    pub momentum: f64,
    /// λ.
    pub decay: f64,
}

impl ParameterLists<'_> {
    /// A step of SGD with momentum; kept is v, which without momentum stays as it is.
    pub fn sgd_step(&self, lr: f64, decay: f64, momentum: f64, nesterov: bool) {
        // SAFETY: the lists are alive and as long as they say.
        self.call(|lists| unsafe { normprop_sgd_step(lists, lr, decay, momentum, nesterov) });
    }

    /// Step `t` of Adam; kept are m, v, and with AMSGrad the largest v.
    pub fn adam_step(&self, t: u64, numbers: &AdamNumbers) {
        let device = self.parameters[0].device();
        let step = Tensor::full([], t as f64, (Kind::Float, device));
        // SAFETY: as above.
        self.call(|lists| unsafe { normprop_adam_step(lists, step.as_ptr(), numbers) });
    }

    /// A step of RMSProp; kept are s, v, and a where it is centered.
    pub fn rms_prop_step(&self, numbers: &RmsPropNumbers) {
        // SAFETY: as above.
        self.call(|lists| unsafe { normprop_rms_prop_step(lists, numbers) });
    }

    fn call(&self, step: impl FnOnce(*const ParameterHandles) -> *mut c_char) {
        let count = self.parameters.len();
        let is_whole = |list: &[Tensor]| list.len() == count;
        assert!(is_whole(self.gradients) && self.kept.iter().all(|list| is_whole(list)));
        let (parameters, gradients) = (handles(self.parameters), handles(self.gradients));
        let kept: Vec<_> = self.kept.iter().map(|list| handles(list)).collect();
        let place = |index: usize| {
            kept.get(index)
                .map_or(std::ptr::null(), |list| list.as_ptr())
        };
        let lists = ParameterHandles {
            parameters: parameters.as_ptr(),
            gradients: gradients.as_ptr(),
            kept: [place(0), place(1), place(2)],
            count,
        };
        check(step(&lists));
    }
}

/// Tensors as the other half takes them; they must outlive the call.
fn handles(tensors: &[Tensor]) -> Vec<*const C_tensor> {
    tensors.iter().map(|t| t.as_ptr()).collect()
}

/// The tensor that the other half made.
///
/// # Safety
/// It made it, and nobody else has it.
unsafe fn owned(made: *mut C_tensor) -> Tensor {
    assert!(!made.is_null(), "libtorch made no tensor");
    // SAFETY: as the caller promises.
    unsafe { Tensor::from_ptr(made) }
}

/// Panics with libtorch's message, as tch's operations do.
fn check(message: *mut c_char) {
    // SAFETY: only what the other half returned is handed here.
    if let Some(text) = unsafe { refusal(message) } {
        panic!("libtorch: {text}");
    }
}

/// The message that a function of ours returned; nothing where it did its work.
///
/// # Safety
/// `message` is null, or a C string made with malloc that nobody else has; it is freed.
pub unsafe fn refusal(message: *mut c_char) -> Option<String> {
    if message.is_null() {
        return None;
    }
    // SAFETY: the other half made a C string for us to free.
    let text = unsafe { CStr::from_ptr(message).to_string_lossy().into_owned() };
    // SAFETY: it was allocated with malloc, and nobody else has it.
    unsafe { libc::free(message.cast()) };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_product_is_added() {
        let x = Tensor::linspace(-2.0, 2.0, 9, (Kind::Double, Device::Cpu));
        assert_eq!(plus_product(&x, &x, &Tensor::from(3.0), 0.5), &x * 2.5);
    }

    #[test]
    fn lists_are_summed_up_and_multiplied() {
        let first = Tensor::linspace(-2.0, 2.0, 9, (Kind::Float, Device::Cpu));
        let second = first.view([3, 3]).tr() * 0.1;
        let (squares, tensors) = (15.0 * 1.01, [first, second]);
        let sum = sum_of_squares(&tensors);
        assert_eq!((sum.kind(), sum.dim()), (Kind::Double, 0));
        assert!((sum.double_value(&[]) - squares).abs() < 1e-6);
        let halves = multiplied(&tensors, &Tensor::from(0.5_f32));
        assert_eq!(halves[1], &tensors[1] * 0.5);
        assert_eq!(halves.len(), 2);
    }

    #[test]
    #[should_panic(expected = "libtorch")]
    fn a_refusal_is_libtorch_s() {
        let _ = at_least(&Tensor::zeros([2], (Kind::Bool, Device::Cpu)), 0.5);
    }
}
