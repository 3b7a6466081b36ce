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

use std::cell::RefCell;

use anyhow::Result;
use tch::{Kind, Tensor};

use estimate::{automatic_gain, group_moments, grouped, mixture};

use super::descriptor::{Descriptor, Paper};
use crate::nn::statistics::{AVERAGE_MOMENTUM, EPS, update_average};
use crate::nn::{
    ActivationPool, Affine, Block, Builder, ChannelMoments, Estimate, Layer, Pass, Signal, init,
    plain,
};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// Draws for a fully connected layer's prediction, in place of the positions of an image.
const DRAWS: i64 = 256;

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
        OptionSpec::number("fallback_ratio", 100.0, 0.0, f64::INFINITY)
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
    Ok(Box::new(make(block, options, builder)?))
}

fn make(block: &Block, options: &Options, builder: &mut Builder) -> Result<Kalman> {
    let outputs = block.op.outputs();
    let weight = init::he(&builder.direction(), block.op.fan_in());
    Ok(Kalman {
        block: block.clone(),
        weight: builder.weight("weight", weight)?,
        affine: Affine::build(block, builder)?,
        running: ChannelMoments {
            mean: builder.buffer("running_mean", builder.filled(outputs, 0.0))?,
            variance: builder.buffer("running_var", builder.filled(outputs, 1.0))?,
        },
        gain: (options.choice("gain") == "fixed").then(|| options.number("p")),
        analytic: options.choice("prediction") == "analytic",
        group_size: options.count("group_size"),
        fallback_ratio: options.number("fallback_ratio"),
        eps: options.number("eps"),
        momentum: options.number("average_momentum"),
        activation_pool: ActivationPool::build(block, builder)?,
        corrected: RefCell::new(None),
    })
}

struct Kalman {
    block: Block,
    weight: Tensor,
    affine: Affine,
    running: ChannelMoments,
    /// p where it is fixed.
    gain: Option<f64>,
    analytic: bool,
    group_size: i64,
    fallback_ratio: f64,
    eps: f64,
    momentum: f64,
    activation_pool: ActivationPool,
    /// `[groups, channels]`, on its way from a training pass's first half to its second.
    corrected: RefCell<Option<ChannelMoments>>,
}

impl Kalman {
    fn groups(&self, images: i64) -> i64 {
        if self.group_size > 0 && images % self.group_size == 0 {
            images / self.group_size
        } else {
            1
        }
    }

    /// (μ_p, v_p) of every group; none in the first layer.
    fn predict(&self, input: &Signal, groups: i64) -> Option<ChannelMoments> {
        match input.estimate.as_ref()? {
            Estimate::Moments(moments) => {
                Some(moments.through_linear(&self.block.op, &self.weight))
            }
            Estimate::Sample(sample) => {
                let linear = self.block.op.apply(sample, &self.weight, None);
                Some(group_moments(&grouped(&linear, groups)))
            }
        }
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
        let ratio = (predicted.variance.detach() / observed.variance.detach()).mean_dim(
            [1].as_slice(),
            true,
            None::<Kind>,
        );
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

    /// What the next layer is told of the activations' distribution.
    fn estimate(&self, corrected: &ChannelMoments, pre_size: &[i64], pass: &Pass) -> Estimate {
        if self.analytic {
            return Estimate::Moments(corrected.through_activation_pool(&self.activation_pool));
        }
        let size = corrected.mean.size();
        let (groups, channels) = (size[0], size[1]);
        let positions = &pre_size[2..];
        let draws = if positions.is_empty() { DRAWS } else { 1 };
        let shape: Vec<i64> = [groups, draws, channels]
            .iter()
            .chain(positions)
            .copied()
            .collect();
        let spread = [&[groups, 1, channels], vec![1; positions.len()].as_slice()].concat();
        let std = corrected
            .variance
            .clamp_min(1e-12)
            .sqrt()
            .view(spread.as_slice());
        let noise =
            pass.normal(&shape, &corrected.mean) * std + corrected.mean.view(spread.as_slice());
        let flat: Vec<i64> = [groups * draws, channels]
            .iter()
            .chain(positions)
            .copied()
            .collect();
        Estimate::Sample(self.activation_pool.apply(noise.reshape(flat)))
    }
}

impl Layer for Kalman {
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor {
        let linear = self.block.op.apply(&input.value(), &self.weight, None);
        let per_channel = |vector: &Tensor| self.block.op.per_channel(vector);
        if !pass.training() {
            let std = (&self.running.variance + self.eps).sqrt();
            return self
                .affine
                .apply(&((linear - per_channel(&self.running.mean)) / per_channel(&std)));
        }
        let size = linear.size();
        let groups = self.groups(size[0]);
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
        let std = (&corrected.variance + self.eps)
            .sqrt()
            .view(spread.as_slice());
        let normalized = (by_group - corrected.mean.view(spread.as_slice())) / std;
        self.corrected.replace(Some(corrected));
        self.affine.apply(&normalized.view(size.as_slice()))
    }

    fn post_activation(&self, pre: Tensor, pass: &Pass) -> Signal {
        let estimate = self
            .corrected
            .take()
            .map(|corrected| self.estimate(&corrected, &pre.size(), pass));
        Signal {
            estimate,
            ..Signal::plain(self.activation_pool.apply(pre))
        }
    }
}
