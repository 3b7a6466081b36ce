//! The update of one parameter.
//!
//! For a parameter p with gradient g, coefficient λ, momentum μ and learning rate η:
//! g' = c·g + λ·p, v ← μ·v + g', p ← p − η·(g' + μ·v) with Nesterov's form, else p ← p − η·v;
//! c ≤ 1 clips the gradient's length over all parameters. This is the update of the common frameworks.

use tch::{Kind, Tensor};

use super::kernels::{Real, alike, dot, elements, elements_mut};

/// A parameter's own way of being updated, instead of [`Update::apply`].
///
/// The velocity is saved with the run; further state belongs into buffers of the layer.
pub trait UpdateRule: std::fmt::Debug {
    /// Updates `parameter` and `velocity` in place and returns the gradient's squared length. Called without gradients
    /// being recorded.
    fn update(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        velocity: &Tensor,
        update: &Update,
    ) -> f64;
}

/// The settings of one parameter's update.
#[derive(Debug, Clone, Copy)]
pub struct Update {
    /// c, the factor that clips the gradient.
    pub scale: f64,
    /// λ of this parameter.
    pub decay: f64,
    /// μ.
    pub momentum: f64,
    /// Nesterov's form.
    pub nesterov: bool,
    /// η.
    pub lr: f64,
}

impl Update {
    /// The step of this file's formula on one parameter and its velocity. Returns the gradient's squared length.
    pub fn apply(&self, parameter: &Tensor, gradient: &Tensor, velocity: &Tensor) -> f64 {
        if !alike(parameter, gradient) || !alike(parameter, velocity) {
            return self.apply_by_tensors(parameter, gradient, velocity);
        }
        match parameter.kind() {
            Kind::Float => self.apply_in_one_pass::<f32>(parameter, gradient, velocity),
            _ => self.apply_in_one_pass::<f64>(parameter, gradient, velocity),
        }
    }

    /// The update as tensor operations: any device, any element type, any order in memory.
    fn apply_by_tensors(&self, parameter: &Tensor, gradient: &Tensor, velocity: &Tensor) -> f64 {
        tch::no_grad(|| {
            let (mut parameter, mut velocity) =
                (parameter.shallow_clone(), velocity.shallow_clone());
            let direction = gradient * self.scale + &parameter * self.decay;
            let _ = velocity.g_mul_scalar_(self.momentum);
            let _ = velocity.g_add_(&direction);
            let mut change = if self.nesterov {
                direction + &velocity * self.momentum
            } else {
                velocity.copy()
            };
            let _ = change.g_mul_scalar_(self.lr);
            let _ = parameter.g_sub_(&change);
        });
        squared_length(gradient)
    }

    /// The update in one pass over memory.
    fn apply_in_one_pass<T: Real>(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        velocity: &Tensor,
    ) -> f64 {
        // SAFETY: three distinct tensors in memory, alike, with this element type, alive for this call; libtorch
        // computes nothing on them meanwhile.
        let (parameter, gradient, velocity) = unsafe {
            (
                elements_mut::<T>(parameter),
                elements::<T>(gradient),
                elements_mut::<T>(velocity),
            )
        };
        self.advance(parameter, gradient, velocity)
    }

    /// The step of this file's formula, element by element. Returns the gradient's squared length.
    pub fn advance<T: Real>(&self, parameter: &mut [T], gradient: &[T], velocity: &mut [T]) -> f64 {
        let (scale, decay) = (T::of(self.scale), T::of(self.decay));
        let (momentum, lr) = (T::of(self.momentum), T::of(self.lr));
        let (own_share, velocity_share) = if self.nesterov {
            (T::one(), momentum)
        } else {
            (T::zero(), T::one())
        };
        let elements = parameter.iter_mut().zip(gradient).zip(velocity);
        for ((parameter, &gradient), velocity) in elements {
            let direction = scale * gradient + decay * *parameter;
            *velocity = momentum * *velocity + direction;
            *parameter = *parameter - lr * (own_share * direction + velocity_share * *velocity);
        }
        dot(gradient, gradient)
    }
}

/// ‖gradient‖², summed in float64.
pub fn squared_length(gradient: &Tensor) -> f64 {
    let flat = gradient.to_kind(Kind::Double);
    (&flat * &flat).sum(Kind::Double).double_value(&[])
}
