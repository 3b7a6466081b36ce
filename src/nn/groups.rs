//! Statistics of one image over groups of neighboring channels and all positions.

use anyhow::Result;
use tch::Tensor;

use super::{Affine, Block, Builder, Normalization, Pass};
use crate::options::OptionSpec;
use crate::usage;

/// How many groups there are.
pub const GROUPS: OptionSpec = OptionSpec::count("groups", 0, 0, 1_000_000)
    .help("groups; 0 takes, in each layer, the largest divisor of its channels up to 32 that leaves 8 channels a group");

/// Most groups of the automatic choice, the number of Wu and He (2018, arXiv:1803.08494).
const MOST_GROUPS: i64 = 32;
/// Fewest channels in a group of the automatic choice, where the layer has that many.
const FEWEST_CHANNELS: i64 = 8;

/// y = γ (a − μ)/√(v + ε) + β with mean and biased variance of an image's groups, one γ and one β a channel.
#[derive(Debug)]
pub struct GroupNorm {
    groups: i64,
    affine: Option<Affine>,
    eps: f64,
}

impl GroupNorm {
    /// Registers gain and shift.
    pub fn build(groups: i64, eps: f64, block: &Block, builder: &mut Builder) -> Result<GroupNorm> {
        let affine = Some(Affine::build(block, builder)?);
        Ok(GroupNorm {
            groups,
            affine,
            eps,
        })
    }

    /// Without gain and shift.
    pub fn bare(groups: i64, eps: f64) -> GroupNorm {
        let affine = None;
        GroupNorm {
            groups,
            affine,
            eps,
        }
    }
}

impl Normalization for GroupNorm {
    fn apply(&self, linear: &Tensor, _pass: &Pass) -> Tensor {
        group_norm(linear, self.groups, self.affine.as_ref(), self.eps)
    }
}

/// The formula of [`GroupNorm`], with gain and shift where they are given.
pub fn group_norm(linear: &Tensor, groups: i64, affine: Option<&Affine>, eps: f64) -> Tensor {
    let gamma = affine.map(|affine| &affine.gamma);
    let beta = affine.map(|affine| &affine.beta);
    linear.group_norm(groups, gamma, beta, eps, false)
}

/// A tensor `[N, channels, ...]` as `[N, groups, values of a group]`.
pub fn by_group(x: &Tensor, groups: i64) -> Tensor {
    x.reshape([x.size()[0], groups, -1])
}

/// The groups for `block`: `wanted`, which must divide the channels, or for 0 the largest divisor of the
/// channel count that is at most 32 and leaves at least 8 channels in a group (else 1).
pub fn groups(wanted: i64, block: &Block) -> Result<i64> {
    let channels = block.op.outputs();
    if wanted == 0 {
        let largest = (1..=MOST_GROUPS.min(channels / FEWEST_CHANNELS)).rev();
        return Ok(largest
            .into_iter()
            .find(|groups| channels % groups == 0)
            .unwrap_or(1));
    }
    if channels % wanted == 0 {
        return Ok(wanted);
    }
    let divisors: Vec<String> = (1..=channels)
        .filter(|groups| channels % groups == 0)
        .map(|groups| groups.to_string())
        .collect();
    Err(usage!(
        "method.groups = {wanted} does not divide the {channels} channels of {}; counts that do: {}; \
         groups = 0 chooses one for each layer",
        block.name,
        divisors.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Activation;
    use crate::nn::block::LinearOp;

    fn block(outputs: i64) -> Block {
        Block {
            name: "conv2a".into(),
            op: LinearOp::Conv {
                inputs: 3,
                outputs,
                kernel: 1,
                padding: 0,
                stride: 1,
            },
            activation: Activation::Relu,
            pool: None,
            first: false,
            last: false,
            residual: None,
        }
    }

    #[test]
    fn automatic_groups_divide_and_hold_eight_channels() {
        for (channels, expected) in [
            (192, 24),
            (160, 20),
            (96, 12),
            (48, 6),
            (512, 32),
            (19, 1),
            (5, 1),
            (1, 1),
        ] {
            assert_eq!(groups(0, &block(channels)).unwrap(), expected, "{channels}");
        }
    }

    #[test]
    fn a_count_that_does_not_divide_is_refused_with_those_that_do() {
        assert_eq!(groups(4, &block(12)).unwrap(), 4);
        let message = groups(5, &block(12)).unwrap_err().to_string();
        assert!(message.contains("12 channels of conv2a"), "{message}");
        assert!(message.contains("1, 2, 3, 4, 6, 12"), "{message}");
    }
}
