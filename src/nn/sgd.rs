//! Stochastic gradient descent with momentum, with state that can be saved.
//!
//! Each parameter is updated by its own rule, or by the formula of [`Update`].

use tch::Tensor;

use super::adaptive_clip::clip;
use super::block::LAST;
use super::update::{Update, squared_length};
use super::{Parameters, Role, layout};

/// Settings that stay the same over a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdConfig {
    /// μ.
    pub momentum: f64,
    /// Nesterov's form.
    pub nesterov: bool,
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

impl SgdConfig {
    /// What the learning rate of parameters of this role is multiplied by.
    fn rate_factor(&self, role: Role) -> f64 {
        match role {
            Role::Gain => self.gain_lr_factor,
            Role::Shift => self.shift_lr_factor,
            Role::Weight | Role::Activation | Role::Buffer => 1.0,
        }
    }
}

/// The optimizer: one velocity a trained parameter.
#[derive(Debug)]
pub struct Sgd {
    config: SgdConfig,
    /// Velocities, in the order of [`Parameters::trainable`].
    pub velocities: Vec<Tensor>,
}

impl Sgd {
    /// An optimizer at rest for the trained parameters.
    pub fn new(config: SgdConfig, parameters: &Parameters) -> Sgd {
        let velocities = parameters
            .trainable()
            .map(|p| p.tensor.detach().zeros_like())
            .collect();
        Sgd { config, velocities }
    }

    /// One step; `gradients` in the order of [`Parameters::trainable`]. Returns the squared length of the
    /// gradient before clipping.
    pub fn step(&mut self, parameters: &Parameters, gradients: &[Tensor], lr: f64) -> f64 {
        let config = self.config;
        let clipped = (config.clip_norm > 0.0).then(|| {
            let squared: f64 = gradients.iter().map(squared_length).sum();
            (squared, (config.clip_norm / squared.sqrt()).min(1.0))
        });
        let mut squared = 0.0;
        for ((parameter, gradient), velocity) in
            parameters.trainable().zip(gradients).zip(&self.velocities)
        {
            let gradient = &layout::in_order_of(gradient.shallow_clone(), &parameter.tensor);
            let decays = config.decay_all || parameter.role == Role::Weight;
            let update = Update {
                scale: clipped.map_or(1.0, |(_, scale)| scale),
                decay: if decays { config.weight_decay } else { 0.0 },
                momentum: config.momentum,
                nesterov: config.nesterov,
                lr: lr * parameter.rate_factor * config.rate_factor(parameter.role),
            };
            let step = |gradient: &Tensor, update: &Update| match &parameter.rule {
                None => update.apply(&parameter.tensor, gradient, velocity),
                Some(rule) => {
                    tch::no_grad(|| rule.update(&parameter.tensor, gradient, velocity, update))
                }
            };
            // A single number that starts at 0, such as a branch's factor, would hardly move if it were clipped.
            let is_single = parameter.tensor.numel() == 1;
            let clips = config.clip_units > 0.0 && parameter.layer() != LAST && !is_single;
            squared += if clips {
                let whole = tch::no_grad(|| gradient * update.scale);
                let clipped = clip(&parameter.tensor, &whole, config.clip_units);
                let unscaled = Update {
                    scale: 1.0,
                    ..update
                };
                step(&clipped, &unscaled);
                squared_length(gradient)
            } else {
                step(gradient, &update)
            };
        }
        clipped.map_or(squared, |(squared, _)| squared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn settings(nesterov: bool, clip_norm: f64) -> SgdConfig {
        SgdConfig {
            momentum: 0.9,
            nesterov,
            weight_decay: 0.01,
            decay_all: false,
            gain_lr_factor: 1.0,
            shift_lr_factor: 1.0,
            clip_norm,
            clip_units: 0.0,
        }
    }

    fn pair(kind: Kind, config: SgdConfig) -> (Parameters, Sgd) {
        let mut parameters = Parameters::new(kind, Device::Cpu);
        let weight =
            Tensor::linspace(-1.0, 2.0, 3000, (Kind::Double, Device::Cpu)).reshape([30, 100]);
        let _ = parameters
            .register("a.weight".into(), Role::Weight, weight)
            .unwrap();
        let bias = Tensor::ones([30], (Kind::Double, Device::Cpu));
        let _ = parameters
            .register("a.bias".into(), Role::Shift, bias)
            .unwrap();
        let sgd = Sgd::new(config, &parameters);
        (parameters, sgd)
    }

    fn gradients(kind: Kind) -> Vec<Tensor> {
        let slope =
            Tensor::linspace(0.5, -0.7, 3000, (Kind::Double, Device::Cpu)).reshape([30, 100]);
        vec![
            slope.to_kind(kind),
            Tensor::full([30], 0.3, (kind, Device::Cpu)),
        ]
    }

    #[test]
    fn one_pass_equals_tensor_operations() {
        for config in [
            settings(false, 0.0),
            settings(true, 0.0),
            settings(true, 2.0),
        ] {
            let (fast, mut fast_sgd) = pair(Kind::Float, config);
            let (plain, mut plain_sgd) = pair(Kind::Double, config);
            for _ in 0..5 {
                let a = fast_sgd.step(&fast, &gradients(Kind::Float), 0.05);
                let b = plain_sgd.step(&plain, &gradients(Kind::Double), 0.05);
                assert!((a / b - 1.0).abs() < 1e-6);
            }
            for (a, b) in fast.trainable().zip(plain.trainable()) {
                let gap = (a.tensor.to_kind(Kind::Double) - &b.tensor).abs().max();
                assert!(gap.double_value(&[]) < 2e-6);
            }
        }
    }

    #[test]
    fn two_steps_match_the_formula_by_hand() {
        let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
        let start = Tensor::from_slice(&[1.0_f64]);
        let _ = parameters
            .register("w".into(), Role::Weight, start)
            .unwrap();
        let mut sgd = Sgd::new(settings(false, 0.0), &parameters);
        let gradient = [Tensor::from_slice(&[0.5_f64])];
        sgd.step(&parameters, &gradient, 0.1);
        // v = 0.5 + 0.01 = 0.51; p = 1 − 0.051 = 0.949
        sgd.step(&parameters, &gradient, 0.1);
        // v = 0.9·0.51 + 0.5 + 0.00949 = 0.96849; p = 0.949 − 0.096849
        let value = parameters.get("w").unwrap().double_value(&[0]);
        assert!((value - 0.852151).abs() < 1e-12);
    }

    #[test]
    fn a_step_moves_gains_shifts_and_named_parameters_by_their_factors() {
        let config = SgdConfig {
            gain_lr_factor: 0.01,
            shift_lr_factor: 0.5,
            ..settings(false, 0.0)
        };
        let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
        let roles = [
            ("weight", Role::Weight, 1.0, 1.0),
            ("slow", Role::Weight, 0.1, 0.1),
            ("slope", Role::Activation, 1.0, 1.0),
            ("gain", Role::Gain, 1.0, 0.01),
            ("shift", Role::Shift, 1.0, 0.5),
            ("slow_shift", Role::Shift, 0.1, 0.05),
        ];
        for (name, role, own, _) in roles {
            let start = Tensor::zeros([1], (Kind::Double, Device::Cpu));
            let _ = parameters.register(name.into(), role, start).unwrap();
            parameters.set_rate_factor(name, own).unwrap();
        }
        let mut sgd = Sgd::new(config, &parameters);
        let gradients = roles.map(|_| Tensor::from_slice(&[2.0_f64]));
        sgd.step(&parameters, &gradients, 0.3);
        for (name, _, _, factor) in roles {
            let moved = parameters.get(name).unwrap().double_value(&[0]);
            assert!((moved + 0.6 * factor).abs() < 1e-12, "{name}: {moved}");
        }
        // What is saved with a run knows nothing of them.
        assert!(sgd.velocities.iter().all(|v| v.double_value(&[0]) == 2.0));
    }

    #[test]
    fn clipping_bounds_the_step_and_spares_short_gradients() {
        let (parameters, mut sgd) = pair(
            Kind::Double,
            SgdConfig {
                weight_decay: 0.0,
                ..settings(false, 1.0)
            },
        );
        let before: Vec<Tensor> = parameters
            .trainable()
            .map(|p| p.tensor.detach().copy())
            .collect();
        let squared = sgd.step(&parameters, &gradients(Kind::Double), 1.0);
        assert!(squared > 1.0);
        let moved: f64 = parameters
            .trainable()
            .zip(&before)
            .map(|(p, b)| squared_length(&(&p.tensor - b)))
            .sum();
        assert!((moved - 1.0).abs() < 1e-9);
    }
}
