//! Diminishing batch normalization (Ma, Klabjan, 2017, arXiv:1705.08011): batch normalization by averages whose newest batch
//! counts less and less, and through which no gradient flows.
//!
//! y = f(γ·(a − μ)/(σ + ε) + β) with μ and σ, the standard deviation, numbers during a step. Behind it
//! μ ← α·μ_B + (1 − α)·μ and the same for σ, where α is a constant, 1/t or 1/t². Training and evaluation compute the same.

use std::cell::RefCell;

use anyhow::Result;
use tch::Tensor;

use super::descriptor::{Descriptor, Paper};
use super::{ActsOn, BatchSizeOne};
use crate::nn::statistics::{channel_means, channel_stds, update_average};
use crate::nn::{Affine, Block, Builder, Layer, LinearOp, Normalization, NormalizedLayer, Pass};
use crate::options::{OptionSpec, Options};

/// What `diminishing-bn` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "diminishing-bn",
    aliases: &["diminishing-batch-norm"],
    summary: "normalization by running mean and deviation in training too, in which new batches may count less and less",
    formula: "y = f(γ·(a − μ)/(σ + ε) + β);  behind each step μ ← α·μ_B + (1 − α)·μ, σ ← α·σ_B + (1 − α)·σ, a = W·x",
    paper: Paper {
        authors: "Ma, Klabjan",
        title: "Convergence Analysis of Batch Normalization for Deep Neural Nets (Diminishing Batch Normalization)",
        venue: "2017, arXiv:1705.08011",
    },
    acts_on: &[ActsOn::PreActivation],
    data_dependent_start: true,
    // σ of one value is 0, and so is that of all that follow.
    batch_size_one_fc: BatchSizeOne::Refused,
    extra_parameters: "γ, β",
    options: &[
        OptionSpec::choice("schedule", &["constant", "inverse", "inverse-square"])
            .help("α: the option alpha, 1/t or 1/t², t = 2 behind the first step"),
        OptionSpec::number("alpha", 0.25, 0.0, 1.0)
            .help("α with schedule = \"constant\"; the paper tries 0.001 to 1"),
        OptionSpec::number("eps", 1e-5, 0.0, 1.0).help("ε, added to the deviation"),
    ],
    departures: &[
        "Behind a step the averages take the batch as the step saw it; in the paper the same batch is computed again with the weights that the step made.",
        "μ and σ start from the run's start batch (ours; the paper leaves it open).",
        "It stands in front of the activation, as bn; the paper's analysis has it behind, its experiments do not say.",
        "Within a step an image does not depend on the others; through the averages the next steps do.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.03,
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        let channels = block.op.outputs();
        Ok(DiminishingNorm {
            op: block.op,
            affine: Affine::build(block, builder)?,
            running_mean: builder.buffer("running_mean", builder.filled(channels, 0.0))?,
            running_std: builder.buffer("running_std", builder.filled(channels, 1.0))?,
            steps: builder.count("steps", 0.0)?,
            power: match options.choice("schedule") {
                "inverse" => Some(1),
                "inverse-square" => Some(2),
                _ => None,
            },
            alpha: options.number("alpha"),
            eps: options.number("eps"),
            seen: RefCell::new(None),
        })
    })
}

struct DiminishingNorm {
    op: LinearOp,
    affine: Affine,
    running_mean: Tensor,
    running_std: Tensor,
    /// Optimizer steps so far, a count.
    steps: Tensor,
    /// h of α = 1/tʰ; none for a constant.
    power: Option<i32>,
    alpha: f64,
    eps: f64,
    /// Mean and deviation of the batch, on their way from the forward pass to the end of the step.
    seen: RefCell<Option<(Tensor, Tensor)>>,
}

impl DiminishingNorm {
    /// α behind the step that follows `steps` others.
    fn share_of_newest(&self, steps: f64) -> f64 {
        match self.power {
            None => self.alpha,
            Some(power) => (steps + 2.0).powi(-power),
        }
    }

    /// γ/(σ + ε).
    fn factor(&self) -> Tensor {
        &self.affine.gamma / (&self.running_std + self.eps)
    }
}

impl Normalization for DiminishingNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        if pass.training() {
            let still = linear.detach();
            self.seen
                .replace(Some((channel_means(&still), channel_stds(&still))));
        }
        let centered = linear - self.op.per_channel(&self.running_mean);
        self.op
            .per_channel(&self.affine.beta)
            .addcmul(&centered, &self.op.per_channel(&self.factor()))
    }

    fn evaluation_map(&self) -> Option<(Tensor, Tensor)> {
        Some(self.affine.centered_map(&self.running_mean, self.factor()))
    }

    fn initialize(&self, linear: &Tensor) {
        self.running_mean
            .shallow_clone()
            .copy_(&channel_means(linear));
        self.running_std
            .shallow_clone()
            .copy_(&channel_stds(linear));
    }

    fn after_step(&self) {
        let Some((mean, std)) = self.seen.take() else {
            return;
        };
        let steps = self.steps.double_value(&[0]);
        let share = self.share_of_newest(steps);
        update_average(&self.running_mean, &mean, share);
        update_average(&self.running_std, &std, share);
        let _ = self.steps.shallow_clone().fill_(steps + 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::Signal;

    /// Three batches, a step behind each.
    #[test]
    fn golden_steps() {
        for (options, name) in [
            ("", "diminishing_constant"),
            ("schedule = \"inverse\"", "diminishing_inverse"),
        ] {
            let case = conformance::golden_case(name);
            let net =
                conformance::golden_layer("diminishing-bn", options, Activation::Identity, case);
            let steps = case["steps"].as_array().unwrap();
            net.initialize(&conformance::golden_tensor(&case["inputs"], "x"));
            for (index, step) in steps.iter().enumerate() {
                let y = conformance::pre_activation(&net, &conformance::golden_tensor(step, "x"));
                conformance::assert_golden(&format!("{name}, {index}"), &y, &step["output"]);
                net.after_step();
            }
            for key in ["running_mean", "running_std"] {
                let got = net.parameters.get(&format!("layer.{key}")).unwrap();
                conformance::assert_golden(&format!("{name}: {key}"), got, &case["after"][key]);
            }
        }
    }

    #[test]
    fn golden_layer_backward() {
        let identity = Activation::Identity;
        conformance::assert_golden_layer("diminishing-bn", "", identity, "diminishing_layer");
    }

    #[test]
    fn with_weights_that_stay_the_inverse_schedule_makes_plain_averages() {
        let op = LinearOp::Dense {
            inputs: 3,
            outputs: 3,
        };
        let net = conformance::single("diminishing-bn", "schedule = \"inverse\"", op);
        let weight = net.parameters.get("layer.weight").unwrap().detach();
        let batches = [1, 2, 3, 4].map(|seed| conformance::gaussian(&[6, 3], seed) * 1.5 + 0.3);
        net.initialize(&batches[0]);
        for batch in &batches[1..] {
            let _ = conformance::pre_activation(&net, batch);
            net.after_step();
        }
        let linear = batches.each_ref().map(|batch| batch.matmul(&weight.tr()));
        let average = |of: fn(&Tensor) -> Tensor| {
            let all = linear.each_ref().map(of);
            all.into_iter().reduce(|sum, next| sum + next).unwrap() / 4.0
        };
        let get = |name: &str| net.parameters.get(name).unwrap();
        let gap = |name: &str, of| conformance::gap(get(name), &average(of));
        assert!(gap("layer.running_mean", channel_means) < 1e-12);
        assert!(gap("layer.running_std", channel_stds) < 1e-12);
    }

    #[test]
    fn passes_without_a_step_and_evaluations_move_nothing() {
        let net = conformance::dense_network("diminishing-bn", "", 3);
        let x = conformance::gaussian(&[9, 12], 1);
        let mean = || net.parameters.get("layer1.running_mean").unwrap().copy();
        let before = mean();
        let _ = net.logits(&x, &Pass::eval());
        net.after_step();
        assert_eq!(before, mean());
        let _ = conformance::pre_activation(&net, &x);
        let signal = Signal::plain(x.copy());
        let _ = net.blocks[0].layer.pre_activation(&signal, &Pass::eval());
        assert_eq!(before, mean());
        net.after_step();
        assert!(conformance::gap(&before, &mean()) > 1e-3);
    }
}
