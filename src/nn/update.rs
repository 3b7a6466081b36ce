//! The update of parameters.
//!
//! For a parameter p with gradient g and coefficient λ, g' = g + λ·p is what the optimizer's formula ([`StepFormula`])
//! takes. AdamW leaves λ·p out of g' and shrinks p itself.

mod adam_step;
mod formula;
mod rms_prop_step;
mod sgd_step;
mod step_settings;

use tch::{Kind, Tensor};

use super::kernels::{Real, alike, elements, elements_mut};
use super::layout;
use super::native::ParameterLists;
pub use adam_step::AdamStep;
pub use formula::{StepFormula, decay_of_half_life};
pub use rms_prop_step::RmsPropStep;
pub use sgd_step::SgdStep;
use step_settings::StepSettings;

/// What a parameter has of its own beside the optimizer's formula. Called without gradients being recorded.
///
/// What the optimizer keeps of the parameter is saved with the run; further state belongs into buffers of the layer.
pub trait UpdateRule: std::fmt::Debug {
    /// In front of the formula's step: what it takes in place of `gradient`; may change what is `kept`
    /// ([`StepFormula::kept`]). `None` where the rule has moved the parameter itself, and nothing is left to do.
    fn before_step(
        &self,
        _parameter: &Tensor,
        gradient: &Tensor,
        _kept: &[Tensor],
        _update: &Update,
    ) -> Option<Tensor> {
        Some(gradient.shallow_clone())
    }

    /// Behind the formula's step: may change the parameter.
    fn after_step(&self, _parameter: &Tensor) {}

    /// Whether it is derived for SGD only: the formula of another optimizer would have to be derived for it.
    fn needs_sgd(&self) -> bool {
        false
    }
}

/// The settings of a parameter's update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// λ of this parameter.
    pub decay: f64,
    /// η.
    pub lr: f64,
    /// What moves the parameter.
    pub formula: StepFormula,
    /// t = 1, 2, …, which step it is.
    pub step: u64,
    /// [`StepFormula::bias`] of this step.
    pub bias: [f64; 2],
}

impl Update {
    /// The step of the formula on one parameter and what is kept of it.
    pub fn apply(&self, parameter: &Tensor, gradient: &Tensor, kept: &[Tensor]) {
        if !self.is_in_memory(parameter, gradient, kept) {
            let kept: Vec<&[Tensor]> = vec![kept];
            let (parameter, gradient) = (parameter.shallow_clone(), gradient.shallow_clone());
            return self.apply_to_all(&[parameter], vec![gradient], &kept);
        }
        match parameter.kind() {
            Kind::Float => self.apply_in_one_pass::<f32>(parameter, gradient, kept),
            _ => self.apply_in_one_pass::<f64>(parameter, gradient, kept),
        }
    }

    /// The step of the formula on parameters of one element type on one device, by libtorch's functions for lists: few
    /// operations, however many parameters there are.
    pub fn apply_to_all(&self, parameters: &[Tensor], gradients: Vec<Tensor>, kept: &[&[Tensor]]) {
        let pairs = gradients.into_iter().zip(parameters);
        // Libtorch goes through the memories of both side by side.
        let gradients = pairs.map(|(gradient, p)| layout::in_order_of(gradient, p));
        let gradients: Vec<Tensor> = gradients.collect();
        let of_each = |place: usize| kept.iter().map(move |kept| kept[place].shallow_clone());
        let lists = (0..self.formula.kept().len()).map(|place| of_each(place).collect());
        let lists = ParameterLists {
            parameters,
            gradients: &gradients,
            kept: lists.collect(),
        };
        let settings = self.settings();
        tch::no_grad(|| match &self.formula {
            StepFormula::Sgd(step) => step.advance_lists(&settings, &lists),
            StepFormula::Adam(step) => step.advance_lists(&settings, &lists),
            StepFormula::RmsProp(step) => step.advance_lists(&settings, &lists),
        });
    }

    /// Whether one pass over memory can take the step.
    pub fn is_in_memory(&self, parameter: &Tensor, gradient: &Tensor, kept: &[Tensor]) -> bool {
        alike(parameter, std::iter::once(gradient).chain(kept))
    }

    fn settings(&self) -> StepSettings {
        let Update {
            decay,
            lr,
            step,
            bias,
            ..
        } = *self;
        StepSettings {
            decay,
            lr,
            step,
            bias,
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
