//! Stochastic gradient descent with momentum, as `torch.optim.SGD` computes it.
//!
//! v ← μ·v + g', p ← p − η·(g' + μ·v) with Nesterov's form, else p ← p − η·v.

use tch::Tensor;

use super::step_settings::StepSettings;
use crate::nn::kernels::Real;

/// The constants of SGD. What is kept: v.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdStep {
    /// μ.
    pub momentum: f64,
    /// Nesterov's form.
    pub nesterov: bool,
}

impl SgdStep {
    /// The step as tensor operations.
    pub(super) fn advance_tensors(
        &self,
        update: &StepSettings,
        parameter: &Tensor,
        gradient: &Tensor,
        kept: &[Tensor],
    ) {
        let (mut parameter, mut velocity) = (parameter.shallow_clone(), kept[0].shallow_clone());
        let direction = gradient * update.scale + &parameter * update.decay;
        let _ = velocity.g_mul_scalar_(self.momentum);
        let _ = velocity.g_add_(&direction);
        let mut change = if self.nesterov {
            direction + &velocity * self.momentum
        } else {
            velocity.copy()
        };
        let _ = change.g_mul_scalar_(update.lr);
        let _ = parameter.g_sub_(&change);
    }

    /// The step in one pass over memory.
    pub(super) fn advance<T: Real>(
        &self,
        update: &StepSettings,
        parameter: &mut [T],
        gradient: &[T],
        kept: &mut [&mut [T]],
    ) {
        let (scale, decay) = (T::of(update.scale), T::of(update.decay));
        let (momentum, lr) = (T::of(self.momentum), T::of(update.lr));
        let (own_share, velocity_share) = if self.nesterov {
            (T::one(), momentum)
        } else {
            (T::zero(), T::one())
        };
        let elements = parameter.iter_mut().zip(gradient).zip(kept[0].iter_mut());
        for ((parameter, &gradient), velocity) in elements {
            let direction = scale * gradient + decay * *parameter;
            *velocity = momentum * *velocity + direction;
            *parameter = *parameter - lr * (own_share * direction + velocity_share * *velocity);
        }
    }
}
