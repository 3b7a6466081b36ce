//! Adaptive gradient clipping (Brock, De, Smith, Simonyan, ICML 2021, arXiv:2102.06171).
//!
//! For each output unit o, before momentum: where ‖G_o‖ > λ·max(‖W_o‖, 10⁻³), the gradient G_o is shortened to that
//! length. A vector is one unit.
//!
//! Departure: the authors' code also takes a single number as a unit, of length 10⁻³ where it is 0. Factors of residual
//! branches, which start at 0, would then hardly move; the optimizer leaves parameters of one number as they are.

use tch::Tensor;

use super::init;
use super::rows::by_row;
use super::update::{Update, UpdateRule};

/// Shortest length that a unit counts as having.
const SHORTEST: f64 = 1e-3;

/// Length of each row of a weight, or of a whole vector, shaped to divide it.
fn unit_lengths(tensor: &Tensor) -> Tensor {
    if tensor.dim() < 2 {
        return tensor.norm();
    }
    by_row(&init::row_norms(tensor), tensor)
}

/// G·min(1, λ·max(‖W‖, 10⁻³)/max(‖G‖, 10⁻⁶)), unit by unit.
pub fn clip(parameter: &Tensor, gradient: &Tensor, lambda: f64) -> Tensor {
    tch::no_grad(|| {
        let longest = unit_lengths(parameter).clamp_min(SHORTEST) * lambda;
        gradient * (longest / unit_lengths(gradient).clamp_min(1e-6)).clamp_max(1.0)
    })
}

/// The clipping as a rule of single parameters: clips, then takes the usual step.
#[derive(Debug)]
pub struct AdaptiveClip {
    /// λ.
    pub lambda: f64,
}

impl UpdateRule for AdaptiveClip {
    fn before_step(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        _kept: &[Tensor],
        _update: &Update,
    ) -> Option<Tensor> {
        Some(clip(parameter, gradient, self.lambda))
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::nn::parameters::{Parameters, Role};
    use crate::nn::update::squared_length;
    use crate::nn::{Optimizer, OptimizerConfig, SgdStep, StepFormula};
    use tch::{Device, Kind};

    fn matrix(rows: &[[f64; 3]]) -> Tensor {
        Tensor::from_slice(&rows.concat()).reshape([-1, 3])
    }

    fn gap(a: &Tensor, b: &Tensor) -> f64 {
        (a - b).abs().max().double_value(&[])
    }

    fn weights() -> Tensor {
        matrix(&[[0.5, -1.0, 2.0], [1.0, 1.0, -0.5]])
    }

    fn settings(clip_units: f64) -> OptimizerConfig {
        let formula = StepFormula::Sgd(SgdStep {
            momentum: 0.9,
            nesterov: false,
        });
        OptimizerConfig {
            clip_units,
            ..OptimizerConfig::plain(formula)
        }
    }

    #[test]
    fn clipping_equals_the_published_values() {
        let gradient = matrix(&[[0.3, -0.2, 0.1], [0.001, 0.002, 0.0]]);
        let expected = matrix(&[
            [0.01837117307, -0.01224744871, 0.006123724357],
            [0.001, 0.002, 0.0],
        ]);
        let clipped = clip(&weights(), &gradient, 0.01);
        assert!(gap(&clipped, &expected) < 1e-11);
        let ratio = init::row_norms(&clipped) / init::row_norms(&weights());
        assert!(ratio.max().double_value(&[]) <= 0.01 + 1e-12);
        // A vector is one unit; near 0 its length counts as 1e-3.
        let vector = clip(
            &Tensor::from_slice(&[0.0, 0.0]),
            &Tensor::from_slice(&[3.0, 4.0]),
            0.01,
        );
        assert!(gap(&vector, &Tensor::from_slice(&[0.6e-5, 0.8e-5])) < 1e-18);
    }

    #[test]
    fn clipping_comes_before_momentum() {
        let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
        let handle = parameters
            .register("w".into(), Role::Weight, weights())
            .unwrap();
        parameters
            .set_rule("w", Rc::new(AdaptiveClip { lambda: 0.01 }))
            .unwrap();
        let config = settings(0.0);
        let mut sgd = Optimizer::new(config, &parameters).unwrap();
        let gradient = matrix(&[[0.3, -0.2, 0.1], [0.001, 0.002, 0.0]]);
        let first = clip(&handle.detach(), &gradient, 0.01);
        let squared = sgd
            .step(&parameters, std::slice::from_ref(&gradient), 0.1)
            .value();
        assert!((squared - gradient.square().sum(Kind::Double).double_value(&[])).abs() < 1e-12);
        let expected = weights() - &first * 0.1;
        assert!(gap(&handle.detach(), &expected) < 1e-15);
        let second = first * 0.9 + clip(&expected, &gradient, 0.01);
        sgd.step(&parameters, &[gradient], 0.1);
        assert!(gap(&handle.detach(), &(expected - second * 0.1)) < 1e-15);
    }

    #[test]
    fn a_gradient_is_shortened_as_a_whole_before_its_units_are_clipped() {
        let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
        let handle = parameters
            .register("a.weight".into(), Role::Weight, weights())
            .unwrap();
        let gradient = matrix(&[[0.3, -0.2, 0.1], [0.1, 0.2, 0.0]]);
        let config = OptimizerConfig {
            clip_norm: 0.03,
            ..settings(0.01)
        };
        let scale = 0.03 / squared_length(&gradient).sqrt();
        Optimizer::new(config, &parameters).unwrap().step(
            &parameters,
            &[gradient.shallow_clone()],
            0.1,
        );
        let moved = (weights() - handle.detach()) / 0.1;
        assert!(gap(&moved, &clip(&weights(), &(gradient * scale), 0.01)) < 1e-12);
    }

    #[test]
    fn a_single_number_moves_by_its_whole_gradient_and_a_vector_does_not() {
        let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
        let zeros = |count: i64| Tensor::zeros([count], (Kind::Double, Device::Cpu));
        let shapes = [("unit.alpha", 1), ("unit.bias", 2)];
        let handles = shapes.map(|(name, count)| {
            parameters
                .register(name.into(), Role::Gain, zeros(count))
                .unwrap()
        });
        let gradients = shapes.map(|(_, count)| zeros(count) + 3.0);
        Optimizer::new(settings(0.01), &parameters)
            .unwrap()
            .step(&parameters, &gradients, 0.1);
        assert!((handles[0].double_value(&[0]) + 0.3).abs() < 1e-15);
        // λ·10⁻³ is its longest gradient.
        assert!((handles[1].norm().double_value(&[]) - 1e-6).abs() < 1e-15);
    }

    #[test]
    fn the_optimizer_clips_every_layer_but_the_last_and_reports_what_was_there() {
        let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
        let names = ["a.weight", "logits.weight"];
        let handles = names.map(|name| {
            parameters
                .register(name.into(), Role::Weight, weights())
                .unwrap()
        });
        let gradient = matrix(&[[0.3, -0.2, 0.1], [0.001, 0.002, 0.0]]);
        let gradients = [gradient.shallow_clone(), gradient.shallow_clone()];
        let squared = Optimizer::new(settings(0.01), &parameters)
            .unwrap()
            .step(&parameters, &gradients, 0.1)
            .value();
        assert!((squared - 2.0 * squared_length(&gradient)).abs() < 1e-12);
        let moved = handles.map(|handle| (weights() - handle.detach()) / 0.1);
        assert!(gap(&moved[0], &clip(&weights(), &gradient, 0.01)) < 1e-12);
        assert!(gap(&moved[1], &gradient) < 1e-12);
    }
}
