//! Adam (Kingma, Ba, ICLR 2015, arXiv:1412.6980), AdamW (Loshchilov, Hutter, ICLR 2019, arXiv:1711.05101) and AMSGrad
//! (Reddi, Kale, Kumar, ICLR 2018, arXiv:1904.09237), as `torch.optim` computes them.
//!
//! m ← β₁·m + (1−β₁)·g', v ← β₂·v + (1−β₂)·g'², p ← p − η/(1−β₁ᵗ) · m/(√u/√(1−β₂ᵗ) + ε), where u is v, or with
//! AMSGrad the largest v of each element so far. Coupled weight decay is a part of g' (Adam). Decoupled (AdamW), g' is
//! g, and p ← (1 − η·λ)·p comes first.

use super::step_settings::StepSettings;
use crate::nn::kernels::Real;
use crate::nn::native::{AdamNumbers, ParameterLists};

/// The constants of Adam. What is kept: m, v, and with AMSGrad the largest v.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// ε.
    pub eps: f64,
    /// Whether the largest v counts.
    pub amsgrad: bool,
    /// Whether weight decay shrinks the parameter itself (AdamW).
    pub decoupled: bool,
}

/// The numbers of one step in the element type of the parameter.
struct Numbers<T> {
    decay: T,
    shrink: T,
    rest1: T,
    beta2: T,
    rest2: T,
    rate: T,
    root: T,
    eps: T,
}

impl<T: Real> Numbers<T> {
    /// The new m, v and shrunken p.
    fn averages(&self, p: T, gradient: T, m: T, v: T) -> (T, T, T) {
        let direction = gradient + self.decay * p;
        let first = m + self.rest1 * (direction - m);
        let second = self.beta2 * v + self.rest2 * direction * direction;
        (self.shrink * p, first, second)
    }

    /// The new p.
    fn moved(&self, p: T, m: T, u: T) -> T {
        p - self.rate * m / (u.sqrt() / self.root + self.eps)
    }
}

impl AdamStep {
    /// λ inside the gradient, and what the parameter is multiplied by.
    fn decays(&self, update: &StepSettings) -> (f64, f64) {
        match self.decoupled {
            true => (0.0, 1.0 - update.lr * update.decay),
            false => (update.decay, 1.0),
        }
    }

    /// The step of all parameters by libtorch.
    pub(super) fn advance_lists(&self, update: &StepSettings, lists: &ParameterLists) {
        lists.adam_step(
            update.step,
            &AdamNumbers {
                lr: update.lr,
                beta1: self.beta1,
                beta2: self.beta2,
                decay: update.decay,
                eps: self.eps,
                decoupled: self.decoupled,
            },
        );
    }

    /// The step in one pass over memory.
    pub(super) fn advance<T: Real>(
        &self,
        update: &StepSettings,
        parameter: &mut [T],
        gradient: &[T],
        kept: &mut [&mut [T]],
    ) {
        let ((decay, shrink), [first_bias, root]) = (self.decays(update), update.bias);
        let numbers = Numbers {
            decay: T::of(decay),
            shrink: T::of(shrink),
            rest1: T::of(1.0 - self.beta1),
            beta2: T::of(self.beta2),
            rest2: T::of(1.0 - self.beta2),
            rate: T::of(update.lr / first_bias),
            root: T::of(root),
            eps: T::of(self.eps),
        };
        let (first, rest) = kept.split_at_mut(1);
        let (second, largest) = rest.split_at_mut(1);
        let elements = parameter.iter_mut().zip(gradient);
        let elements = elements.zip(first[0].iter_mut().zip(second[0].iter_mut()));
        if let [largest] = largest {
            for (((p, &gradient), (m, v)), largest) in elements.zip(largest.iter_mut()) {
                (*p, *m, *v) = numbers.averages(*p, gradient, *m, *v);
                *largest = largest.max(*v);
                *p = numbers.moved(*p, *m, *largest);
            }
        } else {
            for ((p, &gradient), (m, v)) in elements {
                (*p, *m, *v) = numbers.averages(*p, gradient, *m, *v);
                *p = numbers.moved(*p, *m, *v);
            }
        }
    }
}
