//! The layer of a block with weights.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::Result;
use tch::Tensor;

use super::constraint::Constraint;
use super::noise::StatisticsNoise;
use super::residual::Skip;
use super::slopes::Halves;
use super::tracking::{Standardized, TrackedRows};
use super::two_slopes::TwoSlopes;
use crate::moments::{self, Activation};
use crate::nn::rows::{self, DeferredAffine, ScaledRows};
use crate::nn::{ActivationPool, Block, Builder, Estimate, Folded, Layer, Pass, Signal, native};
use crate::options::Options;

/// y = (pool(f(γ·W·x/(c·‖W‖) + β)) − m)/s.
pub struct NormProp {
    block: Block,
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    /// The same three, as the kernels take them.
    rows: Rc<ScaledRows>,
    divisor: f64,
    constraint: Constraint,
    mean: f64,
    std: f64,
    halves: Halves,
    noise: Option<StatisticsNoise>,
    activation_pool: ActivationPool,
    /// In a residual network.
    skip: Option<Skip>,
    /// What the output lacks, to be added to it.
    taken_off: f64,
    /// What is tracked of the output, on its way from a pass's first half to its second.
    tracked: RefCell<Option<Estimate>>,
}

impl NormProp {
    /// The layer of `block`, which has weights.
    pub fn build(
        block: &Block,
        options: &Options,
        skip: Option<Skip>,
        builder: &mut Builder,
    ) -> Result<Box<dyn Layer>> {
        let positions = match block.pool {
            Some(pool) if options.choice("pool") == "moments" => pool.positions(),
            _ => 1,
        };
        let output = moments::max_pool_moments(block.activation, positions);
        let outputs = block.op.outputs();
        let (divisor, gain) = divisor_and_gain(block, options, skip);
        let constraint = Constraint::of(options);
        let weight = rows::unit(&builder.direction(), constraint.centers);
        let weight = builder.weight("weight", weight)?;
        if constraint.projects {
            builder.rule("weight", Rc::new(constraint))?;
        }
        let gamma = builder.gain("gamma", builder.filled(outputs, gain))?;
        let beta = builder.shift("beta", builder.filled(outputs, 0.0))?;
        Ok(Box::new(NormProp {
            block: block.clone(),
            rows: Rc::new(ScaledRows::new(&weight, &gamma, &beta)),
            weight,
            gamma,
            beta,
            divisor,
            constraint,
            mean: output.mean,
            std: output.std(),
            halves: Halves::of(positions),
            noise: match block.last {
                true => None,
                false => StatisticsNoise::of(options)?,
            },
            activation_pool: ActivationPool::build(block, builder)?,
            skip,
            taken_off: skip.map_or(0.0, |skip| skip.taken_off(outputs)),
            tracked: RefCell::new(None),
        }))
    }

    /// What multiplies the output: α at the end of a residual branch, which is worked into weights and shift.
    fn output_factor(&self) -> f64 {
        self.skip.map_or(1.0, |skip| skip.output_factor())
    }

    /// β, times what multiplies the output.
    fn shift(&self, beta: &Tensor) -> Tensor {
        match self.output_factor() {
            1.0 => beta.shallow_clone(),
            factor => beta * factor,
        }
    }

    /// m and s.
    fn constants(&self) -> (Tensor, Tensor) {
        match &self.activation_pool.slope {
            Some(slope) => self.halves.constants(slope),
            None => (Tensor::from(self.mean), Tensor::from(self.std)),
        }
    }

    /// What is known of the output by the parameters, where that is tracked.
    fn estimate(&self, input: &Signal, pass: &Pass) -> Option<Estimate> {
        let skip = self.skip?;
        let tracking = skip.tracking?;
        let layer = TrackedRows {
            op: &self.block.op,
            rows: self.constraint.unit_rows(&self.weight),
            gain: match self.output_factor() {
                1.0 => self.gamma.shallow_clone(),
                factor => &self.gamma * factor,
            },
            shift: self.shift(&self.beta),
        };
        let (mean, std) = self.constants();
        let output = Standardized {
            activation: &self.activation_pool,
            mean,
            std,
            two_slopes: TwoSlopes::of(self.block.activation, self.mean, self.std),
        };
        tracking.behind(skip.part(), &layer, &output, input.estimate.as_ref(), pass)
    }

    /// γ and β, as training's noise changes them.
    fn gain_and_shift(&self, pass: &Pass) -> (Tensor, Tensor) {
        match &self.noise {
            Some(noise) if pass.training() => noise.disturbed(&self.gamma, &self.beta, pass),
            _ => (self.gamma.shallow_clone(), self.beta.shallow_clone()),
        }
    }

    /// γ/c·W/‖W‖: the weights of the textbook formula.
    fn kernel(&self, gamma: &Tensor) -> Tensor {
        let unit_rows = self.constraint.unit_rows(&self.weight);
        unit_rows * self.block.op.per_row(&(gamma * (1.0 / self.divisor)))
    }

    /// The weights and bias with which the linear operation makes W·x·scale + β − m of x, less what is taken off.
    fn fused(&self, scale: f64, pass: &Pass) -> (Tensor, Tensor) {
        let shift_factor = self.output_factor();
        let deferred = DeferredAffine {
            factor: scale * shift_factor / self.divisor,
            shift_factor,
            constant: -self.mean - self.taken_off,
        };
        let is_disturbed = self.noise.is_some() && pass.training();
        if is_disturbed || self.constraint.divides {
            let (gamma, beta) = self.gain_and_shift(pass);
            let unit_rows = self.constraint.unit_rows(&self.weight);
            return rows::scaled(&unit_rows, &gamma, &beta, deferred);
        }
        let (kernel, bias) = self.rows.compute(deferred);
        if !pass.training() {
            return (kernel, bias);
        }
        let rows = Rc::clone(&self.rows);
        let vjp = move |found: Vec<Tensor>| {
            let Ok([by_kernel, by_bias]) = <[Tensor; 2]>::try_from(found) else {
                return Vec::new();
            };
            let (by_weight, by_gamma) = rows.vjp(by_kernel, deferred.factor);
            let by_beta = match shift_factor {
                1.0 => by_bias,
                factor => by_bias * factor,
            };
            vec![by_weight, by_gamma, by_beta]
        };
        let parameters = [&self.weight, &self.gamma, &self.beta];
        let [kernel, bias] =
            pass.custom_parameter_backward([kernel, bias], &parameters, Box::new(vjp));
        (kernel, bias)
    }
}

impl Layer for NormProp {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        self.tracked.replace(self.estimate(input, pass));
        let (gamma, beta) = self.gain_and_shift(pass);
        let op = &self.block.op;
        op.apply(&input.value(), &self.kernel(&gamma), Some(&beta))
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        let output = self.activation_pool.apply(pre);
        let output = match &self.activation_pool.slope {
            None => (output - self.mean) / self.std,
            Some(_) => {
                let (mean, std) = self.constants();
                let per_channel = |vector| self.block.op.per_channel(vector);
                (output - per_channel(&mean)) / per_channel(&std)
            }
        };
        Signal {
            estimate: self.tracked.take(),
            ..Signal::scaled(output, self.output_factor())
        }
    }

    fn fold(&self) -> Option<Folded> {
        // A trained slope has constants of its own for each channel.
        if self.activation_pool.slope.is_some() {
            return None;
        }
        let gamma = &self.gamma * self.output_factor();
        let (kernel, bias) = (self.kernel(&gamma), self.shift(&self.beta));
        Some(Folded {
            offset: -self.mean,
            scale: 1.0 / self.std,
            ..Folded::plain(kernel, bias, &self.activation_pool)
        })
    }

    fn sum_factor(&self) -> f64 {
        self.skip.map_or(1.0, |skip| skip.sum_factor())
    }

    fn forward(&self, input: &Signal, pass: &Pass) -> Signal {
        let is_relu = match self.block.activation {
            Activation::Relu => true,
            Activation::Identity => false,
            _ => return self.post_activation(self.pre_activation(input, pass), pass),
        };
        // max(z, 0) − m = max(z − m, −m): m is taken off in the bias, and one pass does the rest. Zeros
        // around an image stand for the mean then.
        let (kernel, bias) = self.fused(input.scale, pass);
        let op = &self.block.op;
        let mut x = op.apply_narrow(&input.x, &kernel, Some(&bias));
        if is_relu {
            x = native::at_least(&x, -self.mean);
        }
        if let Some(pool) = &self.activation_pool.pool {
            x = pool.apply(&x);
        }
        Signal {
            offset: self.taken_off,
            estimate: self.estimate(input, pass),
            ..Signal::scaled(x, 1.0 / self.std)
        }
    }
}

/// c, and where γ starts.
fn divisor_and_gain(block: &Block, options: &Options, skip: Option<Skip>) -> (f64, f64) {
    let rate = moments::moments(block.activation).jacobian_root();
    match (skip, options.choice("jacobian_scale")) {
        (Some(skip), _) => (1.0, skip.gain),
        _ if block.last => (1.0, 1.0),
        (_, "init") => (1.0, 1.0 / rate),
        (_, "fixed") => (rate, 1.0),
        _ => (1.0, 1.0),
    }
}
