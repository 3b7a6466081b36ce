//! The squared length of a gradient, where it was computed.

use tch::Tensor;

/// ‖g‖² over all parameters, in float64.
#[derive(Debug)]
pub enum SquaredLength {
    /// A number.
    Host(f64),
    /// A single number on another device, for which nobody has waited.
    Device(Tensor),
}

impl SquaredLength {
    /// The number; waits for the device.
    pub fn value(&self) -> f64 {
        match self {
            SquaredLength::Host(value) => *value,
            SquaredLength::Device(tensor) => tensor.double_value(&[]),
        }
    }
}
