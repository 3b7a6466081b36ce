//! RMSProp (Tieleman, Hinton, 2012; centered: Graves, 2013, arXiv:1308.0850), as `torch.optim.RMSprop` computes it.
//!
//! s ← α·s + (1−α)·g'², v ← μ·v + g'/(√u + ε), p ← p − η·v, where u is s, or centered s − a² with
//! a ← α·a + (1−α)·g'. Where rounding leaves s − a² below 0, which PyTorch takes the root of, it counts as 0.

use tch::Tensor;

use super::step_settings::StepSettings;
use crate::nn::kernels::Real;

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
    /// The step as tensor operations.
    pub(super) fn advance_tensors(
        &self,
        update: &StepSettings,
        parameter: &Tensor,
        gradient: &Tensor,
        kept: &[Tensor],
    ) {
        let mut parameter = parameter.shallow_clone();
        let [mut square, mut velocity] = [0, 1].map(|index| kept[index].shallow_clone());
        let direction = gradient * update.scale + &parameter * update.decay;
        let _ = square.g_mul_scalar_(self.alpha);
        let _ = square.g_add_(&(direction.square() * (1.0 - self.alpha)));
        let spread = match kept.get(2) {
            Some(average) => {
                let change = (&direction - average) * (1.0 - self.alpha);
                let _ = average.shallow_clone().g_add_(&change);
                (&square - average.square()).clamp_min(0.0)
            }
            None => square,
        };
        let _ = velocity.g_mul_scalar_(self.momentum);
        let _ = velocity.g_add_(&(direction / (spread.sqrt() + self.eps)));
        let _ = parameter.g_sub_(&(&velocity * update.lr));
    }

    /// The step in one pass over memory.
    pub(super) fn advance<T: Real>(
        &self,
        update: &StepSettings,
        parameter: &mut [T],
        gradient: &[T],
        kept: &mut [&mut [T]],
    ) {
        let (scale, decay, lr) = (T::of(update.scale), T::of(update.decay), T::of(update.lr));
        let (alpha, rest) = (T::of(self.alpha), T::of(1.0 - self.alpha));
        let (momentum, eps) = (T::of(self.momentum), T::of(self.eps));
        let (square, others) = kept.split_at_mut(1);
        let (velocity, average) = others.split_at_mut(1);
        let elements = parameter.iter_mut().zip(gradient);
        let elements = elements.zip(square[0].iter_mut().zip(velocity[0].iter_mut()));
        if let [average] = average {
            for (((p, &gradient), (s, v)), a) in elements.zip(average.iter_mut()) {
                let direction = scale * gradient + decay * *p;
                *s = alpha * *s + rest * direction * direction;
                *a = *a + rest * (direction - *a);
                *v = momentum * *v + direction / ((*s - *a * *a).max(T::zero()).sqrt() + eps);
                *p = *p - lr * *v;
            }
        } else {
            for ((p, &gradient), (s, v)) in elements {
                let direction = scale * gradient + decay * *p;
                *s = alpha * *s + rest * direction * direction;
                *v = momentum * *v + direction / (s.sqrt() + eps);
                *p = *p - lr * *v;
            }
        }
    }
}
