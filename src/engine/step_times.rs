//! Where the time of a training step goes.

/// Seconds of one training step, by phase. They leave nothing out but the reading of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StepTimes {
    /// Until images and labels are there as tensors.
    pub data_s: f64,
    /// The network, the loss and what is recorded of it.
    pub forward_s: f64,
    /// The gradients.
    pub backward_s: f64,
    /// The optimizer, and what methods do after its step.
    pub update_s: f64,
}
