//! Moments behind an activation with one slope above 0 and another below, unit by unit: as tensor operations they would be
//! some fifty calls each way on a few numbers each.

use tch::Tensor;

use crate::moments::Activation;
use crate::moments::gaussian::{cumulative, density};
use crate::nn::Pass;
use crate::nn::layout::to_values;

/// Smallest standard deviation that moments are computed for.
const SMALLEST_STD: f64 = 1e-6;

/// y = (f(u) − m)/s, f(u) = u for u > 0 and a·u otherwise.
#[derive(Debug, Clone, Copy)]
pub struct TwoSlopes {
    /// a.
    pub below: f64,
    /// m.
    pub mean: f64,
    /// s.
    pub std: f64,
}

/// E y, Var y and γ·E f′(u)/s for u ~ N(β, γ²), and their derivatives.
struct Unit {
    values: [f64; 3],
    by_gain: [f64; 3],
    by_shift: [f64; 3],
}

impl TwoSlopes {
    /// That of an activation, where it is one with fixed slopes.
    pub fn of(activation: Activation, mean: f64, std: f64) -> Option<TwoSlopes> {
        let below = match activation {
            Activation::Relu => 0.0,
            Activation::LeakyRelu { slope } => slope,
            _ => return None,
        };
        Some(TwoSlopes { below, mean, std })
    }

    /// With r = β/|γ|, p = a + (1−a)Φ(r) and E f f′ = a²β + (1−a²)(βΦ + |γ|φ):
    /// ∂E f/∂β = E f′ = p, ∂E f/∂|γ| = (1−a)φ, ∂E f²/∂β = 2·E f f′, ∂E f²/∂|γ| = 2|γ|(a² + (1−a²)Φ).
    fn unit(self, gain: f64, shift: f64) -> Unit {
        let (s, a) = (self.std, self.below);
        let (std, sign) = (gain.abs().max(SMALLEST_STD), gain.signum());
        let ratio = shift / std;
        let (positive, height) = (cumulative(ratio), density(ratio));
        let (bend, squared) = (1.0 - a, 1.0 - a * a);
        let slope = a + bend * positive;
        let mean = shift * slope + std * bend * height;
        let above = shift * positive + std * height;
        let second =
            a * a * (shift * shift + std * std) + squared * (shift * above + std * std * positive);
        let along = a * a * shift + squared * above;
        let variance_by_std = 2.0 * std * (a * a + squared * positive) - 2.0 * mean * bend * height;
        let steepness = bend * height / std;
        Unit {
            values: [
                (mean - self.mean) / s,
                (second - mean * mean).max(0.0) / (s * s),
                gain * slope / s,
            ],
            by_gain: [
                sign * bend * height / s,
                sign * variance_by_std / (s * s),
                (slope - ratio * bend * height) / s,
            ],
            by_shift: [
                slope / s,
                2.0 * (along - mean * slope) / (s * s),
                gain * steepness / s,
            ],
        }
    }

    /// E y, Var y and γ·E f′(u)/s of each unit, for γ and β that are parameters.
    pub fn behind(self, gain: &Tensor, shift: &Tensor, pass: &Pass) -> [Tensor; 3] {
        let numbers = to_values(gain).into_iter().zip(to_values(shift));
        let units: Vec<Unit> = numbers
            .map(|(gain, shift)| self.unit(gain, shift))
            .collect();
        let (kind, device) = (gain.kind(), gain.device());
        let tensor =
            move |values: Vec<f64>| Tensor::from_slice(&values).to_kind(kind).to_device(device);
        let made = [0, 1, 2].map(|at| tensor(units.iter().map(|unit| unit.values[at]).collect()));
        if !pass.training() {
            return made;
        }
        let vjp = move |found: Vec<Tensor>| {
            let found: Vec<Vec<f64>> = found.iter().map(to_values).collect();
            let along = |derivatives: fn(&Unit) -> &[f64; 3]| {
                let sum = |(index, unit): (usize, &Unit)| -> f64 {
                    let pairs = derivatives(unit).iter().zip(&found);
                    pairs.map(|(by, gradients)| by * gradients[index]).sum()
                };
                tensor(units.iter().enumerate().map(sum).collect())
            };
            vec![along(|unit| &unit.by_gain), along(|unit| &unit.by_shift)]
        };
        pass.custom_parameter_backward(made, &[gain, shift], Box::new(vjp))
    }
}
