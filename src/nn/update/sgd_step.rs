//! Stochastic gradient descent with momentum, as `torch.optim.SGD` computes it.
//!
//! v ← μ·v + g', p ← p − η·(g' + μ·v) with Nesterov's form, else p ← p − η·v.

use super::step_settings::StepSettings;
use crate::nn::kernels::Real;
use crate::nn::native::ParameterLists;

/// The constants of SGD. What is kept: v.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdStep {
    /// μ.
    pub momentum: f64,
    /// Nesterov's form.
    pub nesterov: bool,
}

impl SgdStep {
    /// The step of all parameters by libtorch.
    pub(super) fn advance_lists(&self, update: &StepSettings, lists: &ParameterLists) {
        lists.sgd_step(update.lr, update.decay, self.momentum, self.nesterov);
    }

    /// The step in one pass over memory.
    pub(super) fn advance<T: Real>(
        &self,
        update: &StepSettings,
        parameter: &mut [T],
        gradient: &[T],
        kept: &mut [&mut [T]],
    ) {
        let (decay, momentum, lr) = (T::of(update.decay), T::of(self.momentum), T::of(update.lr));
        let (own_share, velocity_share) = if self.nesterov {
            (T::one(), momentum)
        } else {
            (T::zero(), T::one())
        };
        let elements = parameter.iter_mut().zip(gradient).zip(kept[0].iter_mut());
        for ((parameter, &gradient), velocity) in elements {
            let direction = gradient + decay * *parameter;
            *velocity = momentum * *velocity + direction;
            *parameter = *parameter - lr * (own_share * direction + velocity_share * *velocity);
        }
    }
}
