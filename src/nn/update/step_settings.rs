//! What an optimizer's formula is given for one step.

/// The numbers of [`Update`](super::Update) that formulas compute with.
#[derive(Debug, Clone, Copy)]
pub struct StepSettings {
    /// λ of this parameter.
    pub decay: f64,
    /// η.
    pub lr: f64,
    /// t = 1, 2, …, which step it is.
    pub step: u64,
    /// [`StepFormula::bias`](super::StepFormula::bias) of this step.
    pub bias: [f64; 2],
}
