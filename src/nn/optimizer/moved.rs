//! Parameters on their way through a step of the optimizer.

use tch::Tensor;

use crate::nn::adaptive_clip::clip;
use crate::nn::block::LAST;
use crate::nn::parameters::Parameter;
use crate::nn::update::Update;

/// A parameter's part in a step.
pub struct MovedParameter<'p> {
    /// The parameter.
    pub parameter: &'p Parameter,
    /// What is kept of it.
    pub kept: &'p [Tensor],
    /// The settings of its update.
    pub update: Update,
}

impl MovedParameter<'_> {
    /// What the formula takes of a gradient whose units `clip_units` clips; nothing where the parameter's rule has moved it.
    pub fn before_step(&self, mut gradient: Tensor, clip_units: f64) -> Option<Tensor> {
        let parameter = self.parameter;
        // A single number that starts at 0, such as a branch's factor, would hardly move if it were clipped.
        let is_single = parameter.tensor.numel() == 1;
        if clip_units > 0.0 && parameter.layer() != LAST && !is_single {
            gradient = clip(&parameter.tensor, &gradient, clip_units);
        }
        match &parameter.rule {
            None => Some(gradient),
            Some(rule) => rule.before_step(&parameter.tensor, &gradient, self.kept, &self.update),
        }
    }

    /// Behind the formula's step.
    pub fn after_step(&self) {
        if let Some(rule) = &self.parameter.rule {
            rule.after_step(&self.parameter.tensor);
        }
    }
}

/// Parameters that the formula moves with the same settings, and what it takes.
pub struct MovedTogether<'p> {
    /// The settings of its update.
    pub update: Update,
    parts: Vec<MovedParameter<'p>>,
    gradients: Vec<Tensor>,
}

impl<'p> MovedTogether<'p> {
    /// No parameters yet.
    pub fn of(update: Update) -> MovedTogether<'p> {
        MovedTogether {
            update,
            parts: Vec::new(),
            gradients: Vec::new(),
        }
    }

    /// Adds one whose settings are these.
    pub fn add(&mut self, part: MovedParameter<'p>, gradient: Tensor) {
        self.parts.push(part);
        self.gradients.push(gradient);
    }

    /// The step of all of them.
    pub fn step(self) {
        let tensors = self.parts.iter().map(|part| &part.parameter.tensor);
        let tensors: Vec<Tensor> = tensors.map(Tensor::shallow_clone).collect();
        let kept: Vec<&[Tensor]> = self.parts.iter().map(|part| part.kept).collect();
        self.update.apply_to_all(&tensors, self.gradients, &kept);
        self.parts.iter().for_each(MovedParameter::after_step);
    }
}
