//! Normalizer-free residual networks: y = shortcut(x) + α·s·branch(γ_f·f(x/β)).
//!
//! β² is the variance of the stream x as the start makes it: 1 behind the stem and behind a projection, and each branch
//! adds α². The trained number s, one a unit, starts at 0, so that the network starts as its shortcuts.

use anyhow::Result;
use tch::Tensor;

use crate::nn::residual::Part;
use crate::nn::{ActivationPool, Block, Builder, Folded, Layer, Pass, Signal};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// α.
pub const ALPHA: OptionSpec = OptionSpec::number("alpha", 0.2, 0.0, 10.0)
    .help("residual networks: α, which multiplies every branch");

/// Where s starts.
pub const SKIP_GAIN: OptionSpec = OptionSpec::number("skip_gain", 0.0, 0.0, 10.0)
    .help("residual networks: where the trained gain of each branch starts");

/// Refuses options of residual networks in others.
pub fn check(block: &Block, options: &Options) -> Result<()> {
    // The last block looks alike in every network.
    if block.residual.is_some() || block.last {
        return Ok(());
    }
    let given = options.to_table();
    let is_set = |option: &OptionSpec| given.get(option.name) != Some(&option.default_value());
    match [ALPHA, SKIP_GAIN].into_iter().find(is_set) {
        None => Ok(()),
        Some(option) => Err(usage!(
            "method.{} of nf acts in residual networks only; use model = \"resnet\" or \"wide-resnet\", or leave it out",
            option.name
        )),
    }
}

/// α·s of a branch.
pub struct SkipGain {
    alpha: f64,
    /// s, `[1]`.
    gain: Tensor,
}

impl SkipGain {
    /// That of `block`, where it ends a branch.
    pub fn build(
        block: &Block,
        options: &Options,
        builder: &mut Builder,
    ) -> Result<Option<SkipGain>> {
        if block
            .residual
            .is_none_or(|place| place.part != Part::Second)
        {
            return Ok(None);
        }
        let start = builder.filled(1, options.number(SKIP_GAIN.name));
        Ok(Some(SkipGain {
            alpha: options.number(ALPHA.name),
            gain: builder.gain("skip_gain", start)?,
        }))
    }

    /// The number that the branch is multiplied by, `[1]`.
    pub fn factor(&self) -> Tensor {
        &self.gain * self.alpha
    }
}

/// y = γ_f·f(x/β), in front of a unit and behind the last one.
pub struct ScaledActivation {
    /// β.
    deviation: f64,
    /// γ_f.
    output_gain: f64,
    activation_pool: ActivationPool,
    /// 1/β, `[channels]`.
    factors: Tensor,
}

impl ScaledActivation {
    /// The layer of `block`.
    pub fn build(
        block: &Block,
        options: &Options,
        output_gain: f64,
        builder: &mut Builder,
    ) -> Result<Box<dyn Layer>> {
        let alpha = options.number(ALPHA.name);
        let variance = block
            .residual
            .map(|place| place.place.stream.variance(alpha));
        let deviation = variance.unwrap_or(1.0).sqrt();
        let factors = builder.filled(block.op.outputs(), 1.0 / deviation);
        Ok(Box::new(ScaledActivation {
            deviation,
            output_gain,
            activation_pool: ActivationPool::build(block, builder)?,
            factors: builder.constant(&factors),
        }))
    }

    /// γ_f/β, where f(x/β) = f(x)/β.
    fn joint_scale(&self) -> Option<f64> {
        let scales = self.activation_pool.activation.is_homogeneous();
        scales.then_some(self.output_gain / self.deviation)
    }
}

impl Layer for ScaledActivation {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        input.value() / self.deviation
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::scaled(self.activation_pool.apply(pre), self.output_gain)
    }

    /// The division costs a pass over memory only where f bends elsewhere than at 0.
    fn forward(&self, input: &Signal, pass: &Pass) -> Signal {
        match self.joint_scale() {
            Some(scale) => {
                Signal::scaled(self.activation_pool.apply_to_shared(&input.value()), scale)
            }
            None => self.post_activation(self.pre_activation(input, pass), pass),
        }
    }

    fn fold(&self) -> Option<Folded> {
        let activation = Folded::activation(&self.activation_pool);
        Some(match self.joint_scale() {
            Some(scale) => Folded {
                scale,
                ..activation
            },
            None => {
                let kernel = self.factors.shallow_clone();
                let zeros = kernel.zeros_like();
                Folded {
                    linear: Some((kernel, zeros)),
                    scale: self.output_gain,
                    ..activation
                }
            }
        })
    }
}
