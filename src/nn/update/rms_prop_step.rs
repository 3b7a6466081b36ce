//! RMSProp (Tieleman, Hinton, 2012; centered: Graves, 2013, arXiv:1308.0850), as `torch.optim.RMSprop` computes it.
//!
//! s ← α·s + (1−α)·g'², v ← μ·v + g'/(√u + ε), p ← p − η·v, where u is s, or centered s − a² with
//! a ← α·a + (1−α)·g'. Where rounding leaves s − a² below 0, which PyTorch takes the root of, it counts as 0.

use super::step_settings::StepSettings;
use crate::nn::kernels::Real;
use crate::nn::native::{ParameterLists, RmsPropNumbers};

/// The constants of RMSProp. What is kept: s, v, and a where it is centered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsPropStep {
    /// α.
    pub alpha: f64,
    /// ε.
    pub eps: f64,
    /// μ.
    pub momentum: f64,
    /// Whether the variance of gradients takes the place of their mean square.
    pub centered: bool,
}

impl RmsPropStep {
    /// The step of all parameters by libtorch.
    pub(super) fn advance_lists(&self, update: &StepSettings, lists: &ParameterLists) {
        lists.rms_prop_step(&RmsPropNumbers {
            lr: update.lr,
            alpha: self.alpha,
            eps: self.eps,
            momentum: self.momentum,
            decay: update.decay,
        });
    }

    /// The step in one pass over memory.
    pub(super) fn advance<T: Real>(
        &self,
        update: &StepSettings,
        parameter: &mut [T],
        gradient: &[T],
        kept: &mut [&mut [T]],
    ) {
        let (decay, lr) = (T::of(update.decay), T::of(update.lr));
        let (alpha, rest) = (T::of(self.alpha), T::of(1.0 - self.alpha));
        let (momentum, eps) = (T::of(self.momentum), T::of(self.eps));
        let (square, others) = kept.split_at_mut(1);
        let (velocity, average) = others.split_at_mut(1);
        let elements = parameter.iter_mut().zip(gradient);
        let elements = elements.zip(square[0].iter_mut().zip(velocity[0].iter_mut()));
        if let [average] = average {
            for (((p, &gradient), (s, v)), a) in elements.zip(average.iter_mut()) {
                let direction = gradient + decay * *p;
                *s = alpha * *s + rest * direction * direction;
                *a = *a + rest * (direction - *a);
                *v = momentum * *v + direction / ((*s - *a * *a).max(T::zero()).sqrt() + eps);
                *p = *p - lr * *v;
            }
        } else {
            for ((p, &gradient), (s, v)) in elements {
                let direction = gradient + decay * *p;
                *s = alpha * *s + rest * direction * direction;
                *v = momentum * *v + direction / (s.sqrt() + eps);
                *p = *p - lr * *v;
            }
        }
    }
}
