//! What an optimizer's formula is given for one step of one parameter.

/// The numbers of [`Update`](super::Update) that formulas compute with.
#[derive(Debug, Clone, Copy)]
pub struct StepSettings {
    /// c, the factor that clips the gradient.
    pub scale: f64,
    /// λ of this parameter.
    pub decay: f64,
    /// η.
    pub lr: f64,
    /// [`StepFormula::bias`](super::StepFormula::bias) of this step.
    pub bias: [f64; 2],
}
