//! Normalize and project (Lyle et al., NeurIPS 2024, arXiv:2407.01800): every so many steps a layer's weights are scaled
//! back to the length that they started with.
//!
//! Behind a normalization the length of a layer's weights does not change what it computes, but it grows, and with it the
//! effective learning rate falls. The length is that of the layer, not of a row.

use std::rc::Rc;

use anyhow::Result;
use tch::Tensor;

use super::{Block, Builder, Update, UpdateRule};
use crate::options::{OptionSpec, Options};

/// After how many steps.
pub const PROJECT_EVERY: OptionSpec = OptionSpec::count("project_every", 0, 0, 1_000_000)
    .help("steps after which a normalized layer's weights are scaled back to the length that they started with (normalize and project, Lyle et al. 2024); 0 never");

/// The step of the optimizer, then from time to time W ← W·(length at the start)/‖W‖.
#[derive(Debug)]
struct LengthReset {
    every: i64,
    /// Steps since the last reset, a count.
    steps: Tensor,
    /// ‖W‖ at the start, `[1]`; 0 before the first step.
    length: Tensor,
}

/// Lets the weights of `block`, registered as `weight`, return to their length, by the option [`PROJECT_EVERY`].
pub fn register(block: &Block, options: &Options, builder: &mut Builder) -> Result<()> {
    let every = options.count("project_every");
    if every == 0 || block.op.is_identity() {
        return Ok(());
    }
    let rule = LengthReset {
        every,
        steps: builder.count("steps_since_reset", 0.0)?,
        length: builder.buffer("start_length", builder.filled(1, 0.0))?,
    };
    builder.rule("weight", Rc::new(rule))
}

impl UpdateRule for LengthReset {
    fn before_step(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        _kept: &[Tensor],
        _update: &Update,
    ) -> Option<Tensor> {
        // Behind a reset the length is known; the host need not look at it.
        if self.steps.double_value(&[0]) == 0.0 {
            let is_known = self.length.ne(0.0);
            let length = self.length.where_self(&is_known, &parameter.norm());
            self.length.shallow_clone().copy_(&length);
        }
        Some(gradient.shallow_clone())
    }

    fn after_step(&self, parameter: &Tensor) {
        let steps = self.steps.double_value(&[0]) + 1.0;
        let is_due = steps >= self.every as f64;
        let _ = self.steps.shallow_clone().fill_(match is_due {
            true => 0.0,
            false => steps,
        });
        if is_due {
            let _ = parameter
                .shallow_clone()
                .g_mul_(&(&self.length / parameter.norm()));
        }
    }
}
