//! Steps on the unit sphere: the update rules SGD-G and Adam-G (Cho, Lee, NIPS 2017, arXiv:1709.09603).
//!
//! Every row y of a weight is a point on the sphere, or a line through the origin. With g the gradient,
//! h = g − ⟨y, g⟩y is tangent, and is shortened to length ν. Along a tangent d with a = ‖d‖, u = d/a:
//! exp_y(d) = y cos a + u sin a, and d itself moves along to a(u cos a − y sin a).
//!
//! **SGD-G**: d = ρm − ηh, y ← exp_y(d), m ← d moved along.
//! **Adam-G**: m ← β₁m + (1−β₁)h, v ← β₂v + (1−β₂)‖h‖² (one number a row),
//! d = −η √(1−β₂ᵗ)/(1−β₁ᵗ) · m/√(v + ε), y ← exp_y(d), m moved along d: m − ⟨u, m⟩(y sin a + u(1 − cos a)).
//!
//! The rows Y are kept apart by ½ω‖YYᵀ − I‖², whose gradient 2ω(YYᵀ − I)Y is added to g.

use tch::{Kind, Tensor};

use super::update::{Update, UpdateRule};

/// A step of all rows of a weight on the unit sphere. The momentum m is SGD's velocity.
#[derive(Debug)]
pub struct SphereStep {
    /// Multiplies the learning rate.
    pub lr_factor: f64,
    /// ν.
    pub longest: f64,
    /// ω.
    pub orthogonality: f64,
    /// Adam-G where it is there, else SGD-G.
    pub adam: Option<Adam>,
}

/// State and constants of Adam-G beside m.
#[derive(Debug)]
pub struct Adam {
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// v, `[rows]`.
    pub second: Tensor,
    /// t, a count.
    pub steps: Tensor,
}

/// Inner product of the rows of two matrices, `[rows, 1]`.
fn inner(a: &Tensor, b: &Tensor) -> Tensor {
    (a * b).sum_dim_intlist([1].as_slice(), true, None::<Kind>)
}

/// Where rows y arrive along tangents d: cos a, sin a and u for a = ‖d‖.
struct Geodesic {
    cos: Tensor,
    sin: Tensor,
    angle: Tensor,
    unit: Tensor,
}

impl Geodesic {
    fn along(tangent: &Tensor) -> Geodesic {
        let angle = inner(tangent, tangent).sqrt();
        let unit = tangent / (&angle + 1e-8);
        Geodesic {
            cos: angle.cos(),
            sin: angle.sin(),
            unit,
            angle,
        }
    }

    /// exp_y(d).
    fn end(&self, start: &Tensor) -> Tensor {
        start * &self.cos + &self.unit * &self.sin
    }

    /// d moved along itself.
    fn own_transport(&self, start: &Tensor) -> Tensor {
        (&self.unit * &self.cos - start * &self.sin) * &self.angle
    }

    /// Another tangent moved along d.
    fn transport(&self, start: &Tensor, tangent: &Tensor) -> Tensor {
        let share = inner(&self.unit, tangent);
        tangent - (start * &self.sin + &self.unit * (1.0 - &self.cos)) * share
    }
}

impl SphereStep {
    /// h: the tangent part of gradient and regularizer, shortened to ν.
    fn tangent(&self, rows: &Tensor, gradient: &Tensor) -> Tensor {
        let identity = Tensor::eye(rows.size()[0], (rows.kind(), rows.device()));
        let excess = rows.matmul(&rows.tr()) - identity;
        let full = gradient + excess.matmul(rows) * (2.0 * self.orthogonality);
        let tangent = &full - rows * inner(rows, &full);
        let length = inner(&tangent, &tangent).sqrt().clamp_min(1e-30);
        tangent * (length.reciprocal() * self.longest).clamp_max(1.0)
    }
}

impl Adam {
    /// m, and the step d = −η·m̂/√(v̂ + ε).
    fn step(&self, velocity: &Tensor, tangent: &Tensor, lr: f64) -> (Tensor, Tensor) {
        let _ = self.steps.shallow_clone().g_add_scalar_(1.0);
        let t = self.steps.double_value(&[0]);
        let squares = inner(tangent, tangent).flatten(0, -1) * (1.0 - self.beta2);
        let mut second = self.second.shallow_clone();
        second.copy_(&(&self.second * self.beta2 + squares));
        let first = velocity * self.beta1 + tangent * (1.0 - self.beta1);
        let rate = -lr * (1.0 - self.beta2.powf(t)).sqrt() / (1.0 - self.beta1.powf(t));
        let step = &first * (second + 1e-8).rsqrt().view([-1, 1]) * rate;
        (first, step)
    }
}

impl UpdateRule for SphereStep {
    fn before_step(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        kept: &[Tensor],
        update: &Update,
    ) -> Option<Tensor> {
        let lr = update.lr * self.lr_factor;
        let rows = parameter.flatten(1, -1);
        let rows = &rows / (inner(&rows, &rows).sqrt() + 1e-8);
        let tangent = self.tangent(&rows, &gradient.flatten(1, -1));
        let velocity = &kept[0];
        let velocity_rows = velocity.flatten(1, -1);
        let (geodesic, momentum) = match &self.adam {
            None => {
                let geodesic =
                    Geodesic::along(&(velocity_rows * update.formula.momentum() - tangent * lr));
                let momentum = geodesic.own_transport(&rows);
                (geodesic, momentum)
            }
            Some(adam) => {
                let (first, step) = adam.step(&velocity_rows, &tangent, lr);
                let geodesic = Geodesic::along(&step);
                let momentum = geodesic.transport(&rows, &first);
                (geodesic, momentum)
            }
        };
        let shape = parameter.size();
        let (mut parameter, mut velocity) = (parameter.shallow_clone(), velocity.shallow_clone());
        parameter.copy_(&geodesic.end(&rows).reshape(shape.as_slice()));
        velocity.copy_(&momentum.reshape(shape.as_slice()));
        None
    }

    fn needs_sgd(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
