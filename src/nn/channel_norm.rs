//! Group normalization behind another normalization: the second half of batch-channel normalization (Qiao, Wang, Liu,
//! Shen, Yuille, 2019, arXiv:1903.10520).

use anyhow::Result;
use tch::Tensor;

use super::groups::{by_group, group_norm};
use super::{Block, Builder};

/// y = w_g·GN(x) + b_g, with one w and one b a group.
#[derive(Debug)]
pub struct ChannelNorm {
    groups: i64,
    /// w, `[groups]`.
    gain: Tensor,
    /// b, `[groups]`.
    shift: Tensor,
    eps: f64,
}

impl ChannelNorm {
    /// Registers w, started at 1, and b, started at 0.
    pub fn build(wanted: i64, eps: f64, block: &Block, builder: &mut Builder) -> Result<Self> {
        let groups = super::groups::groups(wanted, block)?;
        Ok(ChannelNorm {
            groups,
            gain: builder.gain("group_gain", builder.filled(groups, 1.0))?,
            shift: builder.shift("group_shift", builder.filled(groups, 0.0))?,
            eps,
        })
    }

    /// y.
    pub fn apply(&self, x: &Tensor) -> Tensor {
        let hat = by_group(&group_norm(x, self.groups, None, self.eps), self.groups);
        let each = |vector: &Tensor| vector.view([1, -1, 1]);
        let y = each(&self.shift).addcmul(&hat, &each(&self.gain));
        y.reshape(x.size())
    }
}
