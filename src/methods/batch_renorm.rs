//! Batch Renormalization (Ioffe, NIPS 2017, arXiv:1702.03275).
//!
//! For each channel, with batch mean μ_B and s_B = std_B + ε, running mean μ and running deviation s:
//! r = clip(s_B/s, 1/r_max, r_max) and d = clip((μ_B − μ)/s, −d_max, d_max), both without gradient;
//! â = (a − μ_B)/s_B·r + d, y = f(γâ + β). Unclipped, â is (a − μ)/s, what evaluation computes, with batch
//! normalization's gradient. r_max and d_max grow from 1 and 0 (batch normalization) along ramps in steps.

use anyhow::Result;
use tch::Tensor;

use super::descriptor::{Descriptor, Paper};
use crate::nn::statistics::{channel_means, channel_stds, update_average};
use crate::nn::{Affine, Block, Builder, Layer, LinearOp, Normalization, NormalizedLayer, Pass};
use crate::options::{OptionSpec, Options};

const STEPS: i64 = 1_000_000_000;

/// What `batch-renorm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "batch-renorm",
    aliases: &["brn", "batch-renormalization"],
    summary: "batch normalization, corrected in training to agree with the running statistics of evaluation",
    formula: "y = f(γ·((a − μ_B)/s_B·r + d) + β),  r ≈ s_B/s, d ≈ (μ_B − μ)/s, clipped",
    paper: Paper {
        authors: "Ioffe",
        title: "Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized Models",
        venue: "NIPS 2017, arXiv:1702.03275",
    },
    row_scale_invariant: false,
    options: &[
        OptionSpec::number("r_max", 3.0, 1.0, 1e6)
            .help("limit of r and 1/r at the end of its ramp"),
        OptionSpec::number("d_max", 5.0, 0.0, 1e6).help("limit of |d| at the end of its ramp"),
        OptionSpec::count("ramp_start", 5_000, 0, STEPS)
            .help("step until which it is batch normalization; short runs want less"),
        OptionSpec::count("r_ramp_end", 40_000, 0, STEPS).help("step from which r may reach r_max"),
        OptionSpec::count("d_ramp_end", 25_000, 0, STEPS).help("step from which d may reach d_max"),
        OptionSpec::number("eps", 1e-3, 0.0, 1.0).help("ε, added to the standard deviation"),
        OptionSpec::number("average_momentum", 0.01, 0.0, 1.0).help(
            "weight of the newest batch in the running mean and deviation; short runs want more",
        ),
    ],
    departures: &[
        "ε is added to the standard deviation, as in a known implementation; the paper has it under the root.",
        "The lengths of the ramps are from memory of the paper.",
        "Outputs depend on the length of weight rows, through the running statistics, as soon as a ramp has begun.",
        "The last layer is a plain linear layer with a bias.",
    ],
    build,
    // Nothing that only starts later in training.
    row_scale_options: "ramp_start = 0\nr_ramp_end = 0\nd_ramp_end = 0",
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        let channels = block.op.outputs();
        let affine = Affine::build(block, builder)?;
        Ok(BatchRenorm {
            op: block.op,
            affine,
            running_mean: builder.buffer("running_mean", builder.filled(channels, 0.0))?,
            running_std: builder.buffer("running_std", builder.filled(channels, 1.0))?,
            steps: builder.count("steps", 0.0)?,
            limits: Limits {
                r_max: options.number("r_max"),
                d_max: options.number("d_max"),
                ramp_start: options.count("ramp_start") as f64,
                r_ramp_end: options.count("r_ramp_end") as f64,
                d_ramp_end: options.count("d_ramp_end") as f64,
            },
            eps: options.number("eps"),
            momentum: options.number("average_momentum"),
        })
    })
}

/// How far r and d may go, by step.
#[derive(Debug, Clone, Copy)]
struct Limits {
    r_max: f64,
    d_max: f64,
    ramp_start: f64,
    r_ramp_end: f64,
    d_ramp_end: f64,
}

impl Limits {
    /// (limit of r, limit of d) at `step`.
    fn at(&self, step: f64) -> (f64, f64) {
        let along = |end: f64| {
            if step < self.ramp_start {
                0.0
            } else if step >= end {
                1.0
            } else {
                (step - self.ramp_start) / (end - self.ramp_start)
            }
        };
        (
            1.0 + (self.r_max - 1.0) * along(self.r_ramp_end),
            self.d_max * along(self.d_ramp_end),
        )
    }
}

struct BatchRenorm {
    op: LinearOp,
    affine: Affine,
    running_mean: Tensor,
    running_std: Tensor,
    /// Optimizer steps so far, a count.
    steps: Tensor,
    limits: Limits,
    eps: f64,
    momentum: f64,
}

impl Normalization for BatchRenorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let wide = |vector: &Tensor| self.op.per_channel(vector);
        if !pass.training() {
            let hat = (linear - wide(&self.running_mean)) / wide(&self.running_std);
            return self.affine.apply(&hat);
        }
        let (mean, std) = (channel_means(linear), channel_stds(linear) + self.eps);
        let (r_limit, d_limit) = self.limits.at(self.steps.double_value(&[0]));
        let (r, d) = tch::no_grad(|| {
            let r = (&std / &self.running_std).clamp(1.0 / r_limit, r_limit);
            let d = ((&mean - &self.running_mean) / &self.running_std).clamp(-d_limit, d_limit);
            (r, d)
        });
        update_average(&self.running_mean, &mean, self.momentum);
        update_average(&self.running_std, &std, self.momentum);
        let hat = (linear - wide(&mean)) * wide(&(r / std)) + wide(&d);
        self.affine.apply(&hat)
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        let factor = &self.affine.gamma / &self.running_std;
        Some(self.affine.centered_map(&self.running_mean, factor))
    }

    fn after_step(&self) {
        let _ = self.steps.shallow_clone().g_add_scalar_(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::Signal;
    use crate::nn::network::Network;
    use tch::{Device, Kind};

    /// Limits in force from the first step on.
    const AT_ONCE: &str = "ramp_start = 0\nr_ramp_end = 0\nd_ramp_end = 0";

    fn bare(options: &str) -> Network {
        let net = conformance::single(
            "batch-renorm",
            options,
            LinearOp::Dense {
                inputs: 3,
                outputs: 3,
            },
        );
        conformance::set(
            &net,
            "layer.weight",
            &Tensor::eye(3, (Kind::Double, Device::Cpu)),
        );
        net
    }

    fn with_running(options: &str) -> Network {
        let net = bare(&format!("{AT_ONCE}\n{options}"));
        conformance::set(
            &net,
            "layer.running_mean",
            &Tensor::from_slice(&[0.2, 0.1, 1.0]),
        );
        conformance::set(
            &net,
            "layer.running_std",
            &Tensor::from_slice(&[1.0, 2.0, 1.5]),
        );
        net
    }

    #[test]
    fn golden_row() {
        let net = with_running("r_max = 1.5\nd_max = 0.5");
        let y = conformance::pre_activation(&net, &conformance::golden_inputs());
        conformance::assert_close(&conformance::row(&y, 0), &[0.8, 0.95, -1.333333333]);
    }

    #[test]
    fn before_the_ramps_it_is_batch_normalization() {
        let net = bare("eps = 0.0");
        let x = conformance::golden_inputs();
        let none = None::<Tensor>;
        let normalized = x.batch_norm(none.as_ref(), None, None, None, true, 0.1, 0.0, false);
        assert!(conformance::gap(&conformance::pre_activation(&net, &x), &normalized) < 1e-12);
    }

    #[test]
    fn unclipped_it_is_evaluations_value_with_batch_normalizations_gradient() {
        let net = with_running("r_max = 1e6\nd_max = 1e6\naverage_momentum = 0\neps = 0.0");
        let x = conformance::golden_inputs().set_requires_grad(true);
        let y = conformance::pre_activation(&net, &x);
        let eval = net.blocks[0]
            .layer
            .pre_activation(&Signal::plain(x.copy()), &Pass::eval());
        assert!(conformance::gap(&y, &eval) < 1e-12);

        // r times the gradient of batch normalization.
        let u = conformance::gaussian(&[4, 3], 2);
        let gradient =
            &Tensor::run_backward(&[&(y * &u).sum(Kind::Double)], &[&x], false, false)[0];
        let none = None::<Tensor>;
        let normalized = x.batch_norm(none.as_ref(), None, None, None, true, 0.1, 0.0, false);
        let r = channel_stds(&x) / net.parameters.get("layer.running_std").unwrap();
        let loss = (normalized * &u * r.detach()).sum(Kind::Double);
        let expected = &Tensor::run_backward(&[&loss], &[&x], false, false)[0];
        assert!(conformance::gap(gradient, expected) < 1e-12);
    }

    #[test]
    fn training_comes_closer_to_evaluation_than_with_batch_normalization() {
        let distance = |options: &str| {
            let net = bare(options);
            for seed in 0..200 {
                let _ = conformance::pre_activation(
                    &net,
                    &(conformance::gaussian(&[4, 3], seed) * 2.0 + 1.0),
                );
            }
            let x = conformance::gaussian(&[4, 3], 1000) * 2.0 + 1.0;
            let trained = conformance::pre_activation(&net, &x);
            let signal = Signal::plain(x);
            conformance::gap(
                &trained,
                &net.blocks[0].layer.pre_activation(&signal, &Pass::eval()),
            )
        };
        let batch_norm = distance("average_momentum = 0.05");
        let renormalized = distance(&format!("average_momentum = 0.05\n{AT_ONCE}"));
        assert!(
            renormalized < 0.3 * batch_norm,
            "{renormalized} {batch_norm}"
        );
    }

    #[test]
    fn limits_follow_the_ramps() {
        let limits = Limits {
            r_max: 3.0,
            d_max: 5.0,
            ramp_start: 5e3,
            r_ramp_end: 40e3,
            d_ramp_end: 25e3,
        };
        assert_eq!(limits.at(0.0), (1.0, 0.0));
        assert_eq!(limits.at(5e3), (1.0, 0.0));
        let (r, d) = limits.at(15e3);
        assert!((r - (2.0 / 35e3 * 15e3 + 25.0 / 35.0)).abs() < 1e-12 && (d - 2.5).abs() < 1e-12);
        assert_eq!(limits.at(1e6), (3.0, 5.0));
        let at_once = Limits {
            ramp_start: 0.0,
            r_ramp_end: 0.0,
            d_ramp_end: 0.0,
            ..limits
        };
        assert_eq!(at_once.at(0.0), (3.0, 5.0));
        // Ends before the start: nothing opens early, and at the start all at once.
        let late_start = Limits {
            r_ramp_end: 1e3,
            d_ramp_end: 1e3,
            ..limits
        };
        assert_eq!(late_start.at(0.0), (1.0, 0.0));
        assert_eq!(late_start.at(4_999.0), (1.0, 0.0));
        assert_eq!(late_start.at(5e3), (3.0, 5.0));
    }

    #[test]
    fn optimizer_steps_are_counted() {
        let net = bare("");
        net.after_step();
        net.after_step();
        assert_eq!(
            net.parameters
                .get("layer.steps")
                .unwrap()
                .double_value(&[0]),
            2.0
        );
    }
}
