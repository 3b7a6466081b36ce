//! The update of one parameter.
//!
//! For a parameter p with gradient g and coefficient λ, g' = c·g + λ·p is what the optimizer's formula ([`StepFormula`])
//! takes; c ≤ 1 clips the gradient's length over all parameters. AdamW leaves λ·p out of g' and shrinks p itself.

mod adam_step;
mod formula;
mod rms_prop_step;
mod sgd_step;
mod step_settings;

use tch::{Kind, Tensor};

use super::kernels::{Real, alike, elements, elements_mut};
pub use adam_step::AdamStep;
pub use formula::{StepFormula, decay_of_half_life};
pub use rms_prop_step::RmsPropStep;
pub use sgd_step::SgdStep;
use step_settings::StepSettings;

/// A parameter's own way of being updated, instead of [`Update::apply`].
///
/// What the optimizer keeps of the parameter is saved with the run; further state belongs into buffers of the layer.
pub trait UpdateRule: std::fmt::Debug {
    /// Updates `parameter` and what is `kept` of it ([`StepFormula::kept`]) in place. Called without gradients being
    /// recorded.
    fn update(&self, parameter: &Tensor, gradient: &Tensor, kept: &[Tensor], update: &Update);

    /// Whether it is a step of its own that stands beside SGD only: the formula of another optimizer would have to be
    /// derived for it. The others take [`Update::apply`] and change what it gave.
    fn needs_sgd(&self) -> bool {
        false
    }
}

/// The settings of one parameter's update.
#[derive(Debug, Clone, Copy)]
pub struct Update {
    /// c, the factor that clips the gradient.
    pub scale: f64,
    /// λ of this parameter.
    pub decay: f64,
    /// η.
    pub lr: f64,
    /// What moves the parameter.
    pub formula: StepFormula,
    /// [`StepFormula::bias`] of this step.
    pub bias: [f64; 2],
}

impl Update {
    /// The step of the formula on one parameter and what is kept of it.
    pub fn apply(&self, parameter: &Tensor, gradient: &Tensor, kept: &[Tensor]) {
        if !self.is_in_memory(parameter, gradient, kept) {
            return tch::no_grad(|| self.advance_tensors(parameter, gradient, kept));
        }
        match parameter.kind() {
            Kind::Float => self.apply_in_one_pass::<f32>(parameter, gradient, kept),
            _ => self.apply_in_one_pass::<f64>(parameter, gradient, kept),
        }
    }

    /// Whether one pass over memory can take the step.
    pub fn is_in_memory(&self, parameter: &Tensor, gradient: &Tensor, kept: &[Tensor]) -> bool {
        alike(parameter, gradient) && kept.iter().all(|kept| alike(parameter, kept))
    }

    fn settings(&self) -> StepSettings {
        let Update {
            scale,
            decay,
            lr,
            bias,
            ..
        } = *self;
        StepSettings {
            scale,
            decay,
            lr,
            bias,
        }
    }

    /// The step as tensor operations: any device, any element type, any order in memory.
    fn advance_tensors(&self, parameter: &Tensor, gradient: &Tensor, kept: &[Tensor]) {
        let settings = self.settings();
        match &self.formula {
            StepFormula::Sgd(step) => step.advance_tensors(&settings, parameter, gradient, kept),
            StepFormula::Adam(step) => step.advance_tensors(&settings, parameter, gradient, kept),
            StepFormula::RmsProp(step) => {
                step.advance_tensors(&settings, parameter, gradient, kept)
            }
        }
    }

    /// The step in one pass over memory.
    fn apply_in_one_pass<T: Real>(&self, parameter: &Tensor, gradient: &Tensor, kept: &[Tensor]) {
        // SAFETY: distinct tensors in memory, alike, with this element type, alive for this call; libtorch computes
        // nothing on them meanwhile.
        let (parameter, gradient, mut kept) = unsafe {
            let kept: Vec<&mut [T]> = kept.iter().map(|kept| elements_mut::<T>(kept)).collect();
            (elements_mut::<T>(parameter), elements::<T>(gradient), kept)
        };
        self.advance(parameter, gradient, &mut kept);
    }

    /// The step element by element.
    pub fn advance<T: Real>(&self, parameter: &mut [T], gradient: &[T], kept: &mut [&mut [T]]) {
        let settings = self.settings();
        match &self.formula {
            StepFormula::Sgd(step) => step.advance(&settings, parameter, gradient, kept),
            StepFormula::Adam(step) => step.advance(&settings, parameter, gradient, kept),
            StepFormula::RmsProp(step) => step.advance(&settings, parameter, gradient, kept),
        }
    }
}

/// ‖gradient‖², summed in float64.
pub fn squared_length(gradient: &Tensor) -> f64 {
    let flat = gradient.to_kind(Kind::Double);
    (&flat * &flat).sum(Kind::Double).double_value(&[])
}

#[cfg(test)]
mod tests;
