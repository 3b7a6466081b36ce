//! Kalman Normalization (Wang, Peng, Luo, Wang, Lin, NeurIPS 2018, arXiv:1802.03133).
//!
//! A layer's statistics are an estimate in two steps. *Prediction*: the estimate (μ, v) of the layer before goes
//! through activation, pool and this layer's weights, f(N(μ, v)) ↦ (μ_p, v_p). *Correction* by what the batch
//! shows, (μ_B, v_B), as a mixture of two Gaussians with weights p and 1 − p:
//! μ = p μ_p + (1 − p) μ_B,  v = p v_p + (1 − p) v_B + p(1 − p)(μ_B − μ_p)².
//! Then y = f(γ(a − μ)/√(v + ε) + β). The first layer, and one whose mean v_p/v_B reaches 100, use the batch alone.
//! Evaluation uses running averages of the corrected μ and v.
//!
//! The prediction is made from draws, as in the authors' code (one image of noise), or from Gaussian moments.

mod estimate;
#[cfg(test)]
mod tests;
mod unnormalized;

use std::cell::RefCell;

use anyhow::Result;
use tch::{Kind, Tensor};

use estimate::{Belief, automatic_gain, group_moments, grouped, mixture};
use unnormalized::EstimateCarrier;

use super::descriptor::{Descriptor, Paper};
use crate::nn::statistics::{AVERAGE_MOMENTUM, EPS, update_average};
use crate::nn::{
    ActivationPool, Affine, Block, BranchMoments, Builder, ChannelMoments, Estimate, Layer, Linear,
    Pass, Signal, init, plain,
};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// What `kalman` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "kalman",
    aliases: &["kalman-norm"],
    summary: "Kalman normalization: batch statistics corrected by a prediction from the layer before",
    formula: "y = f(γ·(a − μ)/√(v + ε) + β),  μ = p·μ_p + (1−p)·μ_B,  v = p·v_p + (1−p)·v_B + p(1−p)(μ_B − μ_p)²",
    paper: Paper {
        authors: "Wang, Peng, Luo, Wang, Lin",
        title: "Kalman Normalization: Normalizing Internal Representations Across Network Layers",
        venue: "NeurIPS 2018, arXiv:1802.03133",
    },
    row_scale_invariant: false,
    options: &[
        OptionSpec::choice("prediction", &["sampled", "analytic"])
            .help("from draws of Gaussian noise, or from the moments of f(N(μ, v)), deterministic and cheaper"),
        OptionSpec::choice("gain", &["auto", "fixed"])
            .help("p from the images in a group (0.9 up to 2, 0.05 from 64, linear in log₂ between), or the option p"),
        OptionSpec::number("p", 0.05, 0.0, 1.0)
            .help("p, the weight of the prediction, with gain = \"fixed\""),
        OptionSpec::count("group_size", 0, 0, 4096)
            .help("images that share statistics and prediction (micro-batches); 0, or a number that does not divide the batch, takes all"),
        OptionSpec::number("fallback_ratio", 100.0, 0.0, 1e30)
            .help("mean v_p/v_B from which the batch is used alone"),
        EPS,
        AVERAGE_MOMENTUM,
    ],
    departures: &[
        "As in the authors' code p is fixed and the transition is the layer itself; the paper's learned gain was not readable.",
        "The authors use p = 0.05 at 128 images and 0.9 at 2; what to take between is our choice (gain = \"auto\").",
        "The noise goes through the pool too; fully connected layers predict from 256 draws.",
        "Each group of images falls back to its batch statistics by itself; the authors have one flag for all.",
        "Where a channel has one value in a group (v_B = 0), the prediction is used whatever its ratio.",
        "Fully connected layers refuse single images: the first one has no prediction, and nothing of the image would be left.",
        "As in the authors' code the prediction passes on N(μ, v), not what γ and β make of it, so it depends on the length of weight rows.",
        "In residual networks estimates of branch and shortcut are added as those of independent signals, as the authors do. What is not normalized carries the estimate through its weights or its activation; a stem without a normalization estimates its output from the batch (ours).",
        "The last layer is a plain linear layer with a bias.",
    ],
    build,
    folds: false,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if block.last {
        return plain::build(block, builder);
    }
    if block.op.is_dense() && options.count("group_size") == 1 {
        return Err(usage!(
            "kalman has no statistics of one image on the fully connected layer {} (a unit's only value is its own \
             mean, so nothing of the image would be left); use method.group_size of at least 2, or 0 for the whole batch",
            block.name
        ));
    }
    if !block.is_normalized() {
        return EstimateCarrier::build(block, belief(options), builder);
    }
    Ok(Box::new(make(block, options, builder)?))
}

fn belief(options: &Options) -> Belief {
    Belief {
        analytic: options.choice("prediction") == "analytic",
        group_size: options.count("group_size"),
    }
}

fn make(block: &Block, options: &Options, builder: &mut Builder) -> Result<Kalman> {
    let outputs = block.op.outputs();
    let weight = init::he(&builder.direction(), block.op.fan_in());
    Ok(Kalman {
        block: block.clone(),
        linear: Linear::build(block, weight, builder)?,
        affine: Affine::build(block, builder)?,
        running: ChannelMoments {
            mean: builder.buffer("running_mean", builder.filled(outputs, 0.0))?,
            variance: builder.buffer("running_var", builder.filled(outputs, 1.0))?,
        },
        gain: (options.choice("gain") == "fixed").then(|| options.number("p")),
        belief: belief(options),
        fallback_ratio: options.number("fallback_ratio"),
        eps: options.number("eps"),
        momentum: options.number("average_momentum"),
        activation_pool: ActivationPool::build(block, builder)?,
        corrected: RefCell::new(None),
    })
}

struct Kalman {
    block: Block,
    linear: Linear,
    affine: Affine,
    running: ChannelMoments,
    /// p where it is fixed.
    gain: Option<f64>,
    belief: Belief,
    fallback_ratio: f64,
    eps: f64,
    momentum: f64,
    activation_pool: ActivationPool,
    /// `[groups, channels]`, on its way from a training pass's first half to its second.
    corrected: RefCell<Option<ChannelMoments>>,
}

impl Kalman {
    /// (μ_p, v_p) of every group; none in the first layer.
    fn predict(&self, input: &Signal, groups: i64) -> Option<ChannelMoments> {
        let estimate = input.estimate.as_ref()?;
        Some(
            match estimate.through_linear(self.linear.op(), self.linear.weight()) {
                Estimate::Moments(moments) | Estimate::Branch(BranchMoments { moments, .. }) => {
                    moments
                }
                Estimate::Sample(sample) => group_moments(&grouped(&sample, groups)),
            },
        )
    }

    /// The observation corrected by the prediction, group by group, where their scales are comparable.
    fn correct(
        &self,
        p: f64,
        predicted: &ChannelMoments,
        observed: ChannelMoments,
        values: i64,
    ) -> ChannelMoments {
        let mixed = mixture(p, predicted, &observed);
        if values == 1 {
            return mixed;
        }
        let ratios = predicted.variance.detach() / observed.variance.detach();
        let ratio = ratios.mean_dim([1].as_slice(), true, None::<Kind>);
        let usable = ratio.lt(self.fallback_ratio);
        ChannelMoments {
            mean: mixed.mean.where_self(&usable, &observed.mean),
            variance: mixed.variance.where_self(&usable, &observed.variance),
        }
    }

    fn remember(&self, corrected: &ChannelMoments) {
        update_average(&self.running.mean, &corrected.mean.get(0), self.momentum);
        update_average(
            &self.running.variance,
            &corrected.variance.get(0),
            self.momentum,
        );
    }
}

impl Layer for Kalman {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        let linear = self.linear.apply(&input.value());
        let per_channel = |vector: &Tensor| self.block.op.per_channel(vector);
        if !pass.training() {
            let std = (&self.running.variance + self.eps).sqrt();
            return self
                .affine
                .apply(&((linear - per_channel(&self.running.mean)) / per_channel(&std)));
        }
        let size = linear.size();
        let groups = self.belief.groups(size[0]);
        let images = size[0] / groups;
        let by_group = grouped(&linear, groups);
        let observed = group_moments(&by_group);
        let corrected = match self.predict(input, groups) {
            None => observed,
            Some(predicted) => {
                let p = self.gain.unwrap_or_else(|| automatic_gain(images));
                self.correct(
                    p,
                    &predicted,
                    observed,
                    images * size[2..].iter().product::<i64>(),
                )
            }
        };
        self.remember(&corrected);
        let spread = [&[groups, 1, size[1]], vec![1; size.len() - 2].as_slice()].concat();
        let std = (&corrected.variance + self.eps).sqrt();
        let centered = by_group - corrected.mean.view(spread.as_slice());
        let normalized = centered / std.view(spread.as_slice());
        self.corrected.replace(Some(corrected));
        self.affine.apply(&normalized.view(size.as_slice()))
    }

    fn post_activation(&self, pre: Tensor, pass: &Pass) -> Signal {
        let estimate = self.corrected.take().map(|corrected| {
            let believed = self.belief.of(&corrected, &pre.size(), pass);
            believed.through_activation_pool(&self.activation_pool)
        });
        Signal {
            estimate,
            ..Signal::plain(self.activation_pool.apply(pre))
        }
    }
}
