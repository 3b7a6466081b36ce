//! The optimizer: a step over all parameters, with state that can be saved.
//!
//! Each parameter is updated by its own rule, or by the optimizer's formula ([`Update`]).

mod moved;
mod squared_length;

use anyhow::{Result, bail};
use tch::{Device, Tensor};

use super::parameters::Parameter;
use super::update::{StepFormula, Update};
use super::{Parameters, Role, kernels, layout, native};
use moved::{MovedParameter, MovedTogether};
pub use squared_length::SquaredLength;

/// Settings that stay the same over a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerConfig {
    /// What moves the parameters.
    pub formula: StepFormula,
    /// λ of the weights.
    pub weight_decay: f64,
    /// Apply λ to gains, shifts and activation parameters too.
    pub decay_all: bool,
    /// Multiplies the learning rate of gains.
    pub gain_lr_factor: f64,
    /// Multiplies the learning rate of shifts and biases.
    pub shift_lr_factor: f64,
    /// Longest gradient; 0 does not clip.
    pub clip_norm: f64,
    /// λ of adaptive gradient clipping in every layer but the last, and of all but single numbers; 0 does not clip.
    pub clip_units: f64,
}

impl OptimizerConfig {
    /// This formula and nothing beside it: no weight decay, no clipping, the same rate for all.
    pub const fn plain(formula: StepFormula) -> OptimizerConfig {
        OptimizerConfig {
            formula,
            weight_decay: 0.0,
            decay_all: false,
            gain_lr_factor: 1.0,
            shift_lr_factor: 1.0,
            clip_norm: 0.0,
            clip_units: 0.0,
        }
    }

    /// What the learning rate of parameters of this role is multiplied by.
    fn rate_factor(&self, role: Role) -> f64 {
        match role {
            Role::Gain => self.gain_lr_factor,
            Role::Shift => self.shift_lr_factor,
            Role::Weight | Role::Activation | Role::Buffer => 1.0,
        }
    }
}

/// An optimizer with what it keeps of each trained parameter.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    /// What [`StepFormula::kept`] names, of each parameter in the order of [`Parameters::trainable`].
    kept: Vec<Vec<Tensor>>,
    /// Steps done, which are saved as those of the training.
    pub steps: u64,
}

impl Optimizer {
    /// An optimizer at rest for the trained parameters.
    ///
    /// # Errors
    /// A parameter with a rule that stands beside SGD only, and another formula.
    pub fn new(config: OptimizerConfig, parameters: &Parameters) -> Result<Optimizer> {
        let is_sgd = matches!(config.formula, StepFormula::Sgd(_));
        for parameter in parameters.trainable() {
            let needs_sgd = parameter.rule.as_ref().is_some_and(|rule| rule.needs_sgd());
            if needs_sgd && !is_sgd {
                let name = &parameter.name;
                bail!("{name} is moved by a step of its own, which stands beside SGD only");
            }
        }
        let count = config.formula.kept().len();
        let at_rest = |tensor: &Tensor| (0..count).map(|_| tensor.detach().zeros_like()).collect();
        let kept = parameters.trainable().map(|p| at_rest(&p.tensor));
        Ok(Optimizer {
            config,
            kept: kept.collect(),
            steps: 0,
        })
    }

    /// Everything that it keeps, by the names that checkpoints use.
    pub fn state<'o>(
        &'o self,
        parameters: &'o Parameters,
    ) -> impl Iterator<Item = (String, &'o Tensor)> {
        let of_each = parameters.trainable().zip(&self.kept);
        of_each.flat_map(|(parameter, kept)| {
            let names = self.config.formula.kept().iter();
            let names = names.map(|what| format!("{what}.{}", parameter.name));
            names.zip(kept)
        })
    }

    /// Whether a tensor of a checkpoint is called as the state of an optimizer is.
    pub fn is_state(name: &str) -> bool {
        let mut names = StepFormula::ALL_KEPT.iter();
        names.any(|what| {
            name.strip_prefix(what)
                .is_some_and(|of| of.starts_with('.'))
        })
    }

    /// One step; `gradients` in the order of [`Parameters::trainable`]. Returns the squared length of the
    /// gradient before clipping.
    pub fn step(
        &mut self,
        parameters: &Parameters,
        gradients: &[Tensor],
        lr: f64,
    ) -> SquaredLength {
        self.steps += 1;
        tch::no_grad(|| match parameters.device {
            Device::Cpu => SquaredLength::Host(self.step_on_cpu(parameters, gradients, lr)),
            _ => SquaredLength::Device(self.step_on_device(parameters, gradients, lr)),
        })
    }

    /// Parameter by parameter. Returns the squared length of the gradient.
    fn step_on_cpu(&self, parameters: &Parameters, gradients: &[Tensor], lr: f64) -> f64 {
        let pairs = parameters.trainable().zip(gradients);
        let in_order = |(parameter, gradient): (&Parameter, &Tensor)| {
            layout::in_order_of(gradient.shallow_clone(), &parameter.tensor)
        };
        let mut gradients: Vec<Tensor> = pairs.map(in_order).collect();
        let clips = self.config.clip_norm > 0.0;
        let mut squared = 0.0;
        if clips {
            squared = gradients.iter().map(kernels::sum_of_squares).sum();
            let factor = self.config.clip_norm / squared.sqrt();
            if factor < 1.0 {
                gradients.iter_mut().for_each(|g| *g = &*g * factor);
            }
        }
        for (part, gradient) in self.parts(parameters, lr).zip(gradients) {
            // Right before the step reads it, where that is soon enough.
            if !clips {
                squared += kernels::sum_of_squares(&gradient);
            }
            if let Some(gradient) = part.before_step(gradient, self.config.clip_units) {
                part.update
                    .apply(&part.parameter.tensor, &gradient, part.kept);
                part.after_step();
            }
        }
        squared
    }

    /// The same on another device, in few operations and without a number that the host waits for: the gradient's length
    /// and the factor that clips it stay there, and parameters whose settings are equal move together.
    fn step_on_device(&self, parameters: &Parameters, gradients: &[Tensor], lr: f64) -> Tensor {
        let squared = native::sum_of_squares(gradients);
        let gradients = if self.config.clip_norm > 0.0 {
            let factor = (squared.rsqrt() * self.config.clip_norm).clamp_max(1.0);
            native::multiplied(gradients, &factor.to_kind(parameters.kind))
        } else {
            gradients.iter().map(Tensor::shallow_clone).collect()
        };
        let mut groups: Vec<MovedTogether> = Vec::new();
        for (part, gradient) in self.parts(parameters, lr).zip(gradients) {
            let Some(gradient) = part.before_step(gradient, self.config.clip_units) else {
                continue;
            };
            let known = groups.iter().position(|group| group.update == part.update);
            let place = known.unwrap_or(groups.len());
            if known.is_none() {
                groups.push(MovedTogether::of(part.update));
            }
            groups[place].add(part, gradient);
        }
        groups.into_iter().for_each(MovedTogether::step);
        squared
    }

    /// What each parameter's step takes.
    fn parts<'o>(
        &'o self,
        parameters: &'o Parameters,
        lr: f64,
    ) -> impl Iterator<Item = MovedParameter<'o>> + 'o {
        let bias = self.config.formula.bias(self.steps);
        let trained = parameters.trainable().zip(&self.kept);
        trained.map(move |(parameter, kept)| {
            let decays = self.config.decay_all || parameter.role == Role::Weight;
            let update = Update {
                decay: if decays {
                    self.config.weight_decay
                } else {
                    0.0
                },
                lr: lr * parameter.rate_factor * self.config.rate_factor(parameter.role),
                formula: self.config.formula,
                step: self.steps,
                bias,
            };
            MovedParameter {
                parameter,
                kept,
                update,
            }
        })
    }
}

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;
